//! An answer before it is put on the wire: of its own, or as a part of a batch.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::error::GoogleError;
use crate::error::ApiError;

/// The type of every answer.
pub(super) const JSON: &str = "application/json; charset=UTF-8";

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    body: Vec<u8>,
    /// What became of a suggestion.
    feedback: Option<&'static str>,
}

impl Answer {
    /// An answer of that body.
    pub(super) fn new(body: &impl Serialize) -> Result<Self, GoogleError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::Internal)?;
        Ok(Self { body, feedback: None })
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
        response.content_type(JSON).body(self.body)
    }
}
