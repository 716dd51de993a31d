//! By when a request is answered, and how much of that time there is to find the answer.

use std::time::Duration;

use crate::config::Limits;

/// What is kept of a deadline for sending the answer, at most. A processor with too much to do looks at a clock late: under
/// 256 connections at once on two cores an answer was sent 16 ms after judging had to end.
const RESERVE: Duration = Duration::from_millis(250);
/// What is kept of a short deadline: one part of so many.
const PART: u32 = 20;

impl Limits {
    /// How long it may take to find an answer that is sent by a deadline: by the request's `own`, or else by
    /// `limits.deadline_ms`. `None` is as long as it takes.
    #[must_use]
    pub fn budget(&self, own: Option<Duration>) -> Option<Duration> {
        let configured = (self.deadline_ms > 0).then(|| Duration::from_millis(self.deadline_ms));
        let deadline = own.or(configured)?;
        Some(deadline.saturating_sub(RESERVE.min(deadline / PART)))
    }
}

/// What is left of `budget` when `spent` of it is.
pub(crate) fn left(budget: Option<Duration>, spent: Duration) -> Option<Duration> {
    Some(budget?.saturating_sub(spent))
}
