//! `/livez`, `/readyz`, `/metrics`.

use actix_web::{HttpResponse, web};

use super::edge::NativeError;
use crate::clerk::Clerk;
use crate::error::ApiError;
use crate::moderator::Moderator;

/// The process answers.
async fn livez() -> &'static str {
    "ok\n"
}

/// Models and policies are loaded: the listener is only served once they are.
async fn readyz() -> &'static str {
    "ready\n"
}

/// Counters in Prometheus' text format.
async fn metrics(
    moderator: web::Data<Moderator>,
    clerk: web::Data<Clerk>,
) -> Result<HttpResponse, NativeError> {
    // Without the index the other counters are still worth having.
    if let Ok(counts) = clerk.quarantined().await {
        for (bank, count) in counts {
            moderator.metrics().quarantined(&bank, count);
        }
    }
    let text = moderator.metrics().render().map_err(|_| ApiError::Internal)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/livez", web::get().to(livez))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics));
}
