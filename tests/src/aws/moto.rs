//! moto, which answers every AWS call that the sandbox does not answer itself: how it is started, and how a request is
//! passed on to it and its answer back.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::folder::Folder;
use crate::loopback;
use crate::parts::{Missing, Parts};
use crate::process::Start;

/// What moto's CloudFormation makes of `AWS::EKS::Cluster` and `AWS::EKS::Nodegroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EksTypes {
    /// Clusters and node groups, by our own models (`parts/moto_eks`), which take 1 s more to load.
    Modelled,
    /// Nothing, and says CREATE_COMPLETE: moto as it is.
    Stock,
}

/// What moto is started with.
pub(crate) fn start(parts: &Parts, folder: &Folder, port: u16, types: EksTypes) -> Result<Start, Missing> {
    let log = folder.log("moto");
    let start = match types {
        EksTypes::Stock => Start::new("moto", &parts.python("moto_server")?, log),
        EksTypes::Modelled => Start::new("moto", &parts.python("python3")?, log)
            .args(["-m", "moto_eks"])
            .env("PYTHONPATH", parts.python_path()?)
            // It would be written beside the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    };
    Ok(start
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        // moto would otherwise read the machine's AWS settings, and ask a metadata service that is not there.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PYTHONUNBUFFERED", "1"))
}

/// A running moto.
#[derive(Clone, Debug)]
pub(crate) struct Moto {
    client: reqwest::Client,
    url: String,
}

impl Moto {
    pub(crate) fn at(port: u16) -> Self {
        Self { client: loopback::http(), url: format!("http://127.0.0.1:{port}") }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it answers.
    pub(crate) async fn answers(&self) -> Result<(), String> {
        let answer = self.client.get(format!("{}/moto-api/", self.url)).send().await;
        answer.map(|_| ()).map_err(|error| format!("no answer from {}: {error}", self.url))
    }

    /// What EKS's DescribeCluster answers, good or bad.
    pub(crate) async fn eks_cluster(&self, region: &str, name: &str) -> reqwest::Result<serde_json::Value> {
        // moto reads account, region and service from the signature's scope, and does not check the signature.
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{region}/eks/aws4_request, SignedHeaders=host, Signature=0",
            crate::info::CREATOR.id
        );
        let request = self.client.get(format!("{}/clusters/{name}", self.url)).header(header::AUTHORIZATION, signed);
        request.send().await?.json().await
    }

    /// Passes a request on, and the answer back.
    pub(crate) async fn forward(&self, method: Method, uri: &Uri, mut headers: HeaderMap, body: Bytes) -> Response {
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        // They belong to one connection, not to the request (RFC 9110, section 7.6.1).
        for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::EXPECT] {
            headers.remove(name);
        }
        let request = self.client.request(method, format!("{}{path}", self.url)).headers(headers).body(body);
        match request.send().await {
            Ok(answer) => back(answer).await,
            Err(error) => (StatusCode::BAD_GATEWAY, format!("moto does not answer: {error}")).into_response(),
        }
    }
}

async fn back(answer: reqwest::Response) -> Response {
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    match answer.bytes().await {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("moto's answer broke off: {error}")).into_response(),
    }
}
