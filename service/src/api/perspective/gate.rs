//! What every request to this API meets first, and every answer last: the key, and the pages that may ask.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use futures::future::{Ready, ready};

use super::desk::Desk;
use super::error::GoogleError;
use crate::api::door::{KEY_HEADERS, Places};
use crate::keys::Caller;

const API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
/// Seconds for which a browser need not ask again.
const PREFLIGHT_SECONDS: &str = "600";

/// Whose key the request shows.
pub(super) struct Shown(pub(super) Caller);

impl FromRequest for Shown {
    type Error = GoogleError;
    type Future = Ready<Result<Self, GoogleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let noted = request.extensions().get::<Caller>().cloned();
        ready(noted.map(Self).ok_or_else(GoogleError::no_key))
    }
}

/// Who must show a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Everybody.
    Key,
    /// Nobody, but a key that is shown must be one.
    NoWrongKey,
    /// Nobody: what is within the request shows its own.
    Nothing,
}

/// Lets a request pass that shows a key.
pub(super) async fn keyed<B: MessageBody>(
    desk: web::Data<Desk>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    pass(Wanted::Key, &desk, request, next).await
}

/// Lets a request pass that shows a key or none.
pub(super) async fn unless_wrong<B: MessageBody>(
    desk: web::Data<Desk>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    pass(Wanted::NoWrongKey, &desk, request, next).await
}

/// Lets every request pass.
pub(super) async fn open<B: MessageBody>(
    desk: web::Data<Desk>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    pass(Wanted::Nothing, &desk, request, next).await
}

async fn pass<B: MessageBody>(
    wanted: Wanted,
    desk: &Desk,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let allowed = allowed(&desk.options.cors_origins, request.headers());
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && allowed.is_some();
    // A browser asks without the key whether it may send it.
    let mut response = if is_preflight {
        request.into_response(preflight()).map_into_right_body()
    } else {
        match admitted(wanted, desk, &mut request) {
            Ok(()) => next.call(request).await?.map_into_left_body(),
            Err(refusal) => request.into_response(refusal.error_response()).map_into_right_body(),
        }
    };
    let headers = response.headers_mut();
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    Ok(response)
}

fn admitted(wanted: Wanted, desk: &Desk, request: &mut ServiceRequest) -> Result<(), GoogleError> {
    // It goes where keys are looked for. From there it comes into no log: a query might.
    let key = key_in(request.query_string()).map(|key| HeaderValue::from_str(&key));
    let shows_key = key.is_some() || shows_key(request.headers());
    match key {
        Some(Ok(key)) => drop(request.headers_mut().insert(API_KEY, key)),
        // No key has such characters.
        Some(Err(_)) => return Err(GoogleError::bad_key()),
        None => {}
    }
    match (wanted, desk.door.identify(request), shows_key) {
        (Wanted::Key, Some(caller), _) => {
            desk.begin(&caller)?.into_iter().for_each(|place| Places::hold(request, place));
            Ok(())
        }
        (Wanted::Nothing, ..) | (_, Some(_), _) | (Wanted::NoWrongKey, None, false) => Ok(()),
        (Wanted::Key | Wanted::NoWrongKey, None, true) => Err(GoogleError::bad_key()),
        (Wanted::Key, None, false) => Err(GoogleError::no_key()),
    }
}

/// The key in a query.
pub(super) fn key_in(query: &str) -> Option<String> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query).ok()?.into_inner();
    pairs.into_iter().find(|(name, _)| name == "key").map(|(_, key)| key)
}

fn shows_key(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || KEY_HEADERS.iter().any(|name| headers.contains_key(*name))
}

fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, x-goog-api-key"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS))
        .finish()
}

/// What a browser is told of the page that asks, if the page may.
fn allowed(origins: &[String], headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    if origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}
