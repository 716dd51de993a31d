//! `OpenAI`'s API as its clients meet it.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::fmt::Write as _;

use std::collections::BTreeSet;

use expect_test::expect;
use serde_json::{Value, json};
use support::{Answer, Server, file, folder};

const KEY: &str = "a-key-of-nobody";
const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tiny-llama");
const HARMLESS: &str = "The library opens at nine and the bread is baked every morning.";
const HARMFUL: &str = "You are a worthless piece of shit and everybody hates you.";
const HELLO: &str = "Hello there! How can I help you today?";

/// A service with a key and a LLaMA that chats.
struct House(Server);

impl House {
    fn new(environment: &[(&str, &str)]) -> Self {
        let usual = [("LAMASSU_API_KEY", KEY), ("LAMASSU_LLAMA__WRITER", TINY)];
        Self(Server::start(&[], &[&usual, environment].concat()))
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        let key = format!("Bearer {KEY}");
        self.0.ask("POST", path, &[("authorization", &key)], body.to_string().as_bytes())
    }

    fn get(&self, path: &str) -> Answer {
        self.0.ask("GET", path, &[("api-key", KEY)], b"")
    }

    fn chat(&self, text: &str, more: &Value) -> Answer {
        let mut body =
            json!({"model": "tiny-llama", "temperature": 0, "messages": [{"role": "user", "content": text}]});
        for (member, value) in more.as_object().expect("members") {
            body[member] = value.clone();
        }
        self.post("/v1/chat/completions", &body)
    }
}

fn header(answer: &Answer, name: &str) -> String {
    let value = answer.headers.get(name).unwrap_or_else(|| panic!("no `{name}`: {}", answer.body));
    value.to_str().expect("text").to_owned()
}

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

/// A policy whose only rule is a phrase.
fn policy(name: &str, phrase: &str) -> String {
    format!(
        r#"
name = "{name}"
version = "1"
languages = ["en"]
[thresholds]
score = {{ flag = 0.5, review = 0.7, block = 0.9 }}
severity = {{ flag = 1, review = 2, block = 3 }}
[[category]]
name = "secrets"
definition = "What is not to be said."
floor = false
custom = true
[[stage]]
kind = "blocklist"
on_fault = "block"
lists = ["secrets"]
[[blocklist]]
name = "secrets"
category = "secrets"
severity = 6
terms = ["{phrase}"]
"#
    )
}

