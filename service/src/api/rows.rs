//! `/v1/lamassu/banks/{bank}/rows`, one row of it, and what reviewers do with it.

use actix_web::{HttpResponse, web};
use plugins::Kind;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::edge::{By, NativeError, json_of, json_or_nothing, only, query_of};
use crate::clerk::{
    CaseJson, Clerk, DocumentJson, Either, EnteredJson, FilterJson, ListedJson, PageJson, ReviewJson,
    RowJson, Verb, opinion,
};
use crate::config::Limits;
use crate::error::ApiError;
use crate::keys::Scope;
use crate::moderator::Moderator;

/// Cases or documents of one request: a single one, or many.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum RowsJson<T> {
    Many(ManyRows<T>),
    One(Box<T>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ManyRows<T> {
    rows: Vec<T>,
}

#[derive(Serialize, JsonSchema)]
struct ManyAnswers {
    results: Vec<Either<EnteredJson>>,
}

/// What a request hands in, and whether it is a single one.
struct Given<T> {
    rows: Vec<Result<T, ApiError>>,
    single: bool,
}

/// Hands in a case or a document, or many. A case is unconfirmed.
async fn add(
    caller: By,
    clerk: web::Data<Clerk>,
    (moderator, bank): (web::Data<Moderator>, web::Path<String>),
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Banks])?;
    match clerk.kind(&bank).await? {
        Kind::Precedents => {
            let Given { rows, single } = given(body, moderator.limits()).await?;
            answer(clerk.enter(&bank, rows, who).await?, single)
        }
        Kind::Documents => {
            let Given { rows, single } = given(body, moderator.limits()).await?;
            answer(clerk.index(&bank, rows, who).await?, single)
        }
    }
}

async fn given<T: DeserializeOwned>(body: web::Payload, limits: &Limits) -> Result<Given<T>, ApiError> {
    let limit = limits.max_texts;
    match json_of(body, limits.max_body_bytes).await? {
        RowsJson::One(row) => Ok(Given { rows: vec![Ok(*row)], single: true }),
        RowsJson::Many(ManyRows { rows }) if rows.len() > limit => {
            let reason = format!("more than {limit} rows (limits.max_texts); an import takes any number");
            Err(ApiError::Field { field: "rows", reason })
        }
        RowsJson::Many(ManyRows { rows }) => {
            Ok(Given { rows: rows.into_iter().map(Ok).collect(), single: false })
        }
    }
}

fn answer(
    mut entered: Vec<Result<EnteredJson, ApiError>>,
    single: bool,
) -> Result<HttpResponse, NativeError> {
    if single {
        let one = entered.pop().unwrap_or(Err(ApiError::Internal))?;
        return Ok(HttpResponse::Created().json(one));
    }
    Ok(HttpResponse::Ok().json(ManyAnswers { results: entered.into_iter().map(Either::from).collect() }))
}

/// A page of rows.
async fn list(
    caller: By,
    clerk: web::Data<Clerk>,
    bank: web::Path<String>,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Banks, Scope::Review])?;
    let wanted: FilterJson = query_of(&request)?;
    Ok(HttpResponse::Ok().json(clerk.page(&bank, &wanted, who).await?))
}

/// One row.
async fn row(
    caller: By,
    clerk: web::Data<Clerk>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Banks, Scope::Review])?;
    Ok(HttpResponse::Ok().json(clerk.row(&path.0, &path.1, who).await?))
}

/// Removes a row without a trace. A document goes as it came: handing in another of its id would remove it, too.
async fn delete(
    caller: By,
    clerk: web::Data<Clerk>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, NativeError> {
    let opens = match clerk.kind(&path.0).await {
        Ok(Kind::Documents) => [Scope::Admin, Scope::Banks].as_slice(),
        Ok(Kind::Precedents) | Err(_) => &[Scope::Admin],
    };
    let who = caller.who(opens)?;
    clerk.remove(&path.0, &path.1, who).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Confirms, rejects or retracts a case.
async fn review(
    caller: By,
    clerk: web::Data<Clerk>,
    (moderator, path): (web::Data<Moderator>, web::Path<(String, String, String)>),
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    let by = caller.may(&[Scope::Review])?;
    let (bank, id, verb) = path.into_inner();
    let verb = Verb::named(&verb).ok_or(ApiError::NotFound)?;
    let said = json_or_nothing(body, moderator.limits().max_body_bytes).await?;
    let floors = moderator.chambers().floors();
    Ok(HttpResponse::Ok().json(clerk.review((&bank, &id), verb, opinion(by, said, &floors)).await?))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/banks/{bank}/rows")
            .route(web::get().to(list))
            .route(web::post().to(add))
            .default_service(only::<NativeError>("GET, POST")),
    )
    .service(
        web::resource("/banks/{bank}/rows/{id}")
            .route(web::get().to(row))
            .route(web::delete().to(delete))
            .default_service(only::<NativeError>("GET, DELETE")),
    )
    .service(
        web::resource("/banks/{bank}/rows/{id}/{verb}")
            .route(web::post().to(review))
            .default_service(only::<NativeError>("POST")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    let (bank, id) = ("The bank's name.", "The row's id.");
    page.operation("get", "/v1/lamassu/banks/{bank}/rows", "A page of a bank's rows")
        .part("bank", bank, "appeals")
        .opens(&[Scope::Banks, Scope::Review])
        .query::<FilterJson>()
        .gives::<PageJson>(200, "Rows, and where the next page begins.")
        .refuses(&[400, 409, 503]);
    let case =
        json!({"id": "case-1", "text": "Buy cheap watches now", "ruling": "block", "category": "spam"});
    page.operation("post", "/v1/lamassu/banks/{bank}/rows", "Hands in a case or a document, or many")
        .part("bank", bank, "appeals")
        .opens(&[Scope::Banks])
        .takes_either::<RowsJson<CaseJson>, RowsJson<DocumentJson>>(&case)
        .gives::<EnteredJson>(201, "What became of the one.")
        .leads(
            201,
            "/v1/lamassu/banks/{bank}/rows/{id}",
            &[("bank", "$request.path.bank"), ("id", "$response.body#/id")],
        )
        .gives::<ManyAnswers>(200, "What became of each.")
        .refuses(&[409, 503]);
    page.operation("get", "/v1/lamassu/banks/{bank}/rows/{id}", "One row")
        .part("bank", bank, "appeals")
        .part("id", id, "case-1")
        .opens(&[Scope::Banks, Scope::Review])
        .gives::<ListedJson>(200, "The case, or the document.")
        .refuses(&[400, 409, 503]);
    page.operation("delete", "/v1/lamassu/banks/{bank}/rows/{id}", "Removes a row without a trace")
        .part("bank", bank, "appeals")
        .part("id", id, "case-1")
        .opens(&[Scope::Admin])
        .notes("For documents, `banks` is enough.")
        .silent(204, "It is gone.")
        .refuses(&[400, 409, 503]);
    page.operation(
        "post",
        "/v1/lamassu/banks/{bank}/rows/{id}/{verb}",
        "Confirms, rejects or retracts a case",
    )
    .part("bank", bank, "appeals")
    .part("id", id, "case-1")
    .part("verb", "`confirm`, `reject` or `retract`.", "confirm")
    .opens(&[Scope::Review])
    .notes("Whoever handed a case in does not review it.")
    .may_take::<ReviewJson>(&json!({"reason": "it is an advertisement"}))
    .gives::<RowJson>(200, "The case as it stands now.")
    .refuses(&[409, 503]);
}
