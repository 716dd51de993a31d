//! `lamassu policy fit`: a policy's lines from an operator's own labels.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{assert_fails, err, file, folder, json_lines, lamassu, out, run_with};
use tempfile::TempDir;

/// A policy with comments in every place, and lines that let everything pass.
const POLICY: &str = r#"# Our forum.

name = "forum" # as in the address
version = "1"
languages = ["en", "de"]

[thresholds]
score = { flag = 0.97, review = 0.98, block = 0.99 } # for everything else
severity = { flag = 0, review = 0, block = 0 }

# Unwanted advertising.
[[category]]
name = "spam"   # ours is broad
definition = "Advertising."
score = { flag = 0.98, review = 0.99, block = 1.00 } # agreed in May

[[category]]
name = "harassment/threatening"
definition = "Threats."
floor = true

[[stage]]
# What judges.
kind = "classify"
on_fault = "review"
"#;

fn policy_file(folder: &TempDir) -> PathBuf {
    file(folder, "forum.toml", POLICY)
}

/// Rows of our own that say whether they are spam: so many English harmless and harmful ones and so many German ones.
fn spam_rows(english: (usize, usize), german: (usize, usize)) -> Vec<Value> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/train/own/self-harm-spam.jsonl");
    let own = std::fs::read_to_string(own).expect("it is part of the project");
    let rows: Vec<Value> = own.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let take = |language: &str, spam: u8, count: usize| {
        let meant = rows.iter().filter(|row| row["lang"] == language && row["labels"]["spam"] == spam);
        let rows: Vec<Value> = meant.take(count).cloned().collect();
        assert_eq!(rows.len(), count, "our own rows have so many");
        rows
    };
    [take("en", 0, english.0), take("en", 1, english.1), take("de", 0, german.0), take("de", 1, german.1)]
        .concat()
}

fn as_lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

/// Whether each text is found to be spam by the policy in `policy`.
fn flagged(data: &TempDir, policy: &Path, rows: &[Value]) -> Vec<bool> {
    let config = format!("[policies]\nfiles = [{:?}]\ndefault = \"forum\"\n", policy.display().to_string());
    let config = file(data, "lamassu.toml", &config);
    let mut command = lamassu(data.path());
    let output = run_with(
        command.arg("--config").arg(config).args(["moderate", "--jsonl"]),
        as_lines(rows).as_bytes(),
    );
    assert!(output.status.success(), "{}", err(&output));
    let is_spam = |line: &Value| {
        let findings = line["findings"].as_array().expect("findings");
        findings.iter().any(|finding| finding["category"] == "spam")
    };
    json_lines(&output).iter().map(is_spam).collect()
}

#[test]
fn a_refit_policy_keeps_the_rate_on_the_texts_it_was_fitted_to_and_all_comments() {
    let data = folder();
    let policy = policy_file(&data);
    let rows = spam_rows((75, 25), (8, 3));
    let labelled = file(&data, "labelled.jsonl", &as_lines(&rows));
    let run = |policy: &Path| {
        let mut command = lamassu(data.path());
        command.args(["policy", "fit"]).arg(policy).arg(&labelled).output().expect("it runs")
    };
    let output = run(&policy);
    assert!(output.status.success(), "{}", err(&output));
    let said = out(&output);
    assert!(said.contains("spam de flag") && said.contains("negatives, at least 50 are needed"), "{said}");
    assert!(said.contains("a line of 1 is for certain findings alone"), "{said}");
    let new = std::fs::read_to_string(&policy).expect("the policy");
    for comment in [
        "# Our forum.",
        "# as in the address",
        "# for everything else",
        "# Unwanted advertising.",
        "# ours is broad",
        "# agreed in May",
        "# What judges.",
    ] {
        assert!(new.contains(comment), "{comment} is gone from: {new}");
    }
    assert!(new.contains("# fitted: flag ") && new.contains("labelled.jsonl"), "{new}");
    assert!(new.contains("\nlanguage.en.score = {") && !new.contains("language.de"), "{new}");
    assert!(new.contains("block = 1.0 }"), "a line of 1 stays: {new}");
    let check = lamassu(data.path()).args(["policy", "check"]).arg(&policy).output().expect("it runs");
    assert!(check.status.success(), "{}", err(&check));
    // No more than 2 % of the harmless ones, and some of the harmful ones, where none was flagged before.
    let flags = flagged(&data, &policy, &rows);
    let english = flags.iter().zip(&rows).filter(|(_, row)| row["lang"] == "en");
    let count =
        |spam: u8| english.clone().filter(|(flag, row)| **flag && row["labels"]["spam"] == spam).count();
    assert!(count(0) * 100 <= 2 * 75, "{} of 75 are flagged", count(0));
    assert!(count(1) > 0);
    // Fitting what is fitted changes nothing.
    assert!(run(&policy).status.success());
    assert_eq!(std::fs::read_to_string(&policy).expect("the policy"), new);
}

