//! The truth, end to end: each test has a sandbox of its own, and etcd is the judge. A test belongs here if only a real API
//! server, a real Pod or a real command line can fail it; everything weaker is tested beside the code. `create`'s have no sandbox:
//! there the AWS account is the judge.
//!
//! Run by `make test`. Needs root, and what `make parts`, `make build` and `make image` make.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod admission;
mod air_gapped;
mod api_priority;
mod api_servers;
mod assertions;
mod associate;
mod authentication;
mod blocking_webhook;
mod cleanup;
mod concurrent_changes;
mod create;
mod create_templates;
mod enable;
mod image;
mod killed;
mod kubeconfigs;
mod lease;
mod local;
mod manual_apply;
mod node;
mod not_started;
mod other_version;
mod parts;
mod planted_objects;
mod proof;
mod readme_commands;
mod refused;
mod rights;
mod running;
mod sandboxes;
mod scenarios;
mod seed;
mod support;
mod trust;
