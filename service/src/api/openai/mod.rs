//! `OpenAI`'s API: moderations, models, embeddings, chat completions.
//!
//! *Source*: the client library `openai` 3.54.0; `/openai` is the form that Azure's clients use.

mod categories;
mod chat;
mod embeddings;
mod error;
mod filter;
mod models;
mod moderations;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::door::require_key;
use crate::error::ApiError;
use error::{ErrorJson, OpenAiError};

const JSON: &str = "application/json; charset=utf-8";

/// An answer.
fn answer(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, JSON)).json(body)
}

/// The answer where nothing lives.
async fn not_found() -> Result<HttpResponse, OpenAiError> {
    Err(ApiError::NotFound.into())
}

/// Registers the routes. They come after those of `/v1/lamassu`.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let scope = |path: &str| {
        web::scope(path).wrap(from_fn(require_key::<OpenAiError, _>)).default_service(web::to(not_found))
    };
    app.service(scope("/v1").configure(resources))
        .service(scope("/openai/v1").configure(resources))
        .service(scope("/openai/deployments/{deployment}").configure(deployed))
        .service(scope("/openai").configure(resources));
}

fn resources(app: &mut web::ServiceConfig) {
    app.configure(moderations::routes).configure(models::routes).configure(deployed);
}

fn deployed(app: &mut web::ServiceConfig) {
    app.configure(embeddings::routes).configure(chat::routes);
}

/// Describes the operations, under each prefix that clients have for them.
pub(super) fn described(book: &mut super::description::Book) {
    let what = "OpenAI's API: moderations, models, embeddings, chat completions. `/openai` is the form of Azure's clients.";
    let mut page = book.page::<ErrorJson>(("openai", what), super::description::Dress::KEYED);
    for prefix in ["/v1", "/openai/v1", "/openai"] {
        moderations::described(&mut page, prefix);
        models::described(&mut page, prefix);
        embeddings::described(&mut page, prefix);
        chat::described(&mut page, prefix);
    }
    let deployed = "/openai/deployments/{deployment}";
    embeddings::described(&mut page, deployed);
    chat::described(&mut page, deployed);
}

/// An operation under `prefix`, which may name the model.
fn operation<'b>(
    page: &'b mut super::description::Page<'_>,
    (prefix, path): (&str, &str),
    (summary, model): (&str, &str),
) -> super::description::Operation<'b> {
    let operation = page.operation("post", &format!("{prefix}{path}"), summary).refuses(&[404]);
    if prefix.contains("{deployment}") {
        return operation.part("deployment", "The model's name.", model);
    }
    operation
}
