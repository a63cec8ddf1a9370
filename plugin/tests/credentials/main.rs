//! Credentials, proxies and endpoints as people have them: the program itself, in an environment of its own, with AWS played by
//! servers on loopback. `token` shows which keys it signs with, and for which STS. (What EKS accepts as a token is shown end to
//! end, in `tests/e2e/e2e/tokens.rs`.)

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod endpoints;
mod kubeconfigs;
mod machine;
mod profiles;
mod proxies;
mod roles;
mod sso;
mod support;
