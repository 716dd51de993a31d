//! An error in this API's dress.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::error::ApiError;

/// An error as detectors show it.
#[derive(Debug)]
pub(super) struct DetectorError {
    status: StatusCode,
    message: String,
    /// Seconds after which the same request may succeed.
    retry_after: Option<u64>,
}

impl DetectorError {
    /// A request that no detector can take.
    pub(super) fn invalid(message: &str) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, message: message.to_owned(), retry_after: None }
    }

    /// There is no such detector.
    pub(super) fn unknown() -> Self {
        let message = "there is no detector of that id at this path: contents, generation and chat have `moderation`, \
                       `pii` and each category of the policy, context/doc has `groundedness`";
        Self { status: StatusCode::NOT_FOUND, message: message.to_owned(), retry_after: None }
    }
}

impl From<ApiError> for DetectorError {
    fn from(error: ApiError) -> Self {
        let status = match error.code().1 {
            // In this API what cannot be read is this.
            StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
            status => status,
        };
        Self { status, message: error.to_string(), retry_after: error.retry_after() }
    }
}

impl fmt::Display for DetectorError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl ResponseError for DetectorError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        let body = json!({"code": self.status.as_u16(), "message": self.message});
        response.content_type(super::JSON).json(body)
    }
}

/// The answer where nothing lives.
pub(super) async fn not_found() -> Result<HttpResponse, DetectorError> {
    Err(ApiError::NotFound.into())
}
