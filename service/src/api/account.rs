//! What an answer in a vendor's format says of how it came about: in headers, because the format has no place for it.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use policies::Record;

const DEGRADED: HeaderName = HeaderName::from_static("x-lamassu-degraded");
const POLICY: HeaderName = HeaderName::from_static("x-lamassu-policy");

/// Says in `response` how the judgment came about that it rests on. The one place where a vendor's answer names its
/// decision.
pub(super) fn accounted(response: HttpResponse, record: &Record) -> HttpResponse {
    told(response, record.degraded(), Some(&record.policy))
}

/// The same of what is known of more than one judgment.
pub(super) fn told(mut response: HttpResponse, degraded: bool, policy: Option<&str>) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(DEGRADED, HeaderValue::from_static(if degraded { "true" } else { "false" }));
    if let Some(Ok(policy)) = policy.map(HeaderValue::from_str) {
        headers.insert(POLICY, policy);
    }
    response
}

/// What is true of an answer that rests on no judgment: nothing failed, and the policy in force is `policy`.
pub(super) fn complete(headers: &mut HeaderMap, policy: &str) {
    if !headers.contains_key(DEGRADED) {
        headers.insert(DEGRADED, HeaderValue::from_static("false"));
    }
    if let (false, Ok(policy)) = (headers.contains_key(POLICY), HeaderValue::from_str(policy)) {
        headers.insert(POLICY, policy);
    }
}
