//! An error in Google's dress.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use policies::ContentError;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::answer::JSON;
use crate::error::ApiError;

/// What clients match on, word for word.
const BAD_KEY: &str = "API key not valid. Please pass a valid API key.";
const NO_KEY: &str = "Method doesn't allow unregistered callers (callers without established identity). Please use API \
                      Key or other form of API consumer identity to call this API.";
const SERVICE: &str = "commentanalyzer.googleapis.com";

/// What this API calls a fault of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    CommentEmpty,
    CommentTooLong,
    NoRequestedAttributes,
    InvalidRequest,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::CommentEmpty => "COMMENT_EMPTY",
            Self::CommentTooLong => "COMMENT_TOO_LONG",
            Self::NoRequestedAttributes => "NO_REQUESTED_ATTRIBUTES",
            Self::InvalidRequest => "INVALID_REQUEST",
        }
    }
}

/// An error as this API shows it.
#[derive(Debug)]
pub(in crate::api) struct GoogleError {
    status: StatusCode,
    name: &'static str,
    message: String,
    details: Option<Box<Value>>,
    /// Seconds after which the same request may succeed.
    retry_after: Option<u64>,
}

impl GoogleError {
    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into(), details: None, retry_after: None }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    /// A request that this API cannot take.
    pub(super) fn fault(fault: Fault, message: impl Into<String>) -> Self {
        let details = json!([of_analyzer(&json!({"errorType": fault.name()}))]);
        Self { details: Some(Box::new(details)), ..Self::invalid(message) }
    }

    /// There is no text.
    pub(super) fn empty() -> Self {
        Self::fault(Fault::CommentEmpty, "Comment must be non-empty.")
    }

    /// There is too much text. *Units*: bytes.
    pub(super) fn too_long(bytes: usize, limit: usize) -> Self {
        let message = format!("Comment text was too many bytes. Value ({bytes}) exceeded limit ({limit}).");
        Self::fault(Fault::CommentTooLong, message)
    }

    /// An attribute that does not go with a language.
    pub(super) fn language(attribute: &str, requested: &[String], detected: &str) -> Self {
        let message =
            format!("Attribute {attribute} does not support request languages: {}", requested.join(", "));
        let which = json!({
            "detectedLanguages": [detected], "requestedLanguages": requested, "attribute": attribute,
        });
        let details = of_analyzer(&json!({
            "errorType": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE", "languageNotSupportedByAttributeError": which,
        }));
        Self { details: Some(Box::new(json!([details]))), ..Self::invalid(message) }
    }

    /// A body that is not the JSON it should be; `place` says where, without what stands there.
    pub(super) fn unreadable(place: &str) -> Self {
        Self::invalid(format!("Invalid JSON payload received. {place}"))
    }

    /// A key that nobody has.
    pub(super) fn bad_key() -> Self {
        Self {
            details: Some(Box::new(info("API_KEY_INVALID", &json!({"service": SERVICE})))),
            ..Self::invalid(BAD_KEY)
        }
    }

    /// No key at all.
    pub(super) fn no_key() -> Self {
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", NO_KEY)
    }

    /// More than the key may ask, by the quota called `limit`.
    pub(super) fn quota(limit: &str, value: u32, retry_after: u64) -> Self {
        let what = "'Analysis requests (AnalyzeComment)'";
        let message = format!(
            "Quota exceeded for quota metric {what} and limit {what} {limit} of service '{SERVICE}'."
        );
        let metadata = json!({
            "quota_limit": limit, "quota_limit_value": value.to_string(),
            "quota_metric": "CommentAnalyzerService/analyze_requests", "service": SERVICE,
        });
        let details = Some(Box::new(info("RATE_LIMIT_EXCEEDED", &metadata)));
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message);
        Self { details, retry_after: Some(retry_after), ..error }
    }

    /// Its status on the wire.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// It as JSON.
    pub(super) fn json(&self) -> Value {
        let mut error = json!({"code": self.status.as_u16(), "message": self.message, "status": self.name});
        if let (Some(details), Some(error)) = (&self.details, error.as_object_mut()) {
            error.insert("details".to_owned(), Value::clone(details));
        }
        json!({"error": error})
    }

    /// When to try again. *Units*: seconds.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }
}