#[test]
fn moderations_answer_a_text_a_list_and_parts_each_in_its_place() {
    let house = House::new(&[]);
    let ask = |input: Value| {
        let answer =
            house.post("/v1/moderations", &json!({"model": "omni-moderation-latest", "input": input}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(header(&answer, "content-type"), "application/json; charset=utf-8");
        assert_eq!(header(&answer, "x-lamassu-degraded"), "false");
        assert_eq!(header(&answer, "x-lamassu-policy").len(), 64);
        answer.json()
    };
    let flags = |answer: &Value| -> Vec<bool> {
        let results = answer["results"].as_array().expect("results");
        results.iter().map(|result| result["flagged"].as_bool().expect("a flag")).collect()
    };
    assert_eq!(flags(&ask(json!(HARMLESS))), [false]);
    assert_eq!(flags(&ask(json!([HARMLESS, HARMFUL, HARMLESS]))), [false, true, false]);
    let parts = json!([{"type": "text", "text": "You are a worthless piece of shit"}, {"type": "text", "text": "and everybody hates you."}]);
    assert_eq!(flags(&ask(parts)), [true]);
    let answer = ask(json!(HARMFUL));
    let result = &answer["results"][0];
    assert_eq!(result["categories"]["harassment"], true);
    for (category, flagged) in result["categories"].as_object().expect("categories") {
        let score = result["category_scores"][category].as_f64().expect("a score");
        assert!((0.0..=1.0).contains(&score) && (score > 0.0 || flagged == false), "{category}");
    }
    // What a client can rely on: the vendor's thirteen, then ours.
    let names: Vec<&String> = result["categories"].as_object().expect("categories").keys().collect();
    expect![[r#"["harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "pii", "profanity", "prompt-attack", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "spam", "violence", "violence/graphic"]"#]]
    .assert_eq(&format!("{names:?}"));
}

#[test]
fn a_policy_is_a_model_and_what_it_does_not_judge_is_applied_to_nothing() {
    let folder = folder();
    let secrets = file(&folder, "secrets.toml", &policy("secrets", "open sesame"));
    let house = House::new(&[("LAMASSU_POLICIES__FILES", secrets.to_str().expect("a path"))]);
    let ask = |input: &str| {
        let answer = house.post("/v1/moderations", &json!({"model": "lamassu/secrets", "input": input}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["results"][0].clone()
    };
    let found = ask("They say: open sesame!");
    assert_eq!((&found["flagged"], &found["categories"]["secrets"]), (&json!(true), &json!(true)));
    assert_eq!(found["category_applied_input_types"]["secrets"], json!(["text"]));
    assert_eq!(found["category_applied_input_types"]["hate"], json!([]));
    assert_eq!(ask(HARMFUL)["flagged"], false);
    let models = house.get("/v1/models/lamassu/secrets");
    assert_eq!((models.status, &models.json()["id"]), (200, &json!("lamassu/secrets")));
}

#[test]
fn every_error_is_in_the_vendors_dress_and_none_repeats_the_text() {
    let house = House::new(&[
        ("LAMASSU_LIMITS__MAX_TEXTS", "2"),
        ("LAMASSU_LIMITS__MAX_CHARS", "200"),
        ("LAMASSU_LIMITS__MAX_BODY_BYTES", "2000"),
    ]);
    let marker = "quokka zanzibar";
    let user = json!([{"role": "user", "content": marker}]);
    let (moderations, chat, embeddings) = ("/v1/moderations", "/v1/chat/completions", "/v1/embeddings");
    let cases = [
        (moderations, json!({"input": []})),
        (moderations, json!({"input": 5})),
        (moderations, json!({"input": ""})),
        (moderations, json!({"input": [marker, marker, marker]})),
        (moderations, json!({"input": marker.repeat(20)})),
        (moderations, json!({"input": marker.repeat(200)})),
        (moderations, json!({"input": marker, "model": "no-such-model"})),
        (moderations, json!({"input": marker, "model": "lamassu/none"})),
        (
            moderations,
            json!({"input": [{"type": "text", "text": marker}, {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}]}),
        ),
        (embeddings, json!({"input": [1, 2], "model": "all-MiniLM-L6-v2"})),
        (embeddings, json!({"input": marker, "model": "all-MiniLM-L6-v2", "dimensions": 385})),
        (embeddings, json!({"input": marker, "model": "tiny-llama"})),
        (chat, json!({"model": "tiny-llama"})),
        (chat, json!({"model": "no-such-model", "messages": user})),
        (chat, json!({"model": "no-such-model", "messages": user, "stream": true})),
        (
            chat,
            json!({"model": "tiny-llama", "messages": user, "tools": [{"type": "function", "function": {"name": "f"}}]}),
        ),
        (chat, json!({"model": "tiny-llama", "messages": user, "n": 2})),
        (chat, json!({"model": "tiny-llama", "messages": user, "logit_bias": {"99999": 1}})),
        (chat, json!({"model": "tiny-llama", "messages": user, "moderation": {"model": "no-such-model"}})),
    ];
    let mut table = String::new();
    for (path, body) in cases {
        let answer = house.post(path, &body);
        assert!(!answer.body.contains(marker), "{}", answer.body);
        let answered = answer.json();
        let error = answered["error"].as_object().expect("an error");
        let members: BTreeSet<&str> = error.keys().map(String::as_str).collect();
        assert_eq!(members, BTreeSet::from(["code", "message", "param", "type"]));
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        writeln!(table, "{} {path} {} {} {}", answer.status, error["type"], error["param"], error["code"])
            .expect("a line");
    }
    expect![[r#"
        400 /v1/moderations "invalid_request_error" "input" "field_invalid"
        400 /v1/moderations "invalid_request_error" null "json_unreadable"
        400 /v1/moderations "invalid_request_error" "input" "text_empty"
        400 /v1/moderations "invalid_request_error" "input" "field_invalid"
        413 /v1/moderations "invalid_request_error" "input" "text_too_long"
        413 /v1/moderations "invalid_request_error" null "body_too_large"
        404 /v1/moderations "invalid_request_error" "model" "model_not_found"
        404 /v1/moderations "invalid_request_error" "model" "model_not_found"
        400 /v1/moderations "invalid_request_error" "input" "unsupported"
        400 /v1/embeddings "invalid_request_error" "input" "unsupported"
        400 /v1/embeddings "invalid_request_error" "dimensions" "field_invalid"
        404 /v1/embeddings "invalid_request_error" "model" "model_not_found"
        400 /v1/chat/completions "invalid_request_error" "messages" "field_invalid"
        404 /v1/chat/completions "invalid_request_error" "model" "model_not_found"
        404 /v1/chat/completions "invalid_request_error" "model" "model_not_found"
        400 /v1/chat/completions "invalid_request_error" "tools" "unsupported"
        400 /v1/chat/completions "invalid_request_error" "n" "unsupported"
        400 /v1/chat/completions "invalid_request_error" "logit_bias" "field_invalid"
        404 /v1/chat/completions "invalid_request_error" "model" "model_not_found"
    "#]]
    .assert_eq(&table);
    let broken = house.0.ask("POST", moderations, &[("api-key", KEY)], b"{not json");
    assert_eq!((broken.status, &broken.json()["error"]["code"]), (400, &json!("json_unreadable")));
    let method = house.get(moderations);
    assert_eq!((method.status, &method.json()["error"]["type"]), (405, &json!("invalid_request_error")));
    let missing = house.get("/v1/models/no-such-model");
    assert_eq!((missing.status, &missing.json()["error"]["code"]), (404, &json!("model_not_found")));
}

#[test]
fn without_a_key_every_path_answers_401_before_it_looks_at_the_body() {
    let house = House::new(&[]);
    for path in [
        "/v1/moderations",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/openai/deployments/tiny-llama/chat/completions",
        "/openai/v1/moderations",
        "/v1/nothing",
    ] {
        for headers in [vec![], vec![("authorization", "Bearer sk-wrong")], vec![("api-key", "wrong")]] {
            let answer = house.0.ask("POST", path, &headers, b"{not json");
            let error = &answer.json()["error"];
            assert_eq!((answer.status, &error["code"]), (401, &json!("invalid_api_key")), "{path}");
            assert_eq!((&error["type"], &error["param"]), (&json!("authentication_error"), &Value::Null));
            assert!(!answer.body.contains("sk-wrong"));
            assert!(
                !answer.headers.contains_key("retry-after") && answer.headers.contains_key("x-request-id")
            );
        }
    }
}

#[test]
fn models_lists_what_is_able_under_each_of_its_paths() {
    let house = House::new(&[]);
    let ids = |path: &str| -> Vec<String> {
        let answer = house.get(path).json();
        assert_eq!(answer["object"], "list");
        let models = answer["data"].as_array().expect("models").clone();
        for model in &models {
            assert_eq!((&model["object"], &model["owned_by"]), (&json!("model"), &json!("lamassu")));
            assert!(model["created"].is_u64());
        }
        models.iter().map(|model| model["id"].as_str().expect("an id").to_owned()).collect()
    };
    let listed = ids("/v1/models");
    expect![[r#"["omni-moderation-latest", "omni-moderation-2024-09-26", "text-moderation-latest", "text-moderation-stable", "lamassu/default", "tiny-llama", "all-MiniLM-L6-v2"]"#]]
        .assert_eq(&format!("{listed:?}"));
    assert_eq!(ids("/openai/models?api-version=2024-10-21"), listed);
    assert_eq!(ids("/openai/v1/models"), listed);
    for id in &listed {
        assert_eq!(house.get(&format!("/v1/models/{}", id.replace('/', "%2F"))).json()["id"], json!(id));
    }
}

#[test]
fn without_a_llama_that_chats_there_is_no_such_model() {
    let server = Server::start(&[], &[]);
    let body = json!({"model": "guard", "messages": [{"role": "user", "content": "Say hello."}]});
    let answer = server.ask("POST", "/v1/chat/completions", &[], body.to_string().as_bytes());
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("model_not_found")));
    assert!(!server.get("/v1/models").body.contains("guard"));
}

#[test]
fn embeddings_are_the_same_in_numbers_and_in_base64_and_shorter_ones_point_the_same_way() {
    let house = House::new(&[]);
    let embed = |more: Value| {
        let mut body = json!({"model": "all-MiniLM-L6-v2", "input": [HARMLESS, "x"]});
        body.as_object_mut().expect("members").extend(more.as_object().expect("members").clone());
        let answer = house.post("/v1/embeddings", &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let numbers = |answer: &Value| -> Vec<f64> {
        let numbers = answer["data"][0]["embedding"].as_array().expect("numbers");
        numbers.iter().map(|number| number.as_f64().expect("a number")).collect()
    };
    let answer = embed(json!({"encoding_format": "float"}));
    let long = numbers(&answer);
    assert_eq!((long.len(), &answer["data"][1]["index"]), (384, &json!(1)));
    assert!((long.iter().map(|number| number * number).sum::<f64>() - 1.0).abs() < 1e-4);
    // Thirteen words and a point; and one letter.
    assert_eq!(answer["usage"], json!({"prompt_tokens": 14, "total_tokens": 14}));
    let packed = embed(json!({"encoding_format": "base64"}));
    let packed = packed["data"][0]["embedding"].as_str().expect("base64").to_owned();
    let bytes = data_encoding::BASE64.decode(packed.as_bytes()).expect("base64");
    for (bytes, number) in bytes.chunks_exact(4).zip(&long) {
        let unpacked = f32::from_le_bytes(bytes.try_into().expect("four"));
        assert!((f64::from(unpacked) - number).abs() < 1e-6);
    }
    let short = numbers(&embed(json!({"dimensions": 64})));
    assert_eq!(short.len(), 64);
    let ratio = short[0] / long[0];
    assert!(short.iter().zip(&long).all(|(short, long)| (short - long * ratio).abs() < 1e-4) && ratio > 1.0);
}

#[test]
fn a_long_text_is_embedded_whole() {
    let house = House::new(&[]);
    let embed = |text: &str| -> Vec<f64> {
        let answer = house.post("/v1/embeddings", &json!({"model": "all-MiniLM-L6-v2", "input": text}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let numbers = answer.json()["data"][0]["embedding"].as_array().expect("numbers").clone();
        numbers.iter().map(|number| number.as_f64().expect("a number")).collect()
    };
    let bread = "The bread is baked every morning. ".repeat(200);
    let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (alone, followed) =
        (embed(&bread), embed(&format!("{bread}{}", "Rockets fly to the moon. ".repeat(200))));
    assert!(cosine(&alone, &followed) < 0.97, "what stands at the end counts");
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

#[test]
fn azures_paths_lead_to_the_same_rooms() {
    let house = House::new(&[]);
    let messages = json!([{"role": "user", "content": "Say hello."}]);
    let version = "?api-version=2024-10-21";
    let post = |path: &str, body: Value| {
        let answer = house.0.ask("POST", path, &[("api-key", KEY)], body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    };
    let path = format!("/openai/deployments/tiny-llama/chat/completions{version}");
    // The path's name counts.
    let said = post(&path, json!({"model": "another", "temperature": 0, "messages": messages}));
    assert_eq!(
        (&said["model"], &said["choices"][0]["message"]["content"]),
        (&json!("tiny-llama"), &json!(HELLO))
    );
    post(&format!("/openai/deployments/all-MiniLM-L6-v2/embeddings{version}"), json!({"input": "x"}));
    post(&format!("/openai/moderations{version}"), json!({"input": "x"}));
    post("/openai/v1/chat/completions", json!({"model": "tiny-llama", "messages": messages}));
}

#[test]
fn the_same_text_is_judged_alike_on_both_apis() {
    let house = House::new(&[]);
    let texts = [
        HARMLESS,
        HARMFUL,
        "I will kill you tomorrow.",
        "Buy cheap pills now!!! Click here to win.",
        "Wie koche ich Eier?",
    ];
    let key = format!("Bearer {KEY}");
    let native = house
        .0
        .ask(
            "POST",
            "/v1/lamassu/moderate",
            &[("authorization", &key)],
            json!({"texts": texts}).to_string().as_bytes(),
        )
        .json();
    let results = house.post("/v1/moderations", &json!({"input": texts})).json();
    for (at, text) in texts.iter().enumerate() {
        let (native, result) = (&native["results"][at], &results["results"][at]);
        assert_eq!(result["flagged"], json!(native["action"] != "allow"), "{text}");
        for (category, scored) in native["categories"].as_object().expect("categories") {
            let difference = result["category_scores"][category].as_f64().expect("a score")
                - scored["score"].as_f64().expect("a score");
            assert!(difference.abs() < 0.002, "{category} of `{text}`");
        }
    }
}
