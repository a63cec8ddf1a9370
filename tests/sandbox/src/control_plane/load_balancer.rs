//! The load balancer at the cluster's endpoint, as EKS has a Network Load Balancer there: TCP alone, new connections spread
//! over the healthy API servers, health checks by `/readyz`, draining. It can be told to send everybody to one server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// How often a server is looked at that was not healthy last time: a restart should cost no more than it takes.
const UNHEALTHY_LOOK: Duration = Duration::from_millis(50);

/// How often one is looked at that was.
const HEALTHY_LOOK: Duration = Duration::from_secs(1);

/// A server that takes longer to say that it is ready is not, and one that can't be connected to in this time is not there.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// So many looks in a row have to fail before a healthy server is left out.
const FAILED_LOOKS: u8 = 2;

/// Bytes that are held of each direction of a connection.
const BUFFER: usize = 64 << 10;

/// It listens as long as this value lives.
pub(crate) struct LoadBalancer {
    state: Arc<Mutex<State>>,
    runtime: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    targets: Vec<Target>,
    /// The one server that all connections go to, if they do not spread.
    only: Option<String>,
    /// Counts connections, to take turns.
    connections: usize,
}

/// One API server.
struct Target {
    name: String,
    address: SocketAddr,
    health: Result<(), String>,
    draining: bool,
    /// Ends its connections; replaced then.
    connections: CancellationToken,
    /// Ends its health check.
    _removed: tokio_util::sync::DropGuard,
}

impl LoadBalancer {
    /// Listens.
    pub(crate) fn listen(at: SocketAddr) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(at).with_context(|| format!("can't listen at {at}"))?;
        listener.set_nonblocking(true)?;
        // A thread of its own: bytes must not wait for what else the supervisor does.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (state, stop, handle) =
            (Arc::<Mutex<State>>::default(), CancellationToken::new(), runtime.handle().clone());
        let (shared, until) = (Arc::clone(&state), stop.clone());
        let thread = std::thread::spawn(move || {
            let ended = runtime.block_on(until.run_until_cancelled(accept(listener, &shared)));
            if let Some(Err(error)) = ended {
                eprintln!("the load balancer ended: {error}");
            }
        });
        Ok(Self { state, runtime: handle, stop, thread: Some(thread) })
    }

    /// Adds an API server. It gets connections once it is healthy.
    pub(crate) fn add(&self, name: &str, address: SocketAddr, client: kube::Client) {
        let removed = CancellationToken::new();
        let target = Target {
            name: name.to_owned(),
            address,
            health: Err("it has not been asked yet".to_owned()),
            draining: false,
            connections: CancellationToken::new(),
            _removed: removed.clone().drop_guard(),
        };
        self.lock().targets.push(target);
        let (state, name) = (Arc::clone(&self.state), name.to_owned());
        self.runtime.spawn(removed.run_until_cancelled_owned(watch_health(state, name, client)));
    }

    /// Forgets an API server.
    pub(crate) fn remove(&self, name: &str) {
        self.cut(name);
        self.lock().targets.retain(|target| target.name != name);
    }

    /// Gives an API server no new connections, until [`Self::admit`].
    pub(crate) fn drain(&self, name: &str) {
        self.change(name, |target| target.draining = true);
    }

    /// Ends the connections of an API server.
    pub(crate) fn cut(&self, name: &str) {
        self.change(name, |target| std::mem::take(&mut target.connections).cancel());
    }

    /// Gives a drained API server connections again, once it is healthy.
    pub(crate) fn admit(&self, name: &str) {
        self.change(name, |target| {
            target.draining = false;
            target.health = Err("it has not been asked since its start".to_owned());
        });
    }

    /// Whether an API server is healthy; what it said if not.
    pub(crate) fn health(&self, name: &str) -> Result<(), String> {
        let state = self.lock();
        let target = state.targets.iter().find(|target| target.name == name);
        target.map_or_else(|| Err("the load balancer does not know it".to_owned()), |target| target.health.clone())
    }

    /// Sends all connections to one API server, and ends those that others have; or spreads new ones again.
    pub(crate) fn send_all_to(&self, only: Option<String>) -> anyhow::Result<()> {
        let mut state = self.lock();
        if let Some(name) = &only {
            anyhow::ensure!(state.targets.iter().any(|target| target.name == *name), "there is no API server {name}");
            let others = state.targets.iter_mut().filter(|target| target.name != *name);
            others.for_each(|target| std::mem::take(&mut target.connections).cancel());
        }
        state.only = only;
        Ok(())
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Target)) {
        if let Some(target) = self.lock().targets.iter_mut().find(|target| target.name == name) {
            change(target);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        self.stop.cancel();
        // A panic of its own has been printed already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Nothing that holds the lock can leave a half-changed value behind, so a panic elsewhere poisons nothing.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The servers that a new connection may go to, best first. Where none is healthy, all are tried, as AWS's does
    /// (Elastic Load Balancing, "Health checks for Network Load Balancer target groups").
    fn choose(&mut self) -> Vec<(SocketAddr, CancellationToken)> {
        let turn = self.connections;
        self.connections += 1;
        let chosen = |target: &&Target| self.only.as_ref().is_none_or(|only| target.name == *only);
        let open: Vec<&Target> = self.targets.iter().filter(chosen).filter(|target| !target.draining).collect();
        let healthy: Vec<&Target> = open.iter().filter(|target| target.health.is_ok()).copied().collect();
        let targets = if healthy.is_empty() { open } else { healthy };
        let count = targets.len();
        let in_turn = (0..count).map(|place| targets[(turn + place) % count]);
        in_turn.map(|target| (target.address, target.connections.clone())).collect()
    }
}

async fn accept(listener: std::net::TcpListener, state: &Mutex<State>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            // A client that has gone already, or too many open files: others come.
            Err(error) => {
                eprintln!("the load balancer could not accept a connection: {error}");
                tokio::time::sleep(UNHEALTHY_LOOK).await;
                continue;
            }
        };
        let targets = lock(state).choose();
        tokio::spawn(pass(client, targets));
    }
}

