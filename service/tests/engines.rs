//! Banks on Qdrant servers: the service with them, without them, and on the way there and back.
//!
//! The servers are those that `indexes` tests its engine against: real gRPC, in this process.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot start has failed")]

#[path = "../../indexes/tests/stand_in/mod.rs"]
mod stand_in;

// Only there can be seen whether a process has ended without waiting for its end.
#[cfg(target_os = "linux")]
#[path = "servers/killed.rs"]
mod killed;
mod servers;
mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use indexes::{Filter, Index, Qdrant, QdrantOptions, Row};
use serde_json::{Value, json};
use servers::Servers;
use support::{Server, assert_fails, err, folder, lamassu, out, run_with};

const KEY: &str = "the-key-of-the-nodes";
const QUINCE: &str = "The quince harvest festival opens on Friday at the old mill.";
const PARAPHRASE: &str = "On Friday, the festival of the quince harvest opens at the old mill.";

/// What a command is told so that it finds the servers and soon gives up on them.
fn told(servers: &Servers) -> Vec<(&'static str, String)> {
    [
        ("LAMASSU_INDEX__URLS", servers.url()),
        ("LAMASSU_INDEX__API_KEY", KEY.to_owned()),
        ("LAMASSU_INDEX__WAIT_MS", "200".to_owned()),
        ("LAMASSU_INDEX__REST_MS", "50".to_owned()),
        ("LAMASSU_INDEX__RETRIES", "3".to_owned()),
    ]
    .into()
}

fn service(servers: &Servers) -> Server {
    let mut told = told(servers);
    told.push(("LAMASSU_INDEX__ENGINE", "qdrant".to_owned()));
    let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start(&[], &told)
}

/// Asks until it is so. It may take as long as a busy machine takes; a test that waits in vain ends by itself.
fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} never came");
}

fn readiness(server: &Server) -> (u16, String, String) {
    let answer = server.get("/readyz");
    let said = answer.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert_eq!(said["banks"]["engine"], "qdrant");
    assert!(said["banks"]["since"].as_u64().is_some_and(|since| since > 1_700_000_000), "{said}");
    (answer.status, text(&said["status"]), text(&said["banks"]["standing"]))
}

fn is_ready(server: &Server) -> bool {
    readiness(server) == (200, "ready".to_owned(), "reachable".to_owned())
}

fn is_degraded(server: &Server) -> bool {
    readiness(server) == (200, "degraded".to_owned(), "unreachable".to_owned())
}

fn judge(server: &Server, text: &str) -> Value {
    let answer = server.moderate(json!({"text": text}).to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn retrieved(judged: &Value) -> Value {
    let stages = judged["record"]["stages"].as_array().expect("stages");
    stages.iter().find(|stage| stage["stage"] == "retrieve").expect("it is there").clone()
}

fn cites(judged: &Value, id: &str) -> bool {
    let findings = judged["findings"].as_array().expect("findings").iter();
    let mut evidence = findings.flat_map(|finding| finding["evidence"].as_array().expect("evidence"));
    evidence.any(|one| one["kind"] == "precedent" && one["id"] == id)
}

fn post(server: &Server, path: &str, body: &Value) -> support::Answer {
    server.ask("POST", &format!("/v1/lamassu/banks/precedents{path}"), &[], body.to_string().as_bytes())
}

fn case(id: &str, text: &str) -> Value {
    json!({"id": id, "text": text, "ruling": "block", "category": "spam", "severity": 5})
}

#[test]
fn a_service_starts_without_its_servers_answers_as_on_fault_says_and_comes_back_to_them_by_itself() {
    let servers = Servers::new(KEY);
    servers.cut();
    let server = service(&servers);
    assert!(is_degraded(&server), "{:?}", readiness(&server));
    let judged = judge(&server, "A quiet afternoon.");
    assert_eq!(
        (&judged["action"], &judged["record"]["degraded"]),
        (&json!("review"), &json!(true)),
        "{judged}"
    );
    let failed = retrieved(&judged);
    assert_eq!(failed["status"], "failed", "{failed}");
    let reason = failed["reason"].as_str().expect("a reason");
    assert!(reason.contains("none of 1 Qdrant nodes answers"), "{reason}");
    let refused = post(&server, "/rows", &case("q", QUINCE));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("bank_unavailable")));

    servers.mend();
    until("the service's return", || is_ready(&server));
    assert_eq!(post(&server, "/rows", &case("q", QUINCE)).status, 201);
    assert_eq!(post(&server, "/rows/q/confirm", &json!({})).status, 200);
    let judged = judge(&server, PARAPHRASE);
    assert!(cites(&judged, "q") && retrieved(&judged)["status"] == "ran", "{judged}");

    servers.cut();
    let judged = judge(&server, PARAPHRASE);
    assert!(!cites(&judged, "q") && retrieved(&judged)["status"] == "failed", "{judged}");
    until("the news that they are gone", || is_degraded(&server));
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/metrics").status, 200);

    servers.mend();
    until("the second return", || is_ready(&server));
    assert!(cites(&judge(&server, PARAPHRASE), "q"));
}

