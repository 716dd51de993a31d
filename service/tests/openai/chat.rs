//! Chats: plain, streamed, and guarded by a policy.

use serde_json::{Value, json};

use super::support::{Answer, file, folder};
use super::{HARMFUL, HELLO, House, header, policy};

/// The events of a stream, which ends with `[DONE]`.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(header(answer, "content-type"), "text/event-stream; charset=utf-8");
    let mut data: Vec<&str> = answer
        .body
        .split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").expect("an event"))
        .collect();
    assert_eq!(data.pop(), Some("[DONE]"));
    data.into_iter().map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

fn text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}

#[test]
fn a_chat_is_answered_and_its_tokens_are_counted() {
    let house = House::new(&[]);
    let answer = house.chat("Say hello.", &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(header(&answer, "x-lamassu-decision").len(), 36);
    let mut completion = answer.json();
    let usage = completion["usage"].take();
    let count = |part: &str| usage[part].as_u64().expect("a count");
    assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));
    completion["id"] = json!("id");
    completion["created"] = json!(0);
    completion["system_fingerprint"] = json!("fp");
    let message = json!({"role": "assistant", "content": HELLO, "refusal": null});
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"});
    let expected = json!({
        "id": "id", "object": "chat.completion", "created": 0, "model": "tiny-llama",
        "system_fingerprint": "fp", "choices": [choice], "usage": null,
    });
    assert_eq!(completion, expected);
    let cut = house.chat("Say hello.", &json!({"max_tokens": 3})).json();
    assert_eq!(
        (&cut["choices"][0]["finish_reason"], &cut["usage"]["completion_tokens"]),
        (&json!("length"), &json!(3))
    );
    let stopped = house.chat("Say hello.", &json!({"stop": ["How"]})).json();
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    assert_eq!(stopped["choices"][0]["message"]["content"].as_str().map(str::trim_end), Some("Hello there!"));
    let schema = json!({"type": "object", "properties": {"gate": {"enum": ["open", "shut"]}}, "required": ["gate"], "additionalProperties": false});
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "gate", "schema": schema}}});
    let formed = house.chat("Is the gate open?", &format).json();
    let formed: Value =
        serde_json::from_str(formed["choices"][0]["message"]["content"].as_str().expect("text"))
            .expect("JSON");
    assert!(["open", "shut"].map(|state| json!({"gate": state})).contains(&formed), "{formed}");
}

#[test]
fn the_same_seed_says_the_same() {
    let house = House::new(&[]);
    let say = |seed: i64| {
        let answer = house.chat("Hmm", &json!({"temperature": 2, "seed": seed, "max_tokens": 12}));
        answer.json()["choices"][0]["message"]["content"].clone()
    };
    assert_eq!(say(7), say(7));
    assert!((8..16).any(|seed| say(seed) != say(7)), "another seed says something else");
}

#[test]
fn a_stream_says_the_same_in_parts_and_ends_once() {
    let house = House::new(&[("LAMASSU_CHAT__HOLD_TOKENS", "1")]);
    let plain = house.chat("Say hello.", &json!({})).json();
    let answer = house.chat("Say hello.", &json!({"stream": true, "stream_options": {"include_usage": true}, "moderation": {"model": "omni-moderation-latest"}}));
    let events = events(&answer);
    assert_eq!(text(&events), HELLO);
    for name in ["id", "created", "model"] {
        assert!(events.iter().all(|event| event[name] == events[0][name]), "{name}");
    }
    assert_eq!(events[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let ends: Vec<usize> =
        (0..events.len()).filter(|at| events[*at]["choices"][0]["finish_reason"].is_string()).collect();
    // Then what was found, and what it took.
    assert_eq!(ends, [events.len() - 3]);
    assert_eq!(events[ends[0]]["choices"][0]["finish_reason"], "stop");
    let [.., moderation, usage] = events.as_slice() else { panic!("too few") };
    for part in ["input", "output"] {
        assert_eq!(moderation["moderation"][part]["type"], "moderation_results");
        assert_eq!(moderation["moderation"][part]["results"][0]["flagged"], false);
    }
    assert_eq!((&moderation["choices"], &moderation["usage"]), (&json!([]), &Value::Null));
    for part in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(usage["usage"][part], plain["usage"][part], "{part}");
    }
    let bare = house.chat("Say hello.", &json!({"stream": true}));
    assert!(!bare.body.contains("usage") && !bare.body.contains("moderation"), "{}", bare.body);
}

#[test]
fn a_prompt_that_the_policy_keeps_back_is_not_answered() {
    let house = House::new(&[]);
    let kept = |body: &Value| {
        let answer = house.post("/v1/chat/completions", body);
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (400, &json!("content_filter")), "{}", answer.body);
        assert_eq!(
            (&error["param"], &error["innererror"]["code"]),
            (&json!("prompt"), &json!("ResponsibleAIPolicyViolation"))
        );
        assert_eq!(error["innererror"]["content_filter_result"]["hate"]["filtered"], true, "{error}");
        assert!(!answer.body.contains("worthless"), "{}", answer.body);
        assert_eq!(header(&answer, "x-lamassu-decision").len(), 36);
    };
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    for stream in [false, true] {
        let messages = [said("user", HARMFUL)];
        kept(&json!({"model": "tiny-llama", "messages": messages, "stream": stream}));
    }
    // In what went before, and in what the model is told to be.
    kept(
        &json!({"model": "tiny-llama", "messages": [said("user", HARMFUL), said("assistant", "I see."), said("user", "Say hello.")]}),
    );
    kept(&json!({"model": "tiny-llama", "messages": [said("system", HARMFUL), said("user", "Say hello.")]}));
}

