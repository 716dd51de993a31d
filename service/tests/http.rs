//! `lamassu serve` as a client meets it.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Server, json_lines, lamassu, run_with};

const HARMFUL: &str = "You are a worthless piece of shit and everybody hates you.";

/// A long text of which no two windows are alike, so that nothing of it is remembered.
fn long_text(sentences: usize) -> String {
    let sentence = |n| format!("Sentence {n} of this long and harmless text has {} words.", n * 7919 % 1000);
    (0..sentences).map(sentence).collect::<Vec<_>>().join(" ")
}

fn body(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn one_text_or_many_each_gets_its_verdict_and_record() {
    let server = Server::start(&[], &[]);
    let answer = server.moderate(&body(&json!({"text": HARMFUL})));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let one = answer.json();
    assert_ne!(one["action"], "allow");
    assert_eq!(one["record"]["degraded"], false);
    let texts = json!(["Thanks for the quick reply, the printer works again.", {"id": "b", "text": HARMFUL}, {"id": 3, "text": ""}]);
    let many = server.moderate(&body(&json!({"texts": texts}))).json();
    let results = many["results"].as_array().expect("results");
    assert_eq!(results.len(), 3);
    assert_eq!(results[0]["action"], "allow");
    assert_eq!((&results[1]["id"], &results[1]["action"]), (&json!("b"), &one["action"]));
    assert_eq!((&results[2]["id"], &results[2]["error"]["code"]), (&json!(3), &json!("text_empty")));
}

#[test]
fn a_request_may_name_policy_categories_and_deadline() {
    let server = Server::start(&[], &[]);
    let request =
        json!({"text": HARMFUL, "policy": "default", "categories": ["spam"], "deadline_ms": 20_000});
    let answer = server.moderate(&body(&request)).json();
    let floors = [
        "harassment/threatening",
        "hate/threatening",
        "illicit/violent",
        "self-harm/instructions",
        "sexual/minors",
    ];
    let mut expected = floors.to_vec();
    expected.push("spam");
    let judged: Vec<&String> = answer["categories"].as_object().expect("categories").keys().collect();
    assert_eq!(judged, expected, "what was asked for, and the floors");
}

#[test]
fn a_deadline_too_short_is_in_the_record_and_the_text_is_not_let_pass_unread() {
    let server = Server::start(&[], &[]);
    let long = long_text(3_000);
    let answer = server.moderate(&body(&json!({"text": long, "deadline_ms": 300}))).json();
    let record = &answer["record"];
    assert_eq!(record["degraded"], true);
    let faults: Vec<&str> = record["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .filter_map(|stage| stage["status"].as_str())
        .collect();
    assert!(faults.contains(&"cut_short") || faults.contains(&"timed_out"), "{faults:?}");
    assert!(matches!(answer["action"].as_str(), Some("review" | "block")), "{}", answer["action"]);
}

#[test]
fn every_refusal_has_its_code_and_status_and_none_repeats_the_text() {
    let server = Server::start(
        &[],
        &[("LAMASSU_LIMITS__MAX_BODY_BYTES", "6000000"), ("LAMASSU_LIMITS__MAX_TEXTS", "2")],
    );
    let long = "x".repeat(5_000_000);
    let marker = "zanzibar";
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (body(&json!({"text": ""})), 400, "text_empty"),
        (body(&json!({"text": long})), 413, "text_too_long"),
        (body(&json!({"text": "x".repeat(6_000_000)})), 413, "body_too_large"),
        (marker.as_bytes().to_vec(), 400, "json_unreadable"),
        (b"{\"text\":\"\xff\xfezanzibar\"}".to_vec(), 400, "json_unreadable"),
        (body(&json!({"text": marker, marker: 1})), 400, "json_unreadable"),
        (body(&json!({"text": 5, "policy": marker})), 400, "json_unreadable"),
        (body(&json!({})), 400, "field_invalid"),
        (body(&json!({"text": marker, "texts": [marker]})), 400, "field_invalid"),
        (body(&json!({"text": marker, "deadline_ms": 0})), 400, "field_invalid"),
        (body(&json!({"text": marker, "categories": ["hatred"]})), 400, "field_invalid"),
        (body(&json!({"texts": [marker, marker, marker]})), 400, "field_invalid"),
        (body(&json!({"text": marker, "policy": "strict"})), 404, "policy_unknown"),
        (Vec::new(), 400, "json_unreadable"),
    ];
    for (request, status, code) in cases {
        let answer = server.moderate(&request);
        assert_eq!(answer.status, status, "{code}: {}", answer.body);
        assert_eq!(answer.json()["error"]["code"], code);
        assert!(!answer.body.contains(marker), "{}", answer.body);
    }
    let missing = server.get("/v1/nothing");
    assert_eq!((missing.status, &missing.json()["error"]["code"]), (404, &json!("not_found")));
    let method = server.get("/v1/lamassu/moderate");
    assert_eq!((method.status, &method.json()["error"]["code"]), (405, &json!("method_not_allowed")));
}

#[test]
fn with_a_key_only_its_holders_are_judged_but_health_is_open() {
    let server = Server::start(&[], &[("LAMASSU_API_KEY", "12345")]);
    let text = body(&json!({"text": "Good morning!"}));
    for headers in [vec![], vec![("authorization", "Bearer 1234")], vec![("api-key", "")]] {
        let answer = server.moderate_with(&text, &headers);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("unauthorized")));
    }
    for headers in [[("authorization", "Bearer 12345")], [("api-key", "12345")]] {
        assert_eq!(server.moderate_with(&text, &headers).status, 200);
    }
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn a_request_keeps_its_id_or_is_given_one() {
    let server = Server::start(&[], &[]);
    let text = body(&json!({"text": "Good morning!"}));
    let id = |headers: &[(&str, &str)]| {
        let answer = server.moderate_with(&text, headers);
        answer.headers["x-request-id"].to_str().expect("text").to_owned()
    };
    assert_eq!(id(&[("x-request-id", "mine-1")]), "mine-1");
    assert_eq!(id(&[]).len(), 36);
    assert_eq!(id(&[("x-request-id", "not sensible")]).len(), 36);
}

