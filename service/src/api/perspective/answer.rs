//! An answer before it is put on the wire: of its own, or as a part of a batch.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::error::GoogleError;
use crate::api::account::told;
use crate::error::ApiError;

/// The type of every answer.
pub(super) const JSON: &str = "application/json; charset=UTF-8";

/// An answer, and how the judgments came about that it rests on.
#[derive(Debug)]
pub(super) struct Answer {
    body: Vec<u8>,
    degraded: bool,
    policy: Option<String>,
    /// What became of a suggestion.
    feedback: Option<&'static str>,
}

impl Answer {
    /// An answer that rests on no judgment.
    pub(super) fn plain(body: &impl Serialize) -> Result<Self, GoogleError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::Internal)?;
        Ok(Self { body, degraded: false, policy: None, feedback: None })
    }

    /// The same, resting on judgments by a policy.
    pub(super) fn judged(self, degraded: bool, policy: &str) -> Self {
        Self { degraded, policy: Some(policy.to_owned()), ..self }
    }

    /// The same, with what became of a suggestion.
    pub(super) fn fed(self, feedback: &'static str) -> Self {
        Self { feedback: Some(feedback), ..self }
    }

    /// Its JSON.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// It on the wire.
    pub(super) fn respond(self) -> HttpResponse {
        let mut response = HttpResponse::build(StatusCode::OK);
        if let Some(feedback) = self.feedback {
            response.insert_header(("x-lamassu-feedback", feedback));
        }
        told(response.content_type(JSON).body(self.body), self.degraded, self.policy.as_deref())
    }
}
