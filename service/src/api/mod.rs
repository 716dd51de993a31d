//! The HTTP side: one listener, one file a facade.

mod account;
mod azure;
mod banks;
mod contentsafety;
mod decisions;
mod description;
mod detectors;
mod door;
mod edge;
mod grounds;
mod health;
mod language;
mod lines;
mod links;
mod listener;
mod litellm;
mod native;
mod observed;
mod openai;
mod perspective;
mod policies;
mod presidio;
mod rows;
mod sent;
mod skills;
mod summaries;
mod timed;
mod tls;
mod wire;

pub use tls::TlsError;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::{App, web};

use self::door::{Door, require_key};
use self::edge::NativeError;
use crate::config::Config;
use crate::keys::Keys;
use crate::quotas::Quotas;
use crate::wiring::House;

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
    let links = web::Data::new(links::Links {
        public_url: config.public_url.clone(),
        proxies: config.trusted_proxies.clone(),
        secure: config.tls.is_some(),
        own: listener.local_addr()?,
    });
    let (moderator, policies) = (web::Data::from(moderator), web::Data::from(policies));
    let (summarizer, scribe) = (web::Data::from(summarizer), web::Data::from(scribe));
    let (decisions, vectors) = (web::Data::from(decisions), web::Data::from(vectors));
    let keys = Keys::new(config).map_err(std::io::Error::other)?;
    let door = web::Data::new(Door::new(keys, Quotas::new(moderator.metrics().clone())));
    let (clerk, kept) = (web::Data::new(clerk), Arc::clone(&engine));
    let desk =
        perspective::Desk::new(config.perspective.clone(), moderator.clone(), clerk.clone(), door.clone());
    let perspective = web::Data::new(desk);
    actix_web::rt::spawn(async move { kept.keep().await });
    let engine = web::Data::from(engine);
    let app = move || {
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
            .app_data(web::Data::clone(&door))
            .app_data(web::Data::clone(&perspective))
            .app_data(web::Data::clone(&links))
            .app_data(web::Data::clone(&engine))
            .wrap(from_fn(edge::request_id))
            .wrap(from_fn(observed::observed))
            .wrap(from_fn(sent::held))
            .configure(routes)
    };
    listener::serve(listener, config, app)?.await
}

/// Every route there is. Those who ask after the service's health are no callers: nothing is decided for them.
pub fn routes(app: &mut web::ServiceConfig) {
    app.configure(health::routes).configure(description::routes).service(
        web::scope("").wrap(from_fn(timed::timed)).wrap(from_fn(account::minuted)).configure(facades),
    );
}

/// `/v1/lamassu` comes before anything else under `/v1`: of two scopes with one prefix the second is never reached.
fn facades(app: &mut web::ServiceConfig) {
    let own = web::scope("/v1/lamassu").wrap(from_fn(require_key::<NativeError, _>)).configure(lamassu);
    app.configure(contentsafety::routes)
        .configure(language::routes)
        .service(own)
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