#[test]
fn metrics_count_verdicts_and_hold_nothing_of_the_text() {
    let server = Server::start(&[], &[]);
    server.moderate(&body(&json!({"text": "zanzibar harbour at noon"})));
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("lamassu_verdicts_total{action=\"allow\",policy=\"default\"} 1"), "{metrics}");
    assert!(metrics.contains("lamassu_stages_total{stage=\"classify\",status=\"ran\"} 1"));
    assert!(!metrics.contains("zanzibar"));
}

#[test]
fn a_service_that_is_full_refuses_at_once_and_says_when_to_come_again() {
    let server = Arc::new(Server::start(&[], &[("LAMASSU_LIMITS__MAX_IN_FLIGHT", "1")]));
    let long = long_text(3_000);
    let busy = Arc::clone(&server);
    // Until it is let in: the short texts below may be there first.
    let slow = std::thread::spawn(move || {
        let long = body(&json!({"text": long, "deadline_ms": 4000}));
        std::iter::repeat_with(|| busy.moderate(&long).status).find(|status| *status != 503)
    });
    let text = body(&json!({"text": "Good morning!"}));
    let until = Instant::now() + Duration::from_secs(3);
    let refused = loop {
        let answer = server.moderate(&text);
        if answer.status == 503 || Instant::now() > until {
            break answer;
        }
    };
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("overloaded")));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(slow.join().expect("it is answered"), Some(200), "what was accepted is judged");
    assert_eq!(server.moderate(&text).status, 200, "and there is room again");
}

