//! How much each key may ask: so many requests in a minute, so many at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_mins(1);
/// Keys remembered before those are forgotten that ask nothing: tokens bring names that no configuration bounds.
const REMEMBERED: usize = 10_000;

/// More than a key may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// In this minute.
    PerMinute {
        /// Requests that it may.
        limit: u32,
        /// Seconds until the next minute, at least 1.
        retry_after: u64,
    },
    /// At the same time.
    AtOnce {
        /// Requests that it may.
        limit: u32,
    },
}

/// Counts what keys ask. Shared by all requests.
pub struct Quotas {
    per_minute: u32,
    at_once: u32,
    uses: Arc<Mutex<HashMap<Arc<str>, Use>>>,
}

struct Use {
    since: Instant,
    made: u32,
    open: u32,
}

/// A request under way; it counts as one at once until it is dropped.
#[must_use]
pub struct UnderWay {
    name: Arc<str>,
    uses: Arc<Mutex<HashMap<Arc<str>, Use>>>,
}

impl Quotas {
    /// Quotas of each key; 0 sets no limit.
    #[must_use]
    pub fn new(per_minute: u32, at_once: u32) -> Self {
        Self { per_minute, at_once, uses: Arc::default() }
    }

    /// Counts a request of the key called `name`.
    ///
    /// # Errors
    ///
    /// [`Exceeded`]; the request was not counted then.
    pub fn begin(&self, name: &Arc<str>) -> Result<UnderWay, Exceeded> {
        self.begin_at(name, Instant::now())
    }

    fn begin_at(&self, name: &Arc<str>, now: Instant) -> Result<UnderWay, Exceeded> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= REMEMBERED {
            uses.retain(|_, used| used.open > 0 || now.duration_since(used.since) < MINUTE);
        }
        let own = uses.entry(Arc::clone(name)).or_insert(Use { since: now, made: 0, open: 0 });
        let since = now.duration_since(own.since);
        if since >= MINUTE {
            (own.since, own.made) = (now, 0);
        }
        if self.at_once > 0 && own.open >= self.at_once {
            return Err(Exceeded::AtOnce { limit: self.at_once });
        }
        if self.per_minute > 0 && own.made >= self.per_minute {
            let retry_after = MINUTE.saturating_sub(since).as_secs().max(1);
            return Err(Exceeded::PerMinute { limit: self.per_minute, retry_after });
        }
        own.made = own.made.saturating_add(1);
        own.open += 1;
        Ok(UnderWay { name: Arc::clone(name), uses: Arc::clone(&self.uses) })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = uses.get_mut(&self.name) {
            used.open = used.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Duration, Exceeded, Instant, Quotas};

    #[test]
    fn a_key_may_ask_so_much_a_minute_and_another_key_is_another_matter() {
        let (quotas, now) = (Quotas::new(2, 0), Instant::now());
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let ask = |name, seconds| quotas.begin_at(name, now + Duration::from_secs(seconds)).err();
        assert_eq!([ask(&one, 0), ask(&one, 10), ask(&other, 10)], [None, None, None]);
        assert_eq!(ask(&one, 20), Some(Exceeded::PerMinute { limit: 2, retry_after: 40 }));
        assert_eq!(ask(&one, 60), None, "a new minute");
    }

    #[test]
    fn a_key_may_have_so_much_under_way_and_what_ends_makes_room() {
        let (quotas, name): (_, Arc<str>) = (Quotas::new(0, 1), "one".into());
        let first = quotas.begin(&name).ok();
        assert!(first.is_some());
        assert_eq!(quotas.begin(&name).err(), Some(Exceeded::AtOnce { limit: 1 }));
        drop(first);
        assert!(quotas.begin(&name).is_ok());
    }
}
