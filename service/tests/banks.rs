//! Banks over HTTP and by command: a case acts at once, by whom it may be confirmed, and what is refused.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use serde_json::{Value, json};
use support::{Answer, Server, assert_fails, err, file, folder, json_lines, lamassu, out, run_with};

const QUINCE: &str = "The quince harvest festival opens on Friday at the old mill.";
const PARAPHRASE: &str = "On Friday, the festival of the quince harvest opens at the old mill.";

const KEYS: &str = r#"
[[key]]
name = "anna"
key = "anna-key"
scopes = ["judge", "banks", "review"]
[[key]]
name = "ben"
key = "ben-key"
scopes = ["review"]
[[key]]
name = "reader"
key = "reader-key"
scopes = ["judge"]
[[key]]
name = "root"
key = "root-key"
scopes = ["admin"]
"#;

/// A service with keys, and a way to ask it.
struct House {
    server: Server,
    _folder: tempfile::TempDir,
}

impl House {
    fn new(more: &str) -> Self {
        let folder = folder();
        let config = file(&folder, "lamassu.toml", &format!("{more}\n{KEYS}"));
        let server = Server::start(&["--config", config.to_str().expect("a path")], &[]);
        Self { server, _folder: folder }
    }

    #[expect(clippy::too_many_arguments, reason = "a request has as many parts")]
    fn ask(&self, who: &str, method: &str, path: &str, body: &[u8]) -> Answer {
        let key = format!("Bearer {who}-key");
        self.server.ask(method, &format!("/v1/lamassu{path}"), &[("authorization", &key)], body)
    }

    fn post(&self, who: &str, path: &str, body: &Value) -> Answer {
        self.ask(who, "POST", path, body.to_string().as_bytes())
    }

