//! `/v1/lamassu/banks`, `/v1/lamassu/banks/{bank}` and its `/search`.

use actix_web::{HttpResponse, web};
use plugins::Kind;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::edge::{By, NativeError, json_of, only};
use crate::clerk::{BankJson, BanksJson, Clerk, HitsJson, HoldsJson, NewBankJson, SearchJson};
use crate::keys::Scope;
use crate::moderator::Moderator;

#[derive(Serialize, JsonSchema)]
struct RemovedJson {
    removed: usize,
}

/// The banks there are.
async fn list(caller: By, clerk: web::Data<Clerk>) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Banks, Scope::Review])?;
    Ok(HttpResponse::Ok().json(clerk.list(who).await?))
}

/// Makes a bank.
async fn create(
    caller: By,
    clerk: web::Data<Clerk>,
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Banks])?;
    let new = json_of(body, moderator.limits().max_body_bytes).await?;
    Ok(HttpResponse::Created().json(clerk.create(&new).await?))
}

/// What a bank holds, and what is wrong with it.
async fn account(
    caller: By,
    clerk: web::Data<Clerk>,
    bank: web::Path<String>,
) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Banks, Scope::Review])?;
    Ok(HttpResponse::Ok().json(clerk.account(&bank, who).await?))
}

/// Removes a bank and all that is in it, without a trace.
async fn delete(
    caller: By,
    clerk: web::Data<Clerk>,
    bank: web::Path<String>,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Admin])?;
    Ok(HttpResponse::Ok().json(RemovedJson { removed: clerk.delete(&bank).await? }))
}

/// Cases that resemble a text, with their rulings; passages of documents that answer it.
async fn search(
    caller: By,
    clerk: web::Data<Clerk>,
    (moderator, bank): (web::Data<Moderator>, web::Path<String>),
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    // Documents are there for those who work with texts; cases, for those who look after them.
    let opens = match clerk.kind(&bank).await {
        Ok(Kind::Documents) => [Scope::Banks, Scope::Review, Scope::Judge].as_slice(),
        Ok(Kind::Precedents) | Err(_) => &[Scope::Banks, Scope::Review],
    };
    let who = caller.who(opens)?;
    let wanted: SearchJson = json_of(body, moderator.limits().max_body_bytes).await?;
    Ok(HttpResponse::Ok().json(clerk.search(&bank, &wanted, who).await?))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/banks")
            .route(web::get().to(list))
            .route(web::post().to(create))
            .default_service(only::<NativeError>("GET, POST")),
    )
    .service(
        web::resource("/banks/{bank}")
            .route(web::get().to(account))
            .route(web::delete().to(delete))
            .default_service(only::<NativeError>("GET, DELETE")),
    )
    .service(
        web::resource("/banks/{bank}/search")
            .route(web::post().to(search))
            .default_service(only::<NativeError>("POST")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    let bank = "The bank's name.";
    page.operation("get", "/v1/lamassu/banks", "The banks there are")
        .opens(&[Scope::Banks, Scope::Review])
        .gives::<BanksJson>(200, "Their names, and how many rows they have.")
        .refuses(&[503]);
    page.operation("post", "/v1/lamassu/banks", "Makes a bank")
        .opens(&[Scope::Banks])
        .takes::<NewBankJson>(&json!({"name": "appeals", "kind": "precedents"}))
        .gives::<BankJson>(201, "The bank, empty.")
        .leads(201, "/v1/lamassu/banks/{bank}", &[("bank", "$response.body#/name")])
        .refuses(&[409, 503]);
    page.operation("get", "/v1/lamassu/banks/{bank}", "What a bank holds, and what is wrong with it")
        .part("bank", bank, "appeals")
        .opens(&[Scope::Banks, Scope::Review])
        .gives::<HoldsJson>(200, "Counts, by the bank's kind.")
        .refuses(&[400, 409, 503]);
    page.operation(
        "delete",
        "/v1/lamassu/banks/{bank}",
        "Removes a bank and all that is in it, without a trace",
    )
    .part("bank", bank, "appeals")
    .opens(&[Scope::Admin])
    .gives::<RemovedJson>(200, "How many rows it had.")
    .refuses(&[400, 409, 503]);
    page.operation(
        "post",
        "/v1/lamassu/banks/{bank}/search",
        "Finds cases that resemble a text, or passages",
    )
    .part("bank", bank, "appeals")
    .opens(&[Scope::Banks, Scope::Review])
    .notes("In banks of documents, `judge` is enough.")
    .takes::<SearchJson>(&json!({"text": "Buy cheap watches now", "k": 3}))
    .gives::<HitsJson>(200, "What was found, best first.")
    .refuses(&[409, 503]);
}
