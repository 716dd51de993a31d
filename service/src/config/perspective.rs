//! `[perspective]`

use serde::Deserialize;

/// How callers of the Perspective API are served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Perspective {
    /// Bytes of one comment, at most.
    pub max_bytes: usize,
    /// Leave attributes out of the answer that cannot be scored, instead of refusing the request.
    pub omit_unsupported: bool,
    /// Web pages whose scripts may call it, as `https://forum.example`, or `*` for all; none unless given.
    pub cors_origins: Vec<String>,
    /// The bank that suggested scores are entered into, unconfirmed; empty to keep none of them.
    pub feedback_bank: String,
    /// Requests of one key in a minute, at most; more are refused with 429. 0 for as many as there are.
    pub per_minute: u32,
    /// Requests of one key at the same time, at most; more are refused with 429. 0 for as many as there are.
    pub at_once: u32,
}

impl Default for Perspective {
    fn default() -> Self {
        Self {
            max_bytes: 20_480,
            omit_unsupported: false,
            cors_origins: Vec::new(),
            feedback_bank: plugins::PRECEDENTS.to_owned(),
            per_minute: 0,
            at_once: 0,
        }
    }
}
