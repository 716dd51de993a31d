//! `lamassu eval --learn`: what precedents teach.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{assert_fails, err, file, folder, json_lines, lamassu, out};

/// Rows of our own that say whether they are spam.
fn rows(each: usize) -> String {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/train/own/self-harm-spam.jsonl");
    let own = std::fs::read_to_string(own).expect("it is part of the project");
    let rows: Vec<Value> = own.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let take = |spam: u8| rows.iter().filter(move |row| row["labels"]["spam"] == spam).take(each);
    take(0).chain(take(1)).map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn a_kind_of_harm_that_no_head_knows_is_learned_from_cases_and_not_from_shuffled_ones() {
    let data = folder();
    let set = file(&data, "set.jsonl", &rows(42));
    let mut command = lamassu(data.path());
    let output = command.args(["eval", "--json", "--learn", "spam"]).arg(&set).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let report = json_lines(&output).remove(0);
    let texts: u64 = report["texts"].as_array().expect("three parts").iter().filter_map(Value::as_u64).sum();
    assert_eq!(texts, 84);
    let banks = report["banks"].as_array().expect("banks");
    let auprc = |wanted: &dyn Fn(&Value) -> bool| -> f64 {
        let bank = banks.iter().find(|bank| wanted(bank)).expect("it was tried");
        bank["auprc"].as_f64().expect("both kinds are there")
    };
    let none = auprc(&|bank| bank["precedents"] == 0);
    let some = |shuffled: bool| {
        move |bank: &Value| bank["precedents"] != 0 && bank["shuffled"] == shuffled && bank["fitted"] == true
    };
    let (taught, shuffled) = (auprc(&some(false)), auprc(&some(true)));
    assert!(taught > none + 0.1, "{taught} after, {none} before");
    assert!(taught > shuffled, "{taught} with rulings, {shuffled} with those of others");
    let weights = &report["weights"];
    assert!(weights["brier"].as_f64() <= weights["brier_before"].as_f64(), "{weights}");
    let allowed = report["allowed"].as_array().expect("three banks");
    assert_eq!((allowed.len(), &allowed[0]["precedents"]), (3, &json!(0)));
}

#[test]
fn too_little_to_learn_from_is_said() {
    let data = folder();
    let set = file(&data, "set.jsonl", &rows(5));
    let mut command = lamassu(data.path());
    let output = command.args(["eval", "--learn", "spam"]).arg(&set).output().expect("it runs");
    assert_fails(&output, "`set.jsonl`: 5 texts with `spam` and 5 without, at least 40 of each are needed");
    assert!(out(&output).is_empty());
}
