//! What a policy masks is masked in every answer that has a place for it, is not read by a model, and is kept nowhere.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Server, file, folder, json_lines, lamassu, out};
use tempfile::TempDir;

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tiny-llama");
const MASKS: &str = r#"
name = "masks"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.9, block = 1.0 }
severity = { flag = 1, review = 3, block = 6 }
[[category]]
name = "pii"
definition = "x"
[[stage]]
kind = "pii"
on_fault = "block"
mask = true
"#;

const BENIGN: &str = "The library opens at nine.";
const LETTER: &str = "Grüße an ana.b@example.org!";
const MASKED: &str = "Grüße an [EMAIL]!";
const CARD: &str = "Karte 4111 1111 1111 1111";

/// A service that judges by the policy above, and its folder.
fn service(environment: &[(&str, &str)]) -> (TempDir, Server) {
    let folder = folder();
    let policy = file(&folder, "masks.toml", MASKS);
    let usual = [
        ("LAMASSU_POLICIES__FILES", policy.to_str().expect("a path")),
        ("LAMASSU_POLICIES__DEFAULT", "masks"),
    ];
    let server = Server::start(&[], &[&usual, environment].concat());
    (folder, server)
}

fn post(server: &Server, path: &str, body: &Value) -> Value {
    let answer =
        server.ask("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

#[test]
fn answers_carry_the_masked_text_beside_the_action() {
    let (_folder, server) = service(&[]);
    let answer = post(&server, "/v1/lamassu/moderate", &json!({"text": LETTER}));
    let expected = json!({"text": MASKED, "spans": [{"start": 11, "end": 28, "with": "[EMAIL]"}]});
    assert_eq!((&answer["action"], &answer["rewrite"]), (&json!("flag"), &expected));
    let spans = json!([{"kind": "span", "start": 11, "end": 28}]);
    assert_eq!(answer["findings"][0]["evidence"], spans);
    assert_eq!(answer["record"]["stages"][0]["bytes"], json!([[0, LETTER.len()]]));
    let answer = post(&server, "/v1/lamassu/moderate", &json!({"text": BENIGN}));
    assert!(answer.get("rewrite").is_none(), "{answer}");

    let values =
        json!([{"recordId": "a", "data": {"text": LETTER}}, {"recordId": "b", "data": {"text": BENIGN}}]);
    let answer = post(&server, "/skills/moderate", &json!({"values": values}));
    let texts =
        ["0", "1"].map(|at| answer.pointer(&format!("/values/{at}/data/maskedText")).expect("a place"));
    assert_eq!(texts, [&json!(MASKED), &Value::Null]);
}

#[test]
fn the_command_masks_as_the_service_does() {
    let (data, policies) = (folder(), folder());
    let policy = file(&policies, "masks.toml", MASKS);
    let moderate = |more: &[&str]| {
        let mut command = lamassu(data.path());
        command.env("LAMASSU_POLICIES__FILES", &policy).args(["moderate", "--policy", "masks"]).args(more);
        command.output().expect("it runs")
    };
    assert_eq!(json_lines(&moderate(&["--json", LETTER]))[0]["rewrite"]["text"], MASKED);
    let painted = out(&moderate(&[LETTER]));
    assert!(painted.contains(&format!("masked: {MASKED}")), "{painted}");
}

#[test]
fn a_gateway_is_handed_texts_to_pass_on_each_in_its_place() {
    let (_folder, server) = service(&[]);
    let ask = |body: &Value| post(&server, "/beta/litellm_basic_guardrail_api", body);
    let texts = json!({"texts": [BENIGN, "", LETTER, " "], "input_type": "request"});
    let expected = json!({"action": "GUARDRAIL_INTERVENED", "texts": [BENIGN, "", MASKED, " "]});
    assert_eq!(ask(&texts), expected);
    assert_eq!(ask(&json!({"texts": [BENIGN, ""]})), json!({"action": "NONE"}));
    let held = ask(&json!({"texts": [LETTER, CARD]}));
    assert_eq!((&held["action"], held.get("texts")), (&json!("BLOCKED"), None));
    // There is no place for arguments in an answer: what cannot be masked does not pass.
    let arguments = json!({"to": "ana.b@example.org"}).to_string();
    let calls = json!([{"function": {"name": "send", "arguments": arguments}}]);
    let blocked = ask(&json!({"texts": ["", LETTER], "tool_calls": calls}));
    assert_eq!(blocked["action"], "BLOCKED");
    let reason = blocked["blocked_reason"].as_str().expect("a reason");
    assert!(
        reason.contains("masks a part of a tool call's arguments") && !reason.contains("ana"),
        "{reason}"
    );
    let harmless = json!([{"function": {"name": "send", "arguments": "{\"to\": \"the library\"}"}}]);
    assert_eq!(ask(&json!({"texts": [LETTER], "tool_calls": harmless}))["texts"], json!([MASKED]));
}

#[test]
fn a_model_reads_what_is_left_of_a_prompt() {
    let (_folder, server) = service(&[("LAMASSU_LLAMA__WRITER", TINY), ("LAMASSU_CHAT__POLICY", "masks")]);
    let read = |system: &str, before: &str, last: &str| {
        let messages = json!([
            {"role": "system", "content": system}, {"role": "user", "content": before},
            {"role": "assistant", "content": "Hello."}, {"role": "user", "content": last},
        ]);
        let body = json!({"model": "tiny-llama", "temperature": 0, "max_tokens": 1, "messages": messages});
        post(&server, "/v1/chat/completions", &body)["usage"]["prompt_tokens"].as_u64().expect("a count")
    };
    let shown = read(MASKED, MASKED, MASKED);
    assert_eq!(read(LETTER, LETTER, LETTER), shown);
    // The same without what makes it an address is read as it is.
    let unmasked = LETTER.replace('@', ".");
    for [system, before, last] in
        [[unmasked.as_str(), MASKED, MASKED], [MASKED, &unmasked, MASKED], [MASKED, MASKED, &unmasked]]
    {
        assert!(read(system, before, last) > shown);
    }
}

#[test]
fn neither_the_text_nor_what_is_left_of_it_is_in_the_decision_log() {
    fn assert_holds_none(folder: &Path) -> u64 {
        let mut bytes = 0;
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                bytes += assert_holds_none(&path);
                continue;
            }
            let kept = std::fs::read(&path).expect("a file");
            bytes += kept.len() as u64;
            for word in ["ana.b", "example.org", "Grüße", "[EMAIL]"] {
                let found = kept.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "`{word}` is in {}", path.display());
            }
        }
        bytes
    }
    let (_folder, server) = service(&[]);
    assert_eq!(post(&server, "/v1/lamassu/moderate", &json!({"text": LETTER}))["rewrite"]["text"], MASKED);
    let log = std::fs::read_to_string(server.data().join("decisions/decisions.jsonl")).expect("the log");
    assert!(log.contains("\"pii\"") && log.contains("\"ran\""), "{log}");
    assert!(assert_holds_none(server.data()) > 0);
}
