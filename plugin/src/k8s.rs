//! The Kubernetes client, and who we are to the API server. Input: a kubeconfig, read as kubectl reads it ($KUBECONFIG
//! list, proxies, exec plugins such as `aws eks get-token`, whose tokens the client renews). Output: a client, and the server and
//! certificate authority that it trusts, for `cluster` to compare.

mod config;
pub(crate) mod context;
mod exec;
mod proxy;
pub(crate) mod termination;
pub(crate) mod token_command;

use std::path::Path;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use eks_encrypt_job::api::bounds;
use eks_encrypt_job::wire::exit::ExitCode;
use http::Uri;
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::PostParams;
use kube::client::{Body, ClientBuilder};
use kube::config::Kubeconfig;
use kube::{Api, Client, Config};

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::model::options::KubeOptions;
use crate::ui::terminal::Terminal;

/// No answer takes longer, and the Job's log has a line every 15 s.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// What a context is called that nobody has named.
const CURRENT_CONTEXT: &str = "(current)";

/// A cluster as the kubeconfig has it.
#[derive(Clone)]
pub(crate) struct Kubernetes {
    /// Calls the API server.
    pub(crate) client: Client,
    /// What it was made from: the engine makes one of its own.
    pub(crate) config: Config,
    /// The server's address.
    pub(crate) server: Uri,
    /// The certificates of the authorities that it trusts, DER.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// Whether it checks the server's certificate at all.
    pub(crate) verifies: bool,
    /// The context's name.
    pub(crate) context: String,
    /// How the person named it: every command that we print must mean the same cluster.
    pub(crate) flags: KubeOptions,
}

/// What can go wrong between a kubeconfig and an API server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The kubeconfig can't be used.
    #[error(
        "can't use kubeconfig context {context} (write one: `aws eks update-kubeconfig --name CLUSTER --region REGION`)"
    )]
    Kubeconfig {
        context: String,
        #[source]
        source: Cause,
    },
    /// The command that makes its credentials is missing.
    #[error(
        "kubeconfig context {context} takes its credentials from the command {command}, which is not installed here \
         (or not on PATH): install it, or name another context{hint}"
    )]
    NoCommand { context: String, command: String, hint: String },
    /// That command fails, or makes no credentials.
    #[error("kubeconfig context {context} gives no credentials")]
    Credentials {
        context: String,
        #[source]
        source: Cause,
    },
    /// The API server does not answer who we are.
    #[error("the API server {server} does not say who you are")]
    Identity {
        server: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Reads the kubeconfig.
pub(crate) fn read_kubeconfig(file: Option<&Path>, context: Option<&str>) -> Result<Kubeconfig, Error> {
    let list = std::env::var_os("KUBECONFIG");
    config::read(file, list.as_deref())
        .map_err(|error| connection_error(context.unwrap_or(CURRENT_CONTEXT), Cause::from_error(&error)))
}

/// Makes the client. Calls no server yet.
pub(crate) async fn connect(flags: &KubeOptions, terminal: &Terminal) -> Result<Kubernetes, Error> {
    let kubeconfig = read_kubeconfig(flags.kubeconfig.as_deref(), flags.context.as_deref())?;
    let context =
        flags.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_else(|| CURRENT_CONTEXT.into());
    let variable = |name: &str| std::env::var(name).ok();
    let mut config =
        config::connection_of(&kubeconfig, &context, &variable).map_err(|cause| connection_error(&context, cause))?;
    let ours = std::env::current_exe().map_err(|error| connection_error(&context, Cause::from_error(&error)))?;
    match exec::resolve_credentials(&mut config.auth_info, &ours, &variable) {
        Ok(None) => {}
        Ok(Some(note)) => terminal.println(&note),
        Err(exec::MissingCommand { command, hint }) => {
            let hint = if hint.is_empty() { hint } else { format!("\n  its hint: {}", hint.replace('\n', "\n  ")) };
            return Err(Error::NoCommand { context, command, hint });
        }
    }
    // After a laptop's sleep a connection may look alive that is not; the default waits for ever.
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    let (server, verifies) = (config.cluster_url.clone(), !config.accept_invalid_certs);
    let authorities = config.root_cert.clone().unwrap_or_default();
    let builder = ClientBuilder::try_from(config.clone()).map_err(|error| match &error {
        kube::Error::Auth(_) => Error::Credentials { context: context.clone(), source: Cause::kube(&error) },
        _ => connection_error(&context, Cause::kube(&error)),
    })?;
    let client = bounds::client(builder);
    Ok(Kubernetes { client, config, server, authorities, verifies, context, flags: flags.clone() })
}

fn connection_error(context: &str, source: Cause) -> Error {
    Error::Kubeconfig { context: context.to_owned(), source }
}

impl Kubernetes {
    /// Who the API server says we are.
    pub(crate) async fn identity(&self) -> Result<String, Error> {
        let reviews: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let review = reviews
            .create(&PostParams::default(), &SelfSubjectReview::default())
            .await
            .map_err(|error| Error::Identity { server: self.server.to_string(), source: Cause::kube(&error) })?;
        let user = review.status.and_then(|status| status.user_info).and_then(|user| user.username);
        Ok(user.unwrap_or_default())
    }
}

/// Calls until it answers, a few times: EKS has just restarted the API servers, and load balancers lag behind.
pub(crate) async fn with_retry<T, F: Future<Output = Result<T, kube::Error>>>(
    call: impl FnMut() -> F,
) -> Result<T, kube::Error> {
    call.retry(backoff()).when(|error| Cause::kube(error).retryable || is_anonymous_404(error)).await
}

/// The same for a resource that not every version of Kubernetes has; nothing, where it is not served.
pub(crate) async fn get_if_served<T, F: Future<Output = Result<T, kube::Error>>>(
    call: impl FnMut() -> F,
) -> Result<Option<T>, kube::Error> {
    match call.retry(backoff()).when(|error| Cause::kube(error).retryable).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_anonymous_404(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::default().with_jitter().with_max_times(5)
}

/// Whether the API server itself says that this object is not there. A 404 that does not name it is a proxy's, or that of
/// an API server that starts and does not serve the resource yet: what is done on "gone" can't be taken back.
pub(crate) fn is_not_found(error: &kube::Error, name: &str) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.is_not_found() && status.details.as_ref().is_some_and(|details| details.name == name)
}

/// A 404 that names nothing, and so says nothing of an object.
fn is_anonymous_404(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.code == 404 && status.details.as_ref().is_none_or(|details| details.name.is_empty())
}

/// What time it is by the API server's clock, which stamps every object: from the Date of an answer, whatever that says.
/// Nothing, where it does not say.
pub(crate) async fn server_time(client: &Client) -> Option<Timestamp> {
    let request = http::Request::get("/version").body(Body::empty()).ok()?;
    let answer = client.send(request).await.ok()?;
    let date = answer.headers().get(http::header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date).ok().map(|date| date.timestamp())
}

/// Whether the API server says that it is ready, or why not: after an association it restarts. One that forbids the
/// question has asked its authorizer, and so answers; a proxy's 403 does not name the path and is no answer.
pub(crate) async fn check_ready(client: &Client) -> Result<(), Cause> {
    let request = http::Request::get("/readyz").body(Vec::new()).map_err(|error| Cause::from_error(&error))?;
    match client.request_text(request).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 403 && status.message.contains("cannot get path") => Ok(()),
        Err(error) => Err(Cause::kube(&error)),
    }
}
