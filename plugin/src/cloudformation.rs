//! A new cluster as one CloudFormation stack: `config` reads the file into a `Spec` -> `ground` makes every check and renders the
//! `template` -> `plan` says what will be -> `stack` has CloudFormation create it -> `follow` watches it -> `verify` asks EKS for the
//! key -> `kubeconfig` -> `summary`.

pub(crate) mod cost;
#[cfg(test)]
pub(crate) mod examples;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod hints;
pub(crate) mod kubeconfig;
pub(crate) mod plan;
mod plan_text;
pub(crate) mod preflight;
pub(crate) mod stack;
pub(crate) mod stack_events;
pub(crate) mod subnets;
pub(crate) mod summary;
pub(crate) mod template;
pub(crate) mod verify;
pub(crate) mod wait;
pub(crate) mod zones;
