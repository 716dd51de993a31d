//! The engine that holds the banks: which one, how it is, and what keeps it ready.

mod health;
mod marker;
mod migrate;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexes::{Embedded, Index, IndexError, Qdrant};
use inference::Embedder;
use plugins::{Banks, FloodOptions, PrecedentOptions};

pub use health::{Health, Known, Standing};
pub use marker::{Marker, MarkerError};
pub use migrate::{MigrateError, Migration, migrate};

use crate::config::{Config, ConfigError, EngineName, Flood};

/// The tenant of a service that has no others.
pub const TENANT: &str = "default";
/// How often the servers are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Whether this process may change the banks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Others may read at the same time; a folder without banks counts as empty.
    Read,
    /// No other process may hold the folder.
    Write,
}

/// Why the banks are not opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no folder to look into.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Banks that are no longer in force would be used.
    #[error(
        "the banks were moved to `{moved_to}`, and `index.engine` says `{wanted}`: change it, or move them back with \
         `lamassu index migrate --to {wanted}`"
    )]
    Moved {
        /// Where they are.
        moved_to: EngineName,
        /// Where the configuration wants them.
        wanted: EngineName,
    },
    /// Banks in the data folder would be passed over.
    #[error(
        "{} holds banks, and `index.engine` says `qdrant`: move them with `lamassu index migrate --to qdrant`, or put \
         the file away to do without them", file.display()
    )]
    NotMoved {
        /// The file.
        file: PathBuf,
    },
    /// What says where the banks are cannot be read or written.
    #[error(transparent)]
    Marker(#[from] MarkerError),
    /// The engine does not open.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// A tenant's banks, and the engine they lie in.
pub struct Engine {
    /// The banks.
    pub banks: Arc<Banks>,
    health: Health,
    server: Option<Server>,
}

/// Servers, and what their rows are embedded with.
struct Server {
    index: Qdrant,
    embedder: Embedder,
    wait: Duration,
}

/// The engine that is in force.
///
/// # Errors
///
/// [`EngineError::Moved`], [`EngineError::NotMoved`]: the configuration wants another; [`EngineError::Marker`].
pub fn in_force(config: &Config) -> Result<EngineName, EngineError> {
    let folder = config.data_folder()?;
    let (wanted, marked) = (config.index.engine, Marker::read(&folder)?.map(|marker| marker.engine));
    match (wanted, marked) {
        (Some(wanted), Some(moved_to)) if wanted != moved_to => Err(EngineError::Moved { moved_to, wanted }),
        (Some(EngineName::Qdrant), None) => {
            let file = banks_file(&folder);
            if file.exists() { Err(EngineError::NotMoved { file }) } else { Ok(EngineName::Qdrant) }
        }
        (Some(engine), _) | (None, Some(engine)) => Ok(engine),
        (None, None) => Ok(EngineName::Embedded),
    }
}

/// The embedded engine's file.
fn banks_file(folder: &Path) -> PathBuf {
    folder.join("banks.redb")
}

/// Opens the tenant's banks; none where there is nothing to read. Servers are not asked yet.
///
/// # Errors
///
/// [`EngineError`]: the folder is in use, is not writable, or holds something else.
pub fn open(config: &Config, embedder: &Embedder, access: Access) -> Result<Option<Engine>, EngineError> {
    let engine = in_force(config)?;
    let folder = config.data_folder()?;
    let (dimension, digest) = (embedder.dimension(), embedder.vectors_digest());
    let (index, server): (Arc<dyn Index>, _) = match engine {
        EngineName::Embedded => {
            let opened = match access {
                Access::Write => Embedded::open(&folder, TENANT, dimension, digest),
                Access::Read => Embedded::open_read_only(&folder, TENANT, dimension, digest),
            };
            match opened {
                Ok(index) => (Arc::new(index), None),
                Err(IndexError::Missing { .. }) if access == Access::Read => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        EngineName::Qdrant => {
            if access == Access::Write {
                // From now on the embedded engine would begin with no banks at all.
                Marker::keep(&folder, engine)?;
            }
            let index = Qdrant::unconnected(config.index.options(), TENANT, dimension, digest)?;
            let wait = Duration::from_millis(config.index.wait_ms);
            (Arc::new(index.clone()), Some(Server { index, embedder: embedder.clone(), wait }))
        }
    };
    let Flood { window, least, share } = config.flood;
    // Who may not write cannot stop a precedent either.
    let flood = (access == Access::Write).then_some(FloodOptions { window, least, share });
    let options = PrecedentOptions { flood, ..PrecedentOptions::default() };
    let banks = Arc::new(Banks::new(index, embedder.clone(), options));
    Ok(Some(Engine { banks, health: Health::new(engine), server }))
}

impl Engine {
    /// How it is, as last seen.
    #[must_use]
    pub fn health(&self) -> Known {
        self.health.known()
    }

    /// Makes sure that it answers, for those who can do nothing without it.
    ///
    /// # Errors
    ///
    /// [`IndexError`] says why it does not.
    pub async fn answers(&self) -> Result<(), IndexError> {
        let Some(server) = &self.server else { return Ok(()) };
        if server.index.prepare().await? {
            return Ok(());
        }
        Err(IndexError::NotInUse { tenant: TENANT.to_owned() })
    }

    /// Waits for the engine as long as starting may wait, fits the lines of its banks, and goes on without it if need be.
    ///
    /// # Errors
    ///
    /// An engine in this process does not answer.
    pub async fn start(&self) -> Result<(), plugins::PrecedentError> {
        let Some(server) = &self.server else { return self.banks.refit().await };
        let looked = tokio::time::timeout(server.wait, self.look_at(server)).await;
        if looked.is_err() {
            self.health.saw(Standing::Unreachable, "no answer in time");
        }
        if self.health().standing == Standing::Unreachable {
            tracing::warn!(
                "the banks do not answer: judging goes on, and stages that need them answer as their `on_fault` says"
            );
        }
        Ok(())
    }

    /// Looks after the servers for as long as the process lives: says how they are, comes back to them by itself, and
    /// embeds the rows again that another encoder left.
    pub async fn keep(&self) {
        let Some(server) = &self.server else { return };
        loop {
            if self.look_at(server).await == Standing::Embedding {
                self.embed_again(server).await;
            } else {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    async fn look_at(&self, server: &Server) -> Standing {
        let before = self.health().standing;
        let in_use = async {
            // Once it was in use, preparing asks nobody.
            Ok::<_, IndexError>((server.index.prepare().await?, server.index.is_in_use().await?))
        };
        let (standing, reason) = match in_use.await {
            Ok((true, true)) => (Standing::Reachable, String::new()),
            Ok((true, false)) => (Standing::Outdated, "another encoder's rows are in use".to_owned()),
            Ok((false, _)) => (Standing::Embedding, "the rows are another encoder's".to_owned()),
            Err(error) => (Standing::Unreachable, crate::sentence(&error)),
        };
        if standing == Standing::Reachable
            && before != standing
            && let Err(error) = self.banks.refit().await
        {
            tracing::warn!(%error, "the lines of the banks are not fitted");
        }
        self.health.saw(standing, &reason);
        standing
    }

    async fn embed_again(&self, server: &Server) {
        let embed = async |texts: &[&str]| Ok(plugins::embed_whole(&server.embedder, texts).await?);
        match server.index.take_over(embed).await {
            Ok(rows) => tracing::info!(rows, "the rows that another encoder left are embedded again"),
            Err(error) => {
                self.health.saw(Standing::Embedding, &crate::sentence(&error));
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}
