//! What stands before moto: writes down every call, answers those about a stack that plays a life, and passes on the rest.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::calls::Call;
use super::stack::{ScriptedAnswer, Stack};
use super::stack_script::StackScript;
use crate::aws::moto::Moto;

/// The front of one account.
#[derive(Debug)]
pub(super) struct Proxy {
    moto: Moto,
    calls: Mutex<Vec<String>>,
    stack: Mutex<Option<Stack>>,
}

impl Proxy {
    pub(super) fn new(moto: Moto) -> Self {
        Self { moto, calls: Mutex::default(), stack: Mutex::default() }
    }

    pub(super) fn moto(&self) -> &Moto {
        &self.moto
    }

    pub(super) fn run_script(&self, life: StackScript) {
        *lock(&self.stack) = Some(Stack::new(life));
    }

    pub(super) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.calls))
    }

    fn scripted_answer(&self, call: &Call) -> Option<ScriptedAnswer> {
        if call.service == "cloudformation" { lock(&self.stack).as_mut()?.answer(call) } else { None }
    }
}

/// Nothing that holds these locks can leave a half-changed value behind, so a panic elsewhere poisons nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens on a loopback port until it is told to stop.
pub(super) async fn serve(front: &Arc<Proxy>, port: u16, stop: &CancellationToken) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("the AWS endpoint can't listen")?;
    let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(front));
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            eprintln!("the AWS endpoint ended: {error}");
        }
    });
    Ok(())
}

async fn answer(
    State(front): State<Arc<Proxy>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call::of(&method, &uri, &headers, &body);
    lock(&front.calls).push(call.name());
    match front.scripted_answer(&call) {
        Some(ScriptedAnswer::Answer(answer)) => answer,
        Some(ScriptedAnswer::AfterMoto(answer)) => {
            let moto = front.moto.forward(method, &uri, headers, body).await;
            if moto.status().is_success() { answer } else { moto }
        }
        None => front.moto.forward(method, &uri, headers, body).await,
    }
}
