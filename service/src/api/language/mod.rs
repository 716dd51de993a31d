//! Azure AI Language under `/language`: jobs that summarize documents.
//!
//! Source: the vendor's published service definition 2023-04-01, and CONTRACTS §3.

mod answer;
mod request;

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, RETRY_AFTER};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::azure::{AzureError, ErrorJson, Links, Version, not_found, pass, versioned};
use super::door::Door;
use super::edge::{By, json_of, only};
use crate::decisions::{Heading, Minutes};
use crate::error::ApiError;
use crate::jobs::{Job, Jobs};
use crate::keys::Scope;
use crate::summarizer::Summarizer;
use answer::JobJson;
use request::JobRequest;

const JOBS: &str = "/language/analyze-text/jobs";
const OPERATION_LOCATION: HeaderName = HeaderName::from_static("operation-location");

/// How long a new job may take before its owner is told where to ask: clients ask at once, and then every few seconds.
const PATIENCE: Duration = Duration::from_secs(1);

fn versions(_: &str) -> &'static [&'static str] {
    &["2023-04-01", "2023-04-15-preview", "2023-11-15-preview", "2024-11-01", "2024-11-15-preview"]
}

async fn gate<B: MessageBody>(
    door: web::Data<Door>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    pass(versions, &door, request, next).await
}

/// What is asked of an answer.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    show_stats: Option<String>,
}

/// The errors that all facades share, in this service's codes.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn refused(error: ApiError) -> AzureError {
    let message = error.to_string();
    match error.code().1 {
        StatusCode::BAD_REQUEST => AzureError::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
            .inner("InvalidRequestBodyFormat"),
        status @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) => {
            AzureError::new(status, "InvalidRequest", message)
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            AzureError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
        }
        status @ StatusCode::FORBIDDEN => AzureError::new(status, "Forbidden", message),
        _ => AzureError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message),
    }
}

/// Takes a job on.
async fn submit(
    (caller, version): (By, Version),
    (summarizer, jobs, links): (web::Data<Summarizer>, web::Data<Jobs>, web::Data<Links>),
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    let by = caller.may(&[Scope::Judge]).map_err(refused)?;
    let asked: JobRequest = json_of(body, summarizer.limits().max_body_bytes).await.map_err(refused)?;
    let job = asked.job(by)?;
    let jobs: Arc<Jobs> = jobs.into_inner();
    let id = jobs.submit(job, &summarizer.into_inner(), PATIENCE).await.map_err(refused)?;
    Ok(accepted(id, (&links, &request), version))
}

/// How a job stands.
async fn status(
    caller: By,
    jobs: web::Data<Jobs>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, AzureError> {
    let by = caller.may(&[Scope::Judge]).map_err(refused)?;
    let job = found(&jobs, &id, by).await?;
    let shown = web::Query::<Shown>::from_query(request.query_string()).map(web::Query::into_inner);
    let stats = shown.unwrap_or_default().show_stats.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut response = HttpResponse::Ok();
    if !job.status.is_end() {
        response.insert_header((RETRY_AFTER, "1"));
    }
    if let Some(policy) = job.policy.as_deref() {
        let (decision, degraded) = (Some(job.id), Some(job.degraded));
        Minutes::tells_of(Heading { decision, policy: policy.into(), degraded });
    }
    Ok(response.json(JobJson::new(&job, stats)))
}

/// Asks a job to stop.
async fn cancel(
    (caller, version): (By, Version),
    (jobs, links): (web::Data<Jobs>, web::Data<Links>),
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, AzureError> {
    let by = caller.may(&[Scope::Judge]).map_err(refused)?;
    let job = found(&jobs, &id, by).await?;
    jobs.cancel(job.id);
    Ok(accepted(job.id, (&links, &request), version))
}

async fn found(jobs: &Jobs, id: &str, by: &str) -> Result<Job, AzureError> {
    let job = match Uuid::parse_str(id) {
        Ok(id) => jobs.job(id, by).await.map_err(refused)?,
        Err(_) => None,
    };
    let message = "There is no job of that id, or it is older than 24 hours.";
    job.ok_or_else(|| AzureError::new(StatusCode::NOT_FOUND, "OperationNotFound", message))
}

fn accepted(id: Uuid, (links, request): (&Links, &HttpRequest), Version(version): Version) -> HttpResponse {
    let place = links.to(request, &format!("{JOBS}/{id}?api-version={version}"));
    HttpResponse::Accepted().insert_header((OPERATION_LOCATION, place)).finish()
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let service = |path: &str, allow: &'static str, route: actix_web::Route| {
        web::resource(path).route(route).default_service(only::<AzureError>(allow))
    };
    app.service(
        web::scope("/language")
            .wrap(from_fn(gate))
            .service(service("/analyze-text/jobs", "POST", web::post().to(submit)))
            .service(service("/analyze-text/jobs/{id}:cancel", "POST", web::post().to(cancel)))
            .service(service("/analyze-text/jobs/{id}", "GET", web::get().to(status)))
            .default_service(web::to(not_found)),
    );
}

/// An operation on jobs.
fn operation<'b>(
    page: &'b mut super::description::Page<'_>,
    method: &'static str,
    (path, summary): (&str, &str),
) -> super::description::Operation<'b> {
    versioned(page.operation(method, path, summary), versions(path)).opens(&[Scope::Judge])
}

/// Describes the operations.
pub(super) fn described(book: &mut super::description::Book) {
    let what =
        "Azure AI Language: jobs that summarize documents. What is made of a job is kept for 24 hours.";
    let mut page = book.page::<ErrorJson<'_>>(("language", what), super::description::Dress::KEYED);
    let (one, id) = (format!("{JOBS}/{{id}}"), "0199c1d4-5a3e-7c1e-9d0a-3f6c0b7a9e21");
    let text = "The council met on Monday. It approved the new library. The library opens in May.";
    let tasks = json!([{"kind": "ExtractiveSummarization", "parameters": {"sentenceCount": 1}}]);
    let example = json!({"analysisInput": {"documents": [{"id": "1", "text": text}]}, "tasks": tasks});
    let place = "Where the job is found.";
    operation(&mut page, "post", (JOBS, "Takes a job on"))
        .takes::<JobRequest>(&example)
        .silent(202, "It is being done.")
        .header(202, "operation-location", place);
    let stats = json!({"type": "boolean"});
    operation(&mut page, "get", (&one, "How a job stands"))
        .part("id", "The job's id.", id)
        .asks("showStats", "Whether documents are counted.", stats)
        .gives::<JobJson<'_>>(200, "The job, and what has been made of it.");
    operation(&mut page, "post", (&format!("{one}:cancel"), "Asks a job to stop"))
        .part("id", "The job's id.", id)
        .silent(202, "It is asked.")
        .header(202, "operation-location", place);
}
