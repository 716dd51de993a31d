//! The HTTP side: one listener, one file a facade.

mod account;
mod azure;
mod banks;
mod contentsafety;
mod decisions;
mod detectors;
mod edge;
mod grounds;
mod health;
mod language;
mod lines;
mod links;
mod litellm;
mod native;
mod observed;
mod openai;
mod perspective;
mod policies;
mod presidio;
mod rows;
mod skills;
mod summaries;
mod tls;

pub use tls::TlsError;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use crate::config::Config;
use crate::keys::Keys;
use crate::wiring::House;

/// How long the head of a request may take. It counts from the connection on, so a machine with no processor to spare
/// must not turn callers away who have sent all of it.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a connection may lie idle. Clients of several vendors keep theirs for minutes, and do not send again what
/// they sent into one that was closed meanwhile.
const KEEP_ALIVE: Duration = Duration::from_mins(6);

/// Serves until a signal to stop, then finishes what was accepted.
///
/// # Errors
///
/// The listener breaks.
pub async fn serve(listener: TcpListener, config: &Config, house: House) -> std::io::Result<()> {
    let House {
        moderator,
        summarizer,
        scribe,
        vectors,
        decisions,
        clerk,
        policies,
        engine,
        lists,
        jobs,
        protected,
    } = house;
    actix_web::rt::spawn(Arc::clone(&jobs).keep(Arc::clone(&summarizer)));
    let (lists, jobs, protected) =
        (web::Data::from(lists), web::Data::from(jobs), protected.map(web::Data::from));
    let links = web::Data::new(links::Links { public_url: config.public_url.clone() });
    let (moderator, policies) = (web::Data::from(moderator), web::Data::from(policies));
    let (summarizer, scribe) = (web::Data::from(summarizer), web::Data::from(scribe));
    let (decisions, vectors) = (web::Data::from(decisions), web::Data::from(vectors));
    let keys = web::Data::new(Keys::new(config).map_err(std::io::Error::other)?);
    let (clerk, kept) = (web::Data::new(clerk), Arc::clone(&engine));
    let desk =
        perspective::Desk::new(config.perspective.clone(), moderator.clone(), clerk.clone(), keys.clone());
    let perspective = web::Data::new(desk);
    actix_web::rt::spawn(async move { kept.keep().await });
    let engine = web::Data::from(engine);
    let server = HttpServer::new(move || {
        let protected = protected.clone();
        App::new()
            .app_data(web::Data::clone(&lists))
            .app_data(web::Data::clone(&jobs))
            .configure(|app| {
                if let Some(protected) = protected {
                    app.app_data(protected);
                }
            })
            .app_data(web::Data::clone(&moderator))
            .app_data(web::Data::clone(&summarizer))
            .app_data(web::Data::clone(&scribe))
            .app_data(web::Data::clone(&vectors))
            .app_data(web::Data::clone(&decisions))
            .app_data(web::Data::clone(&policies))
            .app_data(web::Data::clone(&clerk))
            .app_data(web::Data::clone(&keys))
            .app_data(web::Data::clone(&perspective))
            .app_data(web::Data::clone(&links))
            .app_data(web::Data::clone(&engine))
            .wrap(from_fn(decisions::minuted))
            .wrap(from_fn(edge::request_id))
            .wrap(from_fn(observed::observed))
            .configure(routes)
    });
    // Of itself it hears there of nothing but Ctrl-C, and lets go of what was accepted.
    #[cfg(windows)]
    let server = server.shutdown_signal(async {
        if let Err(error) = crate::stop::told().await {
            tracing::error!(%error, "nothing can ask this process to stop");
            std::future::pending::<()>().await;
        }
    });
    let server = server
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        // Whoever says no more is gone: what is done for nobody would keep its place from those who wait.
        .h1_allow_half_closed(false)
        .shutdown_timeout(config.limits.shutdown_seconds);
    let server = match &config.tls {
        Some(tls) => {
            server.listen_rustls_0_23(listener, tls::listener(tls).map_err(std::io::Error::other)?)?
        }
        None => server.listen(listener)?,
    };
    server.run().await
}

/// Every route there is. `/v1/lamassu` comes before anything else under `/v1`: of two scopes with one
/// prefix the second is never reached.
pub fn routes(app: &mut web::ServiceConfig) {
    app.configure(health::routes)
        .configure(contentsafety::routes)
        .configure(language::routes)
        .service(web::scope("/v1/lamassu").wrap(from_fn(edge::require_key)).configure(lamassu))
        .configure(openai::routes)
        .configure(perspective::routes)
        .configure(skills::routes)
        .configure(litellm::routes)
        .configure(detectors::routes)
        .configure(presidio::routes)
        .default_service(web::to(edge::not_found));
}

fn lamassu(app: &mut web::ServiceConfig) {
    app.configure(native::routes)
        .configure(banks::routes)
        .configure(lines::routes)
        .configure(rows::routes)
        .configure(summaries::routes)
        .configure(grounds::routes)
        .configure(policies::routes)
        .configure(decisions::routes);
}
