//! What is true of a sandbox's Secrets: how etcd holds each of them ([`etcd`], [`storage`], [`inspect`]), and that
//! nothing but that has changed ([`digest`]).

pub mod digest;
pub mod etcd;
pub mod inspect;
pub mod storage;
