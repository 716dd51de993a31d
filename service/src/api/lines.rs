//! `/v1/lamassu/banks/{bank}/import` and `/export`: JSON lines of any number.

use actix_web::{HttpResponse, web};
use futures::{Stream, StreamExt, stream};
use plugins::Sight;
use serde_json::json;

use super::edge::{By, NativeError, only};
use super::timed::unreceived;
use crate::clerk::{Clerk, FilterJson, ImportJson, Importing, PageJson, Who};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::moderator::Moderator;

/// JSON, a value a line.
const LINES: &str = "application/x-ndjson";
/// Rows read at once for an export.
const PAGE: usize = 500;

/// Takes lines as they arrive; the answer counts them.
async fn import(
    caller: By,
    clerk: web::Data<Clerk>,
    (moderator, bank): (web::Data<Moderator>, web::Path<String>),
    mut body: web::Payload,
) -> Result<HttpResponse, NativeError> {
    let who = caller.who(&[Scope::Banks])?;
    let mut importing = Importing::new(&clerk, &bank, who, moderator.limits().max_body_bytes);
    while let Some(piece) = body.next().await {
        importing.take(&piece.map_err(|error| unreceived(&error.into()))?).await?;
    }
    Ok(HttpResponse::Ok().json(importing.finish().await?))
}

/// Gives every row of a bank as a line that an import takes.
async fn export(
    caller: By,
    clerk: web::Data<Clerk>,
    bank: web::Path<String>,
) -> Result<HttpResponse, NativeError> {
    let sight = caller.who(&[Scope::Banks, Scope::Review])?.sight.clone();
    let bank = (bank.into_inner(), sight);
    // The first page is read before the answer begins: a bank that is not there is an error, not an empty export.
    let first = page(&clerk, &bank, None).await?;
    Ok(HttpResponse::Ok().content_type(LINES).streaming(pages(clerk, bank, first)))
}

fn pages(
    clerk: web::Data<Clerk>,
    bank: (String, Sight),
    first: PageJson,
) -> impl Stream<Item = Result<web::Bytes, ApiError>> {
    stream::unfold(Some(first), move |page_now| {
        let (clerk, bank) = (web::Data::clone(&clerk), bank.clone());
        async move {
            let now = page_now?;
            let lines = now.lines().map(web::Bytes::from);
            match now.into_next() {
                None => Some((lines, None)),
                Some(after) => match page(&clerk, &bank, Some(after)).await {
                    Ok(next) => Some((lines, Some(next))),
                    Err(error) => Some((Err(error), None)),
                },
            }
        }
    })
}

async fn page(
    clerk: &Clerk,
    (bank, sight): &(String, Sight),
    after: Option<String>,
) -> Result<PageJson, ApiError> {
    let wanted = FilterJson { after, limit: Some(PAGE), full: true, ..FilterJson::default() };
    clerk.page(bank, &wanted, Who { by: "export", sight }).await
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/banks/{bank}/import").route(web::post().to(import)).default_service(only::<
        NativeError,
    >(
        "POST",
    )))
    .service(
        web::resource("/banks/{bank}/export")
            .route(web::get().to(export))
            .default_service(only::<NativeError>("GET")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    let (bank, lines) =
        ("The bank's name.", json!({"type": "string", "description": "A row a line, each as JSON."}));
    let row = json!({"text": "Buy cheap pills now", "ruling": "block", "category": "spam"});
    page.operation("post", "/v1/lamassu/banks/{bank}/import", "Takes rows of any number, a line each")
        .part("bank", bank, "appeals")
        .opens(&[Scope::Banks])
        .body(LINES, lines.clone(), &format!("{row}\n").into())
        .gives::<ImportJson>(200, "What became of the lines.")
        .refuses(&[409, 503]);
    page.operation(
        "get",
        "/v1/lamassu/banks/{bank}/export",
        "Gives every row as a line that an import takes",
    )
    .part("bank", bank, "appeals")
    .opens(&[Scope::Banks, Scope::Review])
    .answer(200, "The rows.", (LINES, lines))
    .refuses(&[400, 409, 503]);
}
