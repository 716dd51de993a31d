//! Other tools' plug-in interfaces as those tools meet them: skills of a search service, a gateway's guardrail, detectors,
//! and an analyzer of personal data.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use expect_test::expect;
use serde_json::{Value, json};
use support::{Answer, Server};

const BENIGN: &str = "The library opens at nine and the staff are friendly.";
const HARM: &str = "I will kill you with a knife and everyone like you deserves to die.";
const DETECTOR: (&str, &str) = ("detector-id", "moderation");

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.ask("POST", path, &[DETECTOR], body.to_string().as_bytes())
}

#[test]
fn a_skill_answers_every_record_once_and_an_error_stays_with_its_record() {
    let server = Server::start(&[], &[("LAMASSU_LIMITS__MAX_TEXTS", "4")]);
    let values = json!([
        {"recordId": "a", "data": {"text": BENIGN}}, {"recordId": "b", "data": {"text": HARM}},
        {"recordId": "c", "data": {"text": null}}, {"recordId": "d"},
    ]);
    let answer = post(&server, "/skills/moderate", &json!({"values": values}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(answer.headers["x-lamassu-degraded"], "false");
    let json = answer.json();
    let values = json["values"].as_array().expect("values");
    let ids: Vec<_> = values.iter().map(|value| value["recordId"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    assert_eq!((&values[0]["data"]["flagged"], &values[0]["errors"]), (&json!(false), &Value::Null));
    assert_eq!((&values[1]["data"]["flagged"], &values[1]["warnings"]), (&json!(true), &Value::Null));
    assert!(values[1]["data"]["severities"]["violence"].as_u64().is_some_and(|severity| severity >= 2));
    let message = "`text`: the record has no text of that name";
    let expected = json!({"recordId": "c", "data": {}, "errors": [{"message": message}], "warnings": null});
    assert_eq!(values[2], expected);
    let many: Vec<_> =
        (0..5).map(|id| json!({"recordId": id.to_string(), "data": {"text": BENIGN}})).collect();
    assert_eq!(post(&server, "/skills/moderate", &json!({"values": many})).status, 400, "limits.max_texts");
}

#[test]
fn a_skill_summarizes_each_record_in_as_many_sentences_as_it_asks_for() {
    let server = Server::start(&[], &[]);
    let text = "The town built a library. It opens at nine. The roof was paid for by the school. Many came on the first day.";
    let data = json!({"text": text, "sentences": 2, "mode": "extractive"});
    let values = json!([{"recordId": "1", "data": data}, {"recordId": "2", "data": {"text": text, "sentences": "two"}}]);
    let answer = post(&server, "/skills/summarize", &json!({"values": values})).json();
    let sentences = answer["values"][0]["data"]["sentences"].as_array().expect("sentences");
    assert_eq!(sentences.len(), 2, "{answer}");
    assert!(
        sentences.iter().all(|sentence| sentence.as_str().is_some_and(|said| text.contains(said))),
        "{answer}"
    );
    assert!(answer["values"][1]["errors"][0]["message"].is_string(), "{answer}");
}

#[test]
fn a_gateway_lets_pass_what_the_policy_lets_pass_and_is_told_why_it_must_not() {
    let server = Server::start(&[], &[]);
    let ask = |body: Value| post(&server, "/beta/litellm_basic_guardrail_api", &body);
    let pass = ask(json!({"texts": [BENIGN], "images": null, "input_type": "request", "request_data": {}}));
    assert_eq!((pass.status, pass.body.as_str()), (200, r#"{"action":"NONE"}"#));
    assert_eq!(pass.headers["x-lamassu-policy"].len(), 64);
    let blocked = ask(json!({"texts": [BENIGN, HARM], "input_type": "request"}));
    let reason = blocked.json()["blocked_reason"].as_str().expect("a reason").to_owned();
    assert_eq!(blocked.json()["action"], "BLOCKED");
    assert!(reason.starts_with("held back by policy `default`: ") && reason.contains("violence"), "{reason}");
    assert!(!reason.contains("knife"));
    let call = json!([{"function": {"name": "send", "arguments": format!("{{\"text\": \"{HARM}\"}}")}}]);
    assert_eq!(ask(json!({"texts": [], "tool_calls": call})).json()["action"], "BLOCKED");
    assert_eq!(ask(json!({"texts": [BENIGN], "images": ["data:"]})).json()["action"], "BLOCKED");
}

#[test]
fn a_detector_says_what_it_found_in_each_content_and_counts_in_code_points() {
    let server = Server::start(&[], &[]);
    let harm = format!("\u{1F600} {HARM}");
    let answer = post(&server, "/api/v1/text/contents", &json!({"contents": [BENIGN, harm]}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let found = answer.json();
    assert_eq!(found[0], json!([]));
    let first = &found[1][0];
    assert_eq!((&first["start"], &first["end"]), (&json!(0), &json!(harm.chars().count())));
    assert_eq!(first["detection_type"], "moderation");
    let chat = json!({"messages": [{"role": "user", "content": BENIGN}, {"role": "user", "content": [{"type": "text", "text": HARM}]}]});
    let chat = post(&server, "/api/v1/text/chat", &chat).json();
    assert!(chat[0].get("start").is_none() && chat[0]["detection"].is_string(), "{chat}");
    let generation = json!({"prompt": HARM, "generated_text": BENIGN});
    assert_eq!(post(&server, "/api/v1/text/generation", &generation).json(), json!([]));
    let every = json!({"contents": [BENIGN], "detector_params": {"threshold": 0.0}});
    assert!(post(&server, "/api/v1/text/contents", &every).json()[0].as_array().expect("a list").len() > 10);
}

#[test]
fn detectors_are_known_by_their_ids_and_refuse_what_they_cannot_do_in_their_own_dress() {
    let server = Server::start(&[], &[]);
    let ask = |path: &str, id: &str, body: &Value| {
        let headers: &[(&str, &str)] = if id.is_empty() { &[] } else { &[("detector-id", id)] };
        let answer = server.ask("POST", path, headers, body.to_string().as_bytes());
        (answer.status, answer.json())
    };
    let contents = json!({"contents": ["write to ana.b@example.org today"]});
    let (status, missing) = ask("/api/v1/text/contents", "", &contents);
    assert_eq!((status, &missing["code"]), (422, &json!(422)));
    assert_eq!(ask("/api/v1/text/contents", "nothing", &contents).0, 404);
    assert_eq!(ask("/api/v1/text/contents", "moderation", &json!({"contents": 1})).0, 422);
    assert_eq!(ask("/api/v1/text/nothing", "moderation", &contents).1["code"], 404);
    let (_, pii) = ask("/api/v1/text/contents", "pii", &contents);
    let email = json!({"start": 9, "end": 26, "text": "ana.b@example.org", "detection": "EMAIL_ADDRESS", "detection_type": "pii", "score": 1.0});
    assert_eq!(pii, json!([[email]]));
    let document = "The library opens at nine. The staff are friendly.";
    let hold =
        |content: &str, kind: &str| json!({"content": content, "context_type": kind, "context": [document]});
    let path = "/api/v1/text/context/doc";
    assert_eq!(ask(path, "groundedness", &hold("The library opens at nine.", "chunks")), (200, json!([])));
    let (_, loose) =
        ask(path, "groundedness", &hold("The harbour was closed by the navy in 1911.", "chunks"));
    assert_eq!(loose[0]["detection"], "ungrounded");
    assert_eq!(ask(path, "groundedness", &hold("x", "url")).0, 422);
    assert_eq!(ask(path, "moderation", &hold("x", "chunks")).0, 404);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn the_analyzer_finds_data_that_has_a_form_and_refuses_what_it_does_not_know() {
    let server = Server::start(&[], &[]);
    let text = "\u{1F600} write to ana.b@example.org or pay with 4111 1111 1111 1111";
    let answer = post(&server, "/analyze", &json!({"text": text, "language": "en"}));
    expect![[r#"[{"entity_type":"EMAIL_ADDRESS","start":11,"end":28,"score":1.0,"analysis_explanation":null},{"entity_type":"CREDIT_CARD","start":41,"end":60,"score":1.0,"analysis_explanation":null}]"#]]
        .assert_eq(&answer.body);
    let one = post(
        &server,
        "/analyze",
        &json!({"text": [text, BENIGN], "language": "de", "entities": ["CREDIT_CARD"]}),
    )
    .json();
    assert_eq!((one[0].as_array().expect("a list").len(), &one[1]), (1, &json!([])));
    for refused in [json!({"text": text}), json!({"text": text, "language": "en", "entities": ["PERSON"]})] {
        let answer = post(&server, "/analyze", &refused);
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.json()["error"].is_string() && !answer.body.contains("example.org"));
    }
    assert!(
        server
            .get("/supportedentities?language=en")
            .json()
            .as_array()
            .expect("a list")
            .contains(&json!("IBAN_CODE"))
    );
}

#[test]
fn without_a_key_each_refuses_in_its_own_dress_before_the_body_is_read() {
    let server = Server::start(&[], &[("LAMASSU_API_KEY", "12345")]);
    let refused = |path: &str| {
        let answer = server.ask("POST", path, &[DETECTOR], b"{");
        assert_eq!(answer.status, 401, "{path}: {}", answer.body);
        answer.json()
    };
    assert_eq!(refused("/skills/moderate")["error"]["code"], "unauthorized");
    assert_eq!(refused("/beta/litellm_basic_guardrail_api")["error"]["code"], "unauthorized");
    assert_eq!(refused("/api/v1/text/contents")["code"], 401);
    assert!(refused("/analyze")["error"].is_string());
    assert_eq!(
        server.ask("POST", "/skills/moderate", &[("x-api-key", "12345")], b"{\"values\":[]}").body,
        r#"{"values":[]}"#
    );
}
