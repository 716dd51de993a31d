//! `[decisions]`: how long and how many decisions can be asked for, and the log of them.

use serde::Deserialize;

/// `[decisions]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decisions {
    /// Seconds that a decision can be asked for by its id.
    pub keep_seconds: u64,
    /// Judgments that can be asked for, the oldest go first; about 2 kB of memory each. 0 keeps none.
    pub keep: usize,
    /// Bytes of a file of the log; then the next one is begun.
    pub log_bytes: u64,
    /// Files of the log that are kept, the one being written among them; 0 writes none.
    pub log_files: usize,
}

impl Default for Decisions {
    fn default() -> Self {
        Self { keep_seconds: 86_400, keep: 10_000, log_bytes: 64 << 20, log_files: 8 }
    }
}
