//! Which EKS cluster a kubeconfig context is, where the command line does not say. Input: the parsed kubeconfig and a
//! context's name. Output: the cluster's name, region and AWS profile, each with where it was read, for people to see; or why
//! it can't be told. What sources do not agree on is not guessed: `cluster` would notice a wrong guess, but a person
//! should never have to rely on that.

use eks_encrypt_job::wire::exit::ExitCode;
use kube::config::{AuthInfo, Kubeconfig};

use crate::error::HasExitCode;
use crate::ui::terminal::one_line;

mod exec;
mod names;

/// How many contexts a message lists.
const MAX_LISTED: usize = 10;

/// What can be known of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    /// The EKS cluster's name.
    Name,
    /// Its AWS region.
    Region,
    /// The AWS profile with which its tokens are made.
    Profile,
}

impl Attribute {
    fn what(self) -> &'static str {
        match self {
            Self::Name => "cluster",
            Self::Region => "region",
            Self::Profile => "profile",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Name => "--cluster NAME",
            Self::Region => "--region REGION",
            Self::Profile => "--profile PROFILE",
        }
    }
}

/// What one source says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Evidence {
    topic: Attribute,
    value: String,
    /// Words to stand between "from" and "context prod".
    from: String,
}

/// What a context says, the most trusted source first.
#[derive(Clone, Debug)]
pub(crate) struct ContextInfo {
    /// The context.
    context: String,
    claims: Vec<Evidence>,
    /// What there is instead of a source, in words.
    instead: String,
}

/// A value that nothing in the context contradicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inferred {
    /// The value.
    pub(crate) value: String,
    /// Value and source, for people: `cluster shop: from the arguments of ... in context prod`.
    pub(crate) told: String,
}

/// Why a context does not say what is asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No context is named or current.
    #[error("the kubeconfig has no current context; {there}")]
    NoContext { there: String },
    /// There is no context of this name.
    #[error("the kubeconfig has no context {context}; {there}")]
    NoSuchContext { context: String, there: String },
    /// Its parts say different things.
    #[error("kubeconfig context {context} names more than one {what}: add {flag}{claims}")]
    Disputed { context: String, what: &'static str, flag: &'static str, claims: String },
    /// Nothing in it says anything.
    #[error("kubeconfig context {context} does not say which EKS cluster it is ({instead}): add {flags}")]
    Unknown { context: String, instead: String, flags: &'static str },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            // As `kubernetes` has it.
            Self::NoContext { .. } | Self::NoSuchContext { .. } => ExitCode::Refused,
            Self::Disputed { .. } | Self::Unknown { .. } => ExitCode::Usage,
        }
    }
}

/// Reads what a context says; the current one, if none is named.
pub(crate) fn inspect_context(kubeconfig: &Kubeconfig, context: Option<&str>) -> Result<ContextInfo, Error> {
    let named = context.or(kubeconfig.current_context.as_deref()).filter(|name| !name.is_empty());
    let Some(name) = named else { return Err(Error::NoContext { there: list_contexts(kubeconfig) }) };
    let Some(entry) = kubeconfig.contexts.iter().find(|entry| entry.name == name) else {
        return Err(Error::NoSuchContext { context: one_line(name), there: list_contexts(kubeconfig) });
    };
    let (cluster, user) =
        entry.context.as_ref().map_or(("", None), |entry| (entry.cluster.as_str(), entry.user.as_deref()));
    let user = kubeconfig.auth_infos.iter().find(|entry| Some(entry.name.as_str()) == user);
    let user = user.and_then(|entry| entry.auth_info.as_ref());
    let server = kubeconfig.clusters.iter().find(|entry| entry.name == cluster);
    let server = server.and_then(|entry| entry.cluster.as_ref()).and_then(|entry| entry.server.as_deref());

    let mut claims = user.and_then(|user| user.exec.as_ref()).map(exec::evidence).unwrap_or_default();
    for (entry, from) in [(cluster, "the cluster entry's name in"), (name, "the name of")] {
        if let Some((name, region)) = names::name_and_region(entry) {
            claims.push(Evidence { topic: Attribute::Name, value: name.to_owned(), from: from.to_owned() });
            claims.push(Evidence { topic: Attribute::Region, value: region.to_owned(), from: from.to_owned() });
        }
    }
    if let Some(region) = server.and_then(names::region_of_server) {
        claims.push(Evidence { topic: Attribute::Region, value: region, from: "the server's address in".into() });
    }
    Ok(ContextInfo { context: name.to_owned(), claims, instead: fallback_description(user, server) })
}

