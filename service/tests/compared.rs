//! `lamassu eval` on documents with summaries and on documents with questions.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use serde_json::{Value, json};
use support::{assert_fails, err, file, folder, json_lines, lamassu, out};

const HARBOUR: &str = "The city of Varn lies on a river. The old harbour of Varn burned down in the great fire of 1730. \
    Nobody lived there then. Ships came seldom in winter. The city rebuilt the harbour in stone after the fire. Some liked it.";

fn rows(rows: &[Value]) -> String {
    rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn summaries_are_compared_with_the_same_number_of_sentences_and_questions_of_one_document_share_it() {
    let data = folder();
    let set = rows(&[
        json!({"id": "whole", "text": HARBOUR, "lang": "en", "task": "summarization",
            "reference": ["The harbour of Varn burned in 1730.", "Varn rebuilt its harbour in stone."]}),
        json!({"id": "story", "text": HARBOUR, "kind": "document", "task": "summarization"}),
        json!({"id": "q1", "text": "", "doc_id": "story", "query": "When did the harbour burn?", "task": "summarization",
            "reference": ["The old harbour of Varn burned down in the great fire of 1730."]}),
        json!({"id": "q2", "text": "", "doc_id": "story", "query": "When did ships come?", "task": "summarization",
            "reference": ["Ships came seldom in winter."]}),
    ]);
    let set = file(&data, "set.jsonl", &set);
    let run = |extra: &[&str]| {
        let output = lamassu(data.path())
            .args(["eval", "--sentences", "1"])
            .args(extra)
            .arg(&set)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{}", err(&output));
        output
    };
    let report = json_lines(&run(&["--json"])).remove(0);
    assert_eq!([&report["documents"], &report["summaries"], &report["sentences"]], [2, 3, 1]);
    let systems = report["systems"].as_array().expect("systems");
    let names: Vec<&Value> = systems.iter().map(|system| &system["system"]).collect();
    assert_eq!(names, ["lamassu", "lead", "textrank", "random"]);
    let (ours, lead) = (&systems[0], &systems[1]);
    // Both questions are answered by their sentence, and the first sentence of the text answers neither.
    assert!(number(&ours["rouge_1"]) > 0.75 && number(&lead["rouge_1"]) < 0.5, "{report}");
    let ahead = number(&lead["behind"]["rouge_1"]["mean"]);
    assert!((ahead - (number(&ours["rouge_1"]) - number(&lead["rouge_1"]))).abs() < 1e-9);
    let words = number(&lead["words"]);
    assert!((words - 8.0).abs() < 1e-9 && number(&lead["compression"]) < 0.25, "{lead}");
    let said = out(&run(&[]));
    assert!(said.contains("2 documents, 3 summaries of 1 sentences") && said.contains("textrank"), "{said}");
    let sampled = json_lines(&run(&["--json", "--sample", "1"])).remove(0);
    assert_eq!(sampled["documents"], 1);
}

#[test]
fn search_is_measured_in_every_manner() {
    let data = folder();
    let set = rows(&[
        json!({"id": "a", "text": HARBOUR, "lang": "en", "task": "retrieval", "kind": "document"}),
        json!({"id": "b", "text": "Bread is baked from flour, water and salt.", "lang": "en", "task": "retrieval", "kind": "document"}),
        json!({"id": "q", "text": "What is bread made of?", "rel": {"b": 1}, "task": "retrieval", "kind": "query"}),
    ]);
    let set = file(&data, "set.jsonl", &set);
    let output = lamassu(data.path()).args(["eval", "--json"]).arg(set).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let report = json_lines(&output).remove(0);
    assert_eq!([&report["documents"], &report["questions"]], [2, 1]);
    let manners = report["manners"].as_array().expect("manners");
    assert_eq!(
        manners.iter().map(|manner| &manner["manner"]).collect::<Vec<_>>(),
        ["dense", "sparse", "hybrid"]
    );
    for manner in manners {
        assert_eq!(
            [&manner["ndcg_10"], &manner["mrr_10"], &manner["recall_10"]],
            [1.0, 1.0, 1.0],
            "{report}"
        );
    }
    assert!(std::fs::read_dir(data.path()).expect("the folder").count() == 1, "only the set itself is there");
}

#[test]
fn a_line_that_is_no_row_is_named() {
    let data = folder();
    let set = rows(&[json!({"id": "a", "text": HARBOUR, "task": "summarization"}), json!({"text": 7})]);
    let set = file(&data, "set.jsonl", &set);
    let output = lamassu(data.path()).args(["eval"]).arg(set).output().expect("it runs");
    assert_fails(&output, "line 2");
}
