//! `POST /v1/lamassu/ground`: whether documents bear a text out, sentence by sentence.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::edge::{By, NativeError, json_of, only};
use crate::grounds::{GROUNDED_FROM, Standing};
use crate::json::rounded;
use crate::keys::Scope;
use crate::summarizer::Summarizer;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroundRequest {
    text: String,
    documents: Vec<SourceJson>,
    deadline_ms: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SourceJson {
    id: Option<String>,
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct StandingJson<'a> {
    grounded: bool,
    /// How likely all of the text is borne out.
    score: f64,
    sentences: Vec<SentenceJson<'a>>,
    /// Digest of the model that says so.
    model: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct SentenceJson<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    grounded: bool,
    score: f64,
    citations: Vec<CitationJson<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct CitationJson<'a> {
    document: &'a str,
    start: usize,
    end: usize,
}

/// Holds a text against documents.
async fn ground(
    caller: By,
    summarizer: web::Data<Summarizer>,
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Judge])?;
    let request: GroundRequest = json_of(body, summarizer.limits().max_body_bytes).await?;
    let GroundRequest { text, documents, deadline_ms } = request;
    let (names, texts): (Vec<String>, Vec<&str>) = documents.iter().enumerate().map(named).unzip();
    let place = summarizer.try_place()?;
    let standing = summarizer.ground((&text, &texts), deadline_ms.map(Duration::from_millis), &place).await?;
    Ok(HttpResponse::Ok().json(answer(&standing, (&text, &names), summarizer.grounds().digest())))
}

/// Documents without a name are called by their number, from 1.
fn named((number, SourceJson { id, text }): (usize, &SourceJson)) -> (String, &str) {
    (id.clone().unwrap_or_else(|| (number + 1).to_string()), text)
}

fn answer<'a>(
    standing: &Standing,
    (text, names): (&'a str, &'a [String]),
    model: &'a str,
) -> StandingJson<'a> {
    let sentences = standing.grounded.sentences.iter().zip(&standing.citations).map(|(sentence, cited)| {
        let probability = sentence.support.probability;
        let citation = |(document, range): &(usize, std::ops::Range<usize>)| {
            Some(CitationJson { document: names.get(*document)?, start: range.start, end: range.end })
        };
        SentenceJson {
            text: text.get(sentence.range.clone()).unwrap_or_default(),
            start: sentence.range.start,
            end: sentence.range.end,
            grounded: probability >= GROUNDED_FROM,
            score: rounded(probability),
            citations: cited.iter().filter_map(citation).collect(),
        }
    });
    let probability = standing.grounded.probability;
    StandingJson {
        grounded: probability >= GROUNDED_FROM,
        score: rounded(probability),
        sentences: sentences.collect(),
        model,
    }
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/ground").route(web::post().to(ground)).default_service(only::<NativeError>("POST")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    let documents =
        json!([{"id": "notice", "text": "The library is closed on Sundays and opens at nine on weekdays."}]);
    page.operation("post", "/v1/lamassu/ground", "Whether documents bear a text out, sentence by sentence")
        .opens(&[Scope::Judge])
        .takes::<GroundRequest>(&json!({"text": "The library is closed on Sundays.", "documents": documents}))
        .gives::<StandingJson<'_>>(200, "How likely each sentence is borne out, and by what.")
        .refuses(&[503, 504]);
}