#[test]
fn numbers_are_given_as_json_and_the_policy_elsewhere_if_so_wished() {
    let data = folder();
    let policy = policy_file(&data);
    let labelled = file(&data, "labelled.jsonl", &as_lines(&spam_rows((60, 25), (0, 0))));
    let elsewhere = data.path().join("new.toml");
    let mut command = lamassu(data.path());
    let command = command.args(["policy", "fit", "--json", "--fpr", "0.1", "--out"]).arg(&elsewhere);
    let output = command.arg(&policy).arg(labelled).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let report = json_lines(&output).remove(0);
    assert_eq!((&report["texts"], &report["refused"]), (&json!(85), &json!(0)));
    assert_eq!(report["written"], elsewhere.display().to_string());
    let spam = report["lines"].as_array().expect("lines").iter().find(|line| line["language"].is_null());
    let spam = spam.expect("the plain lines");
    assert_eq!(spam["category"], "spam");
    assert_eq!(spam["flag"]["is"], "fitted");
    assert!(spam["flag"]["false_positive_rate"].as_f64().expect("a rate") <= 0.1);
    assert_eq!(spam["block"]["is"], "left");
    assert_eq!(
        std::fs::read_to_string(policy).expect("the policy"),
        POLICY,
        "the policy itself is as it was"
    );
    assert!(std::fs::read_to_string(elsewhere).expect("the new one").contains("# fitted: "));
}

#[test]
fn a_floor_is_never_lowered_unless_that_is_said() {
    let data = folder();
    let low =
        POLICY.replace("floor = true", "floor = true\nscore = { flag = 0.0, review = 0.0, block = 0.0 }");
    let policy = file(&data, "forum.toml", &low);
    // The label says of harmless texts alone that they are no threats.
    let mut rows = spam_rows((60, 0), (0, 0));
    rows.extend(spam_rows((0, 25), (0, 0)));
    for (place, row) in rows.iter_mut().enumerate() {
        row["labels"] = json!({"harassment/threatening": u8::from(place >= 60)});
    }
    let labelled = file(&data, "labelled.jsonl", &as_lines(&rows));
    let fit = |more: &[&str]| {
        let mut command = lamassu(data.path());
        command.args(["policy", "fit"]).args(more).arg(&policy).arg(&labelled).output().expect("it runs")
    };
    let kept = fit(&[]);
    assert!(!kept.status.success() && out(&kept).contains("a floor: the rate would need "), "{}", out(&kept));
    assert_eq!(std::fs::read_to_string(&policy).expect("the policy"), low, "nothing was written");
    let raised = fit(&["--floors"]);
    assert!(raised.status.success(), "{}", err(&raised));
    let new = std::fs::read_to_string(&policy).expect("the policy");
    assert!(new.contains("# fitted: ") && !new.contains("flag = 0.0,"), "{new}");
}

#[test]
fn what_cannot_be_fitted_is_refused_with_the_reason() {
    let data = folder();
    let policy = policy_file(&data);
    let labelled = file(&data, "labelled.jsonl", &as_lines(&spam_rows((3, 1), (0, 0))));
    let broken = file(&data, "broken.jsonl", "{\"id\": \"1\"}\n");
    let fit = |arguments: &[&str], rows: &Path| {
        let mut command = lamassu(data.path());
        command.args(["policy", "fit"]).args(arguments).arg(&policy).arg(rows).output().expect("it runs")
    };
    assert_fails(
        &fit(&["--fpr", "0"], &labelled),
        "the false-positive rate 0 is not above 0 and at most 0.5",
    );
    assert_fails(&fit(&["--fpr", "0.7"], &labelled), "at most 0.5");
    assert_fails(&fit(&[], &broken), "line 1: it has an unknown key, lacks a key");
    assert_fails(&fit(&[], Path::new("no such file")), "cannot be read");
    let few = fit(&[], &labelled);
    assert_eq!(few.status.code(), Some(1));
    assert!(out(&few).contains("no line could be fitted: nothing was written"), "{}", out(&few));
    assert_eq!(std::fs::read_to_string(&policy).expect("the policy"), POLICY);
}
