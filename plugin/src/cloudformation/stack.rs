//! The CloudFormation stack of a cluster: found, or created. Input: its name and template. Output: its id, for `follow`.
//! CloudFormation works by itself from then on, and takes everything back if something fails.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Capability, OnFailure, Tag};
use eks_encrypt_job::wire::exit::ExitCode;
use sha2::Digest as _;

use crate::cause::Cause;
use crate::cloudformation::hints;
use crate::error::HasExitCode;

/// The tag by which a stack of ours is known; its value tells of which template.
pub(crate) const TEMPLATE_TAG: &str = "eks-encrypt/template";

/// The tag that keeps which zones were chosen: a second call must make the same template, whatever zones there are then.
pub(crate) const ZONES_TAG: &str = "eks-encrypt/zones";

/// A stack as CloudFormation describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stack {
    /// Its ARN: it stays valid when the stack is gone.
    pub(crate) id: String,
    /// `CREATE_IN_PROGRESS`, ...
    pub(crate) status: String,
    /// Why, if CloudFormation says so.
    pub(crate) reason: Option<String>,
    /// Of which template it was made, if it is ours.
    pub(crate) template: Option<String>,
    /// The zones that it is in, if it is ours.
    pub(crate) zones: Vec<String>,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StackPlan {
    /// Create it.
    Create,
    /// It is being created: follow it.
    Follow(String),
    /// It failed, and is being taken back: follow that.
    WaitForRollback(String),
    /// It was created: verify it.
    Verify(String),
}

/// Why there is nothing that we may do, or why CloudFormation does nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// DescribeStacks failed.
    #[error("can't ask CloudFormation for stack {stack} (you need cloudformation:DescribeStacks)")]
    Describe {
        stack: String,
        #[source]
        source: Cause,
    },
    /// Somebody else's.
    #[error(
        "there is a CloudFormation stack {stack} already, and `create` did not make it: choose another metadata.name"
    )]
    Unmanaged { stack: String },
    /// Ours, but of another template.
    #[error(
        "stack {stack} is there already ({status}), and your file makes another template than the one it was made of: `create` \
         changes no cluster that is there. Use the file and the plugin version of then, or choose another metadata.name"
    )]
    OtherTemplate { stack: String, status: String },
    /// An attempt that failed, or a stack that goes away.
    #[error("stack {stack} of an earlier attempt is {status}{reason}\n  {cure}")]
    StaleStack { stack: String, status: String, reason: String, cure: String },
    /// CreateStack was refused.
    #[error("CloudFormation refuses to create stack {stack}; nothing was created")]
    Rejected {
        stack: String,
        #[source]
        source: Cause,
    },
    /// CreateStack got no answer.
    #[error(
        "CloudFormation did not answer whether it creates stack {stack}: run the same command again, which goes on if it does"
    )]
    NoAnswer {
        stack: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            // Nobody knows whether anything was created.
            Self::NoAnswer { .. } => ExitCode::Error,
            _ => ExitCode::Refused,
        }
    }
}

/// What tells two templates apart.
pub(crate) fn digest(template: &str) -> String {
    hex::encode(&sha2::Sha256::digest(template)[..16])
}

/// Describes a stack, by its name or its id; nothing, if there is none.
pub(crate) async fn describe(client: &Client, stack: &str) -> Result<Option<Stack>, Cause> {
    let answer = match client.describe_stacks().stack_name(stack).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let cause = Cause::aws(&error);
            // CloudFormation has no code of its own for it (API Reference, "DescribeStacks").
            let absent =
                cause.code.as_deref() == Some("ValidationError") && cause.to_string().contains("does not exist");
            return if absent { Ok(None) } else { Err(cause) };
        }
    };
    Ok(answer.stacks.unwrap_or_default().into_iter().next().map(|stack| {
        let tags = stack.tags.unwrap_or_default();
        let value = |key| tags.iter().find(|tag| tag.key.as_deref() == Some(key)).and_then(|tag| tag.value.clone());
        Stack {
            id: stack.stack_id.unwrap_or_default(),
            status: stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: stack.stack_status_reason,
            template: value(TEMPLATE_TAG),
            zones: value(ZONES_TAG).unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        }
    }))
}

