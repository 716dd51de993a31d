//! `POST /v1/lamassu/moderate`: one text or many, each with its verdict and its record.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use futures::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::edge::{By, NativeError, json_of, only};
use crate::error::ApiError;
use crate::json::{ErrorJson, JudgmentJson};
use crate::keys::Scope;
use crate::moderator::{Docket, Moderator, Terms};

/// Texts of one request judged at the same time.
const AT_ONCE: usize = 16;

/// A request: exactly one of `text` and `texts`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ModerateRequest {
    text: Option<String>,
    texts: Option<Vec<Item>>,
    policy: Option<String>,
    #[serde(default)]
    categories: Vec<String>,
    deadline_ms: Option<u64>,
    #[serde(default)]
    explain: bool,
}

/// One of many texts.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Item {
    Text(String),
    Named(NamedItem),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NamedItem {
    id: serde_json::Value,
    text: String,
}

/// An answer, or a refusal in its place.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Answer {
    Judgment(Box<JudgmentJson>),
    Refusal(ErrorJson),
}

#[derive(Serialize, JsonSchema)]
struct ManyAnswers {
    results: Vec<Answer>,
}

/// Judges one text, or many.
async fn moderate(
    caller: By,
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Judge])?;
    let request: ModerateRequest = json_of(body, moderator.limits().max_body_bytes).await?;
    let docket = moderator.docket(&request.terms()?)?;
    match (request.text, request.texts) {
        (Some(text), None) => one(&moderator, &docket, text).await,
        (None, Some(texts)) => many(&moderator, &docket, texts).await,
        _ => Err(field("text", "give exactly one of `text` and `texts`").into()),
    }
}

async fn one(moderator: &Moderator, docket: &Docket, text: String) -> Result<HttpResponse, NativeError> {
    let place = moderator.try_place()?;
    let judgment = moderator.judge(docket, text, &place).await?;
    Ok(HttpResponse::Ok().json(JudgmentJson::new(&judgment, docket.policy())))
}

async fn many(moderator: &Moderator, docket: &Docket, texts: Vec<Item>) -> Result<HttpResponse, NativeError> {
    let limit = moderator.limits().max_texts;
    if texts.len() > limit {
        return Err(field("texts", &format!("more than {limit} texts (limits.max_texts)")).into());
    }
    // One place now says that the service can take the request; its other texts wait for theirs.
    drop(moderator.try_place()?);
    let answers = texts.into_iter().map(|item| answer(moderator, docket, item));
    let results = stream::iter(answers).buffered(AT_ONCE).collect().await;
    Ok(HttpResponse::Ok().json(ManyAnswers { results }))
}

async fn answer(moderator: &Moderator, docket: &Docket, item: Item) -> Answer {
    let (id, text) = match item {
        Item::Text(text) => (None, text),
        Item::Named(NamedItem { id, text }) => (Some(id), text),
    };
    let judging = async {
        let place = moderator.place().await?;
        moderator.judge(docket, text, &place).await
    };
    match judging.await {
        Ok(judgment) => Answer::Judgment(Box::new(JudgmentJson::new(&judgment, docket.policy()).named(id))),
        Err(error) => Answer::Refusal(ErrorJson::from(&error).placed(id, None)),
    }
}

impl ModerateRequest {
    fn terms(&self) -> Result<Terms, ApiError> {
        if self.deadline_ms == Some(0) {
            return Err(field("deadline_ms", "no time at all is no deadline; give at least 1"));
        }
        Ok(Terms {
            policy: self.policy.clone(),
            categories: self.categories.clone(),
            deadline: self.deadline_ms.map(Duration::from_millis),
            explain: self.explain,
        })
    }
}

fn field(field: &'static str, reason: &str) -> ApiError {
    ApiError::Field { field, reason: reason.to_owned() }
}

/// A model, and where it runs.
#[derive(Serialize, JsonSchema)]
struct DeviceJson<'a> {
    model: &'a str,
    digest: &'a str,
    device: &'a str,
    /// How that is known, and why no other device runs it.
    detail: &'a str,
}

#[derive(Serialize, JsonSchema)]
struct DevicesJson<'a> {
    devices: Vec<DeviceJson<'a>>,
}

/// Where each model really runs, as its probe run at start showed.
async fn devices(moderator: web::Data<Moderator>) -> HttpResponse {
    let devices = moderator.models().iter().map(|model| DeviceJson {
        model: model.part,
        digest: &model.digest,
        device: model.device.provider.name(),
        detail: &model.device.detail,
    });
    HttpResponse::Ok().json(DevicesJson { devices: devices.collect() })
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/moderate")
            .route(web::post().to(moderate))
            .default_service(only::<NativeError>("POST")),
    )
    .service(
        web::resource("/devices").route(web::get().to(devices)).default_service(only::<NativeError>("GET")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    let example = json!({"text": "Thanks for the quick reply, the printer works again.", "explain": true});
    page.operation("post", "/v1/lamassu/moderate", "Judges one text, or many")
        .notes("Give exactly one of `text` and `texts`. Of many texts each is answered in its place, also with an error.")
        .opens(&[Scope::Judge])
        .takes::<ModerateRequest>(&example)
        .gives_either::<JudgmentJson, ManyAnswers>(200, "The verdict, what it rests on, and how it came about.")
        .judges()
        .leads(200, "/v1/lamassu/decisions/{id}", &[("id", "$response.header.x-lamassu-decision")])
        .refuses(&[404]);
    page.operation("get", "/v1/lamassu/devices", "Where each model really runs")
        .gives::<DevicesJson<'_>>(200, "The models, and how that is known.");
}
