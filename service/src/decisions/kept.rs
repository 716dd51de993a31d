//! Recent decisions, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::entry::Head;
use crate::config;

/// A decision that can be asked for.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The name of the key it was made for.
    pub by: Arc<str>,
    /// Milliseconds since 1970, when its first judgment was noted.
    pub at_ms: u64,
    /// Its judgments, each as JSON.
    pub entries: Vec<Arc<str>>,
}

/// The last decisions, no older than a time, no more than a number of judgments.
pub(super) struct Kept {
    /// By id, which is by time: ids are made in the order of requests.
    by_id: BTreeMap<Uuid, Decision>,
    entries: usize,
    most: usize,
    oldest_ms: u64,
}

impl Kept {
    pub(super) fn new(options: &config::Decisions) -> Self {
        let oldest_ms = options.keep_seconds.saturating_mul(1000);
        Self { by_id: BTreeMap::new(), entries: 0, most: options.keep, oldest_ms }
    }

    /// Adds a judgment, and lets go of what is too old or too many. The decision at hand is kept whole.
    pub(super) fn add(&mut self, head: &Head, entry: Arc<str>) {
        if self.most == 0 {
            return;
        }
        let new = || Decision { by: Arc::clone(&head.by), at_ms: head.at_ms, entries: Vec::new() };
        self.by_id.entry(head.id).or_insert_with(new).entries.push(entry);
        self.entries += 1;
        while let Some(oldest) = self.by_id.first_entry() {
            let is_over =
                self.entries > self.most || head.at_ms.saturating_sub(oldest.get().at_ms) > self.oldest_ms;
            if !is_over || *oldest.key() == head.id {
                break;
            }
            self.entries -= oldest.remove().entries.len();
        }
    }

    pub(super) fn find(&self, id: Uuid, now_ms: u64) -> Option<Decision> {
        self.by_id.get(&id).filter(|found| !self.is_too_old(found.at_ms, now_ms)).cloned()
    }

    pub(super) fn is_too_old(&self, at_ms: u64, now_ms: u64) -> bool {
        now_ms.saturating_sub(at_ms) > self.oldest_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(keep: usize, keep_seconds: u64) -> Kept {
        Kept::new(&config::Decisions { keep_seconds, keep, ..config::Decisions::default() })
    }

    fn head(number: u128, at_ms: u64) -> Head {
        Head { id: Uuid::from_u128(number), at_ms, by: "someone".into() }
    }

    fn there(kept: &Kept, now_ms: u64) -> Vec<u128> {
        (0..10).filter(|number| kept.find(Uuid::from_u128(*number), now_ms).is_some()).collect()
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_judgments_but_the_one_at_hand_stays_whole() {
        let mut kept = kept(3, 60);
        for number in 0..5 {
            kept.add(&head(number, 0), "{}".into());
        }
        assert_eq!(there(&kept, 0), [2, 3, 4]);
        for _ in 0..7 {
            kept.add(&head(5, 0), "{}".into());
        }
        assert_eq!(there(&kept, 0), [5]);
        assert_eq!(kept.find(Uuid::from_u128(5), 0).expect("it is there").entries.len(), 7);
        assert_eq!(kept.entries, 7);
    }

    #[test]
    fn what_is_too_old_is_not_found_and_goes_with_the_next() {
        let mut kept = kept(100, 60);
        kept.add(&head(1, 0), "{}".into());
        kept.add(&head(2, 30_000), "{}".into());
        assert_eq!(there(&kept, 60_000), [1, 2]);
        assert_eq!(there(&kept, 60_001), [2]);
        kept.add(&head(3, 60_001), "{}".into());
        assert_eq!(kept.entries, 2);
    }
}
