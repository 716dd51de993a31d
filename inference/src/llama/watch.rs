//! Whether the process has grown too large: some providers' sessions grow with every run.
//!
//! *Source*: microsoft/onnxruntime-genai#590, microsoft/DirectML#618.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::Provider;

/// Turns from one look to the next.
const TURNS: u32 = 16;
/// What DirectML may grow by unless the options say otherwise, in bytes.
const DIRECTML_GROWTH: u64 = 4 << 30;

/// Looks at the process's resident memory.
#[derive(Debug)]
pub(super) struct Watch {
    ceiling: Option<u64>,
    /// What the process had after the sessions were last opened anew.
    level: Option<u64>,
    turns: u32,
    times: Arc<AtomicU64>,
}

impl Watch {
    /// With the ceiling of the options, or the provider's own.
    pub(super) fn new(ceiling: Option<u64>, provider: Provider) -> Self {
        let own = || {
            let now = resident().filter(|_| provider == Provider::DirectMl)?;
            Some(now.saturating_add(DIRECTML_GROWTH))
        };
        Self { ceiling: ceiling.or_else(own), level: None, turns: 0, times: Arc::default() }
    }

    /// How often it was too large.
    pub(super) fn times(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.times)
    }

    /// Another turn is over: whether the sessions are to be opened anew.
    pub(super) fn is_over(&mut self) -> bool {
        let Some(ceiling) = self.ceiling else { return false };
        self.turns += 1;
        if !self.turns.is_multiple_of(TURNS) {
            return false;
        }
        let Some(now) = resident() else { return false };
        let times = self.times.load(Ordering::Relaxed);
        // What there is even with new sessions is no reason to open them anew again and again.
        let level = if times > 0 { *self.level.get_or_insert(now) } else { 0 };
        let limit = ceiling.max(level.saturating_add(ceiling / 8));
        if now <= limit {
            return false;
        }
        tracing::info!(resident = now, ceiling, "the sessions are opened anew");
        self.times.store(times + 1, Ordering::Relaxed);
        self.level = None;
        true
    }
}

/// Bytes of the process's memory that are in the machine's.
fn resident() -> Option<u64> {
    memory_stats::memory_stats().map(|stats| stats.physical_mem as u64)
}
