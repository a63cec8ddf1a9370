//! The plugin at work in a process of its own, for scenarios in which something happens meanwhile. Input: a command line.
//! Output: what it has said so far, and how it ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use eks_encrypt_sandbox::sandbox::Sandbox;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{CommandOutput, plugin_command, wait_for};

/// What is said when the first page of Secrets has been listed.
pub(crate) const STARTED: &str = " has begun: ";

/// A plugin at work; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Starts it. `name` is for the files that it writes to.
    pub(crate) fn start(sandbox: &Sandbox, name: &str, arguments: &[&str]) -> Self {
        Self::of(plugin_command(sandbox, arguments), &sandbox.folder().logs(), name)
    }

    /// Starts a command whose files go into a folder.
    pub(crate) fn of(mut command: Command, folder: &Path, name: &str) -> Self {
        let file = |ending| folder.join(format!("{name}.{ending}"));
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        // kubectl becomes the plugin: this is the plugin's own process.
        Self { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// Waits until it has said this; it must be at work still.
    #[track_caller]
    pub(crate) fn until(&mut self, words: &str) {
        wait_for(&format!("{words:?}"), || {
            let output = std::fs::read_to_string(&self.stderr).unwrap();
            if output.contains(words) {
                return Some(());
            }
            assert!(self.ended().is_none(), "it ended without saying {words:?}: {output}");
            None
        });
    }

    /// It must be at work still, or the scenario shows nothing.
    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        let ended = self.ended();
        let output = std::fs::read_to_string(&self.stderr).unwrap();
        assert!(ended.is_none(), "it had ended before this, and the test shows nothing: {ended:?} {output}");
    }

    /// Ends it as a laptop that vanishes does.
    pub(crate) fn kill(mut self) {
        self.assert_running();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Interrupts it, as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) {
        self.assert_running();
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> CommandOutput {
        let status = self.child.wait().unwrap();
        let read = |file: &PathBuf| std::fs::read_to_string(file).unwrap();
        CommandOutput { code: status.code(), stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed must not leave it behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
