//! What every answer says of how it came about, in headers, whichever facade gives it: the decision it rests on, the
//! policy, whether anything failed. The one place where that is said.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::decisions::{Heading, Minutes};
use crate::moderator::Moderator;

pub(super) const DECISION: HeaderName = HeaderName::from_static("x-lamassu-decision");
const DEGRADED: HeaderName = HeaderName::from_static("x-lamassu-degraded");
const POLICY: HeaderName = HeaderName::from_static("x-lamassu-policy");

/// Keeps the minutes of a request until its answer is sent, and says in the answer's headers what they have.
pub(super) async fn minuted<B: MessageBody + 'static>(
    moderator: web::Data<Moderator>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let minutes = Minutes::open();
    let mut response = Arc::clone(&minutes).over(next.call(request)).await?;
    for (name, value) in said(&minutes, &moderator) {
        response.headers_mut().insert(name, value);
    }
    Ok(response.map_body(|_, body| match body.size() {
        BodySize::Stream => BoxBody::new(Later { body: body.boxed(), minutes }),
        BodySize::None | BodySize::Sized(_) => body.boxed(),
    }))
}

/// A body that is made while it is sent: what is decided meanwhile belongs to the same minutes.
struct Later {
    body: BoxBody,
    minutes: Arc<Minutes>,
}

impl MessageBody for Later {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        let Self { body, minutes } = self.get_mut();
        minutes.within(|| body.as_pin_mut().poll_next(context))
    }
}

/// What an answer's headers say by `minutes`. Where nothing was judged, nothing failed, and the policy is the one in
/// force. Whether anything fails is not said by an answer whose head leaves before it is known.
pub(super) fn said(minutes: &Minutes, moderator: &Moderator) -> Vec<(HeaderName, HeaderValue)> {
    let in_force = || Some(Arc::clone(moderator.chambers().of(None).ok()?.judging.policy().digest()));
    let heading = minutes.said();
    let decision = heading.as_ref().and_then(|heading| heading.decision).map(|id| id.to_string());
    let degraded = heading.as_ref().map_or(Some(false), |heading| heading.degraded);
    let policy = heading.map(|Heading { policy, .. }| policy).or_else(in_force);
    let degraded = degraded.map(|degraded| if degraded { "true" } else { "false" });
    let said = [(DECISION, decision.as_deref()), (POLICY, policy.as_deref()), (DEGRADED, degraded)];
    let said = said.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value?).ok()?)));
    said.collect()
}