/// A detail in this API's own type.
fn of_analyzer(members: &Value) -> Value {
    let mut detail = json!({"@type": "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"});
    if let (Some(detail), Some(members)) = (detail.as_object_mut(), members.as_object()) {
        detail.extend(members.clone());
    }
    detail
}

/// Details in the type that all of Google's APIs have.
fn info(reason: &str, metadata: &Value) -> Value {
    json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
        "metadata": metadata,
    }])
}

impl From<ApiError> for GoogleError {
    fn from(error: ApiError) -> Self {
        match &error {
            ApiError::Content(error) => return Self::from(error),
            ApiError::TooMany(exceeded) => return Self::from(*exceeded),
            _ => {}
        }
        let ((_, status), retry_after) = (error.code(), error.retry_after());
        let message = error.to_string();
        match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => {
                Self::fault(Fault::InvalidRequest, message)
            }
            StatusCode::UNAUTHORIZED => Self::bad_key(),
            StatusCode::FORBIDDEN => Self::new(status, "PERMISSION_DENIED", message),
            StatusCode::NOT_FOUND => Self::new(status, "NOT_FOUND", message),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(status, "UNIMPLEMENTED", message),
            StatusCode::CONFLICT => Self::new(status, "ABORTED", message),
            StatusCode::SERVICE_UNAVAILABLE => {
                Self { retry_after, ..Self::new(status, "UNAVAILABLE", message) }
            }
            StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => {
                Self::new(status, "DEADLINE_EXCEEDED", message)
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message),
        }
    }
}

impl From<&ContentError> for GoogleError {
    fn from(error: &ContentError) -> Self {
        match error {
            ContentError::Empty | ContentError::Blank => Self::empty(),
            ContentError::TooLong { .. } => {
                Self::fault(Fault::CommentTooLong, format!("Comment text too long: {error}"))
            }
        }
    }
}

impl fmt::Display for GoogleError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl ResponseError for GoogleError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        // Elsewhere it would make clients try again what cannot succeed.
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.content_type(JSON).body(self.json().to_string())
    }
}

/// The answer where nothing lives.
pub(super) async fn not_found() -> Result<HttpResponse, GoogleError> {
    Err(ApiError::NotFound.into())
}

/// The form of an error.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "errors are written by hand; here is what they look like")]
pub(super) struct ErrorShape {
    error: ErrorMembers,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "errors are written by hand; here is what they look like")]
struct ErrorMembers {
    code: u16,
    message: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Vec<Value>>,
}

#[cfg(test)]
mod tests {
    use super::{ApiError, GoogleError, ResponseError};

    #[test]
    fn only_a_refusal_that_passes_says_when_to_come_again() {
        let shown = |error: GoogleError| {
            let response = error.error_response();
            let again = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), error.json()["error"]["status"].as_str().unwrap().to_owned(), again)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(shown(ApiError::Overloaded.into()), (503, "UNAVAILABLE".to_owned(), some("1")));
        assert_eq!(
            shown(GoogleError::quota("per minute", 9, 7)),
            (429, "RESOURCE_EXHAUSTED".to_owned(), some("7"))
        );
        assert_eq!(
            shown(ApiError::BodyTooLarge { limit: 1 }.into()),
            (400, "INVALID_ARGUMENT".to_owned(), None)
        );
        assert_eq!(shown(ApiError::TimedOut.into()), (504, "DEADLINE_EXCEEDED".to_owned(), None));
        assert_eq!(shown(GoogleError::no_key()), (403, "PERMISSION_DENIED".to_owned(), None));
    }
}
