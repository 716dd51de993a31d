//! Why a request is refused: one list, and the one table of names and status codes there is.

use actix_web::http::StatusCode;
use policies::ContentError;

/// Why a request, or one text of it, is refused. No variant holds the text.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The text cannot be judged as it is.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The body, or a line, is not the JSON it should be.
    #[error("the JSON cannot be read: {0}")]
    Unreadable(String),
    /// The body, or a line, is longer than allowed.
    #[error("the body has more than {limit} bytes (limits.max_body_bytes)")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A field has a value it cannot have.
    #[error("`{field}`: {reason}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no policy of that name.
    #[error("`policy`: there is no policy `{name}`; there are: {}", .known.join(", "))]
    UnknownPolicy {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The key is missing or wrong.
    #[error("give the key as `Authorization: Bearer KEY` or `api-key: KEY`")]
    Unauthorized,
    /// Nothing lives at that path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path does not take that method.
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// As much is being judged as may be at once.
    #[error("as many texts are being judged as may be at once (limits.max_in_flight); try again")]
    Overloaded,
    /// Something broke that the caller has no part in.
    #[error("something broke; the log knows it by the request id")]
    Internal,
}

impl ApiError {
    /// The stable name clients may match on, and its status: the one table there is.
    #[must_use]
    pub fn code(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Content(ContentError::Empty) => ("text_empty", StatusCode::BAD_REQUEST),
            Self::Content(ContentError::Blank) => ("text_blank", StatusCode::BAD_REQUEST),
            Self::Content(ContentError::TooLong { .. }) => ("text_too_long", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Unreadable(_) => ("json_unreadable", StatusCode::BAD_REQUEST),
            Self::BodyTooLarge { .. } => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Field { .. } => ("field_invalid", StatusCode::BAD_REQUEST),
            Self::UnknownPolicy { .. } => ("policy_unknown", StatusCode::NOT_FOUND),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}
