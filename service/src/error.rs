//! Why a request is refused: one list, and the one table of names and status codes there is.

use actix_web::http::StatusCode;
use inference::InferenceError;
use plugins::ground::GroundError;
use plugins::{BankError, Refusal};
use policies::ContentError;

use crate::quotas::Exceeded;

/// Seconds after which a refused caller may try again, where nothing is known of when there is room.
const SOON: u64 = 1;

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
    /// There is no model of that name, or it is not able to do this.
    #[error("`model`: there is no model `{0}` that can do this")]
    UnknownModel(String),
    /// A field asks for what this service does not do.
    #[error("`{field}`: {what} is not supported")]
    Unsupported {
        /// Which field.
        field: &'static str,
        /// What is not done.
        what: &'static str,
    },
    /// The policy keeps a prompt from the model.
    #[error("the prompt is kept from the model: {0}")]
    Withheld(String),
    /// A model cannot be asked so, or does not answer.
    #[error("{}", said(.0))]
    Inference(#[from] InferenceError),
    /// The key is missing or wrong.
    #[error("give the key as `Authorization: Bearer KEY` or `api-key: KEY`")]
    Unauthorized,
    /// The key does not open this.
    #[error("the key `{key}` lacks the scope `{needed}`")]
    Forbidden {
        /// The key's name.
        key: String,
        /// The scopes, one of which it would need.
        needed: String,
    },
    /// The key has asked for as much as it may.
    #[error(transparent)]
    TooMany(#[from] Exceeded),
    /// The body, or a part of it, did not come in time.
    #[error("the body took more than {seconds} s (limits.body_seconds)")]
    TooSlow {
        /// The limit in seconds.
        seconds: u64,
    },
    /// A case is refused, or cannot become what was asked for.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A bank is not there, or does not answer.
    #[error(transparent)]
    Bank(#[from] BankError),
    /// The policies on disk cannot be used; the ones in force stay.
    #[error("the policies in force stay: {0}")]
    Policies(String),
    /// No decision of that id can be had.
    #[error(
        "there is no such decision, it is kept no longer (decisions.keep_seconds, decisions.keep), or another key's"
    )]
    NoDecision,
    /// Nothing lives at that path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path does not take that method.
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// As much is being done as may be at once.
    #[error(
        "as much is being done as may be at once (limits.max_in_flight, limits.max_summaries); try again"
    )]
    Overloaded,
    /// The deadline came before an answer that is given whole or not at all.
    #[error("the deadline came first (deadline_ms, limits.deadline_ms)")]
    TimedOut,
    /// A model does not answer.
    #[error("a model does not answer")]
    Model(#[from] GroundError),
    /// Something broke that the caller has no part in.
    #[error("something broke; the log knows it by the request id")]
    Internal,
}

