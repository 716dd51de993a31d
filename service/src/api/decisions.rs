//! Which decision an answer rests on: the headers that say so, and `GET /v1/lamassu/decisions/{id}`.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use serde::Serialize;
use uuid::Uuid;

use super::edge::{By, NativeError, method_not_allowed};
use crate::decisions::{Decision, Decisions, Heading, Minutes};
use crate::error::ApiError;

pub(super) const DECISION: HeaderName = HeaderName::from_static("x-lamassu-decision");
const DEGRADED: HeaderName = HeaderName::from_static("x-lamassu-degraded");
const POLICY: HeaderName = HeaderName::from_static("x-lamassu-policy");

/// Keeps the minutes of every request, and says in the answer's headers what was decided, whichever facade answers.
pub(super) async fn minuted<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let minutes = Minutes::open();
    let mut response = Arc::clone(&minutes).over(next.call(request)).await?;
    let Some(Heading { policy, degraded }) = minutes.said() else { return Ok(response) };
    let headers = response.headers_mut();
    let mut say = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    say(DECISION, &minutes.id().to_string());
    say(POLICY, &policy);
    if let Some(degraded) = degraded {
        say(DEGRADED, if degraded { "true" } else { "false" });
    }
    Ok(response)
}

/// A decision.
#[derive(Serialize)]
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
            .default_service(web::to(method_not_allowed)),
    );
}
