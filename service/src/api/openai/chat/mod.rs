//! `POST /v1/chat/completions`: a LLaMA answers, and the policy listens.

mod answer;
mod request;
mod stream;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::super::edge::{By, json_of, only};
use super::error::OpenAiError;
use super::moderations::docket;
use super::{answer as written, operation};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::moderator::Moderator;
use crate::scribe::{End, Said, Scribe, Speech};

use answer::{CompletionJson, Facts};
use request::ChatRequest;

/// Answers, at once or as it is written.
async fn complete(
    caller: By,
    (moderator, scribe): (web::Data<Moderator>, web::Data<Scribe>),
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, OpenAiError> {
    let by = caller.may(&[Scope::Judge])?.into();
    let mut asked: ChatRequest = json_of(body, moderator.limits().max_body_bytes).await?;
    let facts = facts(&mut asked, request.match_info().get("deployment"), (&moderator, &scribe))?;
    let streamed = asked.stream;
    let mut speech = scribe.begin(asked.order(by)?).await?;
    if streamed {
        return Ok(stream::streamed(speech, facts));
    }
    let (text, end) = whole(&mut speech).await?;
    Ok(written(&CompletionJson::new(facts, text, &end)))
}

/// What all parts of an answer have in common; the request is refused here if nobody could answer it.
fn facts(
    asked: &mut ChatRequest,
    deployment: Option<&str>,
    (moderator, scribe): (&Moderator, &Scribe),
) -> Result<Facts, ApiError> {
    asked.check()?;
    let model = deployment.map(str::to_owned).or(asked.model.take());
    let model =
        model.ok_or_else(|| ApiError::Field { field: "model", reason: "it is missing".to_owned() })?;
    if scribe.model() != Some(model.as_str()) {
        return Err(ApiError::UnknownModel(model));
    }
    let moderation = asked.moderation_model()?;
    if let Some((name, policy)) = &moderation {
        // Prompt and answer are held to the service's policy; no caller chooses a milder one.
        let named = docket(moderator, name, policy.clone())?;
        if named.policy().digest() != scribe.docket()?.policy().digest() {
            return Err(ApiError::Unsupported {
                field: "moderation",
                what: "another policy than the one that chats are held to",
            });
        }
    }
    Ok(Facts::new(model, scribe.digest(), moderation.map(|(name, _)| name), asked.includes_usage()))
}

/// Hears an answer out.
async fn whole(speech: &mut Speech) -> Result<(String, Box<End>), OpenAiError> {
    let mut text = String::new();
    while let Some(said) = speech.next().await {
        match said? {
            Said::Text(part) => text.push_str(&part),
            Said::End(end) => return Ok((text, end)),
        }
    }
    Err(ApiError::Internal.into())
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/chat/completions").route(web::post().to(complete)).default_service(only::<
        OpenAiError,
    >(
        "POST"
    )));
}

/// Describes the operation under `prefix`.
pub(super) fn described(page: &mut super::super::description::Page<'_>, prefix: &str) {
    let (model, user) = ("tiny-llama", json!([{"role": "user", "content": "What is the capital of Peru?"}]));
    operation(page, (prefix, "/chat/completions"), ("Lets a LLaMA answer, and the policy listen", model))
        .notes("The model is the one that the configuration names; `/v1/models` lists it.")
        .opens(&[Scope::Judge])
        .takes::<ChatRequest>(&json!({"model": model, "messages": user, "max_tokens": 8, "seed": 1}))
        .gives::<CompletionJson>(200, "The answer, or as much of it as the policy lets pass.")
        .streams("With `stream`, a `chat.completion.chunk` as JSON for each part, and at last `[DONE]`.")
        .judges()
        .refuses(&[504]);
}
