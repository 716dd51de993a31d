//! An error in Azure's dress.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::ApiError;

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
/// Seconds after which a refused caller may try again, where nothing is known of when there is room.
const SOON: u64 = 1;

/// What clients match on, word for word.
const ACCESS_DENIED: &str = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide \
                             a valid key for an active subscription and use a correct regional API endpoint for your \
                             resource.";

/// An error as Azure's services show it.
#[derive(Debug)]
pub(in crate::api) struct AzureError {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    inner: Option<(&'static str, String)>,
    /// Seconds after which the same request may succeed. Elsewhere it would make clients try again what cannot.
    retry_after: Option<u64>,
}

/// The body of an error.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct ErrorJson<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize, JsonSchema)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    details: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    innererror: Option<InnerJson<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct InnerJson<'a> {
    code: &'a str,
    message: &'a str,
}

impl AzureError {
    /// An error of that status, code and message.
    pub(in crate::api) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::coded(status, code.into(), message.into())
    }

    /// An error of what comes before the service: its code is its status.
    fn front(status: StatusCode, message: impl Into<String>) -> Self {
        Self::coded(status, status.as_str().to_owned().into(), message.into())
    }

    fn coded(status: StatusCode, code: Cow<'static, str>, message: String) -> Self {
        let passes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
        Self { status, code, message, inner: None, retry_after: passes.then_some(SOON) }
    }

    /// The key is missing or wrong.
    pub(in crate::api) fn unauthorized() -> Self {
        Self::front(StatusCode::UNAUTHORIZED, ACCESS_DENIED)
    }

    /// Something that the vendor has and this service has not.
    pub(in crate::api) fn not_offered(what: &str, why: &str) -> Self {
        let message = format!("{what} is not supported here: {why}.");
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
    }

    /// The body is not as it should be.
    pub(in crate::api) fn body(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestBody", message)
    }

    /// The same error, and what it is more exactly. Some clients show only that.
    pub(in crate::api) fn inner(mut self, code: &'static str) -> Self {
        self.inner = Some((code, self.message.clone()));
        self
    }
}

impl From<ApiError> for AzureError {
    /// The codes are those of Azure AI Content Safety.
    fn from(error: ApiError) -> Self {
        let message = error.to_string();
        match error.code().1 {
            status @ StatusCode::TOO_MANY_REQUESTS => {
                let seconds = error.retry_after().unwrap_or(SOON);
                let message = format!("{message}. Please retry after {seconds} seconds.");
                Self { retry_after: Some(seconds), ..Self::front(status, message) }
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::front(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Self::body(message),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "InvalidRequestBody", message)
            }
            StatusCode::UNAUTHORIZED => Self::unauthorized(),
            status @ (StatusCode::FORBIDDEN | StatusCode::REQUEST_TIMEOUT) => Self::front(status, message),
            StatusCode::NOT_FOUND => Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message),
            StatusCode::CONFLICT => Self::new(StatusCode::CONFLICT, "Conflict", message),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServerBusy", message)
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message),
        }
    }
}

impl fmt::Display for AzureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl ResponseError for AzureError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((ERROR_CODE, &*self.code));
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        let innererror = self.inner.as_ref().map(|(code, message)| InnerJson { code, message });
        response.json(ErrorJson {
            error: ErrorBody { code: &self.code, message: &self.message, details: [], innererror },
        })
    }
}

/// The answer where nothing lives.
pub(in crate::api) async fn not_found() -> Result<HttpResponse, AzureError> {
    Err(AzureError::front(StatusCode::NOT_FOUND, "Resource not found"))
}

#[cfg(test)]
mod tests {
    use super::{ApiError, AzureError, ResponseError};

    #[test]
    fn only_a_refusal_that_passes_says_when_to_come_again_and_the_code_is_in_a_header() {
        let shown = |error: ApiError| {
            let response = AzureError::from(error).error_response();
            let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), header("x-ms-error-code").unwrap(), header("retry-after"))
        };
        let busy = (503, "ServerBusy".to_owned(), Some("1".to_owned()));
        assert_eq!(shown(ApiError::Overloaded), busy);
        assert_eq!(shown(ApiError::TimedOut), busy);
        assert_eq!(shown(ApiError::Internal), (500, "InternalError".to_owned(), None));
        assert_eq!(shown(ApiError::Unauthorized), (401, "401".to_owned(), None));
        assert_eq!(shown(ApiError::NotFound), (404, "ResourceNotFound".to_owned(), None));
        assert_eq!(shown(ApiError::BodyTooLarge { limit: 1 }), (413, "InvalidRequestBody".to_owned(), None));
    }
}
