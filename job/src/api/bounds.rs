//! Bounds on what an API server sends: bytes, objects and time. Behind a kubeconfig may be a proxy, or anything else that answers.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Either, Full};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::layer::layer_fn;
use tower::{BoxError, Service};

/// Longest answer that is read whole. A page of 500 objects has some 2 MiB.
const LONGEST_ANSWER: usize = 16 << 20;

/// Most JSON objects in such an answer. `{}` is a Pod or an Event, which has 2 bytes in the text and 2 KiB in memory.
const MOST_OBJECTS: usize = 32_000;

/// How many answers are read at once: a command lists several kinds in parallel, and each may be that long.
const READ_AT_ONCE: usize = 3;

/// How much is read of an answer that says no.
pub(crate) const LONGEST_REFUSAL: usize = 64 << 10;

/// Longest text of an error: what Pod Security or a webhook says has some hundred bytes, and a termination message 4 KiB.
pub const LONGEST_TEXT: usize = 2 << 10;

/// How long one answer may take, with the client's own retries and a command that renews credentials. The API server itself gives
/// up after 60 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// Marks a request whose answer is passed on as it comes. Its reader has bounds of its own.
#[derive(Clone, Copy, Debug)]
pub struct Unbounded;

/// Why an answer was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BoundsError {
    /// It has too many bytes.
    #[error("the answer is longer than {} KiB", .0 >> 10)]
    TooLong(usize),
    /// It has too many objects.
    #[error("the answer has more than {MOST_OBJECTS} objects")]
    TooMany,
    /// It took too long.
    #[error("no whole answer within {} s", ANSWER_WITHIN.as_secs())]
    Late,
}

/// A client each of whose answers is bounded.
pub fn client<S, B>(builder: ClientBuilder<S>) -> Client
where
    S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: BodyExt<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let readers = Arc::new(Semaphore::new(READ_AT_ONCE));
    builder.with_layer(&layer_fn(move |service| Bounded { service, readers: readers.clone() })).build()
}

struct Bounded<S> {
    service: S,
    readers: Arc<Semaphore>,
}

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: BodyExt<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Either<B, Full<Bytes>>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let unbounded = request.extensions().get::<Unbounded>().is_some();
        let (answer, readers) = (self.service.call(request), self.readers.clone());
        let exchange = async move {
            let (head, body) = answer.await.map_err(Into::into)?.into_parts();
            let _reading = if unbounded { None } else { Some(readers.acquire_owned().await?) };
            let says_no = head.status.is_client_error() || head.status.is_server_error();
            let body = match (unbounded, says_no) {
                (true, false) => Either::Left(body),
                (_, true) => Either::Right(Full::from(beginning(body, LONGEST_REFUSAL).await?)),
                (false, false) => {
                    let bytes = whole(body, LONGEST_ANSWER).await?;
                    if bytes.iter().filter(|byte| **byte == b'{').count() > MOST_OBJECTS {
                        return Err(BoundsError::TooMany.into());
                    }
                    Either::Right(Full::from(bytes))
                }
            };
            Ok(Response::from_parts(head, body))
        };
        Box::pin(
            async move { timeout(ANSWER_WITHIN, exchange).await.unwrap_or_else(|_| Err(BoundsError::Late.into())) },
        )
    }
}

/// A whole body.
///
/// # Errors
/// It is longer than `most` bytes, or the connection broke.
pub async fn whole<B>(body: B, most: usize) -> Result<Vec<u8>, BoxError>
where
    B: BodyExt<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let bytes = beginning(body, most + 1).await?;
    if bytes.len() > most { Err(BoundsError::TooLong(most).into()) } else { Ok(bytes) }
}

/// The first bytes of a body, `most` at most. The rest is not read.
pub(crate) async fn beginning<B>(body: B, most: usize) -> Result<Vec<u8>, BoxError>
where
    B: BodyExt<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (mut body, mut bytes) = (std::pin::pin!(body), Vec::new());
    while bytes.len() < most
        && let Some(frame) = body.frame().await
    {
        if let Some(chunk) = frame.map_err(Into::into)?.data_ref() {
            bytes.extend_from_slice(chunk.get(..most - bytes.len()).unwrap_or(chunk));
        }
    }
    Ok(bytes)
}

/// The text, or its first `most` bytes and how many follow.
#[must_use]
pub fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let end = text.floor_char_boundary(most);
    format!("{}... ({} more bytes)", &text[..end], text.len() - end)
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod tests;
