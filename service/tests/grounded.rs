//! `lamassu eval` on answers and their sources.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use serde_json::json;
use support::{assert_fails, err, file, folder, json_lines, lamassu, out};

const CONTEXT: &str = "The Brooklyn Bridge crosses the East River between Manhattan and Brooklyn. It was opened on \
    24 May 1883 and took 14 years to build.";

/// Answers about one context: two that it bears out, two that it does not, one that nobody labelled.
fn answers() -> String {
    let row = |text: &str, labels| {
        json!({"id": text, "task": "groundedness", "text": text, "context": CONTEXT, "labels": labels})
            .to_string()
    };
    [
        row("It was opened on 24 May 1883 and took 14 years to build.", json!({"ungrounded": 0})),
        row("The bridge took 14 years to build.", json!({"ungrounded": 0})),
        row("The bridge took 25 years to build.", json!({"ungrounded": 1})),
        row("I love pizza with 3 kinds of cheese!", json!({"ungrounded": 1})),
        row("It crosses a river.", json!({})),
    ]
    .join("\n")
}

#[test]
fn answers_are_measured_beside_words_alone_and_meaning_alone() {
    let data = folder();
    let set = file(&data, "answers.jsonl", &answers());
    let output = lamassu(data.path()).args(["eval", "--json"]).arg(&set).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let [report] = json_lines(&output).try_into().expect("one file, one report");
    assert_eq!(report["file"], "answers.jsonl");
    assert_eq!(
        (&report["answers"], &report["contexts"], &report["unlabelled"]),
        (&json!(4), &json!(1), &json!(1))
    );
    let systems = report["systems"].as_array().expect("systems");
    let names: Vec<_> = systems.iter().map(|system| system["system"].as_str().expect("a name")).collect();
    assert_eq!(names, ["ground", "overlap only", "embedding only"]);
    assert_eq!(systems[0]["figures"]["auprc"], 1.0, "{report}");
    assert_eq!(systems[0]["behind"], json!(null));
    assert!(systems[1]["behind"][0]["mean"].is_number());
    let table = lamassu(data.path()).arg("eval").arg(&set).output().expect("it runs");
    assert!(out(&table).contains("4 answers about 1 contexts, 50.0 % ungrounded"), "{}", out(&table));
}

#[test]
fn an_answer_without_its_sources_is_refused_by_its_line() {
    let data = folder();
    let broken =
        format!("{}\n{}", answers(), json!({"id": "x", "task": "groundedness", "text": "secret words"}));
    let set = file(&data, "broken.jsonl", &broken);
    let output = lamassu(data.path()).arg("eval").arg(&set).output().expect("it runs");
    assert_fails(&output, "line 6");
    assert!(!err(&output).contains("secret words"), "{}", err(&output));
}