#[test]
fn an_answer_that_the_policy_keeps_back_ends_before_it_is_heard() {
    let folder = folder();
    let secrets = file(&folder, "secrets.toml", &policy("secrets", "cities and palaces"));
    let environment = [
        ("LAMASSU_POLICIES__FILES", secrets.to_str().expect("a path")),
        ("LAMASSU_CHAT__POLICY", "secrets"),
        // Windows of a token or two: only together with what went before do they hold the phrase.
        ("LAMASSU_CHAT__HOLD_TOKENS", "1"),
    ];
    let house = House::new(&environment);
    let question = "Where did it stand?";
    let streamed = house.chat(question, &json!({"stream": true, "stream_options": {"include_usage": true}}));
    let events = events(&streamed);
    let heard = text(&events);
    assert!("It stood at the gates of cities and palaces in Assyria.".starts_with(&heard), "{heard}");
    assert!(!heard.contains("palaces"), "{heard}");
    let [.., last, usage] = events.as_slice() else { panic!("too few") };
    let choice = &last["choices"][0];
    assert_eq!(choice["finish_reason"], "content_filter");
    assert_eq!(choice["content_filter_results"]["secrets"]["filtered"], true);
    assert_eq!(choice["delta"]["refusal"], "the policy says `block`: secrets (severity 6)");
    assert!(usage["usage"]["completion_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    let plain = house.chat(question, &json!({})).json();
    let choice = &plain["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("content_filter"), &json!(""))
    );
    assert_eq!(choice["message"]["refusal"], "the policy says `block`: secrets (severity 6)");
    let other = house.chat("Say hello.", &json!({"stream": true}));
    assert_eq!(text(&self::events(&other)), HELLO);
}

#[test]
fn a_caller_may_be_stricter_than_the_service_but_not_milder() {
    let folder = folder();
    let lines = policy("secrets", "gates").replace("severity = 6", "severity = 1");
    let secrets = file(&folder, "secrets.toml", &lines);
    let house = House::new(&[
        ("LAMASSU_POLICIES__FILES", secrets.to_str().expect("a path")),
        ("LAMASSU_CHAT__POLICY", "secrets"),
    ]);
    let ask = |mode: &str| {
        let moderation = json!({"model": "lamassu/secrets", "policy": {"output": {"mode": mode}}});
        house.chat("Where did it stand?", &json!({"moderation": moderation})).json()
    };
    let scored = ask("score");
    assert_eq!(scored["choices"][0]["finish_reason"], "stop");
    assert_eq!(scored["moderation"]["output"]["results"][0]["categories"]["secrets"], true);
    assert_eq!(scored["moderation"]["input"]["results"][0]["flagged"], false);
    assert_eq!(ask("block")["choices"][0]["finish_reason"], "content_filter");
    let other = house.chat("Say hello.", &json!({"moderation": {"model": "omni-moderation-latest"}}));
    assert_eq!((other.status, &other.json()["error"]["param"]), (400, &json!("moderation")));
}
