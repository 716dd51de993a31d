//! `lamassu serve`

use std::io::Write;
use std::net::TcpListener;

use anyhow::Context;

use super::Outcome;
use crate::config::Config;
use crate::telemetry::Telemetry;
use crate::wiring::{self, House};

/// Serves until a signal to stop. The address is taken first: a port in use is known before a model loads.
pub(super) fn run(config: &Config, mut telemetry: Option<Telemetry>) -> anyhow::Result<Outcome> {
    let listener =
        TcpListener::bind(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
    let served = served(listener, config, telemetry.as_mut());
    let outcome = actix_web::rt::System::new().block_on(served);
    if let Some(telemetry) = telemetry {
        telemetry.close();
    }
    outcome
}

async fn served(
    listener: TcpListener,
    config: &Config,
    telemetry: Option<&mut Telemetry>,
) -> anyhow::Result<Outcome> {
    let house = wiring::house(config).await?;
    if let Some(telemetry) = telemetry {
        telemetry.report(house.moderator.metrics())?;
    }
    reload_on_hang_up(&house)?;
    let address = listener.local_addr()?;
    let mut out = anstream::stderr().lock();
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    writeln!(out, "listening on {scheme}://{address}")?;
    if !config.asks_for_keys() {
        writeln!(out, "no api_key is set: only this machine can connect, and needs no key")?;
    }
    drop(out);
    crate::api::serve(listener, config, house).await?;
    Ok(Outcome::Done)
}

/// Reads the policies again whenever the process is told to.
#[cfg(unix)]
fn reload_on_hang_up(house: &House) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut told = signal(SignalKind::hangup())?;
    let (policies, moderator) =
        (std::sync::Arc::clone(&house.policies), std::sync::Arc::clone(&house.moderator));
    actix_web::rt::spawn(async move {
        while told.recv().await.is_some() {
            match policies.reload(moderator.chambers()).await {
                Ok(()) => tracing::info!("the policies on disk are in force"),
                Err(error) => tracing::error!(%error, "the policies are not reloaded"),
            }
        }
    });
    Ok(())
}

/// There is no such signal here; the API reloads.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on unix")]
fn reload_on_hang_up(_: &House) -> std::io::Result<()> {
    Ok(())
}
