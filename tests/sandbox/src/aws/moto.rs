//! moto, which answers every AWS call that the sandbox does not answer itself: how it is started, and how a request is
//! passed on to it and its answer back.

use std::process::Command;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::identity::authorization;
use crate::folder::Folder;
use crate::loopback;
use crate::parts::{Missing, Parts};
use crate::process::Start;

/// moto would otherwise read the machine's AWS settings, and ask a metadata service that is not there.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("PYTHONUNBUFFERED", "1"),
];

/// What moto is started with.
pub(crate) fn start(parts: &Parts, folder: &Folder, port: u16) -> Result<Start, Missing> {
    let start = Start::new("moto", &parts.python("moto_server")?, folder.log("moto"));
    let start = start.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    Ok(ENVIRONMENT.iter().fold(start, |start, (name, value)| start.env(name, value)))
}

/// The command of the process that moto with CloudFormation's EKS types is forked from (`parts/moto_eks`).
pub(crate) fn fork_server(parts: &Parts) -> Result<Command, Missing> {
    let mut command = Command::new("setpriv");
    // The kernel ends it when the program that started it dies, however that dies.
    command.args(["--pdeathsig", "KILL", "--"]).arg(parts.python("python3")?).args(["-m", "moto_eks", "--fork-server"]);
    command.env_clear().envs(ENVIRONMENT).env("PATH", "/usr/bin:/bin").env("PYTHONPATH", parts.python_path()?);
    // It would be written beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
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
        let request = self.client.get(format!("{}/clusters/{name}", self.url));
        let request = request.header(header::AUTHORIZATION, authorization("eks", region));
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
