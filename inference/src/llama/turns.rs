//! Whose turn it is.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use super::{
    job::{ScoreJob, Waits},
    prefixes::Scope,
};
use crate::InferenceError;

/// Tokens that scores may have computed, one call after the other, before a generation that waits takes a step.
const BURST: usize = 1024;
/// Scopes whose turns are told apart, at most.
const SCOPES: usize = 4096;

/// Takes callers of each scope in turn, so that none waits for another's many calls.
#[derive(Debug, Default)]
pub(super) struct Turns {
    served: HashMap<Scope, u64>,
    turn: u64,
}

impl Turns {
    /// The place in line of the next: the first of those whose scope was not served for longest.
    pub(super) fn next<'a>(&self, line: impl Iterator<Item = &'a Scope>) -> Option<usize> {
        let served = |scope: &Scope| self.served.get(scope).copied().unwrap_or_default();
        line.enumerate().min_by_key(|(_, scope)| served(scope)).map(|(place, _)| place)
    }

    /// A scope has its turn.
    pub(super) fn serve(&mut self, scope: &Scope) {
        self.turn += 1;
        if self.served.len() >= SCOPES {
            self.served.clear();
        }
        self.served.insert(scope.clone(), self.turn);
    }
}

/// Drops the jobs that nobody waits for and refuses those whose time is over, so that their places are free at once.
pub(super) fn sweep<J: Waits>(jobs: &mut VecDeque<J>) {
    let now = Instant::now();
    for _ in 0..jobs.len() {
        if let Some(job) = jobs.pop_front().and_then(|job| still_wanted(job, now)) {
            jobs.push_back(job);
        }
    }
}

/// The job, if somebody still waits for it and it still has time.
pub(super) fn still_wanted<J: Waits>(job: J, now: Instant) -> Option<J> {
    if job.is_given_up() {
        None
    } else if job.ticket().deadline.is_some_and(|deadline| deadline <= now) {
        job.refuse(InferenceError::DeadlinePassed);
        None
    } else {
        Some(job)
    }
}

/// The scores at hand. Each turn is one row of a call, so that no call of many rows holds up the others.
#[derive(Debug, Default)]
pub(super) struct Scores {
    jobs: VecDeque<ScoreJob>,
    turns: Turns,
    /// Tokens computed since the last step of a generation.
    tokens: usize,
}

impl Scores {
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn take(&mut self, job: ScoreJob) {
        self.jobs.push_back(job);
    }

    pub(super) fn sweep(&mut self) {
        sweep(&mut self.jobs);
    }

    /// The next to work on; none when there is none, or when a generation `waits` that has waited long enough.
    pub(super) fn next(&mut self, waits: bool) -> Option<ScoreJob> {
        if waits && self.tokens >= BURST {
            self.tokens = 0;
            return None;
        }
        let place = self.turns.next(self.jobs.iter().map(|job| &job.ticket.scope));
        let Some(job) = place.and_then(|place| self.jobs.remove(place)) else {
            self.tokens = 0;
            return None;
        };
        self.turns.serve(&job.ticket.scope);
        Some(job)
    }

    /// A turn is over: so many tokens were computed, and the job may have more to do.
    pub(super) fn over(&mut self, tokens: usize, job: Option<ScoreJob>) {
        self.tokens += tokens;
        self.jobs.extend(job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_with_many_calls_has_every_other_turn_beside_one_with_few() {
        let mut turns = Turns::default();
        let mut line: Vec<Scope> = ["a", "a", "a", "a", "b", "c", "b"].map(Scope::from).to_vec();
        let mut order = String::new();
        while let Some(place) = turns.next(line.iter()) {
            let scope = line.remove(place);
            turns.serve(&scope);
            order.push_str(&scope);
        }
        assert_eq!(order, "abcabaa");
    }
}
