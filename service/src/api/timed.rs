//! Bodies of requests, which must come in time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::rt::time::{Sleep, sleep};
use actix_web::{Error, HttpMessage, web};
use futures::Stream;

use crate::error::ApiError;
use crate::moderator::Moderator;

/// A client let us wait longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("the body did not come in time")]
struct TooSlow {
    seconds: u64,
}

/// Bounds the time that a request's body may take.
pub(super) async fn timed<B: MessageBody>(
    moderator: web::Data<Moderator>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let body = request.take_payload();
    if !matches!(body, Payload::None) {
        let limits = moderator.limits();
        let timed = Timed::new(body, limits.body_seconds, limits.max_body_bytes);
        request.set_payload(Payload::Stream { payload: Box::pin(timed) });
    }
    next.call(request).await
}

/// Why a body could not be received.
pub(super) fn unreceived(error: &Error) -> ApiError {
    let slow = match error.as_error::<PayloadError>() {
        Some(PayloadError::Io(error)) => error.get_ref().and_then(|error| error.downcast_ref::<TooSlow>()),
        _ => None,
    };
    match slow {
        Some(TooSlow { seconds }) => ApiError::TooSlow { seconds: *seconds },
        None => ApiError::Unreadable("it could not be received whole".to_owned()),
    }
}

/// A body, and for how long its client may still let us wait. Only waiting for the client counts. A body of more bytes
/// than one may have otherwise, which some requests stream, has as much time again for each as many.
struct Timed {
    body: Payload,
    seconds: u64,
    window: usize,
    /// Bytes of this window that came.
    came: usize,
    left: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Timed {
    fn new(body: Payload, seconds: u64, window: usize) -> Self {
        Self { body, seconds, window, came: 0, left: Duration::from_secs(seconds), waiting: None }
    }
}

impl Stream for Timed {
    type Item = Result<web::Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let timed = self.get_mut();
        let Poll::Ready(next) = Pin::new(&mut timed.body).poll_next(context) else {
            let left = timed.left;
            let (_, clock) = timed.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
            let is_over = clock.as_mut().poll(context).is_ready();
            let slow = || PayloadError::Io(std::io::Error::other(TooSlow { seconds: timed.seconds }));
            return if is_over { Poll::Ready(Some(Err(slow()))) } else { Poll::Pending };
        };
        if let Some((since, _)) = timed.waiting.take() {
            timed.left = timed.left.saturating_sub(since.elapsed());
        }
        if let Some(Ok(chunk)) = &next {
            timed.came += chunk.len();
        }
        if timed.came >= timed.window {
            (timed.came, timed.left) = (0, Duration::from_secs(timed.seconds));
        }
        Poll::Ready(next)
    }
}
