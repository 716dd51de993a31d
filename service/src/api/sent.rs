//! Answers on their way out: what a request holds is held until its answer is sent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use super::door::Places;
use super::wire::{Answering, Attended};

/// Has the answer hold the request's places, and its connection count as attended to, until it is sent. A request whose
/// client hangs up is dropped, and what it holds with it.
pub(super) async fn held<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answering = request.conn_data::<Attended>().map(Attended::begin);
    let response = next.call(request).await?;
    let places = response.request().extensions_mut().remove::<Places>();
    Ok(response.map_body(|_, body| match body.size() {
        BodySize::None | BodySize::Sized(0) => body.boxed(),
        BodySize::Sized(_) | BodySize::Stream => BoxBody::new(Sent::new(body, (places, answering))),
    }))
}

/// What is held.
type Held = (Option<Places>, Option<Answering>);

/// A body, and what is held until it is sent. That is let go with its last byte: a client that has all of an answer may
/// ask again at once.
struct Sent {
    body: BoxBody,
    /// Bytes still to come, where that is known.
    left: Option<u64>,
    held: Option<Held>,
}

impl Sent {
    fn new(body: impl MessageBody + 'static, held: Held) -> Self {
        let left = match body.size() {
            BodySize::Sized(size) => Some(size),
            BodySize::None | BodySize::Stream => None,
        };
        Self { body: body.boxed(), left, held: Some(held) }
    }
}

impl MessageBody for Sent {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        let sent = self.get_mut();
        let next = ready!(sent.body.as_pin_mut().poll_next(context));
        if let (Some(Ok(chunk)), Some(left)) = (&next, &mut sent.left) {
            *left = left.saturating_sub(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        }
        if next.is_none() || sent.left == Some(0) {
            sent.held = None;
        }
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::{BodyStream, MessageBody};
    use actix_web::web::Bytes;
    use futures::future::poll_fn;
    use futures::stream;

    use super::Sent;
    use crate::api::wire::Attended;

    /// Polls `body` to its end: after which of its pieces nothing was held any more.
    async fn let_go(body: impl MessageBody + 'static) -> Option<usize> {
        let attended = Attended::default();
        let mut sent = Box::pin(Sent::new(body, (None, Some(attended.begin()))));
        let (mut pieces, mut after) = (0, None);
        loop {
            let next = poll_fn(|context| sent.as_mut().poll_next(context)).await;
            if !attended.is_busy() {
                after.get_or_insert(pieces + usize::from(next.is_some()));
            }
            match next {
                Some(_) => pieces += 1,
                None => return after,
            }
        }
    }

    #[actix_web::test]
    async fn what_is_held_is_let_go_with_the_last_byte_or_with_the_end_if_nobody_knows_which_is_the_last() {
        assert_eq!(let_go(Bytes::from_static(b"whole")).await, Some(1));
        let pieces = ["a", "b"].map(|piece| Ok::<_, actix_web::Error>(Bytes::from_static(piece.as_bytes())));
        assert_eq!(let_go(BodyStream::new(stream::iter(pieces))).await, Some(2));
    }
}