#[test]
fn a_case_confirmed_at_one_replica_acts_at_the_other_and_the_command_line_sees_it() {
    let servers = Servers::new(KEY);
    let (one, other) = (service(&servers), service(&servers));
    assert_eq!(judge(&other, PARAPHRASE)["action"], "allow");
    assert_eq!(post(&one, "/rows", &case("q", QUINCE)).status, 201);
    assert_eq!(post(&one, "/rows/q/confirm", &json!({})).status, 200);
    assert!(cites(&judge(&other, PARAPHRASE), "q"));
    let data = folder();
    let mut command = lamassu(data.path());
    command.envs(told(&servers)).env("LAMASSU_INDEX__ENGINE", "qdrant");
    let listed = command.args(["index", "list", "precedents"]).output().expect("it runs");
    assert!(out(&listed).contains("q  block  spam  confirmed"), "{}{}", out(&listed), err(&listed));
    let mut command = lamassu(data.path());
    command
        .envs(told(&servers))
        .env("LAMASSU_INDEX__ENGINE", "qdrant")
        .env("LAMASSU_INDEX__API_KEY", "wrong-key");
    let refused = command.args(["index", "list"]).output().expect("it runs");
    assert_fails(&refused, "Unauthenticated");
    assert!(!err(&refused).contains("wrong-key"), "the key is not printed");
}

#[test]
fn rows_that_another_encoder_left_are_embedded_again_and_act_then() {
    let servers = Servers::new(KEY);
    let row = Row {
        id: "q".to_owned(),
        bank: "precedents".to_owned(),
        text: QUINCE.to_owned(),
        vector: vec![1.0, 0.0, 0.0],
        label: Some("spam".to_owned()),
        ruling: Some("block".to_owned()),
        severity: Some(5),
        confirmed: true,
        ..Row::default()
    };
    let old = servers.block_on(async {
        let options =
            QdrantOptions { api_key: Some(indexes::ApiKey(KEY.to_owned())), ..servers.cluster.options() };
        let old = Qdrant::connect(options, "default", 3, "the encoder before").await.unwrap();
        old.upsert(vec![row]).await.unwrap();
        old
    });
    let server = service(&servers);
    until("the new rows", || {
        let (status, said, standing) = readiness(&server);
        let known = [
            (503, "waiting", "embedding"),
            // A busy machine starts before the servers have answered.
            (200, "degraded", "unreachable"),
            (200, "ready", "reachable"),
        ];
        assert!(known.contains(&(status, &said, &standing)), "{status} {said} {standing}");
        said == "ready"
    });
    assert!(cites(&judge(&server, PARAPHRASE), "q"));
    servers.block_on(async {
        assert!(!old.is_in_use().await.unwrap());
        assert_eq!(
            old.count(&Filter::default()).await.unwrap(),
            1,
            "replicas with the old encoder still have theirs"
        );
    });
}

