//! What every request meets first: its id, the key, and errors in the native dress.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};
use subtle::ConstantTimeEq;
use tracing::Instrument;

use crate::error::ApiError;
use crate::json::ErrorJson;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_KEY: &str = "api-key";

/// Seconds after which a refused caller may try again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An error as the native API shows it.
#[derive(Debug)]
pub(super) struct NativeError(ApiError);

impl From<ApiError> for NativeError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for NativeError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ResponseError for NativeError {
    fn status_code(&self) -> StatusCode {
        self.0.code().1
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if matches!(self.0, ApiError::Overloaded) {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        response.json(ErrorJson::from(&self.0))
    }
}

/// The key that requests must show, if there is one.
pub(super) struct Key(Option<Vec<u8>>);

impl Key {
    pub(super) fn new(key: Option<&str>) -> Self {
        Self(key.map(|key| key.as_bytes().to_vec()))
    }

    /// Whether `shown` is the key. Takes as long for a wrong key as for the right one.
    fn admits(&self, shown: Option<&[u8]>) -> bool {
        match (&self.0, shown) {
            (None, _) => true,
            (Some(key), Some(shown)) => key.ct_eq(shown).into(),
            (Some(_), None) => false,
        }
    }
}

/// Lets a request pass that shows the key as `Authorization: Bearer KEY` or `api-key: KEY`.
pub(super) async fn require_key<B: MessageBody>(
    key: web::Data<Key>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let bearer = header("authorization").and_then(|value| value.strip_prefix(b"Bearer "));
    if key.admits(bearer.or_else(|| header(API_KEY))) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let refusal = NativeError(ApiError::Unauthorized).error_response();
    Ok(request.into_response(refusal).map_into_right_body())
}

/// Gives every request an id, the caller's own if it has a sensible one, and says it in the answer.
pub(super) async fn request_id<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let given = request.headers().get(REQUEST_ID).filter(|id| is_sensible(id.as_bytes())).cloned();
    let made = || HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()).ok();
    let Some(id) = given.or_else(made) else { return next.call(request).await };
    let shown = id.to_str().unwrap_or_default().to_owned();
    let span = tracing::info_span!("request", id = shown, method = %request.method(), path = request.path());
    let mut response = next.call(request).instrument(span).await?;
    response.headers_mut().insert(REQUEST_ID, id);
    Ok(response)
}

fn is_sensible(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
}

/// The answer where nothing lives.
pub(super) async fn not_found() -> Result<HttpResponse, NativeError> {
    Err(ApiError::NotFound.into())
}

/// The answer to a method that a path does not take.
pub(super) async fn method_not_allowed() -> Result<HttpResponse, NativeError> {
    Err(ApiError::MethodNotAllowed.into())
}
