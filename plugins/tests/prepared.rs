//! What is built with a stage. One test, in a process of its own: what another one had built would count.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

#[expect(dead_code, reason = "other tests need more")]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use plugins::{Resources, pii, shield};
use policies::Policy;
use support::models;

const POLICY: &str = r#"
name = "small"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 1, review = 3, block = 4 }
[[category]]
name = "pii"
definition = "x"
[[category]]
name = "prompt-attack"
definition = "x"
[[stage]]
kind = "pii"
on_fault = "block"
[[stage]]
kind = "shield"
on_fault = "block"
"#;

#[test]
fn a_stage_that_is_made_has_its_patterns_and_a_policy_that_is_only_checked_needs_none() {
    let policy = Arc::new(Policy::parse(POLICY).expect("a policy"));
    let registry = plugins::builtin();
    registry.check(&policy).expect("nothing is wrong with it");
    assert!(!pii::is_prepared() && !shield::is_prepared(), "a check builds nothing");
    let (_, embedder, classifier) = models();
    let resources = Resources {
        policy: Arc::clone(&policy),
        embedder: embedder.clone(),
        classifier: Arc::clone(classifier),
        banks: Vec::new(),
        tenant: None,
        llama: None,
        writer: None,
        judging: None,
    };
    let made = BTreeMap::from([("pii", pii::is_prepared as fn() -> bool), ("shield", shield::is_prepared)]);
    for spec in policy.stages() {
        let is_prepared = made.get(spec.kind.as_str()).expect("a stage of this test");
        assert!(!is_prepared(), "{} is not built by others", spec.kind);
        registry.seat(spec, &resources).expect("a stage");
        assert!(is_prepared(), "{} has its patterns", spec.kind);
    }
}
