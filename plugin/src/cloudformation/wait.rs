//! Follows a stack's creation to its end. Input: the stack's id. Output: that it is complete, or why it is not, and what is
//! left of it. What CloudFormation does goes on without us: whoever asks later sees the whole story again.

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::StackEvent;
use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::Instant;

use crate::aws::waiter::{DeadlineExceeded, Waiter};
use crate::cause::Cause;
use crate::cloudformation::stack::{self, Stack};
use crate::cloudformation::stack_events::{Event, StackEvents};
use crate::cloudformation::{cost, hints};
use crate::error::HasExitCode;
use crate::ui::terminal::{Terminal, one_line};

/// Why there is no cluster at the end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A resource failed, and everything was taken back.
    #[error(
        "stack {stack} could not be created, and CloudFormation has removed all that it had made; an empty record is left, which \
         costs nothing{causes}\n  then delete the record and run the same command again: {delete}"
    )]
    Failed { stack: String, causes: String, delete: String },
    /// A resource failed, and not everything could be taken back.
    #[error(
        "stack {stack} could not be created, and CloudFormation COULD NOT REMOVE ALL that it had made ({status}){causes}\n  \
         still there:{left}\n  {cost}\n  remove them: {delete}"
    )]
    Stuck { stack: String, status: String, causes: String, left: String, cost: String, delete: String },
    /// It goes away, or is something else by now.
    #[error("stack {stack} is {status}: somebody else works on it. Nothing more was done")]
    Elsewhere { stack: String, status: String },
    /// We can't see it any more.
    #[error(
        "can't ask for stack {stack} any more; CloudFormation goes on with it. Run the same command again to go on"
    )]
    Lost {
        stack: String,
        #[source]
        source: Cause,
    },
    /// Time is up.
    #[error(transparent)]
    DeadlineExceeded(#[from] DeadlineExceeded),
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::Failed { .. } | Self::Stuck { .. } => ExitCode::AwsFailed,
            Self::Elsewhere { .. } | Self::Lost { .. } => ExitCode::Error,
            Self::DeadlineExceeded(_) => ExitCode::StillRunning,
        }
    }
}

/// For how long a stack that was created may not be there.
const VISIBILITY_GRACE: Duration = Duration::from_secs(30);

/// A stack to be followed.
pub(crate) struct StackWaiter<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
    /// How many resources its template has.
    pub(crate) resources: u64,
    /// The command that deletes it.
    pub(crate) delete: &'a str,
}

impl StackWaiter<'_> {
    /// Waits for its end.
    pub(crate) async fn wait(&self, terminal: &Terminal, deadline: Instant) -> Result<(), Error> {
        let mut story = StackEvents::default();
        let began = Instant::now();
        let mut poll = Waiter::new(terminal, deadline, format!("CloudFormation creates stack {}", self.name), "");
        loop {
            match stack::describe(self.client, self.id).await {
                // What has just begun may not be seen everywhere yet.
                Ok(None) if began.elapsed() < VISIBILITY_GRACE => {}
                Ok(stack) => {
                    let stack = stack.unwrap_or_else(|| Stack { status: "gone".to_owned(), ..Stack::default() });
                    match self.events().await {
                        Ok(events) => {
                            story.ingest(events).iter().for_each(|line| terminal.println_plain(&format!("  {line}")));
                        }
                        // The stack's own status is enough to go on.
                        Err(cause) => poll.note_retry(&cause.with_hint(" (cloudformation:DescribeStackEvents)")),
                    }
                    if let Some(ended) = self.stack_end(&stack, &story) {
                        return ended;
                    }
                    poll.set_status(self.progress_text(&stack, &story), (story.created(), self.resources));
                }
                Err(cause) if cause.retryable => poll.note_retry(&cause),
                Err(source) => return Err(Error::Lost { stack: self.name.to_owned(), source }),
            }
            poll.pause().await?;
        }
    }

    /// All that has happened. Asked after the stack's status: an end that is seen has all its events.
    async fn events(&self) -> Result<Vec<Event>, Cause> {
        let mut pages = self.client.describe_stack_events().stack_name(self.id).into_paginator().send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Cause::aws(&error))?;
            events.extend(page.stack_events.unwrap_or_default().into_iter().map(from_sdk));
        }
        Ok(events)
    }

    /// How it ended, if it has.
    fn stack_end(&self, stack: &Stack, story: &StackEvents) -> Option<Result<(), Error>> {
        let (name, status) = (self.name.to_owned(), stack.status.clone());
        Some(match status.as_str() {
            "CREATE_COMPLETE" => Ok(()),
            "CREATE_IN_PROGRESS" | "ROLLBACK_IN_PROGRESS" => return None,
            "ROLLBACK_COMPLETE" => {
                Err(Error::Failed { stack: name, causes: failure_causes(stack, story), delete: self.delete.to_owned() })
            }
            "ROLLBACK_FAILED" | "CREATE_FAILED" => {
                let left = story.remaining();
                Err(Error::Stuck {
                    stack: name,
                    status,
                    causes: failure_causes(stack, story),
                    cost: cost::billed_resources(left.iter().map(|(_, kind, _)| *kind)),
                    left: left.into_iter().map(remaining_line).collect(),
                    delete: self.delete.to_owned(),
                })
            }
            _ => Err(Error::Elsewhere { stack: name, status }),
        })
    }

    /// Short, because it stands beside a bar.
    fn progress_text(&self, stack: &Stack, story: &StackEvents) -> String {
        let what = if stack.status == "ROLLBACK_IN_PROGRESS" {
            "something failed: removing what was made".to_owned()
        } else {
            format!("{} of {} resources created", story.created(), self.resources)
        };
        story.in_progress().map_or_else(|| what.clone(), |name| format!("{what}, now {name}"))
    }
}

/// A resource that is left, on a line of its own.
fn remaining_line((name, kind, why): (&str, &str, Option<&str>)) -> String {
    let why = why.map(|why| format!(", could not be removed: {why}")).unwrap_or_default();
    format!("\n    {name} ({kind}){why}")
}

/// Why, a line for each cause; what CloudFormation says of the stack, where no resource says anything.
fn failure_causes(stack: &Stack, story: &StackEvents) -> String {
    let causes = story.causes();
    if causes.is_empty() {
        let reason = stack.reason.as_deref().unwrap_or("CloudFormation gives no reason");
        return format!("\n  {}{}", one_line(reason), hints::hint_for(reason));
    }
    let line = |event: &&Event| {
        format!(
            "\n  {} ({}): {}{}",
            event.resource,
            event.kind,
            one_line(&event.reason),
            hints::hint_for(&event.reason)
        )
    };
    causes.iter().map(line).collect()
}

fn from_sdk(event: StackEvent) -> Event {
    Event {
        id: event.event_id.unwrap_or_default(),
        time: event.timestamp.and_then(|time| time.to_millis().ok()).unwrap_or_default(),
        resource: event.logical_resource_id.unwrap_or_default(),
        kind: event.resource_type.unwrap_or_default(),
        status: event.resource_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: event.resource_status_reason.unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
