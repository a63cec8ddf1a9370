//! A new cluster as one CloudFormation stack: `config` reads the file into a `Spec` -> `ground` makes every check and renders the
//! `template` -> `plan` says what will be -> `stack` has CloudFormation create it -> `follow` watches it -> `verify` asks EKS for the
//! key -> `kubeconfig` -> `summary`.

pub(crate) mod config;
pub(crate) mod cure;
#[cfg(test)]
pub(crate) mod examples;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod follow;
pub(crate) mod ground;
pub(crate) mod kubeconfig;
pub(crate) mod paid;
pub(crate) mod plan;
pub(crate) mod spec;
pub(crate) mod stack;
pub(crate) mod story;
pub(crate) mod subnets;
pub(crate) mod summary;
pub(crate) mod template;
mod told;
pub(crate) mod verify;
pub(crate) mod zones;
