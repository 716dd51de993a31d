//! `GET /v1/models`: what there is, and can do what it is listed for.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::edge::only;
use super::answer;
use super::error::OpenAiError;
use crate::error::ApiError;
use crate::moderator::Moderator;
use crate::scribe::Scribe;

/// The vendor's names of models that moderate: the default policy answers to each.
const MODERATION: [&str; 4] = [
    "omni-moderation-latest",
    "omni-moderation-2024-09-26",
    "text-moderation-latest",
    "text-moderation-stable",
];
/// What the names of policies begin with, where a model is named.
const POLICY: &str = "lamassu/";
/// The name of the sentence encoder.
pub(super) const ENCODER: &str = "all-MiniLM-L6-v2";

/// When the models were first listed: they have no other date that would mean anything to a client.
static SINCE: LazyLock<u64> = LazyLock::new(now);

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[derive(Serialize, JsonSchema)]
struct ModelsJson {
    object: &'static str,
    data: Vec<ModelJson>,
}

#[derive(Serialize, JsonSchema)]
struct ModelJson {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

/// The name to answer with, and the policy that is meant; none is the default policy.
pub(super) fn moderation_model(model: Option<String>) -> Result<(String, Option<String>), ApiError> {
    let Some(model) = model else { return Ok((MODERATION[0].to_owned(), None)) };
    if MODERATION.contains(&model.as_str()) {
        return Ok((model, None));
    }
    match model.strip_prefix(POLICY).map(str::to_owned) {
        Some(policy) => Ok((model, Some(policy))),
        None => Err(ApiError::UnknownModel(model)),
    }
}

/// The names of all models.
fn names(moderator: &Moderator, scribe: &Scribe) -> Vec<String> {
    let vendors = MODERATION.iter().map(|name| (*name).to_owned());
    let policies = moderator.chambers().digests().into_iter().map(|(name, _)| format!("{POLICY}{name}"));
    let chats = scribe.model().map(str::to_owned);
    vendors.chain(policies).chain(chats).chain([ENCODER.to_owned()]).collect()
}

impl From<String> for ModelJson {
    fn from(id: String) -> Self {
        Self { id, object: "model", created: *SINCE, owned_by: "lamassu" }
    }
}

/// All models.
async fn list(moderator: web::Data<Moderator>, scribe: web::Data<Scribe>) -> HttpResponse {
    let data = names(&moderator, &scribe).into_iter().map(ModelJson::from).collect();
    answer(&ModelsJson { object: "list", data })
}

/// One model.
async fn model(
    moderator: web::Data<Moderator>,
    scribe: web::Data<Scribe>,
    name: web::Path<String>,
) -> Result<HttpResponse, OpenAiError> {
    let name = name.into_inner();
    if !names(&moderator, &scribe).contains(&name) {
        return Err(ApiError::UnknownModel(name).into());
    }
    Ok(answer(&ModelJson::from(name)))
}

/// Registers the routes. A name may hold `/`.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/models").route(web::get().to(list)).default_service(only::<OpenAiError>("GET")),
    )
    .service(web::resource("/models/{model:.+}").route(web::get().to(model)).default_service(only::<
        OpenAiError,
    >(
        "GET"
    )));
}

/// Describes the operations under `prefix`.
pub(super) fn described(page: &mut super::super::description::Page<'_>, prefix: &str) {
    page.operation("get", &format!("{prefix}/models"), "What models there are")
        .gives::<ModelsJson>(200, "All models.");
    page.operation("get", &format!("{prefix}/models/{{model}}"), "One model")
        .part("model", "The model's name.", ENCODER)
        .gives::<ModelJson>(200, "The model.");
}
