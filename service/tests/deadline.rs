//! How much of a deadline judging may use.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use policies::{Pipeline, Policy};
use service::chambers::{Chamber, Chambers};
use service::config::Limits;
use service::metrics::Metrics;
use service::moderator::{Moderator, Terms};

const POLICY: &str = r#"
name = "small"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 1, review = 3, block = 4 }
[[category]]
name = "spam"
definition = "x"
[[stage]]
kind = "none"
on_fault = "block"
"#;

/// What judging may take when the operator and the request say so much.
fn budget(configured_ms: u64, own: Option<Duration>) -> Option<Duration> {
    let policy = Arc::new(Policy::parse(POLICY).expect("a policy"));
    let judging = Arc::new(Pipeline::new(policy, Vec::new(), BTreeMap::new(), None));
    let chamber = Chamber { judging, summarizing: None };
    let chambers = Chambers::new(BTreeMap::from([("small".to_owned(), chamber)]), "small".to_owned());
    let limits = Limits { deadline_ms: configured_ms, ..Limits::default() };
    let moderator = Moderator::new(Arc::new(chambers), limits, Metrics::new().expect("metrics"));
    moderator.docket(&Terms { deadline: own, ..Terms::default() }).expect("a docket").budget()
}

#[test]
fn judging_ends_so_much_before_the_deadline_that_the_answer_can_be_sent_by_then() {
    let within = |deadline_ms| budget(deadline_ms, None);
    assert_eq!(within(30_000), Some(Duration::from_millis(29_750)), "250 ms are kept");
    assert_eq!(within(5_000), Some(Duration::from_millis(4_750)), "from here on");
    assert_eq!(within(1_000), Some(Duration::from_millis(950)), "a twentieth of less");
    assert_eq!(within(1), Some(Duration::from_micros(950)), "never all of it");
    assert_eq!(within(0), None, "no deadline, nothing to keep of it");
}

#[test]
fn a_requests_own_deadline_is_when_its_answer_is_sent_too() {
    let own = Some(Duration::from_secs(10));
    let kept = Some(Duration::from_millis(9_750));
    assert_eq!((budget(1_000, own), budget(0, own)), (kept, kept));
}
