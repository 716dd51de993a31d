//! `POST /v1/moderations`: texts, and what is found in them.

use actix_web::{HttpResponse, web};
use futures::{StreamExt, TryStreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::super::edge::{By, json_of, only};

use super::categories::ResultJson;
use super::error::OpenAiError;
use super::models::moderation_model;
use super::{answer, operation};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::moderator::{Docket, Moderator, Terms};

/// Texts of one request judged at the same time.
const AT_ONCE: usize = 16;

#[derive(Deserialize, JsonSchema)]
struct ModerationRequest {
    input: Option<Input>,
    model: Option<String>,
}

/// One text, several, or one in parts.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Parts(Vec<Part>),
}

/// A part of a text, or an image.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct ModerationJson {
    id: String,
    model: String,
    results: Vec<ResultJson>,
}

/// Judges texts.
async fn moderate(
    caller: By,
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, OpenAiError> {
    caller.may(&[Scope::Judge])?;
    let ModerationRequest { input, model } = json_of(body, moderator.limits().max_body_bytes).await?;
    let (model, policy) = moderation_model(model)?;
    let docket = docket(&moderator, &model, policy)?;
    let texts = texts(input, moderator.limits().max_texts)?;
    let results = judge_all(&moderator, &docket, texts).await?;
    Ok(answer(&ModerationJson { id: format!("modr-{}", Uuid::now_v7().simple()), model, results }))
}

/// The terms of a model's name. A policy that is not there is a model that is not there.
pub(super) fn docket(moderator: &Moderator, model: &str, policy: Option<String>) -> Result<Docket, ApiError> {
    moderator.docket(&Terms { policy, ..Terms::default() }).map_err(|error| match error {
        ApiError::UnknownPolicy { .. } => ApiError::UnknownModel(model.to_owned()),
        other => other,
    })
}

/// The texts to judge, one for each result.
fn texts(input: Option<Input>, limit: usize) -> Result<Vec<String>, ApiError> {
    let field = |reason: String| ApiError::Field { field: "input", reason };
    let texts = match input {
        Some(Input::Text(text)) => vec![text],
        Some(Input::Texts(texts)) => texts,
        Some(Input::Parts(parts)) => vec![joined(parts, "input")?],
        None => Vec::new(),
    };
    if texts.is_empty() {
        return Err(field("there is none".to_owned()));
    }
    if texts.len() > limit {
        return Err(field(format!("more than {limit} texts (limits.max_texts)")));
    }
    Ok(texts)
}

/// The text that parts make up together.
pub(super) fn joined(parts: Vec<Part>, field: &'static str) -> Result<String, ApiError> {
    let text = |Part { kind, text }: Part| match (kind.as_str(), text) {
        ("text" | "refusal", Some(text)) => Ok(text),
        ("text" | "refusal", None) => {
            Err(ApiError::Field { field, reason: "a part of type `text` has a `text`".to_owned() })
        }
        ("image_url", _) => Err(ApiError::Unsupported { field, what: "an image" }),
        _ => Err(ApiError::Unsupported { field, what: "a part that is not of type `text`" }),
    };
    Ok(parts.into_iter().map(text).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// Judges texts side by side; the results are in their order.
async fn judge_all(
    moderator: &Moderator,
    docket: &Docket,
    texts: Vec<String>,
) -> Result<Vec<ResultJson>, ApiError> {
    // One place now says that the service can take the request; its other texts wait for theirs.
    drop(moderator.try_place()?);
    let judging = texts.into_iter().map(|text| async move {
        let place = moderator.place().await?;
        Ok(ResultJson::new(&moderator.judge(docket, text, &place).await?))
    });
    stream::iter(judging).buffered(AT_ONCE).try_collect().await
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/moderations")
            .route(web::post().to(moderate))
            .default_service(only::<OpenAiError>("POST")),
    );
}

/// Describes the operation under `prefix`.
pub(super) fn described(page: &mut super::super::description::Page<'_>, prefix: &str) {
    let example = json!({"input": "Thanks for the quick reply, the printer works again."});
    operation(page, (prefix, "/moderations"), ("Judges texts", ""))
        .opens(&[Scope::Judge])
        .takes::<ModerationRequest>(&example)
        .gives::<ModerationJson>(200, "What is found in each.")
        .judges();
}
