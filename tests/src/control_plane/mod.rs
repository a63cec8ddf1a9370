//! The control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler, and what they are told.

pub(crate) mod api_server;
pub(crate) mod controllers;
pub(crate) mod encryption;
pub(crate) mod etcd;
mod probe;

use thiserror::Error;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::crew::READY;
use crate::folder::Folder;
use crate::kms::plugin;
use crate::process::PartError;
use crate::truth::etcd::Etcd;
use api_server::ApiServer;
use encryption::{Encryption, provider_of};

/// The part of the control plane that changes while a sandbox runs: the API server and what it encrypts with.
pub(crate) struct ControlPlane {
    pub(crate) api_server: Mutex<ApiServer>,
    pub(crate) encryption: Mutex<Encryption>,
    pub(crate) admin: kube::Client,
    pub(crate) etcd: Etcd,
    pub(crate) folder: Folder,
    pub(crate) stop: CancellationToken,
}

/// The API server does not write with the key.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    #[error("the KMS plugin of the key could not listen")]
    Plugin(#[source] std::io::Error),
    #[error("the encryption configuration could not be written")]
    Configuration(#[source] std::io::Error),
    #[error(transparent)]
    ApiServer(#[from] PartError),
    #[error("the API server still does not write with {key}: {reason}")]
    StillOther { key: String, reason: String },
}

impl ControlPlane {
    /// Makes the API server write with a customer's key, and looks into etcd to see that it does. When it does not, the
    /// API server writes again as before.
    pub(crate) async fn write_with(&self, kms: aws_sdk_kms::Client, key: &str) -> Result<(), WriteError> {
        let provider = provider_of(key);
        let socket = self.folder.kms_socket(&provider);
        plugin::serve(kms, key.to_owned(), &socket, self.stop.clone()).map_err(WriteError::Plugin)?;
        let mut encryption = self.encryption.lock().await;
        let with_key = encryption.written_by(&provider);
        let written = self.try_to_write_with(&with_key, key).await;
        *encryption = if written.is_ok() { with_key } else { with_key.fall_back() };
        if written.is_err() {
            encryption.write(&self.folder).map_err(WriteError::Configuration)?;
            self.restart().await?;
        }
        written
    }

    async fn try_to_write_with(&self, encryption: &Encryption, key: &str) -> Result<(), WriteError> {
        encryption.write(&self.folder).map_err(WriteError::Configuration)?;
        self.restart().await?;
        let written = probe::until_written_under(&self.admin, &self.etcd, key, READY).await;
        written.map_err(|reason| WriteError::StillOther { key: key.to_owned(), reason })
    }

    /// Ends the API server and starts it again.
    pub(crate) async fn restart(&self) -> Result<(), PartError> {
        self.api_server.lock().await.restart(&self.admin).await
    }

    /// Ends the API server as a crash would.
    pub(crate) async fn kill(&self) {
        self.api_server.lock().await.kill().await;
    }
}