/// Carries one connection. Where no server can be connected to, the client sees it closed.
async fn pass(mut client: TcpStream, targets: Vec<(SocketAddr, CancellationToken)>) {
    for (address, cut) in targets {
        let connected = tokio::time::timeout(ANSWER_WITHIN, TcpStream::connect(address)).await;
        let Ok(Ok(mut server)) = connected else { continue };
        // Small answers must not wait for more to come. An error means that the other end has gone.
        let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
        let copied = tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER);
        // Who hangs up has said so to the other end.
        let _ = cut.run_until_cancelled_owned(copied).await;
        return;
    }
}

/// Looks after one server's health for as long as it is there.
async fn watch_health(state: Arc<Mutex<State>>, name: String, client: kube::Client) {
    let mut failed: u8 = 0;
    loop {
        let health = ready(&client).await;
        failed = if health.is_ok() { 0 } else { failed.saturating_add(1) };
        let healthy = {
            let mut state = lock(&state);
            let Some(target) = state.targets.iter_mut().find(|target| target.name == name) else { return };
            if health.is_ok() || failed >= FAILED_LOOKS {
                target.health = health;
            }
            target.health.is_ok()
        };
        tokio::time::sleep(if healthy { HEALTHY_LOOK } else { UNHEALTHY_LOOK }).await;
    }
}

/// Whether an API server says that it is ready; what it says if not.
async fn ready(client: &kube::Client) -> Result<(), String> {
    let request = http::Request::get("/readyz").body(Vec::new()).map_err(|error| error.to_string())?;
    match tokio::time::timeout(ANSWER_WITHIN, client.request_text(request)).await {
        Ok(Ok(answer)) if answer == "ok" => Ok(()),
        Ok(Ok(answer)) => Err(answer),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
    }
}
