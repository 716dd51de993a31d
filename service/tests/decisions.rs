//! Decisions: what an answer rested on can be asked for, by whom it concerns, and outlives a kill.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use support::{Answer, Server, file, folder, lamassu};

const MARKER: &str = "The quokka of Zanzibar sleeps at noon.";
const DOCUMENT: &str = "The council met on Monday. It talked for two hours about the old bridge. In the end it decided to repair the bridge in spring.";

fn id(answer: &Answer) -> String {
    let id =
        answer.headers.get("x-lamassu-decision").unwrap_or_else(|| panic!("no decision: {}", answer.body));
    id.to_str().expect("text").to_owned()
}

/// The files of a log, as one text.
fn log(data: &Path) -> String {
    let files = std::fs::read_dir(data.join("decisions")).expect("a log");
    files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text")).collect()
}

#[test]
fn every_answer_names_its_decision_and_that_has_the_record_and_not_the_text() {
    let server = Server::start(&[], &[]);
    let ask = |path: &str, body: Value| server.ask("POST", path, &[], body.to_string().as_bytes());
    let find = |answer: &Answer| {
        let found = server.get(&format!("/v1/lamassu/decisions/{}", id(answer)));
        assert_eq!(found.status, 200, "{}", found.body);
        assert!(!found.body.contains("quokka"), "{}", found.body);
        found.json()
    };
    let one = ask("/v1/lamassu/moderate", json!({"text": MARKER}));
    let (answered, found) = (one.json(), find(&one));
    assert_eq!(found["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["entries"][0]["record"], answered["record"]);
    assert_eq!(found["entries"][0]["categories"], answered["categories"]);
    assert_eq!(found["entries"][0]["text"]["bytes"], MARKER.len());
    assert_eq!(one.headers["x-lamassu-policy"], answered["record"]["policy"].as_str().expect("a digest"));
    assert_eq!(one.headers["x-lamassu-degraded"], "false");
    let many = ask("/v1/lamassu/moderate", json!({"texts": [MARKER, "Good morning!", ""]}));
    assert_eq!(find(&many)["entries"].as_array().map(Vec::len), Some(2), "what was refused is not decided");
    let other = ask("/v1/moderations", json!({"input": MARKER}));
    assert_eq!(
        find(&other)["entries"][0]["text"],
        found["entries"][0]["text"],
        "the same text is known again"
    );
    let documents = json!([{"id": "a", "text": DOCUMENT}]);
    let summary = ask("/v1/lamassu/summarize", json!({"documents": documents, "mode": "extractive"}));
    let found = find(&summary);
    assert_eq!(
        (&found["entries"][0]["kind"], &found["entries"][0]["record"]),
        (&json!("summary"), &summary.json()["record"])
    );
    let streamed = ask("/v1/lamassu/summarize", json!({"documents": documents, "stream": true}));
    assert_eq!(find(&streamed)["entries"][0]["documents"][0]["bytes"], DOCUMENT.len());
    let refused = ask("/v1/lamassu/moderate", json!({"text": ""}));
    assert!(refused.status == 400 && !refused.headers.contains_key("x-lamassu-decision"));
    let log = log(server.data());
    assert_eq!(log.lines().count(), 6);
    assert!(!log.contains("quokka") && !log.contains("council"), "{log}");
}

#[test]
fn a_decision_is_shown_to_its_key_and_to_administrators() {
    let folder = folder();
    let keys = ["app", "other", "root"].map(|name| {
        let scope = if name == "root" { "admin" } else { "judge" };
        format!("[[key]]\nname = \"{name}\"\nkey = \"{name}-key\"\nscopes = [\"{scope}\"]\n")
    });
    let config = file(&folder, "lamassu.toml", &keys.concat());
    let server = Server::start(&["--config", config.to_str().expect("a path")], &[]);
    let body = json!({"text": "Good morning!"}).to_string();
    let made = server.moderate_with(body.as_bytes(), &[("api-key", "app-key")]);
    let path = format!("/v1/lamassu/decisions/{}", id(&made));
    let seen = |path: &str, key: &str| {
        let answer = server.ask("GET", path, &[("api-key", key)], b"");
        (answer.status, answer.json()["error"]["code"].clone())
    };
    let unknown = (404, json!("decision_unknown"));
    assert_eq!(seen(&path, "app-key").0, 200);
    assert_eq!(seen(&path, "root-key").0, 200);
    assert_eq!(seen(&path, "other-key"), unknown);
    assert_eq!(seen("/v1/lamassu/decisions/nonsense", "root-key"), unknown);
    assert_eq!(seen(&path, "nobody").0, 401);
}

/// A service on a folder that outlives it.
struct Service {
    child: Child,
    address: String,
    said: Vec<String>,
}

impl Service {
    fn on(data: &Path) -> Self {
        let mut command = lamassu(data);
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LAMASSU_DECISIONS__KEEP", "50")
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("errors")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let address = lines.by_ref().find_map(|line| {
            said.push(line.clone());
            line.strip_prefix("listening on ").map(str::to_owned)
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("it listens"), said }
    }

    /// Has a text judged: the decision's id.
    fn judge(&self, text: &str) -> String {
        let body = json!({"text": text}).to_string();
        let answer = ureq::post(format!("{}/v1/lamassu/moderate", self.address)).send(body.as_bytes());
        let answer = answer.expect("an answer");
        answer.headers()["x-lamassu-decision"].to_str().expect("text").to_owned()
    }

    fn has(&self, id: &str) -> bool {
        ureq::get(format!("{}/v1/lamassu/decisions/{id}", self.address)).call().is_ok()
    }

    fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is gone");
    }
}

#[test]
fn what_was_answered_is_in_the_log_whenever_the_process_is_killed() {
    let data = folder();
    let mut ids: Vec<String> = Vec::new();
    for round in 0..2 {
        let service = Service::on(data.path());
        assert!(!service.said.iter().any(|line| line.contains("cannot be read")), "{:?}", service.said);
        assert!(ids.iter().all(|id| service.has(id)), "decisions outlive the process");
        for number in 0..5 {
            ids.push(service.judge(&format!("Text {number} of round {round}.")));
        }
        // The last answer was there a moment ago.
        service.kill();
        let log = log(data.path());
        assert!(ids.iter().all(|id| log.contains(id)), "{log}");
    }
    let log = data.path().join("decisions/decisions.jsonl");
    let mut torn = std::fs::OpenOptions::new().append(true).open(log).expect("the log");
    torn.write_all(b"{\"decision\":\"019").expect("it is written");
    let service = Service::on(data.path());
    let said = service.said.join("\n");
    assert!(said.contains("cannot be read; they are skipped"), "{said}");
    ids.push(service.judge("One more."));
    assert!(ids.iter().all(|id| service.has(id)));
    service.kill();
    let service = Service::on(data.path());
    assert!(ids.iter().all(|id| service.has(id)), "the line after the torn one stands on its own");
    service.kill();
}