impl ApiError {
    /// The stable name clients may match on, and its status: the one table there is.
    #[must_use]
    pub fn code(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Content(error) => content(error),
            Self::Unreadable(_) => ("json_unreadable", StatusCode::BAD_REQUEST),
            Self::BodyTooLarge { .. } => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::Field { .. } => ("field_invalid", StatusCode::BAD_REQUEST),
            Self::UnknownPolicy { .. } => ("policy_unknown", StatusCode::NOT_FOUND),
            Self::UnknownModel(_) => ("model_not_found", StatusCode::NOT_FOUND),
            Self::Unsupported { .. } => ("unsupported", StatusCode::BAD_REQUEST),
            Self::Withheld(_) => ("content_filter", StatusCode::BAD_REQUEST),
            Self::Inference(error) => inferred(error),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::Forbidden { .. } => ("forbidden", StatusCode::FORBIDDEN),
            Self::TooMany(_) => ("too_many_requests", StatusCode::TOO_MANY_REQUESTS),
            Self::TooSlow { .. } => ("body_too_slow", StatusCode::REQUEST_TIMEOUT),
            Self::Refused(refusal) => refused(refusal),
            Self::Bank(error) => bank(error),
            Self::Policies(_) => ("policies_unusable", StatusCode::UNPROCESSABLE_ENTITY),
            Self::NoDecision => ("decision_unknown", StatusCode::NOT_FOUND),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
            Self::TimedOut => ("deadline_exceeded", StatusCode::GATEWAY_TIMEOUT),
            Self::Model(GroundError::Encoder(InferenceError::Overloaded)) => {
                ("overloaded", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Model(_) => ("model_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// When the same request may succeed; nothing where trying again is of no use. *Units*: seconds, at least 1.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany(exceeded) => Some(exceeded.retry_after()),
            _ => (self.code().1 == StatusCode::SERVICE_UNAVAILABLE).then_some(SOON),
        }
    }
}

/// What a caller is told of a model's error: what it can change, and no paths.
fn said(error: &InferenceError) -> String {
    if inferred(error).1.is_server_error() {
        "the model does not answer".to_owned()
    } else {
        error.to_string()
    }
}

fn inferred(error: &InferenceError) -> (&'static str, StatusCode) {
    match error {
        InferenceError::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
        InferenceError::TooLong { .. }
        | InferenceError::ContextFull { .. }
        | InferenceError::MemoryFull { .. } => ("context_length_exceeded", StatusCode::BAD_REQUEST),
        InferenceError::DeadlinePassed => ("deadline_exceeded", StatusCode::GATEWAY_TIMEOUT),
        InferenceError::UnknownToken { .. } | InferenceError::BadOption { .. } => {
            ("field_invalid", StatusCode::BAD_REQUEST)
        }
        InferenceError::Library { .. }
        | InferenceError::OtherRuntime { .. }
        | InferenceError::Environment(_)
        | InferenceError::Read { .. }
        | InferenceError::Format { .. }
        | InferenceError::OtherEncoder { .. }
        | InferenceError::NoDevice { .. }
        | InferenceError::DeviceRequired { .. }
        | InferenceError::Thread { .. }
        | InferenceError::Tokenize(_)
        | InferenceError::Run(_)
        | InferenceError::Panicked
        | InferenceError::Stopped => ("model_unavailable", StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn content(error: &ContentError) -> (&'static str, StatusCode) {
    match error {
        ContentError::Empty => ("text_empty", StatusCode::BAD_REQUEST),
        ContentError::Blank => ("text_blank", StatusCode::BAD_REQUEST),
        ContentError::TooLong { .. } => ("text_too_long", StatusCode::PAYLOAD_TOO_LARGE),
    }
}

fn refused(refusal: &Refusal) -> (&'static str, StatusCode) {
    match refusal {
        Refusal::Content(error) => content(error),
        Refusal::Field { .. } => ("field_invalid", StatusCode::BAD_REQUEST),
        Refusal::Conflict { .. } => ("case_conflict", StatusCode::CONFLICT),
        Refusal::Taken { .. } => ("id_taken", StatusCode::CONFLICT),
        Refusal::Unknown { .. } => ("row_unknown", StatusCode::NOT_FOUND),
        Refusal::Closed { .. } => ("case_closed", StatusCode::CONFLICT),
        Refusal::SameReviewer { .. } => ("reviewer_same", StatusCode::CONFLICT),
    }
}

fn bank(error: &BankError) -> (&'static str, StatusCode) {
    match error {
        BankError::Unknown { .. } => ("bank_unknown", StatusCode::NOT_FOUND),
        BankError::Name => ("bank_name_invalid", StatusCode::BAD_REQUEST),
        BankError::Kind { .. } => ("bank_kind", StatusCode::CONFLICT),
        BankError::Exists(_) => ("bank_exists", StatusCode::CONFLICT),
        BankError::Embedding(InferenceError::Overloaded) => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
        BankError::Embedding(_) | BankError::Index(_) => {
            ("bank_unavailable", StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
