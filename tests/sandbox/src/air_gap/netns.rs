//! A thread in network and mount namespaces of its own, and what it is told to do there. The processes that it starts are in
//! them too. Both namespaces, with all cables, routes and mounts, are gone when the thread and these processes are, however
//! they end: nothing of them has a name on the machine.

use std::sync::mpsc;
use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use nix::sched::{CloneFlags, unshare};

type Work = Box<dyn FnOnce() + Send>;

/// The thread; it ends when this value does.
#[derive(Debug)]
pub(super) struct NetnsThread {
    work: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl NetnsThread {
    /// Makes the namespaces, and furnishes them with `furnish`, whose gift it hands out.
    pub(super) fn make<T: Send + 'static>(
        furnish: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<(Self, T)> {
        let (work, todo) = mpsc::channel::<Work>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let made = unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
                .context("can't make a network namespace: that needs root")
                .and_then(|()| furnish());
            let failed = made.is_err();
            if tell.send(made).is_err() || failed {
                return;
            }
            for work in todo {
                work();
            }
        });
        let room = Self { work: Some(work), thread: Some(thread) };
        let gift = told.recv().map_err(|_| anyhow!("the thread with the namespace ended"))??;
        Ok((room, gift))
    }

    /// Has something done in it, and waits for that.
    pub(super) fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
        let (tell, told) = mpsc::channel();
        let work = Box::new(move || {
            // Nobody waits for it where the waiting thread has panicked.
            let _ = tell.send(work());
        });
        let closed = || anyhow!("the thread with the namespace ended");
        self.work.as_ref().ok_or_else(closed)?.send(work).map_err(|_| closed())?;
        told.recv().map_err(|_| closed())
    }
}

impl Drop for NetnsThread {
    fn drop(&mut self) {
        drop(self.work.take());
        // A panic of its own has been printed already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
