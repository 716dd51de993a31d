//! `[limits]`: how much, how many and how long.

use serde::Deserialize;

use crate::quotas::Allowance;

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Characters of one text, at most.
    pub max_chars: usize,
    /// Bytes of one request's body or one line of JSON, at most.
    pub max_body_bytes: usize,
    /// Texts in one request, at most.
    pub max_texts: usize,
    /// Texts judged at the same time, at most; more are refused at once with 503.
    pub max_in_flight: usize,
    /// Documents of one request to summarize.
    pub max_documents: usize,
    /// Summaries made at the same time, at most; more are refused at once with 503.
    pub max_summaries: usize,
    /// Milliseconds until a request that was received is answered, if it does not say itself; 0 for as long as it takes. A
    /// twentieth of them, at most 250, is kept for sending the answer: judging ends that much sooner.
    pub deadline_ms: u64,
    /// Seconds that accepted requests have to finish after a signal to stop.
    pub shutdown_seconds: u64,
    /// Requests of one key in a minute, at most, unless its `[[key]]` says otherwise; more are refused with 429. 0 for as
    /// many as there are.
    pub requests_per_minute: u32,
    /// Requests of one key at the same time, at most, unless its `[[key]]` says otherwise; more are refused with 429. 0
    /// for as many as there are.
    pub requests_at_once: u32,
    /// Seconds that the head of a request may take, from the connection or from its first byte on.
    pub head_seconds: u64,
    /// Seconds that the body of a request may take; it is refused with 408 then.
    pub body_seconds: u64,
    /// Seconds that a client may take no byte of an answer; the connection is closed then.
    pub stall_seconds: u64,
    /// Connections open at the same time, at most; more wait until one closes.
    pub connections: usize,
}

impl Limits {
    /// What a key may ask that has no limits of its own.
    #[must_use]
    pub fn allowance(&self) -> Allowance {
        Allowance { per_minute: self.requests_per_minute, at_once: self.requests_at_once }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_chars: 1_000_000,
            max_body_bytes: 8 << 20,
            max_texts: 1000,
            max_in_flight: 256,
            max_documents: 200,
            max_summaries: 16,
            deadline_ms: 30_000,
            shutdown_seconds: 30,
            requests_per_minute: 0,
            requests_at_once: 0,
            // A machine with no processor to spare must not turn callers away who have sent all of it.
            head_seconds: 60,
            body_seconds: 60,
            stall_seconds: 60,
            connections: 10_000,
        }
    }
}
