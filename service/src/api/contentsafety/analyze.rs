//! `POST /contentsafety/text:analyze`

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use policies::Content;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::harm::{Harm, HarmJson, Levels, analysis};
use super::{fits, may_judge, operation};
use crate::api::azure::AzureError;
use crate::api::edge::{By, json_of};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::lists::{Hit, Lists};
use crate::moderator::{Moderator, Terms};

/// The longest text, in code points.
const MAX_TEXT: usize = 10_000;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AnalyzeRequest {
    text: String,
    categories: Option<BTreeSet<Harm>>,
    blocklist_names: Option<Vec<String>>,
    halt_on_blocklist_hit: Option<bool>,
    output_type: Option<Levels>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AnalyzeAnswer {
    blocklists_match: Vec<HitJson>,
    categories_analysis: Vec<HarmJson>,
}

#[derive(Serialize, JsonSchema)]
struct HitJson {
    #[serde(rename = "blocklistName")]
    list: String,
    #[serde(rename = "blocklistItemId")]
    id: String,
    #[serde(rename = "blocklistItemText")]
    text: String,
}

impl From<Hit> for HitJson {
    fn from(Hit { list, item }: Hit) -> Self {
        Self { list, id: item.id, text: item.text }
    }
}

/// Judges a text, and looks for what lists have.
pub(super) async fn analyze(
    caller: By,
    (moderator, lists): (web::Data<Moderator>, web::Data<Lists>),
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    may_judge(&caller)?;
    let request: AnalyzeRequest = json_of(body, moderator.limits().max_body_bytes).await?;
    fits("text", &request.text, MAX_TEXT)?;
    let place = moderator.try_place()?;
    let docket = moderator.docket(&Terms::default())?;
    let blocklists_match = hits(&lists, &request).await?;
    if request.halt_on_blocklist_hit == Some(true) && !blocklists_match.is_empty() {
        let answer = AnalyzeAnswer { blocklists_match, categories_analysis: Vec::new() };
        return Ok(HttpResponse::Ok().json(answer));
    }
    let judgment = moderator.judge(&docket, request.text, &place).await?;
    let asked = request.categories.unwrap_or_default();
    let levels = request.output_type.unwrap_or_default();
    let categories_analysis = analysis(&judgment.verdict.scores, &asked, levels);
    let answer = AnalyzeAnswer { blocklists_match, categories_analysis };
    Ok(HttpResponse::Ok().json(answer))
}

/// What the lists that are named have of a text.
async fn hits(lists: &web::Data<Lists>, request: &AnalyzeRequest) -> Result<Vec<HitJson>, AzureError> {
    let mut names = request.blocklist_names.clone().unwrap_or_default();
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (lists, text) = (web::Data::clone(lists), request.text.clone());
    let content = move || Content::new(text).map_err(ApiError::from).map_err(AzureError::from);
    let searching = move || lists.hits(&names, &content()?).map_err(AzureError::from);
    let hits = plugins::aside(request.text.len(), searching).await.map_err(|_| ApiError::Internal)??;
    Ok(hits.into_iter().map(HitJson::from).collect())
}

/// Describes the operation.
pub(super) fn described(page: &mut crate::api::description::Page<'_>) {
    let example = json!({"text": "Thanks for the quick reply, the printer works again."});
    operation(page, "post", ("/text:analyze", "Judges a text, and looks for what lists have"))
        .opens(&[Scope::Judge])
        .takes::<AnalyzeRequest>(&example)
        .gives::<AnalyzeAnswer>(200, "What lists have of it, and how bad it is.")
        .judges()
        .refuses(&[404]);
}
