//! What tests of several files need: lines of the wire format, AWS clients whose server is a script, and a Kubernetes
//! client whose API server is a function.

use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_eks::config::http::{HttpRequest, HttpResponse};
use aws_sdk_eks::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use clap::Parser as _;
use eks_encrypt_job::api::bounds;
use eks_encrypt_job::wire::event::{Event, Line, WIRE_VERSION};
use jiff::Timestamp;
use kube::Client;
use kube::client::{Body, ClientBuilder};

use crate::aws::association::AssociationPlan;
use crate::aws::client::{AwsContext, clients, with_response_limit};
use crate::aws::cluster::Cluster;
use crate::aws::key::Key;
use crate::checks::api_servers::ApiServers;
use crate::checks::table::{Check, Checks};
use crate::checks::{Eks, PreflightReport};
use crate::cli::{Cli, Command, Enable, Reencrypt};
use crate::error::CliError;
use crate::k8s::Kubernetes;
use crate::model::options::KubeOptions;
use crate::model::run::Run;
use crate::run::apply::NamespaceState;
use crate::ui::terminal::Terminal;

pub(crate) mod run;
pub(crate) mod servers;

/// A key's ARN.
pub(crate) const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A certificate authority as EKS gives it: base64 of PEM, around the DER bytes `authority A`.
pub(crate) const CA: &str =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCllYVjBhRzl5YVhSNUlFRT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

/// What AWS answers: status, error code or nothing, body.
pub(crate) type Answer = (u16, &'static str, &'static str);

/// No update has ever been made.
pub(crate) const NO_UPDATES: Answer = (200, "", r#"{"updateIds":[]}"#);

/// Update u-1, which associates a key and goes on.
pub(crate) const IN_PROGRESS: Answer =
    (200, "", r#"{"update":{"id":"u-1","type":"AssociateEncryptionConfig","status":"InProgress"}}"#);

/// A cluster on which EKS works.
pub(crate) const UPDATING: Answer = (200, "", r#"{"cluster":{"name":"shop","status":"UPDATING"}}"#);

/// A cluster that has [`KEY`].
pub(crate) const WITH: Answer = (
    200,
    "",
    r#"{"cluster":{"name":"shop","status":"ACTIVE","encryptionConfig":[{"resources":["secrets"],
       "provider":{"keyArn":"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}}]}}"#,
);

/// A line of Pod `pod-a`.
pub(crate) fn line(seq: u64, event: Event) -> Line {
    let time = "2026-11-24T07:00:00Z".parse().unwrap();
    Line { wire: WIRE_VERSION, run: "r1".into(), pod: "pod-a".into(), seq, time, event }
}

/// The flags of an `enable`, and more.
pub(crate) fn enable(more: &[&str]) -> Enable {
    let base =
        ["kubectl-eks_encrypt", "enable", "--cluster", "shop", "--key-arn", KEY, "--image", "registry.example/job:1"];
    let cli = Cli::try_parse_from(base.iter().chain(&in_namespace(more))).unwrap();
    let Command::Enable(enable) = cli.command else { panic!("not enable") };
    *enable
}

/// The same flags, in namespace `eks-encrypt` where they name none: that of a run has its id.
pub(crate) fn in_namespace<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let names_one = more.iter().any(|flag| matches!(*flag, "--namespace" | "-n"));
    let namespace = if names_one { &[][..] } else { &["--namespace", "eks-encrypt"] };
    [namespace, more].concat()
}

/// The flags of a `reencrypt`, and more.
pub(crate) fn reencrypt(more: &[&str]) -> Reencrypt {
    let base = ["kubectl-eks_encrypt", "reencrypt", "--cluster", "shop"];
    let cli = Cli::try_parse_from(base.iter().chain(&in_namespace(more))).unwrap();
    let Command::Reencrypt(flags) = cli.command else { panic!() };
    *flags
}

/// A cluster that is ACTIVE.
pub(crate) fn cluster(key: Option<&str>) -> Cluster {
    Cluster {
        name: "shop".into(),
        arn: "arn:aws:eks:eu-central-1:111122223333:cluster/shop".into(),
        version: "1.34".into(),
        status: "ACTIVE".into(),
        endpoint: "https://ABC123.gr7.eu-central-1.eks.amazonaws.com".into(),
        authority: CA.into(),
        key: key.map(str::to_owned),
        role: "arn:aws:iam::111122223333:role/shop-cluster".into(),
        issues: Vec::new(),
    }
}

/// The whole answer to DescribeCluster for [`cluster`], with these fields beside the usual ones or in their place.
pub(crate) fn described(more: &serde_json::Value) -> Answer {
    let mut cluster = serde_json::json!({
        "name": "shop", "arn": "arn:aws:eks:eu-central-1:111122223333:cluster/shop", "version": "1.34", "status": "ACTIVE",
        "endpoint": "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "certificateAuthority": {"data": CA},
        "roleArn": "arn:aws:iam::111122223333:role/shop-cluster"});
    for (name, value) in more.as_object().into_iter().flatten() {
        cluster[name] = value.clone();
    }
    (200, "", Box::leak(serde_json::json!({"cluster": cluster}).to_string().into_boxed_str()))
}

/// What DescribeKey says of [`KEY`] in this state.
pub(crate) fn described_key(state: &str) -> Answer {
    let body = serde_json::json!({"KeyMetadata": {"KeyId": "1234", "Arn": KEY, "KeyState": state}});
    (200, "", Box::leak(body.to_string().into_boxed_str()))
}

/// The key of tests.
pub(crate) fn key() -> Key {
    Key { arn: KEY.into(), ..Key::default() }
}

/// AWS clients that get these answers (status, error code or nothing, body), whatever they ask; and what they asked.
pub(crate) fn aws(answers: &[Answer]) -> (AwsContext, StaticReplayClient) {
    let event = |(status, code, body): &Answer| {
        let mut answer = HttpResponse::new((*status).try_into().unwrap(), (*body).into());
        answer.headers_mut().insert("x-amzn-errortype", *code);
        ReplayEvent::new(HttpRequest::empty(), answer)
    };
    let http = StaticReplayClient::new(answers.iter().map(event).collect());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKIDEXAMPLE",
            "secret",
            None,
            None,
            "test",
        )))
        .http_client(with_response_limit(SharedHttpClient::new(http.clone())))
        .retry_config(RetryConfig::disabled())
        .build();
    (clients(&config).unwrap(), http)
}

