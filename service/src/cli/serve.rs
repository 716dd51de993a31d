//! `lamassu serve`

use std::io::Write;
use std::net::TcpListener;

use anyhow::Context;

use super::Outcome;
use crate::config::Config;
use crate::wiring::{self, Access};

/// Serves until a signal to stop. The address is taken first: a port in use is known before a model loads.
pub(super) fn run(config: &Config) -> anyhow::Result<Outcome> {
    let listener =
        TcpListener::bind(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
    actix_web::rt::System::new().block_on(async {
        let moderator = wiring::moderator(config, Access::Write).await?;
        let address = listener.local_addr()?;
        let mut out = anstream::stderr().lock();
        writeln!(out, "listening on http://{address}")?;
        if config.api_key.is_none() {
            writeln!(out, "no api_key is set: only this machine can connect, and needs no key")?;
        }
        drop(out);
        crate::api::serve(listener, config, moderator).await?;
        Ok(Outcome::Done)
    })
}