impl ContextInfo {
    /// The EKS cluster's name; an error, where there is none to be had.
    pub(crate) fn name(&self) -> Result<Inferred, Error> {
        self.infer(Attribute::Name)?.ok_or_else(|| Error::Unknown {
            context: one_line(&self.context),
            instead: self.instead.clone(),
            flags: if self.claims.iter().any(|claim| claim.topic == Attribute::Region) {
                Attribute::Name.flag()
            } else {
                "--cluster NAME and --region REGION"
            },
        })
    }

    /// The cluster's region, if anything says it: AWS's own environment may, too.
    pub(crate) fn region(&self) -> Result<Option<Inferred>, Error> {
        self.infer(Attribute::Region)
    }

    /// The AWS profile with which the context's tokens are made, if it names one.
    pub(crate) fn profile(&self) -> Result<Option<Inferred>, Error> {
        self.infer(Attribute::Profile)
    }

    fn infer(&self, topic: Attribute) -> Result<Option<Inferred>, Error> {
        let claims: Vec<_> = self.claims.iter().filter(|claim| claim.topic == topic).collect();
        let Some(first) = claims.first() else { return Ok(None) };
        let told = |claim: &Evidence| {
            one_line(&format!("{} {}: from {} context {}", topic.what(), claim.value, claim.from, self.context))
        };
        if claims.iter().all(|claim| claim.value == first.value) {
            return Ok(Some(Inferred { value: first.value.clone(), told: told(first) }));
        }
        Err(Error::Disputed {
            context: one_line(&self.context),
            what: topic.what(),
            flag: topic.flag(),
            claims: claims.iter().map(|claim| format!("\n  {}", told(claim))).collect(),
        })
    }
}

/// What there is where nothing says the cluster's name: people recognise a context by it.
fn fallback_description(user: Option<&AuthInfo>, server: Option<&str>) -> String {
    let credentials = match user {
        Some(AuthInfo { exec: Some(exec), .. }) => {
            let command = exec.command.as_deref().unwrap_or_default();
            format!("the command {}", command.rsplit(['/', '\\']).next().unwrap_or(command))
        }
        Some(user) if user.token.is_some() || user.token_file.is_some() => "a token".to_owned(),
        Some(user) if user.client_certificate.is_some() || user.client_certificate_data.is_some() => {
            "a client certificate".to_owned()
        }
        _ => "a user entry that says nothing".to_owned(),
    };
    let host = server.and_then(names::host).unwrap_or_else(|| "missing".to_owned());
    one_line(&format!("its credentials come from {credentials}, its server is {host}"))
}

/// The contexts that there are, and how to choose one.
fn list_contexts(kubeconfig: &Kubeconfig) -> String {
    let names: Vec<_> = kubeconfig.contexts.iter().map(|entry| one_line(&entry.name)).collect();
    match names.len() {
        0 => "it has no contexts at all: write one with `aws eks update-kubeconfig --name CLUSTER --region REGION`"
            .to_owned(),
        n if n > MAX_LISTED => format!("add --context NAME, one of: {}, ...", names[..MAX_LISTED].join(", ")),
        _ => format!("add --context NAME, one of: {}", names.join(", ")),
    }
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
