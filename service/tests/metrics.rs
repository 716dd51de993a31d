//! `/metrics` as Prometheus reads it: what was asked, what became of it, and what waits.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use support::Server;

/// The samples of a service, by name and labels.
struct Samples(BTreeMap<String, f64>);

impl Samples {
    fn of(server: &Server) -> Self {
        let text = server.get("/metrics").body;
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            (name.to_owned(), value.parse().expect("a number"))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).map(sample).collect())
    }

    #[track_caller]
    fn assert(&self, name: &str, value: f64) {
        assert_eq!(self.0.get(name).copied(), Some(value), "{name} in {:#?}", self.0);
    }
}

/// Among so many, some lie inside the band for which the LLaMA is asked.
fn borderline() -> Vec<String> {
    let texts = ["You are a fool, {}.", "I could kill you for that, {}.", "Nobody here likes {}."];
    let names = ["Tom", "my friend", "old man"];
    texts.iter().flat_map(|text| names.map(|name| text.replace("{}", name))).collect()
}

/// No two sentences of it are alike, so nothing of it is remembered.
fn long_text(sentences: usize) -> String {
    let sentence = |n| format!("Sentence {n} of it has {} words. ", n * 7919 % 1000);
    (0..sentences).map(sentence).collect::<Vec<_>>().concat()
}

fn stages(result: &Value) -> impl Iterator<Item = (&str, &str)> {
    let stages = result["record"]["stages"].as_array().expect("stages").iter();
    stages.map(|run| (run["stage"].as_str().expect("a name"), run["status"].as_str().expect("a status")))
}

#[test]
fn the_metrics_add_up_to_what_the_answers_said() {
    let server = Server::start(&[], &[("LAMASSU_LIMITS__MAX_BODY_BYTES", "40000")]);
    let answer = server.moderate(json!({"texts": borderline()}).to_string().as_bytes()).json();
    let mut results = answer["results"].as_array().expect("results").clone();
    // So long that its time is up before it is read.
    let long = long_text(900);
    results.push(server.moderate(json!({"text": long, "deadline_ms": 1}).to_string().as_bytes()).json());
    let samples = Samples::of(&server);
    let mut expected = BTreeMap::new();
    let mut add = |name: String| *expected.entry(name).or_insert(0.0) += 1.0;
    for result in &results {
        add(format!("lamassu_verdicts_total{{action={},policy=\"default\"}}", result["action"]));
        add("lamassu_verdict_seconds_count{policy=\"default\"}".to_owned());
        if result["record"]["degraded"] == true {
            add("lamassu_degraded_total{policy=\"default\"}".to_owned());
        }
        for (stage, status) in stages(result) {
            add(format!("lamassu_stages_total{{stage=\"{stage}\",status=\"{status}\"}}"));
            add(format!("lamassu_stage_seconds_count{{stage=\"{stage}\"}}"));
            if stage == "adjudicate" && status != "skipped" {
                add("lamassu_escalations_total{policy=\"default\"}".to_owned());
            }
        }
    }
    for name in ["lamassu_escalations_total", "lamassu_degraded_total"] {
        assert!(expected.contains_key(&format!("{name}{{policy=\"default\"}}")), "{results:?}");
    }
    for (name, value) in &expected {
        samples.assert(name, *value);
    }
    samples.assert("lamassu_queue_depth{model=\"encoder\"}", 0.0);
    samples.assert("lamassu_queue_depth{model=\"llama\"}", 0.0);
    samples.assert("lamassu_decisions_unlogged_total", 0.0);
    samples.assert("lamassu_judging", 0.0);
}

#[test]
fn requests_are_counted_by_facade_and_status_and_those_refused_by_the_limit_that_did() {
    let server = Server::start(&[], &[("LAMASSU_LIMITS__MAX_BODY_BYTES", "1000")]);
    let text = json!({"text": "Good morning!"}).to_string();
    let analyze = "/contentsafety/text:analyze?api-version=2023-10-01";
    let json = [("content-type", "application/json")];
    for (path, body, status) in [
        ("/v1/lamassu/moderate", &text, 200),
        ("/v1/lamassu/moderate", &"x".repeat(2_000), 413),
        ("/v1/lamassu/moderate", &"x".to_owned(), 400),
        (analyze, &text, 200),
        ("/v1/moderations", &json!({"input": "Good morning!"}).to_string(), 200),
        ("/analyze", &json!({"text": "Good morning!", "language": "en"}).to_string(), 200),
        ("/zanzibar", &text, 404),
    ] {
        let answer = server.ask("POST", path, &json, body.as_bytes());
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let samples = Samples::of(&server);
    for (facade, status, count) in [
        ("lamassu", 200, 1.0),
        ("lamassu", 413, 1.0),
        ("lamassu", 400, 1.0),
        ("contentsafety", 200, 1.0),
        ("openai", 200, 1.0),
        ("presidio", 200, 1.0),
        ("none", 404, 1.0),
    ] {
        samples.assert(&format!("lamassu_requests_total{{facade=\"{facade}\",status=\"{status}\"}}"), count);
    }
    samples.assert("lamassu_requests_rejected_total{facade=\"lamassu\",limit=\"size\"}", 1.0);
    samples.assert("lamassu_request_seconds_count{facade=\"lamassu\"}", 3.0);
    // The one that asks.
    samples.assert("lamassu_requests_in_flight", 1.0);
    assert!(samples.0.keys().all(|name| !name.contains("zanzibar")));
}

#[test]
fn a_client_that_is_gone_gives_its_place_back_before_its_text_is_judged() {
    let server =
        Server::start(&[], &[("LAMASSU_LIMITS__MAX_IN_FLIGHT", "1"), ("LAMASSU_LIMITS__DEADLINE_MS", "0")]);
    // Judging it takes long.
    let body = json!({"text": long_text(20_000)}).to_string();
    let mut gone = TcpStream::connect(server.address.trim_start_matches("http://")).expect("it listens");
    let head =
        format!("POST /v1/lamassu/moderate HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    gone.write_all(head.as_bytes()).and_then(|()| gone.write_all(body.as_bytes())).expect("it reads");
    while Samples::of(&server).0["lamassu_judging"] < 1.0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = json!({"text": "Good morning!"}).to_string();
    assert_eq!(server.moderate(text.as_bytes()).status, 503, "the one place is taken");
    drop(gone);
    while server.moderate(text.as_bytes()).status == 503 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let samples = Samples::of(&server);
    samples.assert("lamassu_requests_abandoned_total{facade=\"lamassu\"}", 1.0);
    samples.assert("lamassu_judging", 0.0);
    assert_eq!(samples.0.get("lamassu_verdicts_total{action=\"allow\",policy=\"default\"}"), Some(&1.0));
}

#[test]
fn every_metric_is_named_as_prometheus_asks_and_says_what_it_is() {
    let server = Server::start(&[], &[]);
    server.moderate(json!({"text": "Good morning!"}).to_string().as_bytes());
    let text = server.get("/metrics").body;
    let kinds: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split_once(' ').expect("a name and a kind"))
        .collect();
    assert!(kinds.len() > 10, "{text}");
    for (name, kind) in kinds {
        assert!(name.starts_with("lamassu_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        match kind {
            "counter" => assert!(name.ends_with("_total"), "{name}"),
            "histogram" => assert!(name.ends_with("_seconds"), "{name}"),
            "gauge" => assert!(!name.ends_with("_total"), "{name}"),
            other => panic!("{name} is a {other}"),
        }
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
    }
}
