//! `/v1/lamassu/banks/{bank}/rows`, one row of it, and what reviewers do with it.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::edge::{By, NativeError, json_of, json_or_nothing, method_not_allowed, query_of};
use crate::clerk::{CaseJson, Clerk, Either, EnteredJson, FilterJson, Verb, opinion};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::moderator::Moderator;

/// Cases of one request: a single one, or many.
#[derive(Deserialize)]
#[serde(untagged)]
enum CasesJson {
    Many(ManyCases),
    One(Box<CaseJson>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManyCases {
    rows: Vec<CaseJson>,
}

#[derive(Serialize)]
struct ManyAnswers {
    results: Vec<Either<EnteredJson>>,
}

/// Hands in a case, or many; each is unconfirmed.
async fn add(
    caller: By,
    clerk: web::Data<Clerk>,
    (moderator, bank): (web::Data<Moderator>, web::Path<String>),
    body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    let by = caller.may(&[Scope::Banks])?;
    match json_of(body, moderator.limits().max_body_bytes).await? {
        CasesJson::One(case) => Ok(HttpResponse::Created().json(one(&clerk, &bank, *case, by).await?)),
        CasesJson::Many(ManyCases { rows }) => {
            many(&clerk, (&bank, moderator.limits().max_texts), rows, by).await
        }
    }
}

async fn one(clerk: &Clerk, bank: &str, case: CaseJson, by: &str) -> Result<EnteredJson, ApiError> {
    clerk.enter(bank, vec![Ok(case)], by).await?.pop().unwrap_or(Err(ApiError::Internal))
}

async fn many(
    clerk: &Clerk,
    (bank, limit): (&str, usize),
    rows: Vec<CaseJson>,
    by: &str,
) -> Result<HttpResponse, NativeError> {
    if rows.len() > limit {
        let reason = format!("more than {limit} rows (limits.max_texts); an import takes any number");
        return Err(ApiError::Field { field: "rows", reason }.into());
    }
    let entered = clerk.enter(bank, rows.into_iter().map(Ok).collect(), by).await?;
    Ok(HttpResponse::Ok().json(ManyAnswers { results: entered.into_iter().map(Either::from).collect() }))
}

/// A page of rows.
async fn list(
    caller: By,
    clerk: web::Data<Clerk>,
    bank: web::Path<String>,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Banks, Scope::Review])?;
    let wanted: FilterJson = query_of(&request)?;
    Ok(HttpResponse::Ok().json(clerk.page(&bank, &wanted).await?))
}

/// One row.
async fn row(
    caller: By,
    clerk: web::Data<Clerk>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Banks, Scope::Review])?;
    Ok(HttpResponse::Ok().json(clerk.row(&path.0, &path.1).await?))
}

/// Removes a row without a trace.
async fn delete(
    caller: By,
    clerk: web::Data<Clerk>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Admin])?;
    clerk.remove(&path.0, &path.1).await?;
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
    let floors = moderator.floors();
    Ok(HttpResponse::Ok().json(clerk.review((&bank, &id), verb, opinion(by, said, &floors)).await?))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let refused = || web::to(method_not_allowed);
    app.service(
        web::resource("/banks/{bank}/rows")
            .route(web::get().to(list))
            .route(web::post().to(add))
            .default_service(refused()),
    )
    .service(
        web::resource("/banks/{bank}/rows/{id}")
            .route(web::get().to(row))
            .route(web::delete().to(delete))
            .default_service(refused()),
    )
    .service(
        web::resource("/banks/{bank}/rows/{id}/{verb}")
            .route(web::post().to(review))
            .default_service(refused()),
    );
}
