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

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, Route, web};

use self::desk::{Operation, received};
use self::error::{GoogleError, not_found};
use self::gate::Shown;
use super::edge::only;

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
