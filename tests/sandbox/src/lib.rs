//! A sandbox that behaves as an EKS cluster, for users and tests: real etcd, real kube-apiserver with KMS v2
//! encryption, a real node, and an AWS endpoint on which AssociateEncryptionConfig really changes the key that the API
//! server writes with.
//!
//! Who starts whom: [`sandbox::Sandbox`] -> `janitor` (cleans up) -> `supervisor` (starts and watches the parts) -> one
//! process for each part, and in the supervisor itself the AWS endpoint (`aws`) and the KMS v2 plugins (`kms`).

pub mod air_gap;
pub mod aws;
pub mod cli;
pub mod client;
pub mod control_plane;
pub mod etcd_oracle;
pub mod fake_aws;
pub mod folder;
pub mod info;
pub mod node;
pub mod options;
pub mod parts;
pub mod rights;
pub mod sandbox;
pub mod seed;
pub mod tls_front;

mod janitor;
mod kms;
mod kubeconfig;
mod layout;
mod lock;
mod loopback;
mod migrator;
mod network_slot;
mod pki;
mod ports;
mod process;
mod process_group;
mod reap;
mod report;
mod spec;
mod supervisor;
