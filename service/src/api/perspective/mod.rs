//! The Perspective API (Comment Analyzer v1alpha1): comments scored by attributes, suggestions, the discovery document
//! that clients are built from, and batches.
//!
//! Source: the vendor's discovery document and reference, and PERSPECTIVE.md.

mod analyze;
mod answer;
mod attribute;
mod batch;
mod desk;
mod discovery;
mod error;
mod gate;
mod language;
mod relaxed;
mod suggest;
mod wire;

pub(super) use desk::Desk;

use self::desk::{Operation, received};
use self::error::{ErrorShape, GoogleError, not_found};
use self::gate::Shown;
use self::wire::{AnalyzeAnswer, AnalyzeRequest, SuggestAnswer, SuggestRequest};
use super::edge::only;
use crate::keys::Scope;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, Route, web};
use serde_json::json;

/// Scores a comment.
async fn analyze(
    Shown(caller): Shown,
    desk: web::Data<Desk>,
    body: web::Payload,
) -> Result<HttpResponse, GoogleError> {
    let body = received(body, desk.max_body()).await?;
    Ok(desk.answer(Operation::Analyze, &caller, &body).await?.respond())
}

/// Takes a suggestion.
async fn suggest(
    Shown(caller): Shown,
    desk: web::Data<Desk>,
    body: web::Payload,
) -> Result<HttpResponse, GoogleError> {
    let body = received(body, desk.max_body()).await?;
    Ok(desk.answer(Operation::Suggest, &caller, &body).await?.respond())
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let resource = |path: &str, allow: &'static str, route: Route| {
        web::resource(path).route(route).default_service(only::<GoogleError>(allow))
    };
    app.service(
        web::scope("/v1alpha1")
            .wrap(from_fn(gate::keyed))
            .service(resource("/comments:analyze", "POST", web::post().to(analyze)))
            .service(resource("/comments:suggestscore", "POST", web::post().to(suggest)))
            .default_service(web::to(not_found)),
    )
    .service(
        resource("/$discovery/rest", "GET", web::get().to(discovery::document))
            .wrap(from_fn(gate::unless_wrong)),
    )
    .service(resource("/batch", "POST", web::post().to(batch::batch)).wrap(from_fn(gate::open)));
}

/// Describes the operations.
pub(super) fn described(book: &mut super::description::Book) {
    let what = "The Perspective API, `v1alpha1`. Scores are this service's own.";
    let dress = super::description::Dress {
        door: super::description::Door::KeyedOrQuery,
        always: &[400, 403, 429, 500],
        reading: &[400, 408],
    };
    let mut page = book.page::<ErrorShape>(("perspective", what), dress);
    let comment = json!({"text": "Thanks for the quick reply, the printer works again."});
    page.operation("post", "/v1alpha1/comments:analyze", "Scores a comment")
        .opens(&[Scope::Judge])
        .takes::<AnalyzeRequest>(&json!({"comment": comment, "requestedAttributes": {"TOXICITY": {}}}))
        .gives::<AnalyzeAnswer>(200, "A score for each attribute.")
        .judges();
    let suggested = json!({"TOXICITY": {"summaryScore": {"value": 0.1}}});
    page.operation("post", "/v1alpha1/comments:suggestscore", "Takes a suggestion")
        .notes("It becomes an unconfirmed case, and acts once a reviewer has confirmed it.")
        .opens(&[Scope::Banks])
        .takes::<SuggestRequest>(&json!({"comment": comment, "attributeScores": suggested}))
        .gives::<SuggestAnswer>(200, "It is taken.")
        .refuses(&[404, 409, 503]);
    let mut open = page.through(super::description::Door::UnlessWrong);
    open.operation(
        "get",
        "/$discovery/rest",
        "The document that the vendor's client libraries are built from",
    )
    .asks("version", "The version of the API.", json!({"type": "string", "enum": ["v1alpha1"]}))
    .gives::<serde_json::Value>(200, "The document.")
    .refuses(&[404]);
    let parts = json!({"type": "string", "description": "Parts of type `application/http`."});
    open.operation("post", "/batch", "Answers many requests, each as a part")
        .notes("Each part shows its own key, or the whole does.")
        .body("multipart/mixed", parts.clone(), &batch::EXAMPLE.into())
        .answer(200, "An answer to each.", ("multipart/mixed", parts));
}