fn command(data: &Path, servers: &Servers, arguments: &[&str]) -> Command {
    let mut command = lamassu(data);
    command.envs(told(servers)).arg("index").args(arguments);
    command
}

fn filled(servers: &Servers) -> tempfile::TempDir {
    let data = folder();
    let subjects = ["trains", "bakers", "rivers", "candles", "lawyers", "onions", "violins", "carpets"];
    let lines: Vec<String> = subjects
        .iter()
        .map(|subject| case(subject, &format!("Everything about {subject} is on our new page.")).to_string())
        .collect();
    let mut import = command(data.path(), servers, &["import", "precedents"]);
    let output = run_with(&mut import, lines.join("\n").as_bytes());
    assert!(out(&output).contains("8 entered"), "{}{}", out(&output), err(&output));
    data
}

#[test]
fn banks_that_would_be_passed_over_or_overwritten_are_an_error_that_says_what_to_do() {
    let servers = Servers::new(KEY);
    let data = filled(&servers);
    let mut over = command(data.path(), &servers, &["list"]);
    let over = over.env("LAMASSU_INDEX__ENGINE", "qdrant").output().expect("it runs");
    assert_fails(&over, "move them with `lamassu index migrate --to qdrant`");

    servers.block_on(async {
        let options =
            QdrantOptions { api_key: Some(indexes::ApiKey(KEY.to_owned())), ..servers.cluster.options() };
        let encoder = encoder(data.path());
        let index = Qdrant::connect(options, "default", 384, &encoder).await.unwrap();
        let mut vector = vec![0.0; 384];
        vector[0] = 1.0;
        let row = Row { id: "another's".to_owned(), bank: "precedents".to_owned(), vector, ..Row::default() };
        index.upsert(vec![row]).await.unwrap();
    });
    let refused = command(data.path(), &servers, &["migrate", "--to", "qdrant"]).output().expect("it runs");
    assert_fails(&refused, "`qdrant` holds rows that are not in it, `another's` for one; with `--replace`");
    let mut replaced = command(data.path(), &servers, &["migrate", "--to", "qdrant", "--replace"]);
    let replaced = replaced.output().expect("it runs");
    assert!(out(&replaced).contains("8 rows are in `qdrant` now"), "{}{}", out(&replaced), err(&replaced));
    let again = command(data.path(), &servers, &["migrate", "--to", "qdrant"]).output().expect("it runs");
    assert!(out(&again).contains("already"), "{}", out(&again));
    std::fs::write(data.path().join("engine.json"), "{\"engine\":\"quadrant\"}").expect("it is written");
    let broken = command(data.path(), &servers, &["list"]).output().expect("it runs");
    assert_fails(&broken, "engine.json says which engine the banks are in, and cannot be read");
}

/// The digest of the encoder, as `stats` prints it.
fn encoder(data: &Path) -> String {
    let output = lamassu(data).args(["index", "stats", "precedents"]).output().expect("it runs");
    let said = out(&output);
    said.lines().find_map(|line| line.strip_prefix("encoder ")).expect("it says so").to_owned()
}

#[test]
fn an_index_that_cannot_be_is_refused_by_name() {
    let data = folder();
    for (name, value, said) in [
        ("LAMASSU_INDEX__URLS", "localhost:6334", "`index.urls` needs at least one address"),
        ("LAMASSU_INDEX__REPLICAS", "0", "`index.write_consistency` lies within 1 to `index.replicas`"),
        ("LAMASSU_INDEX__ENGINE", "redis", "redis"),
        ("LAMASSU_INDEX__SHARD", "3", "shard"),
    ] {
        let output = lamassu(data.path()).env(name, value).args(["index", "list"]).output().expect("it runs");
        assert_fails(&output, said);
    }
}