/// An error with its causes, as `main` prints it, and its exit code.
pub(crate) fn error_text(error: impl Into<CliError>) -> String {
    let CliError { code, error } = error.into();
    format!("exit {}\nerror: {error:#}", code as u8)
}

/// The paths that were asked, in order.
pub(crate) fn asked(http: &StaticReplayClient) -> Vec<String> {
    let path = |request: &str| request.parse::<http::Uri>().unwrap().path().to_owned();
    http.actual_requests().map(|request| format!("{} {}", request.method(), path(request.uri()))).collect()
}

/// A kubeconfig of [`cluster`], if it is given that one's server and authority.
pub(crate) fn kubeconfig(client: Client, server: &str, authority: &str) -> Kubernetes {
    Kubernetes {
        client,
        config: kube::Config::new(server.parse().unwrap()),
        server: server.parse().unwrap(),
        authorities: vec![authority.as_bytes().to_vec()],
        verifies: true,
        context: "prod".into(),
        flags: KubeOptions::default(),
    }
}

/// The same, of any cluster.
pub(crate) fn reached(client: Client) -> Kubernetes {
    kubeconfig(client, "https://127.0.0.1:1", "authority A")
}

/// One that the person has named by these flags.
pub(crate) fn reached_by(flags: &[&str], client: Client) -> Kubernetes {
    let base = ["kubectl-eks_encrypt", "cleanup"];
    let Command::Cleanup(cleanup) = Cli::try_parse_from(base.iter().chain(flags)).unwrap().command else { panic!() };
    Kubernetes { flags: (*cleanup.kube).clone(), ..reached(client) }
}

/// A cluster that has the key already, whose AWS gives these answers.
pub(crate) fn preflight_report(client: Client, answers: &[Answer]) -> PreflightReport {
    let kubernetes = kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    let eks = Eks { aws: aws(answers).0, cluster: cluster(Some(KEY)), key: key(), plan: AssociationPlan::Nothing };
    PreflightReport {
        kubernetes,
        eks: Some(eks),
        run: Run::new(Some("eks-encrypt"), Timestamp::now(), rand::random()),
        owner: NamespaceState::Absent,
        api_servers: ApiServers::default(),
        verified: None,
        checks: Vec::new(),
    }
}

