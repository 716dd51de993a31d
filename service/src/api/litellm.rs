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
    /// What takes the place of the texts, one for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<Vec<String>>,
}

/// What is judged: the texts, and what a model would hand to tools.
struct Said {
    texts: Vec<String>,
    arguments: Vec<String>,
}

/// A turn that only calls a tool says nothing.
fn says_something(text: &str) -> bool {
    !text.trim().is_empty()
}

impl Said {
    fn of(shown: Shown) -> Self {
        let calls = shown.tool_calls.unwrap_or_default();
        let arguments = calls.iter().filter_map(|call| call.pointer("/function/arguments")?.as_str());
        Self { texts: shown.texts.unwrap_or_default(), arguments: arguments.map(said).collect() }
    }

    /// Everything to judge, the texts first.
    fn everything(&self) -> Vec<String> {
        self.texts.iter().chain(&self.arguments).filter(|text| says_something(text)).cloned().collect()
    }

    /// The texts as they may be passed on if that is not as they are, by the judgments of [`Said::everything`].
    fn masked(self, judgments: &[Judgment]) -> Masked {
        let mut judgments = judgments.iter();
        let mut masked = false;
        let texts = self.texts.into_iter().map(|text| {
            let judgment = says_something(&text).then(|| judgments.next()).flatten();
            let rewritten = judgment.and_then(|judgment| judgment.rewritten.as_ref());
            masked |= rewritten.is_some();
            rewritten.map_or(text, |rewritten| rewritten.text.clone())
        });
        let texts = texts.collect();
        if judgments.any(|judgment| judgment.rewritten.is_some()) {
            return Masked::Arguments;
        }
        if masked { Masked::Texts(texts) } else { Masked::Nothing }
    }
}

/// What of a call is to be masked.
enum Masked {
    Nothing,
    Texts(Vec<String>),
    /// There is no place for them in an answer.
    Arguments,
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
    let said = Said::of(shown);
    let judgments = judged(&moderator, &docket, said.everything()).await?;
    let answer = Answer::new(said, &judgments, docket.policy().name());
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
        Self { action: "BLOCKED", blocked_reason: Some(reason.to_owned()), texts: None }
    }

    fn new(said: Said, judgments: &[Judgment], policy: &str) -> Self {
        let held = || judgments.iter().filter(|judgment| judgment.verdict.action >= Action::Review);
        if held().next().is_none() {
            return Self::passed(said.masked(judgments), policy);
        }
        let found = held().flat_map(|judgment| &judgment.verdict.findings);
        let found: BTreeSet<&str> = found.map(|finding| finding.category.name()).collect();
        let what = match found.into_iter().collect::<Vec<_>>().join(", ") {
            named if named.is_empty() => "it could not be judged as the policy demands".to_owned(),
            named => named,
        };
        Self::blocked(&format!("held back by policy `{policy}`: {what}"))
    }

    /// What nobody holds back, without what is masked. Arguments that should be masked and cannot be do not pass.
    fn passed(masked: Masked, policy: &str) -> Self {
        match masked {
            Masked::Nothing => Self { action: "NONE", blocked_reason: None, texts: None },
            Masked::Texts(texts) => {
                Self { action: "GUARDRAIL_INTERVENED", blocked_reason: None, texts: Some(texts) }
            }
            Masked::Arguments => Self::blocked(&format!(
                "policy `{policy}` masks a part of a tool call's arguments, which cannot be done here"
            )),
        }
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
        .gives::<Answer>(
            200,
            "`NONE`, `BLOCKED` and why, or `GUARDRAIL_INTERVENED` and the texts to pass on.",
        )
        .judges();
}
