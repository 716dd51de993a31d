//! How the engine is, and since when.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::EngineName;

/// How an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It answers.
    Reachable,
    /// It does not answer: stages that need it answer as their `on_fault` says.
    Unreachable,
    /// Its rows are another encoder's and are being embedded again; until then as [`Standing::Unreachable`].
    Embedding,
    /// It answers, but another encoder's rows are in use by now: what is written here is refused.
    Outdated,
}

/// What is known of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Known {
    /// Which one.
    pub engine: EngineName,
    /// How it is.
    pub standing: Standing,
    /// Since when. *Units*: Unix seconds.
    pub since: u64,
}

/// How the engine is, as last seen, and whether anybody has looked yet.
#[derive(Debug)]
pub struct Health(Mutex<(Known, bool)>);

impl Health {
    /// An engine in this process answers; servers are unreachable until they were reached.
    pub(super) fn new(engine: EngineName) -> Self {
        let standing = match engine {
            EngineName::Embedded => Standing::Reachable,
            EngineName::Qdrant => Standing::Unreachable,
        };
        Self(Mutex::new((Known { engine, standing, since: now() }, false)))
    }

    pub(super) fn known(&self) -> Known {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Keeps what was seen; the log has every change, and why.
    pub(super) fn saw(&self, standing: Standing, reason: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, looked) = &mut *seen;
        if std::mem::replace(looked, true) && known.standing == standing {
            return;
        }
        if known.standing != standing {
            (known.standing, known.since) = (standing, now());
        }
        match standing {
            Standing::Reachable => tracing::info!("the banks answer"),
            Standing::Unreachable | Standing::Embedding | Standing::Outdated => {
                tracing::warn!(?standing, reason, "the banks do not answer as they should");
            }
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
