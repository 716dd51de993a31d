//! The detector API of the FMS guardrails orchestrator: `/contents`, `/generation`, `/chat` and `/context/doc`.
//!
//! The header `detector-id` says what is sought: `moderation` is every category of the policy in force, the name of a
//! category that one alone, `pii` personal data that has a form, `groundedness` sentences that documents do not bear out.
//!
//! Source: the orchestrator's published detector API, and CONTRACTS §6.2.

mod detection;
mod error;

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, Route, web};
use plugins::extract::{Unit, offsets};
use policies::Judgment;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use self::detection::{DetectionJson, merged, of_judgment, of_pii, of_standing};
use self::error::{DetectorError, not_found};
use super::door::require_key;
use super::edge::{By, json_of, only};
use super::litellm::judged;
use crate::keys::Scope;
use crate::moderator::{Docket, Moderator, Terms};
use crate::summarizer::Summarizer;

const JSON: &str = "application/json; charset=utf-8";
const MODERATION: &str = "moderation";
const PII: &str = "pii";
const GROUNDEDNESS: &str = "groundedness";

#[derive(Default, Deserialize, JsonSchema)]
struct Parameters {
    threshold: Option<f32>,
}

#[derive(Deserialize, JsonSchema)]
struct Contents {
    contents: Vec<String>,
    detector_params: Option<Parameters>,
}

#[derive(Deserialize, JsonSchema)]
struct Generation {
    #[serde(rename = "prompt")]
    _prompt: String,
    generated_text: String,
    detector_params: Option<Parameters>,
}

#[derive(Deserialize, JsonSchema)]
struct Chat {
    messages: Vec<Message>,
    detector_params: Option<Parameters>,
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    content: Option<Value>,
}

#[derive(Deserialize, JsonSchema)]
struct ContextDoc {
    content: String,
    context_type: String,
    context: Vec<String>,
    detector_params: Option<Parameters>,
}

/// What is sought.
enum Sought {
    Judged(Docket),
    Pii,
}

impl Sought {
    /// What the request's header asks for.
    fn of(request: &HttpRequest, moderator: &Moderator) -> Result<Self, DetectorError> {
        match detector(request)? {
            PII => Ok(Self::Pii),
            MODERATION => Ok(Self::Judged(moderator.docket(&Terms::default())?)),
            category => {
                let terms = Terms { categories: vec![category.to_owned()], ..Terms::default() };
                moderator.docket(&terms).map(Self::Judged).map_err(|_| DetectorError::unknown())
            }
        }
    }

    fn category(request: &HttpRequest) -> Option<&str> {
        detector(request).ok().filter(|name| *name != MODERATION)
    }
}

fn detector(request: &HttpRequest) -> Result<&str, DetectorError> {
    let header = request.headers().get("detector-id").and_then(|id| id.to_str().ok());
    header
        .filter(|id| !id.is_empty())
        .ok_or_else(|| DetectorError::invalid("the header `detector-id` is missing"))
}

