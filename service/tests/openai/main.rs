//! `OpenAI`'s API as its clients meet it.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod chat;
#[path = "../support/mod.rs"]
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
