//! `POST /beta/litellm_basic_guardrail_api`: the generic guardrail of the gateway `LiteLLM`.
//!
//! Source: the vendor's page on the generic guardrail API (beta), and CONTRACTS §6.1.

use std::collections::BTreeSet;

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use futures::{StreamExt, TryStreamExt, stream};
use policies::{Action, Judgment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::door::require_key;
use super::edge::{By, NativeError, json_of, only};
use crate::error::ApiError;
use crate::json::ErrorJson;
use crate::keys::Scope;
use crate::moderator::{Docket, Moderator, Terms};

const JSON: &str = "application/json; charset=utf-8";
/// Texts of one request judged at the same time.
const AT_ONCE: usize = 16;

/// What a gateway shows. Members that are not named here are not read: tools are the operator's own words.
#[derive(Deserialize, JsonSchema)]
struct Shown {
    texts: Option<Vec<String>>,
    images: Option<Vec<Value>>,
    tool_calls: Option<Vec<Value>>,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_reason: Option<String>,
}

impl Shown {
    /// Everything to judge: the texts, and what a model would hand to tools.
    fn texts(self) -> Vec<String> {
        let calls = self.tool_calls.unwrap_or_default();
        let arguments = calls.iter().filter_map(|call| call.pointer("/function/arguments")?.as_str());
        let arguments: Vec<_> = arguments.map(said).collect();
        let texts = self.texts.unwrap_or_default().into_iter().chain(arguments);
        // A turn that only calls a tool says nothing.
        texts.filter(|text| !text.trim().is_empty()).collect()
    }
}

/// What arguments say, one string a line: around them stands what no person reads. Those that are no JSON are taken as
/// they are.
fn said(arguments: &str) -> String {
    let Ok(read) = serde_json::from_str::<Value>(arguments) else { return arguments.to_owned() };
    let (mut open, mut strings) = (vec![&read], Vec::new());
    while let Some(value) = open.pop() {
        match value {
            Value::String(string) => strings.push(string.as_str()),
            // Last in, first out: backwards, so that they come in their order.
            Value::Array(values) => open.extend(values.iter().rev()),
            Value::Object(members) => open.extend(members.values().rev()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    strings.join("\n")
}

/// Lets texts pass or not. A gateway has nobody to hold a text for: what a person should see first does not pass.
async fn guard(
    caller: By,
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Judge])?;
    let shown: Shown = json_of(body, moderator.limits().max_body_bytes).await?;
    let docket = moderator.docket(&Terms::default())?;
    if shown.images.as_ref().is_some_and(|images| !images.is_empty()) {
        let answer = Answer::blocked("images are not supported: this service reads text");
        return Ok(HttpResponse::Ok().content_type(JSON).json(answer));
    }
    let judgments = judged(&moderator, &docket, shown.texts()).await?;
    let answer = Answer::new(&judgments, docket.policy().name());
    Ok(HttpResponse::Ok().content_type(JSON).json(answer))
}

/// Judges texts, each with a place of its own once the service can take the request.
pub(super) async fn judged(
    moderator: &Moderator,
    docket: &Docket,
    texts: Vec<String>,
) -> Result<Vec<Judgment>, ApiError> {
    let limit = moderator.limits().max_texts;
    if texts.len() > limit {
        let reason = format!("more than {limit} texts (limits.max_texts)");
        return Err(ApiError::Field { field: "texts", reason });
    }
    drop(moderator.try_place()?);
    let judging = texts.into_iter().map(|text| async move {
        let place = moderator.place().await?;
        moderator.judge(docket, text, &place).await
    });
    stream::iter(judging).buffered(AT_ONCE).try_collect().await
}

impl Answer {
    fn blocked(reason: &str) -> Self {
        Self { action: "BLOCKED", blocked_reason: Some(reason.to_owned()) }
    }

    fn new(judgments: &[Judgment], policy: &str) -> Self {
        let held = || judgments.iter().filter(|judgment| judgment.verdict.action >= Action::Review);
        if held().next().is_none() {
            return Self { action: "NONE", blocked_reason: None };
        }
        let found = held().flat_map(|judgment| &judgment.verdict.findings);
        let found: BTreeSet<&str> = found.map(|finding| finding.category.name()).collect();
        let what = match found.into_iter().collect::<Vec<_>>().join(", ") {
            named if named.is_empty() => "it could not be judged as the policy demands".to_owned(),
            named => named,
        };
        Self::blocked(&format!("held back by policy `{policy}`: {what}"))
    }
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/beta/litellm_basic_guardrail_api")
            .wrap(from_fn(require_key::<NativeError, _>))
            .route(web::post().to(guard))
            .default_service(only::<NativeError>("POST")),
    );
}

/// Describes the operation.
pub(super) fn described(book: &mut super::description::Book) {
    let what = "The generic guardrail of the gateway LiteLLM.";
    let mut page = book.page::<ErrorJson>(("litellm", what), super::description::Dress::KEYED);
    page.operation("post", "/beta/litellm_basic_guardrail_api", "Lets texts pass or not")
        .opens(&[Scope::Judge])
        .takes::<Shown>(&json!({"texts": ["Thanks for the quick reply."], "input_type": "request"}))
        .gives::<Answer>(200, "`NONE`, or `BLOCKED` and why.")
        .judges();
}
