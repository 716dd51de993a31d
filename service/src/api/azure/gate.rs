//! What every request to an Azure path meets first, and every answer last: request ids, the key, the version.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError, web};
use futures::future::{Ready, ready};
use serde_json::json;

use super::AzureError;
use crate::api::door::Door;
use crate::api::edge;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const FRONT_REQUEST_ID: HeaderName = HeaderName::from_static("apim-request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The `api-version` of a request, one that the path knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) struct Version(pub(in crate::api) &'static str);

impl FromRequest for Version {
    type Error = AzureError;
    type Future = Ready<Result<Self, AzureError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().copied().ok_or_else(missing_version))
    }
}

/// Lets a request pass that shows a key and asks for a version which `versions` has for its path. The key comes first:
/// who has none learns nothing of the rest.
pub(in crate::api) async fn pass<B: MessageBody>(
    versions: fn(&str) -> &'static [&'static str],
    door: &Door,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let client_id = request.headers().get(CLIENT_REQUEST_ID).cloned();
    let mut response = match admitted(versions, door, &request) {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(refusal) => request.into_response(refusal.error_response()).map_into_right_body(),
    };
    finish(response.headers_mut(), client_id);
    Ok(response)
}

fn admitted(
    versions: fn(&str) -> &'static [&'static str],
    door: &Door,
    request: &ServiceRequest,
) -> Result<(), AzureError> {
    door.admit(request)?;
    let known = versions(request.match_info().as_str());
    let version = version(request.query_string(), known)?;
    request.extensions_mut().insert(version);
    Ok(())
}

fn version(query: &str, known: &'static [&'static str]) -> Result<Version, AzureError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query).map(web::Query::into_inner);
    let given = pairs.unwrap_or_default().into_iter().find(|(name, _)| name == "api-version");
    let (_, given) = given.filter(|(_, version)| !version.is_empty()).ok_or_else(missing_version)?;
    if let Some(version) = known.iter().find(|version| **version == given) {
        return Ok(Version(version));
    }
    // It comes back only if it looks like a version: anything may stand in a query.
    let looks_so =
        given.len() <= 32 && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let shown = if looks_so { given.as_str() } else { "" };
    let message =
        format!("Unsupported api-version '{shown}'. The supported api-versions are '{}'.", known.join(", "));
    Err(AzureError::new(StatusCode::BAD_REQUEST, "UnsupportedApiVersionValue", message))
}

fn missing_version() -> AzureError {
    let message = "The api-version query parameter (?api-version=) is required for all requests";
    AzureError::new(StatusCode::BAD_REQUEST, "MissingApiVersionParameter", message)
}

fn finish(headers: &mut HeaderMap, client_id: Option<HeaderValue>) {
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()) {
        headers.insert(FRONT_REQUEST_ID, id.clone());
        headers.insert(REQUEST_ID, id);
    }
    if let Some(id) = client_id.filter(|id| edge::is_sensible(id.as_bytes())) {
        headers.insert(CLIENT_REQUEST_ID, id);
    }
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        headers.insert(CONTENT_TYPE, JSON);
    }
}

/// Describes the version that an operation asks for.
pub(in crate::api) fn versioned<'b>(
    operation: crate::api::description::Operation<'b>,
    versions: &[&str],
) -> crate::api::description::Operation<'b> {
    let what = "A version of the vendor's API that has this operation.";
    let schema = json!({"type": "string", "enum": versions});
    let parameter = json!({
        "name": "api-version", "in": "query", "required": true, "description": what, "schema": schema,
        "example": versions.last(),
    });
    operation.parameter(parameter).refuses(&[400])
}
