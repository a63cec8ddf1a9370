//! The first half, in AWS: who we are (`client`), the cluster (`cluster`), its key (`key`), and the association of the two
//! (`association`, `updates`, and `settle`, which waits for it); and the token by which EKS's API server knows us (`token`). No AWS
//! type goes further than here.

pub(crate) mod association;
pub(crate) mod association_wait;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod ec2;
mod ec2_endpoint;
pub(crate) mod endpoint;
pub(crate) mod hints;
pub(crate) mod key;
pub(crate) mod profiles;
pub(crate) mod token;
pub(crate) mod updates;
pub(crate) mod waiter;
