//! One KMS v2 plugin: a gRPC server on a unix socket that wraps kube-apiserver's seeds with one KMS key. Requests come
//! from kube-apiserver; the wrapping is done by KMS (moto), so that a key that KMS refuses is refused here too.

use std::path::Path;

use aws_sdk_kms::{Client, primitives::Blob};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, transport::Server};

use super::messages::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
};
use super::service::key_management_service_server::{KeyManagementService, KeyManagementServiceServer};

/// Serves the plugin of one key on a socket until it is told to stop.
///
/// # Errors
/// The socket's path can't be bound.
pub(crate) fn serve(kms: Client, key_arn: String, socket: &Path, stop: CancellationToken) -> std::io::Result<()> {
    // A socket file outlives its server; binding again would fail on it.
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    let connections = futures::stream::unfold(listener, async |listener| {
        let connection = listener.accept().await.map(|(stream, _)| stream);
        Some((connection, listener))
    });
    let service = KeyManagementServiceServer::new(Plugin { kms, key_arn: key_arn.clone() });
    tokio::spawn(async move {
        let serving = Server::builder().add_service(service);
        if let Err(error) = serving.serve_with_incoming_shutdown(connections, stop.cancelled_owned()).await {
            eprintln!("the KMS plugin of {key_arn} ended: {error:#}");
        }
    });
    Ok(())
}

struct Plugin {
    kms: Client,
    key_arn: String,
}

#[tonic::async_trait]
impl KeyManagementService for Plugin {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        // Whether the key still works, as KMS says it: a disabled key has to make the API server unhealthy.
        let described = self.kms.describe_key().key_id(&self.key_arn).send().await.map_err(refused)?;
        let enabled = described.key_metadata().is_some_and(aws_sdk_kms::types::KeyMetadata::enabled);
        let healthz = if enabled { "ok".to_owned() } else { format!("{} is not enabled", self.key_arn) };
        Ok(Response::new(StatusResponse { version: "v2".to_owned(), healthz, key_id: self.key_arn.clone() }))
    }

    async fn encrypt(&self, request: Request<EncryptRequest>) -> Result<Response<EncryptResponse>, Status> {
        let plaintext = Blob::new(request.into_inner().plaintext);
        let answer = self.kms.encrypt().key_id(&self.key_arn).plaintext(plaintext).send().await.map_err(refused)?;
        let ciphertext = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        let annotations = std::collections::HashMap::new();
        Ok(Response::new(EncryptResponse { ciphertext, key_id: self.key_arn.clone(), annotations }))
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Result<Response<DecryptResponse>, Status> {
        let ciphertext = Blob::new(request.into_inner().ciphertext);
        let answer = self.kms.decrypt().key_id(&self.key_arn).ciphertext_blob(ciphertext).send().await;
        let plaintext = answer.map_err(refused)?.plaintext.map(Blob::into_inner).unwrap_or_default();
        Ok(Response::new(DecryptResponse { plaintext }))
    }
}

/// KMS's refusal in gRPC's words; kube-apiserver shows them in its log and its health check.
fn refused<E, R>(error: aws_sdk_kms::error::SdkError<E, R>) -> Status
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug,
{
    Status::failed_precondition(aws_sdk_kms::error::DisplayErrorContext(&error).to_string())
}
