//! `create -f FILE`, step by step: a new cluster with the customer key from birth. Each step is a file. Input: the command
//! line. Output: an exit code, and everything said on the screen on the way.

pub(crate) mod cure;
pub(crate) mod ec2;
pub(crate) mod endpoint;
pub(crate) mod follow;
pub(crate) mod kubeconfig;
pub(crate) mod paid;
pub(crate) mod spec;
pub(crate) mod stack;
pub(crate) mod story;
pub(crate) mod verify;
