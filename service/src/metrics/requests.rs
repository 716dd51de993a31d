//! Requests: how many, how each was answered, how long it took, which limits refused some.

use std::time::Instant;

use prometheus::{HistogramVec, IntCounterVec, IntGauge};

use super::Register;

/// A limit of the service that refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It is too large.
    Size,
    /// The key has asked too much.
    Rate,
    /// All places are taken, or a model does not answer: the caller may come again.
    Capacity,
    /// It takes too long.
    Time,
}

impl Limit {
    /// The name that the metrics use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Rate => "rate",
            Self::Capacity => "capacity",
            Self::Time => "time",
        }
    }
}

#[derive(Clone)]
pub(super) struct Requests {
    under_way: IntGauge,
    answered: IntCounterVec,
    abandoned: IntCounterVec,
    rejected: IntCounterVec,
    seconds: HistogramVec,
}

impl Requests {
    pub(super) fn new(register: &Register<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            under_way: register.gauge("lamassu_requests_in_flight", "Requests that are being answered.")?,
            answered: register.counters(
                "lamassu_requests_total",
                "Requests that were answered, by facade and status.",
                &["facade", "status"],
            )?,
            abandoned: register.counters(
                "lamassu_requests_abandoned_total",
                "Requests whose caller hung up before there was an answer.",
                &["facade"],
            )?,
            rejected: register.counters(
                "lamassu_requests_rejected_total",
                "Requests that a limit of this service refused, by facade and limit.",
                &["facade", "limit"],
            )?,
            seconds: register.histograms(
                "lamassu_request_seconds",
                "Time until the head of an answer.",
                &["facade"],
            )?,
        })
    }

    pub(super) fn begin(&self, facade: &'static str) -> Request {
        self.under_way.inc();
        Request { facade, began: Instant::now(), answered: false, counts: self.clone() }
    }
}

/// A request under way. One that is dropped without an answer is counted as abandoned.
#[must_use]
pub struct Request {
    facade: &'static str,
    began: Instant,
    answered: bool,
    counts: Requests,
}

impl Request {
    /// Counts the answer, and the limit that it tells of.
    pub fn answered(mut self, status: u16, limit: Option<Limit>) {
        self.answered = true;
        self.counts.answered.with_label_values(&[self.facade, &status.to_string()]).inc();
        if let Some(limit) = limit {
            self.counts.rejected.with_label_values(&[self.facade, limit.name()]).inc();
        }
        let seconds = self.began.elapsed().as_secs_f64();
        self.counts.seconds.with_label_values(&[self.facade]).observe(seconds);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.counts.under_way.dec();
        if !self.answered {
            self.counts.abandoned.with_label_values(&[self.facade]).inc();
        }
    }
}
