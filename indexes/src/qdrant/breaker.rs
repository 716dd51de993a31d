//! A node that keeps failing is left alone for a while.

use std::time::{Duration, Instant};

/// Counts a node's failures in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    failures_to_rest: u32,
    rest: Duration,
    /// Until when nobody calls it.
    resting_until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(failures_to_rest: u32, rest: Duration) -> Self {
        Self { failures: 0, failures_to_rest: failures_to_rest.max(1), rest, resting_until: None }
    }

    /// Whether to call the node. After a rest one caller is let through; the others wait for what becomes of that, or
    /// for another rest.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        match self.resting_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.resting_until = Some(now + self.rest);
                true
            }
        }
    }

    /// It answered.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.resting_until = None;
    }

    /// It did not.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.failures_to_rest {
            self.resting_until = Some(now + self.rest);
        }
    }

    pub(super) fn is_resting(&self) -> bool {
        self.resting_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, Duration, Instant};

    const REST: Duration = Duration::from_secs(10);

    #[test]
    fn a_node_that_keeps_failing_rests_and_then_one_caller_tries_it() {
        let start = Instant::now();
        let mut breaker = Breaker::new(3, REST);
        breaker.failed(start);
        breaker.failed(start);
        assert!(breaker.admits(start), "twice is not often");
        breaker.failed(start);
        assert!(!breaker.admits(start) && !breaker.admits(start + REST / 2));
        assert!(breaker.admits(start + REST), "one caller");
        assert!(!breaker.admits(start + REST), "and no other");
        breaker.failed(start + REST);
        assert!(!breaker.admits(start + REST + REST / 2), "it failed again, so it rests again");
        assert!(breaker.admits(start + REST * 2));
        breaker.succeeded();
        assert!(breaker.admits(start + REST * 2) && !breaker.is_resting());
    }

    #[test]
    fn failures_between_which_it_answers_are_none_in_a_row() {
        let now = Instant::now();
        let mut breaker = Breaker::new(2, REST);
        for _ in 0..5 {
            breaker.failed(now);
            breaker.succeeded();
        }
        assert!(breaker.admits(now));
    }
}
