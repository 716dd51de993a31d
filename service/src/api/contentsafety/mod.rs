//! Azure AI Content Safety under `/contentsafety`: text, lists, prompts, protected material, groundedness.
//!
//! Source: the vendor's published service definitions 2023-10-01 and 2024-09-01, and CONTRACTS §1.

mod analyze;
mod blocklists;
mod groundedness;
mod harm;
mod items;
mod pages;
mod protected;
mod shield;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpResponse, web};

use super::azure::{AzureError, ErrorJson, not_found, pass, versioned};
use super::door::Door;
use super::edge::{By, only};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::lists::ListError;

const GROUNDEDNESS: &str = "/text:detectGroundedness";
const CODE: &str = "/text:detectProtectedMaterialForCode";
const PROTECTED: &str = "/text:detectProtectedMaterial";
const SHIELD: &str = "/text:shieldPrompt";

/// The versions that know a path.
fn versions(path: &str) -> &'static [&'static str] {
    match path.strip_prefix("/contentsafety").unwrap_or(path) {
        GROUNDEDNESS => &["2024-02-15-preview", "2024-09-15-preview", "2024-12-15-preview"],
        CODE => &["2024-09-15-preview", "2024-12-15-preview"],
        PROTECTED | SHIELD => {
            &["2024-02-15-preview", "2024-09-01", "2024-09-15-preview", "2024-12-15-preview"]
        }
        _ => &["2023-10-01", "2024-02-15-preview", "2024-09-01", "2024-09-15-preview", "2024-12-15-preview"],
    }
}

async fn gate<B: MessageBody>(
    door: web::Data<Door>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    pass(versions, &door, request, next).await
}

/// Lets those pass whose key may judge.
fn may_judge(caller: &By) -> Result<(), AzureError> {
    caller.may(&[Scope::Judge])?;
    Ok(())
}

/// Lets those pass whose key looks after lists.
fn may_list(caller: &By) -> Result<(), AzureError> {
    caller.may(&[Scope::Banks])?;
    Ok(())
}

/// Refuses a text that is longer than the vendor takes. *Units*: code points.
fn fits(name: &str, text: &str, limit: usize) -> Result<(), AzureError> {
    // Bytes are counted first: they are known.
    if text.len() > limit && text.chars().count() > limit {
        return Err(AzureError::body(format!("`{name}`: more than {limit} characters")));
    }
    Ok(())
}

/// Waits for what blocks, on a thread of its own.
async fn blocking<T: Send + 'static, E: Into<AzureError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, AzureError> {
    match web::block(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(ApiError::Overloaded.into()),
    }
}

impl From<ListError> for AzureError {
    fn from(error: ListError) -> Self {
        use actix_web::http::StatusCode;
        let message = error.to_string();
        match error {
            ListError::Name => Self::new(StatusCode::BAD_REQUEST, "InvalidResourceName", message),
            ListError::UnknownList | ListError::UnknownItem => {
                Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
            }
            ListError::Field { .. } => Self::body(message),
            ListError::Disk(error) => {
                tracing::error!(%error, "the lists cannot be written");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
            }
        }
    }
}

async fn image() -> Result<HttpResponse, AzureError> {
    Err(AzureError::not_offered("image:analyze", "this service reads text"))
}

async fn code() -> Result<HttpResponse, AzureError> {
    let why = "nothing is known here about the licences of code; text:detectProtectedMaterial is there";
    Err(AzureError::not_offered("text:detectProtectedMaterialForCode", why))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let allow = "POST";
    let posted = |path: &str, route: actix_web::Route| {
        web::resource(path).route(route).default_service(only::<AzureError>(allow))
    };
    let scope = web::scope("/contentsafety")
        .wrap(from_fn(gate))
        .service(posted("/text:analyze", web::post().to(analyze::analyze)))
        .service(posted("/image:analyze", web::post().to(image)))
        .service(posted(SHIELD, web::post().to(shield::shield)))
        .service(posted(PROTECTED, web::post().to(protected::detect)))
        .service(posted(CODE, web::post().to(code)))
        .service(posted(GROUNDEDNESS, web::post().to(groundedness::detect)))
        .configure(items::routes)
        .configure(blocklists::routes)
        .default_service(web::to(not_found));
    app.service(scope);
}

/// Describes the operations.
pub(super) fn described(book: &mut super::description::Book) {
    let what = "Azure AI Content Safety. Severities are this service's own.";
    let mut page = book.page::<ErrorJson<'_>>(("contentsafety", what), super::description::Dress::KEYED);
    analyze::described(&mut page);
    shield::described(&mut page);
    protected::described(&mut page);
    groundedness::described(&mut page);
    blocklists::described(&mut page);
    items::described(&mut page);
    let absent = [("/image:analyze", "Images are not looked at here"), (CODE, "Code is not looked at here")];
    for (path, summary) in absent {
        let notes = "This is part of the vendor's API, and is always answered with 404 here.";
        operation(&mut page, "post", (path, summary)).notes(notes).refuses(&[404]);
    }
}

/// An operation under this prefix, in the versions that know it.
fn operation<'b>(
    page: &'b mut super::description::Page<'_>,
    method: &'static str,
    (path, summary): (&str, &str),
) -> super::description::Operation<'b> {
    versioned(page.operation(method, &format!("/contentsafety{path}"), summary), versions(path))
}
