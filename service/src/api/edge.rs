//! What every request meets first: its id, its body's bounds, and errors in the native dress.

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, Route, web};
use futures::future::{Ready, ready};
use serde::de::DeserializeOwned;

use super::timed::unreceived;
use crate::clerk::Who;
use crate::decisions::Decision;
use crate::error::ApiError;
use crate::json::{ErrorJson, place_of};
use crate::keys::{Caller, Scope};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
        if let Some(seconds) = self.0.retry_after() {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.json(ErrorJson::from(&self.0))
    }
}

/// Whose key the request shows.
pub(super) struct By(Caller);

impl By {
    /// Lets those pass whose key has one of `scopes`, and says its name.
    pub(super) fn may(&self, scopes: &[Scope]) -> Result<&str, ApiError> {
        self.0.may(scopes)
    }

    /// The same, for those who look after banks.
    pub(super) fn who(&self, scopes: &[Scope]) -> Result<Who<'_>, ApiError> {
        Ok(Who { by: self.0.may(scopes)?, sight: self.0.sight() })
    }

    /// Whether a decision may be shown: it was made for the same key, or the key is an administrator's.
    pub(super) fn sees(&self, decision: &Decision) -> bool {
        *self.0.name == *decision.by || self.0.may(&[Scope::Admin]).is_ok()
    }
}

impl FromRequest for By {
    type Error = NativeError;
    type Future = Ready<Result<Self, NativeError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let noted = request.extensions().get::<Caller>().cloned();
        ready(noted.map(Self).ok_or(NativeError(ApiError::Unauthorized)))
    }
}

/// The whole body, if it is not too much.
pub(super) async fn received(body: web::Payload, limit: usize) -> Result<web::Bytes, ApiError> {
    let whole = body.to_bytes_limited(limit).await.map_err(|_| ApiError::BodyTooLarge { limit })?;
    whole.map_err(|error| unreceived(&error))
}

/// The body as JSON.
pub(super) async fn json_of<T: DeserializeOwned>(body: web::Payload, limit: usize) -> Result<T, ApiError> {
    let body = received(body, limit).await?;
    serde_json::from_slice(&body).map_err(|error| ApiError::Unreadable(place_of(&error)))
}

/// The body as JSON; without one, what is meant where nothing is said.
pub(super) async fn json_or_nothing<T: DeserializeOwned + Default>(
    body: web::Payload,
    limit: usize,
) -> Result<T, ApiError> {
    let body = received(body, limit).await?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    serde_json::from_slice(&body).map_err(|error| ApiError::Unreadable(place_of(&error)))
}

/// The part of the path after `?`.
pub(super) fn query_of<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    let reason = "a part of it is unknown, or has a value it cannot have".to_owned();
    let query = web::Query::<T>::from_query(request.query_string());
    query.map(web::Query::into_inner).map_err(|_| ApiError::Field { field: "the query", reason })
}

/// Gives every request an id, the caller's own if it has a sensible one, and says it in the answer.
pub(super) async fn request_id<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let given = request.headers().get(REQUEST_ID).filter(|id| is_sensible(id.as_bytes())).cloned();
    let made = || HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()).ok();
    let Some(id) = given.or_else(made) else { return next.call(request).await };
    tracing::Span::current().record("lamassu.request_id", id.to_str().unwrap_or_default());
    let mut response = next.call(request).await?;
    response.headers_mut().insert(REQUEST_ID, id);
    Ok(response)
}

pub(super) fn is_sensible(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
}

/// The answer where nothing lives.
pub(super) async fn not_found() -> Result<HttpResponse, NativeError> {
    Err(ApiError::NotFound.into())
}

/// The answer, in the dress of `E`, to a method that a path does not take; `allow` names those it takes. Source: RFC 9110,
/// section 15.5.6.
pub(super) fn only<E: From<ApiError> + ResponseError + 'static>(allow: &'static str) -> Route {
    web::to(move || {
        let mut refusal = E::from(ApiError::MethodNotAllowed).error_response();
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        ready(refusal)
    })
}
