//! Which precedents match more of the traffic than one case should.
//!
//! A case stands for texts like it. One that resembles a large share of everything is poisoned or too general, and
//! decides what it was never meant for. The same text counts once in a window: whoever repeats a blocked text cannot
//! free it that way.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// When a precedent matches too much. Counted in memory, for this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloodOptions {
    /// Different texts looked back on.
    pub window: usize,
    /// Different texts there must be before a share means anything.
    pub least: usize,
    /// Share of them that is too much, `0.0..=1.0`.
    pub share: f64,
}

impl Default for FloodOptions {
    fn default() -> Self {
        Self { window: 1_000, least: 200, share: 0.2 }
    }
}

/// A precedent that was stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alert {
    /// Texts it matched.
    pub matched: usize,
    /// Out of so many.
    pub of: usize,
}

/// The last texts, and what each matched.
#[derive(Debug)]
pub(crate) struct Flood {
    options: FloodOptions,
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    texts: VecDeque<(u64, Vec<Arc<str>>)>,
    seen: HashSet<u64>,
    counts: HashMap<Arc<str>, usize>,
    alerts: BTreeMap<Arc<str>, Alert>,
}

impl Flood {
    pub(crate) fn new(options: FloodOptions) -> Self {
        Self { options, recent: Mutex::default() }
    }

    /// Files a text and the precedents it matched; says which of them are too many times there from now on.
    pub(crate) fn saw(&self, text: &str, matched: Vec<Arc<str>>) -> Vec<Arc<str>> {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        self.with(|recent| recent.saw(hasher.finish(), matched, &self.options))
    }

    /// Whether a precedent has been stopped by this process.
    pub(crate) fn stopped(&self, id: &str) -> bool {
        self.with(|recent| recent.alerts.contains_key(id))
    }

    /// Lets a precedent act again, and counts it from the start.
    pub(crate) fn release(&self, id: &str) {
        self.with(|recent| {
            recent.alerts.remove(id);
            recent.counts.remove(id);
            for (_, matched) in &mut recent.texts {
                matched.retain(|other| &**other != id);
            }
        });
    }

    /// What has been stopped.
    pub(crate) fn alerts(&self) -> BTreeMap<Arc<str>, Alert> {
        self.with(|recent| recent.alerts.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Recent) -> T) -> T {
        // Counts that a panic has left half done are still counts.
        work(&mut self.recent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Recent {
    fn saw(&mut self, text: u64, matched: Vec<Arc<str>>, options: &FloodOptions) -> Vec<Arc<str>> {
        if !self.seen.insert(text) {
            return Vec::new();
        }
        for id in &matched {
            *self.counts.entry(Arc::clone(id)).or_default() += 1;
        }
        self.texts.push_back((text, matched.clone()));
        if self.texts.len() > options.window.max(1) {
            self.forget_first();
        }
        let of = self.texts.len();
        let mut flooding = Vec::new();
        for id in matched {
            let count = self.counts.get(&id).copied().unwrap_or_default();
            if of >= options.least && share(count, of) > options.share && !self.alerts.contains_key(&id) {
                self.alerts.insert(Arc::clone(&id), Alert { matched: count, of });
                flooding.push(id);
            }
        }
        flooding
    }

    fn forget_first(&mut self) {
        let Some((text, matched)) = self.texts.pop_front() else { return };
        self.seen.remove(&text);
        for id in matched {
            if let Some(count) = self.counts.get_mut(&id) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&id);
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a window is far below 2^52 texts")]
fn share(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: FloodOptions = FloodOptions { window: 10, least: 5, share: 0.3 };

    fn saw(flood: &Flood, text: &str, matched: &[&str]) -> usize {
        flood.saw(text, matched.iter().map(|id| Arc::from(*id)).collect()).len()
    }

    #[test]
    fn one_that_matches_too_many_different_texts_is_stopped_once_and_can_be_released() {
        let flood = Flood::new(OPTIONS);
        let stopped: Vec<usize> = (0..8).map(|n| saw(&flood, &format!("text {n}"), &["a"])).collect();
        assert_eq!(stopped, [0, 0, 0, 0, 1, 0, 0, 0]);
        assert!(flood.stopped("a") && !flood.stopped("b"));
        assert_eq!(flood.alerts()["a"], Alert { matched: 5, of: 5 });
        flood.release("a");
        assert_eq!(saw(&flood, "another", &["a"]), 0, "it is counted from the start");
        assert!(!flood.stopped("a"));
    }

    #[test]
    fn a_text_repeated_counts_once_so_that_nobody_frees_it_by_repeating_it() {
        let flood = Flood::new(OPTIONS);
        (0..4).for_each(|n| assert_eq!(saw(&flood, &format!("text {n}"), &[]), 0));
        (0..100).for_each(|_| assert_eq!(saw(&flood, "blocked", &["a"]), 0));
        assert!(!flood.stopped("a"));
    }

    #[test]
    fn what_leaves_the_window_no_longer_counts() {
        let flood = Flood::new(OPTIONS);
        assert_eq!(saw(&flood, "first", &["a"]), 0);
        (0..10).for_each(|n| assert_eq!(saw(&flood, &format!("text {n}"), &[]), 0));
        assert_eq!(saw(&flood, "more 1", &["a"]) + saw(&flood, "more 2", &["a"]), 0);
        assert_eq!(saw(&flood, "more 3", &["a"]), 0, "3 of 10 are 0.3, not more");
        assert_eq!(saw(&flood, "more 4", &["a"]), 1);
        assert_eq!(saw(&flood, "first", &[]), 0);
    }
}
