//! `GET /v1/lamassu/decisions/{id}`: what an answer rested on.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::edge::{By, NativeError, only};
use crate::decisions::{Decision, Decisions};
use crate::error::ApiError;

/// A decision.
#[derive(Serialize, JsonSchema)]
struct DecisionJson<'a> {
    id: String,
    at_ms: u64,
    by: &'a str,
    entries: Vec<serde_json::Value>,
}

/// What an answer rested on. A decision of another key is as if it were not there.
async fn decision(
    caller: By,
    decisions: web::Data<Decisions>,
    id: web::Path<String>,
) -> Result<HttpResponse, NativeError> {
    let id = Uuid::try_parse(&id).map_err(|_| ApiError::NoDecision)?;
    let found = decisions.find(id).filter(|decision| caller.sees(decision)).ok_or(ApiError::NoDecision)?;
    Ok(HttpResponse::Ok().json(DecisionJson::new(id, &found)))
}

impl<'a> DecisionJson<'a> {
    fn new(id: Uuid, decision: &'a Decision) -> Self {
        let entries = decision.entries.iter().filter_map(|entry| serde_json::from_str(entry).ok());
        Self { id: id.to_string(), at_ms: decision.at_ms, by: &decision.by, entries: entries.collect() }
    }
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/decisions/{id}")
            .route(web::get().to(decision))
            .default_service(only::<NativeError>("GET")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    page.operation("get", "/v1/lamassu/decisions/{id}", "What an answer rested on")
        .part(
            "id",
            "What the answer's header `x-lamassu-decision` says.",
            "0199c1d4-5a3e-7c1e-9d0a-3f6c0b7a9e21",
        )
        .notes("A key finds its own decisions; one with the scope `admin` finds all.")
        .gives::<DecisionJson<'_>>(
            200,
            "Every judgment and summary: digests and lengths of texts, never texts.",
        );
}
