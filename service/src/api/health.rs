//! `/livez`, `/readyz`, `/ready`, `/status`, `/metrics`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, Route, web};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::description::{Book, Dress};
use super::edge::{NativeError, only};
use crate::clerk::Clerk;
use crate::engine::{Engine, Known, Standing};
use crate::error::ApiError;
use crate::json::ErrorJson;
use crate::moderator::Moderator;

/// The process answers.
async fn livez() -> &'static str {
    "ok\n"
}

/// What `/readyz` answers.
#[derive(Serialize, JsonSchema)]
struct Ready {
    status: &'static str,
    banks: Known,
}

/// Whether to send requests here. Models and policies are loaded: the listener is only served once they are.
///
/// Banks that do not answer are no reason to send them elsewhere: every replica has the same servers, and each still
/// judges as the policies' `on_fault` says. Banks that are being embedded again are one: replicas with the old encoder
/// still have all of them.
async fn readyz(engine: web::Data<Engine>) -> HttpResponse {
    let banks = engine.health();
    let (status, code) = readiness(banks.standing);
    HttpResponse::build(code).json(Ready { status, banks })
}

fn readiness(banks: Standing) -> (&'static str, StatusCode) {
    match banks {
        Standing::Reachable => ("ready", StatusCode::OK),
        Standing::Unreachable | Standing::Outdated => ("degraded", StatusCode::OK),
        Standing::Embedding => ("waiting", StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Counters in Prometheus' text format.
async fn metrics(
    moderator: web::Data<Moderator>,
    clerk: web::Data<Clerk>,
    engine: web::Data<Engine>,
) -> Result<HttpResponse, NativeError> {
    // Without the index the other counters are still worth having.
    if engine.health().standing == Standing::Reachable
        && let Ok(counts) = clerk.quarantined().await
    {
        for (bank, count) in counts {
            moderator.metrics().quarantined(&bank, count);
        }
    }
    let text = moderator.metrics().render().map_err(|_| ApiError::Internal)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let got = |path: &str, route: Route| {
        web::resource(path).route(route).default_service(only::<NativeError>("GET"))
    };
    app.service(got("/livez", web::get().to(livez)))
        .service(got("/readyz", web::get().to(readyz)))
        // What containers of Azure's services call them.
        .service(got("/ready", web::get().to(readyz)))
        .service(got("/status", web::get().to(readyz)))
        .service(got("/metrics", web::get().to(metrics)));
}

/// Describes the operations.
pub(super) fn described(book: &mut Book) {
    let what = "Whether the service is well.";
    let mut page = book.page::<ErrorJson>(("health", what), Dress::OPEN);
    let text = || ("text/plain", json!({"type": "string"}));
    for path in ["/livez", "/health"] {
        page.operation("get", path, "Whether the process answers").answer(200, "It does.", text());
    }
    for path in ["/readyz", "/ready", "/status"] {
        page.operation("get", path, "Whether to send requests here")
            .gives::<Ready>(200, "Yes.")
            .gives::<Ready>(503, "Not now: banks are being embedded again.");
    }
    page.operation("get", "/metrics", "Counters in Prometheus' text format")
        .answer(200, "The counters.", text())
        .refuses(&[500]);
}

#[cfg(test)]
mod tests {
    use super::{Standing, readiness};

    #[test]
    fn only_banks_that_another_replica_has_whole_send_requests_elsewhere() {
        let elsewhere = |banks| readiness(banks).1 == 503;
        assert!(elsewhere(Standing::Embedding));
        assert!(
            ![Standing::Reachable, Standing::Unreachable, Standing::Outdated].map(elsewhere).contains(&true)
        );
    }
}