#[test]
fn the_service_and_the_command_line_give_the_same_verdicts_whoever_else_asks() {
    let server = Arc::new(Server::start(&[], &[]));
    let texts: Vec<String> = (0..64)
        .map(|n| match n % 4 {
            0 => format!("The {n} bus leaves at noon."),
            1 => format!("Du bist so ein dummer Idiot, {n} mal am Tag!"),
            2 => format!("{HARMFUL} {n}"),
            _ => format!("Wie koche ich {n} Eier? {}", "Und was passt dazu? ".repeat(n)),
        })
        .collect();
    let lines: Vec<String> = texts.iter().map(|text| json!({"text": text}).to_string()).collect();
    let lines = lines.join("\n");
    let data = support::folder();
    let expected =
        json_lines(&run_with(lamassu(data.path()).args(["moderate", "--jsonl"]), lines.as_bytes()));
    let clients: Vec<_> = (0..32)
        .map(|client| {
            let (server, texts) = (Arc::clone(&server), texts.clone());
            std::thread::spawn(move || {
                let mine = (client..texts.len()).step_by(32);
                mine.map(|n| (n, server.moderate(&body(&json!({"text": texts[n]}))).json()))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let answers: Vec<_> =
        clients.into_iter().flat_map(|client| client.join().expect("it is answered")).collect();
    assert_eq!(answers.len(), texts.len(), "nothing is lost");
    for (n, answer) in answers {
        for (category, scored) in answer["categories"].as_object().expect("categories") {
            let other = &expected[n]["categories"][category]["score"];
            let difference = scored["score"].as_f64().expect("a score") - other.as_f64().expect("a score");
            // Batching changes sums in the last bits; four decimals are shown.
            assert!(difference.abs() <= 0.0011, "{category} of text {n} differs by {difference}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_signal_to_stop_finishes_what_was_accepted() {
    let server = Server::start(&[], &[]);
    let address = server.address.clone();
    let long = long_text(400);
    let request = body(&json!({"text": long}));
    let client = std::thread::spawn(move || {
        let sent = ureq::post(format!("{address}/v1/lamassu/moderate")).send(&request[..]);
        sent.map(|answer| answer.status().as_u16())
    });
    while !server.get("/metrics").body.contains("lamassu_judging 1") {
        assert!(!client.is_finished(), "the text was to take longer");
        std::thread::yield_now();
    }
    assert!(server.stop(), "it ends without an error");
    assert_eq!(client.join().expect("no panic").expect("it was answered"), 200);
}

#[test]
fn two_services_do_not_share_a_folder() {
    let server = Server::start(&[], &[]);
    let output = lamassu(server.data()).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    support::assert_fails(&output, "another lamassu process holds");
    let judged = lamassu(server.data()).args(["moderate", "Good morning!"]).output().expect("it runs");
    let said = support::err(&judged);
    assert!(judged.status.success() || said.contains("another lamassu process holds"), "{said}");
}

#[test]
fn devices_say_which_model_runs_where_and_why_nowhere_else() {
    let server = Server::start(&[], &[]);
    let answer = server.get("/v1/lamassu/devices");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    let devices = answer["devices"].as_array().expect("devices");
    let models: Vec<_> = devices.iter().map(|device| device["model"].as_str()).collect();
    assert_eq!(models, [Some("encoder"), Some("llama")]);
    for device in devices {
        assert_eq!((&device["device"], device["digest"].as_str().map(str::len)), (&json!("cpu"), Some(64)));
        let detail = device["detail"].as_str().expect("how it is known");
        assert!(detail.contains("nodes of the probe run ran on it"), "{detail}");
    }
}

#[test]
fn another_llama_takes_the_seat_by_one_line_of_configuration() {
    let folder = support::folder();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/guard");
    for entry in std::fs::read_dir(shipped).expect("the guard") {
        let entry = entry.expect("a file of it");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
    }
    // Another model is one with another card: what it says is not calibrated.
    let card = std::fs::read_to_string(folder.path().join("lamassu.json")).expect("a card");
    let mut card: serde_json::Value = serde_json::from_str(&card).expect("JSON");
    card["calibration"] = serde_json::Value::Null;
    std::fs::write(folder.path().join("lamassu.json"), card.to_string()).expect("the card is written");
    let other = folder.path().to_str().expect("a path");
    let (guard, other) = (Server::start(&[], &[]), Server::start(&[], &[("LAMASSU_LLAMA__FOLDER", other)]));
    let digest = |server: &Server| server.get("/v1/lamassu/devices").json()["devices"][1]["digest"].clone();
    assert_ne!(digest(&guard), digest(&other));
    // Among so many, some lie inside the band.
    let texts: Vec<String> =
        ["You are a fool, {}.", "I could kill you for that, {}.", "Nobody here likes {}."]
            .iter()
            .flat_map(|text| ["Tom", "my friend", "old man"].map(|name| text.replace("{}", name)))
            .collect();
    let answer = other.moderate(&body(&json!({"texts": texts}))).json();
    let mut asked = 0;
    for one in answer["results"].as_array().expect("results") {
        assert_eq!(one["record"]["models"]["llama"], digest(&other));
        assert_eq!(one["record"]["degraded"], false, "{}", one["record"]);
        let adjudicated =
            one["record"]["stages"].as_array().and_then(|stages| stages.last()).expect("stages");
        asked += usize::from(adjudicated["status"] == "ran" && adjudicated["tokens"]["computed"].is_u64());
    }
    assert!(asked > 0, "{answer}");
}
