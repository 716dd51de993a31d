//! `POST /analyze`: the analyzer of Presidio, for personal data that has a form. Names and places are not sought, and
//! asking for them is refused.
//!
//! Source: the vendor's API description, and CONTRACTS §6.3.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, ResponseError, Route, web};
use plugins::extract::{Unit, offsets};
use plugins::pii::{self, Datum, Kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::door::require_key;
use super::edge::{By, json_of, only};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::moderator::Moderator;

const JSON: &str = "application/json; charset=utf-8";

/// An error as the analyzer shows it.
#[derive(Debug)]
struct PresidioError(ApiError);

impl From<ApiError> for PresidioError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for PresidioError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ResponseError for PresidioError {
    fn status_code(&self) -> StatusCode {
        self.0.code().1
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.0.retry_after() {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.content_type(JSON).json(json!({"error": self.to_string()}))
    }
}

#[derive(Deserialize, JsonSchema)]
struct AnalyzeRequest {
    text: Texts,
    language: String,
    score_threshold: Option<f32>,
    entities: Option<Vec<String>>,
    ad_hoc_recognizers: Option<Vec<Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

/// *Units*: code points.
#[derive(Serialize, JsonSchema)]
struct EntityJson {
    entity_type: &'static str,
    start: usize,
    end: usize,
    score: f32,
    analysis_explanation: Option<()>,
}

/// The name that the analyzer has for a kind.
pub(super) fn entity(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => "EMAIL_ADDRESS",
        Kind::Card => "CREDIT_CARD",
        Kind::Iban => "IBAN_CODE",
        Kind::Ip => "IP_ADDRESS",
        Kind::Phone => "PHONE_NUMBER",
        Kind::UsSsn => "US_SSN",
        Kind::UkNino => "UK_NINO",
        Kind::DeTaxId => "DE_TAX_ID",
    }
}

/// Finds personal data in a text or in many.
async fn analyze(
    caller: By,
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, PresidioError> {
    caller.may(&[Scope::Judge])?;
    let limits = moderator.limits().clone();
    let request: AnalyzeRequest = json_of(body, limits.max_body_bytes).await?;
    let (wanted, threshold) = (request.wanted()?, request.score_threshold.unwrap_or_default());
    let found = move || match request.text {
        Texts::One(text) => json!(entities(&text, &wanted, threshold)),
        Texts::Many(texts) => texts.iter().map(|text| json!(entities(text, &wanted, threshold))).collect(),
    };
    let found: Value = web::block(found).await.map_err(|_| ApiError::Overloaded)?;
    Ok(HttpResponse::Ok().content_type(JSON).json(found))
}

impl AnalyzeRequest {
    /// The kinds that are asked for.
    fn wanted(&self) -> Result<Vec<Kind>, ApiError> {
        let refuse = |field, reason: &str| Err(ApiError::Field { field, reason: reason.to_owned() });
        if self.language.is_empty() {
            return refuse("language", "it is missing; ISO 639-1");
        }
        if self.ad_hoc_recognizers.as_ref().is_some_and(|recognizers| !recognizers.is_empty()) {
            return refuse("ad_hoc_recognizers", "they are not supported here");
        }
        let Some(entities) = self.entities.as_ref().filter(|entities| !entities.is_empty()) else {
            return Ok(Kind::ALL.to_vec());
        };
        let kind = |name: &String| Kind::ALL.into_iter().find(|kind| entity(*kind) == name);
        let kinds: Vec<Kind> = entities.iter().filter_map(kind).collect();
        if kinds.is_empty() {
            return refuse(
                "entities",
                "none of them is supported here; GET /supportedentities names those that are",
            );
        }
        Ok(kinds)
    }
}

fn entities(text: &str, wanted: &[Kind], threshold: f32) -> Vec<EntityJson> {
    let mut found = pii::find_behind(text);
    found.retain(|datum| wanted.contains(&datum.kind) && datum.score >= threshold);
    let ranges: Vec<_> = found.iter().map(|datum| datum.range.clone()).collect();
    let extents = offsets(text, &ranges, Unit::CodePoint);
    let entity = |(Datum { kind, score, .. }, extent): (Datum, plugins::extract::Extent)| EntityJson {
        entity_type: entity(kind),
        start: extent.start,
        end: extent.start + extent.length,
        score,
        analysis_explanation: None,
    };
    found.into_iter().zip(extents).map(entity).collect()
}

/// The kinds that are found, by the analyzer's names.
async fn supported() -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).json(Kind::ALL.map(entity))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let resource = |path: &str, allow: &'static str, route: Route| {
        let resource = web::resource(path).route(route).default_service(only::<PresidioError>(allow));
        resource.wrap(from_fn(require_key::<PresidioError, _>))
    };
    app.service(resource("/analyze", "POST", web::post().to(analyze))).service(resource(
        "/supportedentities",
        "GET",
        web::get().to(supported),
    ));
}

/// The form of an error.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "errors are written by hand; here is what they look like")]
struct ErrorShape {
    error: String,
}

/// Describes the operations.
pub(super) fn described(book: &mut super::description::Book) {
    let what = "The analyzer of Presidio, for personal data that has a form.";
    let mut page = book.page::<ErrorShape>(("presidio", what), super::description::Dress::KEYED);
    let example = json!({"text": "Write to jane@example.com.", "language": "en"});
    page.operation("post", "/analyze", "Finds personal data in a text or in many")
        .opens(&[Scope::Judge])
        .takes::<AnalyzeRequest>(&example)
        .gives_either::<Vec<EntityJson>, Vec<Vec<EntityJson>>>(
            200,
            "What was found; of many texts, for each.",
        )
        .refuses(&[503]);
    page.operation("get", "/supportedentities", "The kinds of personal data that are found")
        .gives::<Vec<String>>(200, "Their names.");
}