    fn judge(&self, text: &str) -> Value {
        let answer = self.post("anna", "/moderate", &json!({"text": text}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    fn review(&self, who: &str, id: &str, verb: &str) -> Answer {
        self.post(who, &format!("/banks/precedents/rows/{id}/{verb}"), &json!({"reason": "as we agreed"}))
    }
}

fn case(id: &str, text: &str) -> Value {
    json!({"id": id, "text": text, "ruling": "block", "category": "spam", "severity": 5, "tags": ["fair"]})
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn cites(judged: &Value, id: &str) -> bool {
    let findings = judged["findings"].as_array().expect("findings").iter();
    let mut evidence = findings.flat_map(|finding| finding["evidence"].as_array().expect("evidence"));
    evidence.any(|one| one["kind"] == "precedent" && one["id"] == id)
}

#[test]
fn a_case_added_over_http_changes_the_verdict_of_a_paraphrase_until_it_is_retracted() {
    let house = House::new("");
    let added = house.post("anna", "/banks/precedents/rows", &case("a/b q", QUINCE));
    assert_eq!((added.status, &added.json()["outcome"]), (201, &json!("entered")), "{}", added.body);
    assert_eq!(house.judge(PARAPHRASE)["action"], "allow", "unconfirmed, it never acts");
    let confirmed = house.review("ben", "a%2Fb%20q", "confirm");
    assert_eq!(
        (confirmed.status, &confirmed.json()["state"]),
        (200, &json!("confirmed")),
        "{}",
        confirmed.body
    );
    let judged = house.judge(PARAPHRASE);
    assert_ne!(judged["action"], "allow", "{judged}");
    assert!(cites(&judged, "a/b q"), "{judged}");
    assert_eq!(house.review("ben", "a%2Fb%20q", "retract").status, 200);
    assert_eq!(house.judge(PARAPHRASE)["action"], "allow");
    let row = house.ask("ben", "GET", "/banks/precedents/rows/a%2Fb%20q", b"").json();
    assert_eq!(
        (&row["state"], &row["entered_by"], &row["tags"]),
        (&json!("retracted"), &json!("anna"), &json!(["fair"]))
    );
    assert_eq!(row["reviews"][0]["by"], "ben");
    assert_eq!(row["reviews"][1]["reason"], "as we agreed");
}

#[test]
fn floor_categories_need_the_keys_of_two_reviewers() {
    let house = House::new("");
    let mut floor = case("f", QUINCE);
    floor["category"] = json!("sexual/minors");
    house.post("anna", "/banks/precedents/rows", &floor);
    assert_eq!(house.review("anna", "f", "confirm").json()["state"], "pending");
    assert_eq!(code(&house.review("anna", "f", "confirm")), (409, "reviewer_same".to_owned()));
    assert_eq!(house.judge(QUINCE)["action"], "allow");
    assert_eq!(house.review("ben", "f", "confirm").json()["state"], "confirmed");
    assert_eq!(house.judge(QUINCE)["action"], "block");
}

#[test]
fn each_route_opens_only_for_keys_with_its_scope() {
    let house = House::new("");
    let nobody = house.server.ask("GET", "/v1/lamassu/banks", &[], b"");
    assert_eq!(nobody.status, 401);
    for (method, path, opens) in [
        ("POST", "/moderate", ["anna", "reader"].as_slice()),
        ("GET", "/banks", &["anna", "ben"]),
        ("POST", "/banks", &["anna"]),
        ("GET", "/banks/precedents", &["anna", "ben"]),
        ("DELETE", "/banks/nothing", &["root"]),
        ("GET", "/banks/precedents/rows", &["anna", "ben"]),
        ("POST", "/banks/precedents/rows", &["anna"]),
        ("GET", "/banks/precedents/rows/x", &["anna", "ben"]),
        ("DELETE", "/banks/precedents/rows/x", &["root"]),
        ("POST", "/banks/precedents/rows/x/confirm", &["anna", "ben"]),
        ("POST", "/banks/precedents/rows/x/reject", &["anna", "ben"]),
        ("POST", "/banks/precedents/rows/x/retract", &["anna", "ben"]),
        ("POST", "/banks/precedents/import", &["anna"]),
        ("GET", "/banks/precedents/export", &["anna", "ben"]),
        ("POST", "/banks/precedents/search", &["anna", "ben"]),
        ("POST", "/policies/reload", &["root"]),
    ] {
        for who in ["anna", "ben", "reader", "root"] {
            let answer = house.ask(who, method, path, b"");
            assert_eq!(answer.status == 403, !opens.contains(&who), "{who} {method} {path}: {}", answer.body);
        }
    }
}

#[test]
fn what_a_bank_cannot_do_is_refused_with_its_code() {
    let house = House::new("");
    let rows = "/banks/precedents/rows";
    assert_eq!(house.post("anna", rows, &case("q", QUINCE)).status, 201);
    let mut opposite = json!({"id": "o", "text": QUINCE.to_uppercase(), "ruling": "allow"});
    let more: Vec<(&str, Value, u16, &str)> = vec![
        (rows, opposite.clone(), 409, "case_conflict"),
        (rows, case("q", "Another text altogether."), 409, "id_taken"),
        (rows, case("e", ""), 400, "text_empty"),
        (rows, json!({"id": "x", "text": "x", "ruling": "zanzibar"}), 400, "field_invalid"),
        (rows, json!({"id": "x", "text": "x", "ruling": "block"}), 400, "field_invalid"),
        (
            rows,
            json!({"id": "x", "text": "zanzibar", "ruling": "allow", "zanzibar": 1}),
            400,
            "json_unreadable",
        ),
        (
            rows,
            json!({"id": "x", "text": "x", "ruling": "allow", "tags": ["@confirmed"]}),
            400,
            "field_invalid",
        ),
        (rows, json!({"id": "@banks/x", "text": "x", "ruling": "allow"}), 400, "field_invalid"),
        ("/banks/orchard/rows", case("x", "x"), 404, "bank_unknown"),
        ("/banks", json!({"name": "No"}), 400, "bank_name_invalid"),
        ("/banks", json!({"name": "precedents"}), 409, "bank_exists"),
        ("/banks", json!({"name": "new", "kind": "pictures"}), 400, "field_invalid"),
        ("/banks/precedents/search", json!({"text": "x", "k": 0}), 400, "field_invalid"),
        ("/banks/precedents/search", json!({"text": "x", "state": "zanzibar"}), 400, "field_invalid"),
        ("/banks/precedents/rows/none/confirm", json!({}), 404, "row_unknown"),
    ];
    for (path, body, status, name) in more {
        let answer = house.post("anna", path, &body);
        assert_eq!(code(&answer), (status, name.to_owned()), "{path} {body}: {}", answer.body);
        assert!(!answer.body.contains("zanzibar"), "{}", answer.body);
    }
    assert_eq!(house.review("ben", "q", "reject").status, 200);
    assert_eq!(code(&house.review("ben", "q", "confirm")), (409, "case_closed".to_owned()));
    opposite["id"] = json!("o2");
    assert_eq!(house.post("anna", rows, &opposite).status, 201, "the other one is rejected");
    assert_eq!(
        code(&house.ask("anna", "GET", "/banks/precedents/rows?stat=pending", b"")).1,
        "field_invalid"
    );
}

#[test]
fn lines_are_imported_once_and_exported_as_they_can_be_imported() {
    let house = House::new("");
    let subjects = ["trains", "bakers", "rivers", "candles", "lawyers", "onions", "violins", "carpets"];
    let lines: Vec<String> = subjects
        .iter()
        .map(|subject| {
            case(subject, &format!("Everything about {subject} is explained on our new page.")).to_string()
        })
        .chain([
            "no JSON".to_owned(),
            String::new(),
            json!({"id": "bad", "text": "x", "ruling": "block"}).to_string(),
        ])
        .collect();
    let import = |bank: &str, lines: &str| {
        house.ask("anna", "POST", &format!("/banks/{bank}/import"), lines.as_bytes()).json()
    };
    let report = import("precedents", &lines.join("\n"));
    assert_eq!(
        (&report["lines"], &report["entered"], &report["refused"]),
        (&json!(10), &json!(8), &json!(2)),
        "{report}"
    );
    let errors: Vec<(&Value, &Value, &Value)> = report["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| (&e["line"], &e["id"], &e["error"]["code"]))
        .collect();
    assert_eq!(
        errors,
        [
            (&json!(9), &Value::Null, &json!("json_unreadable")),
            (&json!(11), &json!("bad"), &json!("field_invalid"))
        ]
    );
    let again = import("precedents", &lines.join("\r\n"));
    assert_eq!((&again["entered"], &again["present"]), (&json!(0), &json!(8)), "{again}");
    let exported = house.ask("ben", "GET", "/banks/precedents/export", b"").body;
    assert_eq!(exported.lines().count(), 8);
    assert_eq!(house.post("anna", "/banks", &json!({"name": "copy"})).status, 201);
    let copied = import("copy", &exported.replace("\"id\":\"", "\"id\":\"copy-"));
    assert_eq!(copied["entered"], 8, "{copied}");
    let page = house.ask("ben", "GET", "/banks/copy/rows?limit=5&state=unconfirmed&tag=fair", b"").json();
    let next = page["next"].as_str().expect("there are more").replace(' ', "%20");
    let rest = house.ask("ben", "GET", &format!("/banks/copy/rows?limit=5&after={next}"), b"").json();
    let count = |page: &Value| page["rows"].as_array().expect("rows").len();
    assert_eq!((count(&page), count(&rest)), (5, 3));
    for mode in ["dense", "sparse", "hybrid"] {
        let found = house.post(
            "ben",
            "/banks/copy/search",
            &json!({"text": "a page on rivers", "mode": mode, "k": 1}),
        );
        let hit = &found.json()["hits"][0];
        assert_eq!(
            (&hit["id"], &hit["ruling"]),
            (&json!("copy-rivers"), &json!("block")),
            "{mode}: {}",
            found.body
        );
    }
    assert_eq!(house.ask("root", "DELETE", "/banks/copy", b"").json()["removed"], 8);
    assert_eq!(house.ask("ben", "GET", "/banks/copy", b"").status, 404);
}

#[test]
fn a_case_that_floods_is_stopped_and_shows_in_stats_and_metrics() {
    let house = House::new("[flood]\nwindow = 20\nleast = 3\nshare = 0.5\n");
    house.post("anna", "/banks/precedents/rows", &case("q", QUINCE));
    house.review("ben", "q", "confirm");
    for day in ["Friday", "Monday", "Sunday"] {
        house.judge(&QUINCE.replace("Friday", day));
    }
    assert_eq!(house.judge(QUINCE)["action"], "allow");
    let stats = house.ask("ben", "GET", "/banks/precedents", b"").json();
    assert_eq!(stats["alerts"], json!([{"id": "q", "matched": 3, "of": 3}]), "{stats}");
    // It is written behind the verdict's back.
    while !house.server.get("/metrics").body.contains("lamassu_quarantined{bank=\"precedents\"} 1") {
        std::thread::yield_now();
    }
}

#[test]
fn policies_are_reloaded_whole_and_a_broken_file_changes_nothing() {
    let folder = folder();
    let policy = |term: &str, version: u32| {
        format!(
            "name='own'\nversion='{version}'\nlanguages=['en']\n[thresholds]\nscore={{flag=0.5,review=0.7,block=0.9}}\n\
             severity={{flag=1,review=3,block=4}}\n[[category]]\nname='spam'\ndefinition='x'\n\
             [[stage]]\nkind='blocklist'\non_fault='block'\nlists=['words']\n\
             [[blocklist]]\nname='words'\ncategory='spam'\nseverity=5\nterms=['{term}']\n"
        )
    };
    let path = file(&folder, "own.toml", &policy("quince", 1));
    let house = House::new(&format!("[policies]\nfiles = ['{}']\n", path.display()));
    let judge = |text: &str| house.post("anna", "/moderate", &json!({"text": text, "policy": "own"})).json();
    let before = judge("A quince, please.");
    assert_eq!(before["action"], "block", "{before}");
    file(&folder, "own.toml", "name = 'own'\nstages = 1\n");
    let refused = house.post("root", "/policies/reload", &json!({}));
    assert_eq!(code(&refused), (422, "policies_unusable".to_owned()));
    assert!(refused.body.contains("own.toml"), "{}", refused.body);
    assert_eq!(judge("A quince, please.")["record"]["policy"], before["record"]["policy"]);
    file(&folder, "own.toml", &policy("pear", 2));
    let reloaded = house.post("root", "/policies/reload", &json!({}));
    assert_eq!(reloaded.status, 200, "{}", reloaded.body);
    let after = judge("A pear, please.");
    assert_eq!(
        (&after["action"], judge("A quince, please.")["action"].as_str()),
        (&json!("block"), Some("allow"))
    );
    assert_ne!(after["record"]["policy"], before["record"]["policy"]);
    let listed = reloaded.json();
    assert_eq!(listed["policies"][1]["digest"], after["record"]["policy"], "{listed}");
}

#[test]
fn the_clauses_of_a_reloaded_policy_are_cited_from_the_next_verdict_on_and_the_old_ones_never() {
    let folder = folder();
    let policy = |id: &str, text: &str| {
        format!(
            "name='own'\nversion='1'\nlanguages=['en']\n[thresholds]\nscore={{flag=0.5,review=0.7,block=0.9}}\n\
             severity={{flag=1,review=3,block=4}}\n[[category]]\nname='harassment'\ndefinition='x'\n\
             [[clause]]\nid='{id}'\ncategory='harassment'\nseverity=4\ntext='{text}'\n\
             [[stage]]\nkind='retrieve'\non_fault='block'\n[[stage]]\nkind='classify'\non_fault='block'\n"
        )
    };
    let path = file(&folder, "own.toml", &policy("old", "Do not insult or humiliate people."));
    let house = House::new(&format!("[policies]\nfiles = ['{}']\n", path.display()));
    let cited = || {
        let text = "You are a worthless idiot and everybody hates you.";
        let judged = house.post("anna", "/moderate", &json!({"text": text, "policy": "own"})).json();
        let findings = judged["findings"].as_array().expect("findings").iter();
        let evidence = findings.flat_map(|finding| finding["evidence"].as_array().expect("evidence"));
        let clauses = evidence.filter(|one| one["kind"] == "clause");
        clauses.map(|one| one["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(cited(), ["old"]);
    file(&folder, "own.toml", &policy("new", "Insulting and humiliating people is forbidden here."));
    assert_eq!(house.post("root", "/policies/reload", &json!({})).status, 200);
    assert_eq!(cited(), ["new"]);
}

#[cfg(unix)]
#[test]
fn a_hang_up_reloads_the_policies() {
    let folder = folder();
    let policy = |term: &str| {
        format!(
            "name='own'\nversion='1'\nlanguages=['en']\n[thresholds]\nscore={{flag=0.5,review=0.7,block=0.9}}\n\
             severity={{flag=1,review=3,block=4}}\n[[category]]\nname='spam'\ndefinition='x'\n\
             [[stage]]\nkind='blocklist'\non_fault='block'\nlists=['words']\n\
             [[blocklist]]\nname='words'\ncategory='spam'\nseverity=5\nterms=['{term}']\n"
        )
    };
    let path = file(&folder, "own.toml", &policy("quince"));
    let house = House::new(&format!("[policies]\nfiles = ['{}']\n", path.display()));
    let judge =
        || house.post("anna", "/moderate", &json!({"text": "A pear, please.", "policy": "own"})).json();
    assert_eq!(judge()["action"], "allow");
    file(&folder, "own.toml", &policy("pear"));
    house.server.signal("-HUP");
    while judge()["action"] != "block" {
        std::thread::yield_now();
    }
}

#[test]
fn the_command_looks_after_the_data_folder_and_after_a_service_alike() {
    let data = folder();
    let house = House::new("");
    let address = house.server.address.clone();
    let local = |arguments: &[&str]| {
        let mut command = lamassu(data.path());
        command.arg("index").args(arguments);
        command
    };
    let remote = |key: &str, arguments: &[&str]| {
        let mut command = lamassu(data.path());
        command.args(["index", "--server", &address, "--key", key]).args(arguments);
        command
    };
    let rows = [case("a", QUINCE), case("b", "Cheap watches for everybody at our shop.")]
        .map(|row| row.to_string())
        .join("\n");
    for mut command in [local(&["import", "precedents"]), remote("anna-key", &["import", "precedents"])] {
        let output = run_with(&mut command, rows.as_bytes());
        assert!(output.status.success(), "{}", err(&output));
        assert!(
            out(&output).starts_with("2 lines into `precedents`: 2 entered, 0 were there"),
            "{}",
            out(&output)
        );
        let again = run_with(&mut command, rows.as_bytes());
        assert!(out(&again).contains("0 entered, 2 were there"), "{}", out(&again));
    }
    for (mut command, said) in [
        (local(&["confirm", "precedents", "a", "--reviewer", "anna"]), "`a` is confirmed"),
        (remote("ben-key", &["confirm", "precedents", "a"]), "`a` is confirmed"),
        (local(&["reject", "precedents", "b"]), "`b` is rejected"),
        (remote("ben-key", &["reject", "precedents", "b"]), "`b` is rejected"),
        (
            local(&["search", "precedents", "the festival at the mill", "-k", "1"]),
            "a  block  spam  confirmed",
        ),
        (
            remote("ben-key", &["search", "precedents", "the festival at the mill", "-k", "1"]),
            "a  block  spam  confirmed",
        ),
        (local(&["retract", "precedents", "a"]), "`a` is retracted"),
        (remote("ben-key", &["retract", "precedents", "a", "--reason", "x"]), "`a` is retracted"),
        (local(&["list", "precedents", "--state", "rejected"]), "b  block  spam  rejected"),
        (remote("ben-key", &["list", "precedents", "--state", "rejected"]), "b  block  spam  rejected"),
        (local(&["stats", "precedents"]), "2 rows, 0 of them confirmed"),
        (remote("ben-key", &["stats", "precedents"]), "2 rows, 0 of them confirmed"),
        (local(&["remove", "precedents", "b"]), "removed `b`"),
        (remote("root-key", &["remove", "precedents", "b"]), "removed `b`"),
        (local(&["create", "orchard"]), "made the bank `orchard`"),
        (remote("anna-key", &["create", "orchard"]), "made the bank `orchard`"),
        (local(&["list"]), "orchard  precedents  0 rows"),
        (remote("anna-key", &["list"]), "orchard  precedents  0 rows"),
    ] {
        let output = command.output().expect("it runs");
        assert!(out(&output).contains(said), "`{said}`: {} {}", out(&output), err(&output));
    }
    for mut command in [local(&["export", "precedents"]), remote("ben-key", &["export", "precedents"])] {
        let lines = json_lines(&command.output().expect("it runs"));
        assert_eq!((lines.len(), &lines[0]["state"]), (1, &json!("retracted")));
    }
    let refused = remote("reader-key", &["stats", "precedents"]).output().expect("it runs");
    assert_fails(&refused, "the key `reader` lacks the scope `banks` or `review`");
}