/// Looks whether the stack is there.
pub(crate) async fn find(client: &Client, stack: &str) -> Result<Option<Stack>, Error> {
    describe(client, stack).await.map_err(|source| Error::Describe { stack: stack.to_owned(), source })
}

/// What there is to do, with a stack that is there or not, and the template that the file makes now. `delete` is the command
/// that deletes it.
pub(crate) fn plan(found: Option<Stack>, stack: &str, template: &str, delete: &str) -> Result<StackPlan, Error> {
    let Some(found) = found else { return Ok(StackPlan::Create) };
    let stack = stack.to_owned();
    let Some(made_of) = found.template else { return Err(Error::Unmanaged { stack }) };
    match found.status.as_str() {
        "CREATE_IN_PROGRESS" | "CREATE_COMPLETE" if made_of != digest(template) => {
            Err(Error::OtherTemplate { stack, status: found.status })
        }
        "CREATE_IN_PROGRESS" => Ok(StackPlan::Follow(found.id)),
        "ROLLBACK_IN_PROGRESS" => Ok(StackPlan::WaitForRollback(found.id)),
        "CREATE_COMPLETE" => Ok(StackPlan::Verify(found.id)),
        "DELETE_COMPLETE" => Ok(StackPlan::Create),
        "DELETE_IN_PROGRESS" => Err(Error::StaleStack {
            stack,
            status: found.status,
            reason: String::new(),
            cure: "wait until CloudFormation has removed what it had made, then run the same command again".to_owned(),
        }),
        // Somebody has changed it since: it is a cluster at work.
        status if status.starts_with("UPDATE") || status.starts_with("IMPORT") => {
            Err(Error::OtherTemplate { stack, status: found.status })
        }
        _ => Err(Error::StaleStack {
            stack,
            status: found.status,
            reason: found
                .reason
                .map(|reason| format!(": {}", crate::ui::terminal::one_line(&reason)))
                .unwrap_or_default(),
            cure: format!("delete it, then run the same command again: `{delete}`"),
        }),
    }
}

/// What a stack is made of.
pub(crate) struct StackRequest<'a> {
    pub(crate) stack: &'a str,
    pub(crate) template: &'a str,
    pub(crate) zones: &'a [String],
    pub(crate) tags: &'a BTreeMap<String, String>,
    /// The command that deletes it.
    pub(crate) delete: &'a str,
}

/// Creates the stack, and gives back its id. All that it makes is removed if anything fails.
pub(crate) async fn create(client: &Client, wanted: &StackRequest<'_>) -> Result<String, Error> {
    let name = wanted.stack.to_owned();
    let ours = [(TEMPLATE_TAG, digest(wanted.template)), (ZONES_TAG, wanted.zones.join(" "))];
    let tags = wanted.tags.iter().map(|(key, value)| (key.as_str(), value.clone())).chain(ours);
    let call = client
        .create_stack()
        .stack_name(&name)
        .template_body(wanted.template)
        .capabilities(Capability::CapabilityIam)
        .on_failure(OnFailure::Rollback)
        .set_tags(Some(tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()))
        // The SDK's retries repeat the token, so that one stack is created however often CloudFormation is asked.
        .client_request_token(hex::encode(rand::random::<[u8; 16]>()));
    let error = match call.send().await {
        Ok(answer) => return Ok(answer.stack_id.unwrap_or(name)),
        Err(error) => Cause::aws(&error),
    };
    // Somebody was faster with the same file, or our own answer was lost.
    if error.retryable || error.code.as_deref() == Some("AlreadyExistsException") {
        match find(client, &name).await.and_then(|found| plan(found, &name, wanted.template, wanted.delete)) {
            Ok(StackPlan::Follow(id) | StackPlan::WaitForRollback(id) | StackPlan::Verify(id)) => return Ok(id),
            Err(other @ (Error::Unmanaged { .. } | Error::OtherTemplate { .. } | Error::StaleStack { .. })) => {
                return Err(other);
            }
            Ok(StackPlan::Create) | Err(_) if error.retryable => {
                return Err(Error::NoAnswer { stack: name, source: error });
            }
            Ok(StackPlan::Create) | Err(_) => {}
        }
    }
    let cure = hints::hint_for(&error.to_string());
    Err(Error::Rejected { stack: name, source: error.with_hint(&cure) })
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
