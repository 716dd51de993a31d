//! How much each key may ask: so many requests in a minute, so many at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::metrics::Metrics;

const MINUTE: Duration = Duration::from_mins(1);
/// Keys remembered before those are forgotten that ask nothing: tokens bring names that no configuration bounds.
const REMEMBERED: usize = 10_000;

/// How much one key may ask; 0 sets no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in a minute.
    pub per_minute: u32,
    /// Requests at the same time.
    pub at_once: u32,
}

/// More than a key may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// In this minute.
    #[error("the key may make {limit} requests in a minute (limits.requests_per_minute, or its own)")]
    PerMinute {
        /// Requests that it may.
        limit: u32,
        /// Seconds until the next minute, at least 1.
        retry_after: u64,
    },
    /// At the same time.
    #[error("the key may have {limit} requests under way at once (limits.requests_at_once, or its own)")]
    AtOnce {
        /// Requests that it may.
        limit: u32,
    },
}

impl Exceeded {
    /// When the same request may be taken. *Units*: seconds, at least 1.
    #[must_use]
    pub fn retry_after(self) -> u64 {
        match self {
            Self::PerMinute { retry_after, .. } => retry_after,
            Self::AtOnce { .. } => 1,
        }
    }

    /// Which of the two limits it is, as metrics call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PerMinute { .. } => "per_minute",
            Self::AtOnce { .. } => "at_once",
        }
    }
}

/// What each key, by its name, has asked.
type Uses = Arc<Mutex<HashMap<Arc<str>, Use>>>;

/// Counts what keys ask. Shared by all requests.
pub struct Quotas {
    uses: Uses,
    metrics: Metrics,
}

struct Use {
    since: Instant,
    made: u32,
    open: u32,
}

/// A request under way; it counts as one at once until it is dropped.
#[must_use]
pub struct UnderWay(Option<(Arc<str>, Uses)>);

impl Quotas {
    /// Nobody has asked for anything yet; refusals are counted in `metrics`.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { uses: Arc::default(), metrics }
    }

    /// Counts a request of the key called `name`.
    ///
    /// # Errors
    ///
    /// [`Exceeded`]; the request was not counted then.
    pub fn begin(&self, name: &Arc<str>, allowance: Allowance) -> Result<UnderWay, Exceeded> {
        let begun = self.begin_at(name, allowance, Instant::now());
        if let Err(exceeded) = begun {
            self.metrics.refused(exceeded);
        }
        begun
    }

    fn begin_at(&self, name: &Arc<str>, allowance: Allowance, now: Instant) -> Result<UnderWay, Exceeded> {
        let Allowance { per_minute, at_once } = allowance;
        if allowance == Allowance::default() {
            return Ok(UnderWay(None));
        }
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= REMEMBERED {
            uses.retain(|_, used| used.open > 0 || now.duration_since(used.since) < MINUTE);
        }
        let own = uses.entry(Arc::clone(name)).or_insert(Use { since: now, made: 0, open: 0 });
        let since = now.duration_since(own.since);
        if since >= MINUTE {
            (own.since, own.made) = (now, 0);
        }
        if at_once > 0 && own.open >= at_once {
            return Err(Exceeded::AtOnce { limit: at_once });
        }
        if per_minute > 0 && own.made >= per_minute {
            let retry_after = MINUTE.saturating_sub(since).as_secs().max(1);
            return Err(Exceeded::PerMinute { limit: per_minute, retry_after });
        }
        own.made = own.made.saturating_add(1);
        own.open += 1;
        Ok(UnderWay(Some((Arc::clone(name), Arc::clone(&self.uses)))))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some((name, uses)) = &self.0 else { return };
        let mut uses = uses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = uses.get_mut(name) {
            used.open = used.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Arc, Duration, Exceeded, Instant, Metrics, Quotas};

    fn quotas() -> Quotas {
        Quotas::new(Metrics::new().expect("counters"))
    }

    #[test]
    fn a_key_may_ask_so_much_a_minute_and_another_key_is_another_matter() {
        let (quotas, now) = (quotas(), Instant::now());
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let allowance = Allowance { per_minute: 2, at_once: 0 };
        let ask = |name, seconds| quotas.begin_at(name, allowance, now + Duration::from_secs(seconds)).err();
        assert_eq!([ask(&one, 0), ask(&one, 10), ask(&other, 10)], [None, None, None]);
        assert_eq!(ask(&one, 20), Some(Exceeded::PerMinute { limit: 2, retry_after: 40 }));
        assert_eq!(ask(&one, 60), None, "a new minute");
    }

    #[test]
    fn a_key_may_have_so_much_under_way_and_what_ends_makes_room() {
        let (quotas, name): (_, Arc<str>) = (quotas(), "one".into());
        let allowance = Allowance { per_minute: 0, at_once: 1 };
        let first = quotas.begin(&name, allowance).ok();
        assert!(first.is_some());
        assert_eq!(quotas.begin(&name, allowance).err(), Some(Exceeded::AtOnce { limit: 1 }));
        let refused = String::from_utf8(quotas.metrics.render().expect("counters")).expect("text");
        assert!(refused.contains("lamassu_requests_refused_total{limit=\"at_once\"} 1"), "{refused}");
        drop(first);
        assert!(quotas.begin(&name, allowance).is_ok());
    }
}