/// The API server's answer for an object that is not there, named as the path names it.
pub(crate) fn not_found(path: &str) -> (u16, String) {
    let mut segments = path.split('?').next().unwrap_or_default().rsplit('/');
    let (name, kind) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let status = serde_json::json!({"kind": "Status", "status": "Failure", "metadata": {}, "code": 404,
        "reason": "NotFound", "message": format!("{name} not found"), "details": {"name": name, "kind": kind}});
    (404, status.to_string())
}

/// The API server's answer to who lacks a right.
pub(crate) fn forbidden(verb: &str, resource: &str) -> String {
    let message = format!("{resource} is forbidden: User \"alice\" cannot {verb} resource \"{resource}\"");
    serde_json::json!({"kind": "Status", "status": "Failure", "metadata": {}, "code": 403, "reason": "Forbidden",
        "message": message})
    .to_string()
}

/// A row of the checks as people see it.
pub(crate) fn row(check: Check) -> String {
    let terminal = Terminal::captured();
    Checks::new(&terminal).add(check);
    terminal.text()
}

/// The document for scripts that came after all that was said.
pub(crate) fn document(terminal: &Terminal) -> serde_json::Value {
    let text = terminal.text();
    let begins = text.rfind("\n{\n").unwrap_or_else(|| panic!("no document: {text}"));
    serde_json::from_str(&text[begins..]).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What an API server that starts says of a resource that it does not serve yet.
pub(crate) const NOT_SERVED: &str = r#"{"kind":"Status","metadata":{},"status":"Failure","code":404,"reason":"NotFound",
    "message":"the server could not find the requested resource","details":{}}"#;

/// The API server's answer to a server-side apply: the object, of which kind and name are all that is read.
pub(crate) fn api_object(path: &str) -> String {
    let kinds = [
        ("/serviceaccounts", "v1", "ServiceAccount"),
        ("/clusterroles/", "rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("/clusterrolebindings/", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ("/roles/", "rbac.authorization.k8s.io/v1", "Role"),
        ("/rolebindings/", "rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("/jobs/", "batch/v1", "Job"),
    ];
    let found = kinds.iter().find(|(part, ..)| path.contains(part)).copied();
    let (_, version, kind) = found.unwrap_or(("", "v1", "Namespace"));
    let role = serde_json::json!({"apiGroup": "", "kind": "", "name": ""});
    serde_json::json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "roleRef": role}).to_string()
}

/// A Kubernetes client whose API server answers by a function of method and path (with query).
pub(crate) fn kubernetes(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> Client {
    kubernetes_with_calls(move |call| answer(&call.method, &call.path))
}

/// The same, where the answer depends on what was sent.
pub(crate) fn kubernetes_with_bodies(
    answer: impl Fn(&str, &str, &str) -> (u16, String) + Send + Sync + 'static,
) -> Client {
    kubernetes_with_calls(move |call| answer(&call.method, &call.path, &call.body))
}

/// What an API server was asked: `GET /path?query`, in order.
pub(crate) type Heard = Arc<Mutex<Vec<String>>>;

/// The same as [`kubernetes`], and what it was asked.
pub(crate) fn recording_api_server(
    answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static,
) -> (Client, Heard) {
    let all = Heard::default();
    let heard = all.clone();
    let client = kubernetes(move |method, path| {
        heard.lock().unwrap().push(format!("{method} {path}"));
        answer(method, path)
    });
    (client, all)
}

/// One request.
pub(crate) struct Call {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// The form that was asked for.
    pub(crate) accept: String,
    pub(crate) body: String,
}

/// What time it is by the clock of every API server here.
const DATE: &str = "Tue, 24 Nov 2026 09:00:00 GMT";

/// A Kubernetes client whose API server answers by a function of the whole request.
pub(crate) fn kubernetes_with_calls(answer: impl Fn(&Call) -> (u16, String) + Send + Sync + 'static) -> Client {
    let (service, mut handle) = tower_test::mock::pair::<http::Request<Body>, http::Response<Body>>();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let (head, body) = request.into_parts();
            let accept = head.headers.get(http::header::ACCEPT).map(|value| value.to_str().unwrap().to_owned());
            let call = Call {
                method: head.method.to_string(),
                path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                accept: accept.unwrap_or_default(),
                body: String::from_utf8(body.collect_bytes().await.unwrap().to_vec()).unwrap(),
            };
            let (status, body) = servers::answer(&call).unwrap_or_else(|| answer(&call));
            let answer = http::Response::builder().status(status).header(http::header::DATE, DATE);
            send.send_response(answer.body(Body::from(body.into_bytes())).unwrap());
        }
    });
    bounds::client(ClientBuilder::new(service, "default"))
}