/// Looks through each content; where it was found is counted in code points.
async fn contents(
    (request, caller): (HttpRequest, By),
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, DetectorError> {
    caller.may(&[Scope::Judge])?;
    let sought = Sought::of(&request, &moderator)?;
    let Contents { contents, detector_params } = json_of(body, moderator.limits().max_body_bytes).await?;
    let threshold = detector_params.unwrap_or_default().threshold;
    let found: Vec<Vec<DetectionJson>> = match &sought {
        Sought::Pii => contents.iter().map(|text| of_pii(text, threshold)).collect(),
        Sought::Judged(docket) => {
            let only = Sought::category(&request);
            let judgments = judged(&moderator, docket, contents.clone()).await?;
            let of = |(judgment, text): (&Judgment, &String)| of_judgment(judgment, text, (only, threshold));
            judgments.iter().zip(&contents).map(of).collect()
        }
    };
    Ok(answer(&found))
}

/// Looks through what was generated; what it answers to is the caller's own.
async fn generation(
    (request, caller): (HttpRequest, By),
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, DetectorError> {
    caller.may(&[Scope::Judge])?;
    let sought = Sought::of(&request, &moderator)?;
    let Generation { generated_text, detector_params, .. } =
        json_of(body, moderator.limits().max_body_bytes).await?;
    let threshold = detector_params.unwrap_or_default().threshold;
    let Sought::Judged(docket) = &sought else {
        return Ok(answer(&merged(of_pii(&generated_text, threshold))));
    };
    let place = moderator.try_place()?;
    let judgment = moderator.judge(docket, generated_text.clone(), &place).await?;
    let found = of_judgment(&judgment, &generated_text, (Sought::category(&request), threshold));
    Ok(answer(&merged(found)))
}

/// Looks through every message.
async fn chat(
    (request, caller): (HttpRequest, By),
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, DetectorError> {
    caller.may(&[Scope::Judge])?;
    let sought = Sought::of(&request, &moderator)?;
    let Chat { messages, detector_params } = json_of(body, moderator.limits().max_body_bytes).await?;
    let threshold = detector_params.unwrap_or_default().threshold;
    let texts = messages.into_iter().map(Message::texts).collect::<Result<Vec<_>, _>>()?.concat();
    let mut found = Vec::new();
    match &sought {
        Sought::Pii => found.extend(texts.iter().flat_map(|text| of_pii(text, threshold))),
        Sought::Judged(docket) => {
            for (judgment, text) in judged(&moderator, docket, texts.clone()).await?.iter().zip(&texts) {
                found.extend(of_judgment(judgment, text, (Sought::category(&request), threshold)));
            }
        }
    }
    Ok(answer(&merged(found)))
}

/// Holds a text against documents.
async fn context_doc(
    (request, caller): (HttpRequest, By),
    summarizer: web::Data<Summarizer>,
    body: web::Payload,
) -> Result<HttpResponse, DetectorError> {
    caller.may(&[Scope::Judge])?;
    if detector(&request)? != GROUNDEDNESS {
        return Err(DetectorError::unknown());
    }
    let ContextDoc { content, context_type, context, detector_params } =
        json_of(body, summarizer.limits().max_body_bytes).await?;
    if context_type == "url" {
        return Err(DetectorError::invalid(
            "`context_type`: `url` is not supported, nothing is fetched here",
        ));
    }
    let documents: Vec<&str> = context.iter().map(String::as_str).collect();
    let place = summarizer.try_place()?;
    let standing = summarizer.ground((&content, &documents), None, &place).await?;
    let found = of_standing(&standing, &content, detector_params.unwrap_or_default().threshold);
    Ok(answer(&found))
}

fn answer(found: &impl serde::Serialize) -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).json(found)
}

impl Message {
    /// Its text, or those of its parts.
    fn texts(self) -> Result<Vec<String>, DetectorError> {
        let unread =
            || DetectorError::invalid("`messages`: a part of a content is no text, and is not read here");
        let texts = match self.content {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(parts)) => {
                let text = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
                parts.iter().map(|part| text(part).ok_or_else(unread)).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(unread()),
        };
        // A turn that only calls a tool says nothing.
        Ok(texts.into_iter().filter(|text| !text.trim().is_empty()).collect())
    }
}

/// Where `range` of `text` is, in code points.
fn code_points(text: &str, range: std::ops::Range<usize>) -> (usize, usize) {
    let extent = offsets(text, &[range], Unit::CodePoint).into_iter().next();
    extent.map_or((0, 0), |extent| (extent.start, extent.start + extent.length))
}

/// The process answers.
async fn health() -> &'static str {
    "ok\n"
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let posted = |path: &str, route: Route| {
        web::resource(path).route(route).default_service(only::<DetectorError>("POST"))
    };
    app.service(
        web::scope("/api/v1/text")
            .wrap(from_fn(require_key::<DetectorError, _>))
            .service(posted("/contents", web::post().to(contents)))
            .service(posted("/generation", web::post().to(generation)))
            .service(posted("/chat", web::post().to(chat)))
            .service(posted("/context/doc", web::post().to(context_doc)))
            .default_service(web::to(not_found)),
    )
    .service(
        web::resource("/health").route(web::get().to(health)).default_service(only::<DetectorError>("GET")),
    );
}

/// The form of an error.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "errors are written by hand; here is what they look like")]
struct ErrorShape {
    code: u16,
    message: String,
}

/// An operation that the header `detector-id` says more of.
fn posted<'b>(
    page: &'b mut super::description::Page<'_>,
    (path, summary): (&str, &str),
    detector: &str,
) -> super::description::Operation<'b> {
    let what =
        "What is sought: `moderation`, `pii` or a category of the policy; `groundedness` at `/context/doc`.";
    let header = json!({
        "name": "detector-id", "in": "header", "required": true, "description": what,
        "schema": {"type": "string"}, "example": detector,
    });
    let operation = page.operation("post", &format!("/api/v1/text{path}"), summary);
    operation.parameter(header).opens(&[Scope::Judge]).refuses(&[404])
}

/// Describes the operations.
pub(super) fn described(book: &mut super::description::Book) {
    let what = "The detector API of the FMS guardrails orchestrator.";
    let dress = super::description::Dress { reading: &[408, 413, 422], ..super::description::Dress::KEYED };
    let mut page = book.page::<ErrorShape>(("detectors", what), dress);
    let text = "Thanks for the quick reply, the printer works again.";
    posted(&mut page, ("/contents", "Looks through each content"), MODERATION)
        .takes::<Contents>(&json!({"contents": [text]}))
        .gives::<Vec<Vec<DetectionJson>>>(200, "What was found in each, and where, in code points.")
        .judges();
    posted(&mut page, ("/generation", "Looks through what was generated"), MODERATION)
        .takes::<Generation>(&json!({"prompt": "Is it mended?", "generated_text": text}))
        .gives::<Vec<DetectionJson>>(200, "What was found.")
        .judges();
    posted(&mut page, ("/chat", "Looks through every message"), PII)
        .takes::<Chat>(&json!({"messages": [{"role": "user", "content": text}]}))
        .gives::<Vec<DetectionJson>>(200, "What was found.")
        .judges();
    posted(&mut page, ("/context/doc", "Holds a text against documents"), GROUNDEDNESS)
        .takes::<ContextDoc>(&json!({"content": "The library is closed on Sundays.", "context_type": "docs",
            "context": ["The library is closed on Sundays and opens at nine on weekdays."]}))
        .gives::<Vec<DetectionJson>>(200, "What no document bears out.")
        .refuses(&[503, 504]);
}
