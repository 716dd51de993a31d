//! `lamassu eval --attacks`: what is still caught in disguise, and what is flagged for the disguise.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use serde_json::{Value, json};
use support::{assert_fails, err, file, folder, json_lines, lamassu, out};

const HARMFUL: &str = "You are a worthless piece of shit and everybody hates you.";
const HARMLESS: &str = "Thanks for the quick reply, the printer works again.";

#[test]
fn the_battery_counts_harmful_texts_still_caught_and_harmless_ones_flagged_for_their_disguise() {
    let data = folder();
    let rows = [
        json!({"id": "1", "text": HARMFUL, "labels": {"harassment": 1}}),
        json!({"id": "2", "text": HARMLESS, "labels": {"harassment": 0}}),
        // Flagged as it is though it is said to be harmless, so that no attack could make a difference.
        json!({"id": "3", "text": HARMFUL.replace("You are", "He is"), "labels": {"harassment": 0}}),
        // Not annotated with anything that the policy judges.
        json!({"id": "4", "text": HARMFUL, "labels": {"defamation": 1}}),
    ];
    let set = file(&data, "set.jsonl", &rows.map(|row| format!("{row}\n")).concat());
    let run = |arguments: &[&str]| {
        let mut command = lamassu(data.path());
        command.args(["eval", "--attacks"]).args(arguments).arg(&set).output().expect("it runs")
    };
    let output = run(&["--json"]);
    assert!(output.status.success(), "{}", err(&output));
    let report = json_lines(&output).remove(0);
    assert_eq!((&report["harmful"], &report["harmless"]), (&json!([1, 0]), &json!([1, 1])));
    let attacks = report["attacks"].as_array().expect("attacks");
    assert_eq!(attacks.len(), 19);
    let attack = |name: &str| -> &Value {
        attacks.iter().find(|attack| attack["attack"] == name).expect("it is there")
    };
    // What leaves no mark on the plain view, and what is decoded whole, changes no verdict on so clear a text.
    for name in ["zero-width", "mixed case", "fullwidth", "base64", "hexadecimal", "rot13", "spacing"] {
        assert_eq!(attack(name)["caught"], 1.0, "{name}");
    }
    assert_eq!(attack("zero-width")["falsely_flagged"], 0.0);
    let table = out(&run(&[]));
    assert!(table.contains("set.jsonl: 1 harmful texts that are flagged as they are (0 are not)"), "{table}");
    assert!(table.contains("mean"), "{table}");
    // Two runs do the same to the same texts.
    assert_eq!(json_lines(&run(&["--json"])).remove(0), report);
}

#[test]
fn a_file_that_cannot_be_read_is_no_battery() {
    let data = folder();
    let broken = file(&data, "broken.jsonl", "{}\n");
    let output = lamassu(data.path()).args(["eval", "--attacks"]).arg(broken).output().expect("it runs");
    assert_fails(&output, "line 1");
}
