//! The parts that run: whoever waits for one of them looks at all, so that the part that failed is the one that is named.

use std::time::Duration;

use tokio::time::Instant;

use crate::process::{Component, ComponentError, Start};

/// How often a condition is looked at while it is waited for. Short, for a sandbox should be up in seconds; each look
/// is a loopback request.
const LOOK: Duration = Duration::from_millis(50);

/// The longest that a part takes, on 2 cores while something compiles beside it.
pub(crate) const READY: Duration = Duration::from_secs(60);

/// The parts that run, in the order of their start.
#[derive(Debug, Default)]
pub(crate) struct ProcessGroup(Vec<Component>);

impl ProcessGroup {
    /// Starts a part.
    pub(crate) fn start(&mut self, start: Start) -> Result<(), ComponentError> {
        self.0.push(start.spawn()?);
        Ok(())
    }

    /// Waits until a look says that the part started last does its work.
    pub(crate) async fn ready<F>(&mut self, limit: Duration, look: impl Fn() -> F) -> Result<(), ComponentError>
    where
        F: Future<Output = Result<(), String>>,
    {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(error) = self.dead() {
                return Err(error);
            }
            match look().await {
                Ok(()) => return Ok(()),
                Err(reason) if Instant::now() > deadline => {
                    return Err(ComponentError::not_ready(self.0.last(), limit, reason));
                }
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// A part that has ended by itself, which none should; named once.
    pub(crate) fn dead(&mut self) -> Option<ComponentError> {
        let (place, error) = self.0.iter_mut().enumerate().find_map(|(place, part)| Some((place, part.failure()?)))?;
        self.0.remove(place);
        Some(error)
    }

    /// Asks every part to end, and makes it end when it takes longer than `grace`.
    pub(crate) async fn stop(&mut self, grace: Duration) {
        for mut part in self.0.drain(..) {
            part.stop(grace).await;
        }
    }

    /// Ends every part at once, as a crash would.
    pub(crate) async fn kill(&mut self) {
        for mut part in self.0.drain(..) {
            part.kill().await;
        }
    }

    /// Their process ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().filter_map(Component::id)
    }
}

#[cfg(test)]
mod tests {
    //! What is said of a part that is not well.
    use std::path::Path;

    use super::*;

    fn shell(part: &str, script: &str, folder: &Path) -> Start {
        Start::new(part, Path::new("/bin/sh"), folder.join(format!("{part}.log"))).args(["-c", script])
    }

    /// A part that does nothing for as long as it is let.
    const IDLE: &str = "exec cat /dev/zero > /dev/null";

    #[tokio::test]
    async fn the_part_that_died_is_named_and_not_the_one_that_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut processes = ProcessGroup::default();
        processes.start(shell("etcd", "echo address already in use; exit 3", folder.path())).unwrap();
        processes.start(shell("kube-apiserver", IDLE, folder.path())).unwrap();
        let error = processes.ready(READY, async || Err("refused".into())).await.unwrap_err();
        let error = error.to_string().replace(&folder.path().display().to_string(), "LOGS");
        insta::assert_snapshot!(error, @r"
        etcd ended (exit status: 3). The last lines of LOGS/etcd.log:
          address already in use
        ");
        assert!(processes.dead().is_none(), "a death is told once");
    }

    #[tokio::test]
    async fn a_part_that_never_gets_ready_says_what_was_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut processes = ProcessGroup::default();
        processes.start(shell("etcd", IDLE, folder.path())).unwrap();
        let error = processes.ready(Duration::ZERO, async || Err("no answer on port 1".into())).await.unwrap_err();
        let error = error.to_string().replace(&folder.path().display().to_string(), "LOGS");
        insta::assert_snapshot!(error, @r"
        etcd was not ready after 0 s: no answer on port 1. The last lines of LOGS/etcd.log:
          (it says nothing)
        ");
    }
}
