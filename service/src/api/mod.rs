//! The HTTP side: one listener, one file a facade.

mod edge;
mod health;
mod native;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use crate::config::Config;
use crate::moderator::Moderator;

/// Serves until a signal to stop, then finishes what was accepted.
///
/// # Errors
///
/// The listener breaks.
pub async fn serve(listener: TcpListener, config: &Config, moderator: Moderator) -> std::io::Result<()> {
    let moderator = web::Data::from(Arc::new(moderator));
    let key = web::Data::new(edge::Key::new(config.api_key.as_deref()));
    HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&moderator))
            .app_data(web::Data::clone(&key))
            .wrap(from_fn(edge::request_id))
            .configure(routes)
    })
    .shutdown_timeout(config.limits.shutdown_seconds)
    .listen(listener)?
    .run()
    .await
}

/// Every route there is. `/v1/lamassu` comes before anything else under `/v1`: of two scopes with one
/// prefix the second is never reached.
pub fn routes(app: &mut web::ServiceConfig) {
    app.configure(health::routes)
        .service(web::scope("/v1/lamassu").wrap(from_fn(edge::require_key)).configure(native::routes))
        .default_service(web::to(edge::not_found));
}
