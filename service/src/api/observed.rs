//! What is told of every request, whichever facade answers: a span, and the counters.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::metrics::Limit;
use crate::moderator::Moderator;

/// The facades, by what their routes begin with; the first that fits.
const FACADES: [(&str, &str); 14] = [
    ("/contentsafety", "contentsafety"),
    ("/language", "language"),
    ("/v1/lamassu", "lamassu"),
    ("/v1alpha1", "perspective"),
    ("/$discovery", "perspective"),
    ("/batch", "perspective"),
    ("/v1", "openai"),
    ("/openai", "openai"),
    ("/skills", "skills"),
    ("/beta/litellm", "litellm"),
    ("/api/v1/text", "detectors"),
    ("/analyze", "presidio"),
    ("/supportedentities", "presidio"),
    ("/", "operations"),
];

/// Tells of a request: outermost, so that what others refuse is told of as well.
pub(super) async fn observed<B: MessageBody>(
    moderator: web::Data<Moderator>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let route = request.match_pattern();
    let counted = moderator.metrics().request(facade(route.as_deref()));
    let span = span(&request, route.as_deref());
    let answer = next.call(request).instrument(span.clone()).await;
    let (status, headers) = match &answer {
        Ok(response) => (response.status(), Some(response.headers())),
        Err(error) => (error.as_response_error().status_code(), None),
    };
    record(&span, status, headers);
    counted.answered(status.as_u16(), limit(status, headers));
    answer
}

/// The facade of a route, by a name that is in this file: a caller's path makes no label.
fn facade(route: Option<&str>) -> &'static str {
    let Some(route) = route else { return "none" };
    FACADES.iter().find(|(prefix, _)| route.starts_with(prefix)).map_or("none", |(_, name)| name)
}

/// A span of the request, under the caller's if it names one.
///
/// *Source*: OpenTelemetry, Semantic Conventions for HTTP Spans; W3C Trace Context. Of the caller's headers only the ids in
/// `traceparent` get in.
fn span(request: &ServiceRequest, route: Option<&str>) -> Span {
    let (method, route) = (method(request.method()), route.unwrap_or("unknown"));
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        lamassu.request_id = Empty,
        lamassu.decision_id = Empty,
    );
    if request.headers().contains_key(TRACE_PARENT) {
        // Nobody listens to spans, or this one is not wanted: then there is nothing to be under.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Parent(request.headers())));
    }
    span
}

fn record(span: &Span, status: StatusCode, headers: Option<&HeaderMap>) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "error");
    }
    let decision = headers.and_then(|headers| headers.get(super::account::DECISION)?.to_str().ok());
    if let Some(decision) = decision {
        span.record("lamassu.decision_id", decision);
    }
}

/// Which limit of this service refuses a request that is answered so.
fn limit(status: StatusCode, headers: Option<&HeaderMap>) -> Option<Limit> {
    let comes_again = headers.is_some_and(|headers| headers.contains_key(RETRY_AFTER));
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Some(Limit::Size),
        StatusCode::TOO_MANY_REQUESTS => Some(Limit::Rate),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Some(Limit::Time),
        StatusCode::SERVICE_UNAVAILABLE if comes_again => Some(Limit::Capacity),
        _ => None,
    }
}

/// A method by its name; those that HTTP does not define have none of their own.
fn method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    known.into_iter().find(|name| method.as_str() == *name).unwrap_or("_OTHER")
}

const TRACE_PARENT: &str = "traceparent";

/// The one header that names the caller's span; `tracestate` holds whatever anybody put there.
struct Parent<'a>(&'a HeaderMap);

impl Extractor for Parent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACE_PARENT).then(|| self.0.get(key)?.to_str().ok()).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACE_PARENT]
    }
}
