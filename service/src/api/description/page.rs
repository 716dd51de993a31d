//! `/openapi.json` and `/docs`: the description, and a page to read it and to try it. Nothing here needs a key, as nothing
//! here is secret; what is tried needs one. The page loads nothing from anywhere else, and says so to the browser.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Book, Dress, WRITTEN};
use crate::api::edge::{NativeError, only};
use crate::json::ErrorJson;

/// What a browser may do on the page: run its script, show its style, ask this service.
const ALLOWED: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri \
                       'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, ALLOWED),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-cache"),
];

/// The files of the page: path, type, content.
const FILES: [(&str, &str, &str); 3] = [
    ("/docs", "text/html; charset=utf-8", include_str!("page.html")),
    ("/docs/page.js", "text/javascript; charset=utf-8", include_str!("page.js")),
    ("/docs/page.css", "text/css; charset=utf-8", include_str!("page.css")),
];

/// An answer that a browser takes for what it is.
fn answer(kind: &'static str, content: &'static str) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for header in HEADERS {
        response.insert_header(header);
    }
    response.content_type(kind).body(content)
}

async fn description() -> HttpResponse {
    answer("application/json; charset=utf-8", WRITTEN.as_str())
}

/// Registers the routes.
pub(in crate::api) fn routes(app: &mut web::ServiceConfig) {
    let got = |path: &str, route: actix_web::Route| {
        web::resource(path).route(route).default_service(only::<NativeError>("GET"))
    };
    app.service(got("/openapi.json", web::get().to(description)));
    for (path, kind, content) in FILES {
        app.service(got(path, web::get().to(move || async move { answer(kind, content) })));
    }
}

/// Describes the operations.
pub(super) fn described(book: &mut Book) {
    let mut page =
        book.page::<ErrorJson>(("description", "What is served, and how to ask for it."), Dress::OPEN);
    page.operation("get", "/openapi.json", "This description").gives::<serde_json::Value>(200, "It.");
    for (path, kind, _) in FILES {
        let kind = kind.split(';').next().unwrap_or_default();
        page.operation("get", path, "A page to read the description and to try it, or a file of it").answer(
            200,
            "The file.",
            (kind, json!({"type": "string"})),
        );
    }
}
