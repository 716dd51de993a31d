//! Errors as `OpenAI`'s clients know them.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use inference::InferenceError;
use schemars::JsonSchema;
use serde::Serialize;

use super::JSON;
use super::filter::{FilterJson, reason};
use crate::error::ApiError;
use crate::scribe::Unwritten;

/// An error in this vendor's dress.
#[derive(Debug)]
pub(super) struct OpenAiError {
    error: ApiError,
    /// What the policy found, where it keeps a prompt back.
    filter: Option<FilterJson>,
}

/// The body of an error; in a stream, an event of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ErrorJson {
    error: ErrorBody,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ErrorBody {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    innererror: Option<InnerJson>,
}

/// What Azure's clients look for when a prompt was kept back.
#[derive(Debug, Serialize, JsonSchema)]
struct InnerJson {
    code: &'static str,
    content_filter_result: FilterJson,
}

impl From<ApiError> for OpenAiError {
    fn from(error: ApiError) -> Self {
        Self { error, filter: None }
    }
}

impl From<Unwritten> for OpenAiError {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Refused(error) => error.into(),
            Unwritten::Kept(judgment) => Self {
                error: ApiError::Withheld(reason(&judgment)),
                filter: Some(FilterJson::new(&judgment)),
            },
        }
    }
}

impl OpenAiError {
    /// Says in the log what a client is not told of it.
    fn log(&self) {
        let (code, status) = self.error.code();
        if status.is_server_error() && code != "overloaded" {
            tracing::error!(error = crate::sentence(&self.error), "a request failed");
        }
    }

    /// What a client reads.
    pub(super) fn body(&self) -> ErrorJson {
        self.log();
        let (code, status) = self.error.code();
        let filtered = self.filter.is_some().then(|| status.as_u16());
        let innererror = self.filter.clone().map(|content_filter_result| InnerJson {
            code: "ResponsibleAIPolicyViolation",
            content_filter_result,
        });
        let error = ErrorBody {
            message: self.error.to_string(),
            kind: kind(status),
            param: param(&self.error),
            code: match code {
                "unauthorized" => "invalid_api_key",
                "too_many_requests" => "rate_limit_exceeded",
                code => code,
            },
            status: filtered,
            innererror,
        };
        ErrorJson { error }
    }
}

/// The kinds of errors that this vendor has.
fn kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

/// The member of the request that is at fault.
fn param(error: &ApiError) -> Option<&'static str> {
    match error {
        ApiError::Field { field, .. } | ApiError::Unsupported { field, .. } => Some(field),
        ApiError::UnknownModel(_) | ApiError::UnknownPolicy { .. } => Some("model"),
        ApiError::Content(_) => Some("input"),
        ApiError::Withheld(_) => Some("prompt"),
        ApiError::Inference(InferenceError::ContextFull { .. } | InferenceError::MemoryFull { .. }) => {
            Some("messages")
        }
        ApiError::Inference(InferenceError::UnknownToken { .. }) => Some("logit_bias"),
        ApiError::Inference(InferenceError::BadOption { option: "constraint", .. }) => {
            Some("response_format")
        }
        _ => None,
    }
}

impl std::fmt::Display for OpenAiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(formatter)
    }
}

impl ResponseError for OpenAiError {
    fn status_code(&self) -> StatusCode {
        self.error.code().1
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Some(seconds) = self.error.retry_after() {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.insert_header((CONTENT_TYPE, JSON)).json(self.body())
    }
}
