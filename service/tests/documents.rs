//! Banks of documents over HTTP and by command: what is found, who finds it, and what files become.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{Answer, Server, assert_fails, err, file, folder, json_lines, lamassu, out, run_with};

const KEYS: &str = r#"
[[key]]
name = "keeper"
key = "keeper-key"
scopes = ["banks"]
[[key]]
name = "lawyer"
key = "lawyer-key"
scopes = ["judge", "banks"]
tags = ["law"]
[[key]]
name = "app"
key = "app-key"
scopes = ["judge"]
tags = ["staff", "board"]
[[key]]
name = "guest"
key = "guest-key"
scopes = ["judge", "review"]
[[key]]
name = "root"
key = "root-key"
scopes = ["admin"]
"#;
const BEES: &str = "Bees overwinter in a cluster around their queen and live on the honey they have stored.";

/// A service with keys, and a way to ask it.
struct House {
    server: Server,
    _folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = folder();
        let config = file(&folder, "lamassu.toml", KEYS);
        let server = Server::start(&["--config", config.to_str().expect("a path")], &[]);
        Self { server, _folder: folder }
    }

    #[expect(clippy::too_many_arguments, reason = "a request has as many parts")]
    fn ask(&self, who: &str, method: &str, path: &str, body: &[u8]) -> Answer {
        let key = format!("Bearer {who}-key");
        self.server.ask(method, &format!("/v1/lamassu/banks{path}"), &[("authorization", &key)], body)
    }

    fn post(&self, who: &str, path: &str, body: &Value) -> Answer {
        self.ask(who, "POST", path, body.to_string().as_bytes())
    }

    fn found(&self, who: &str, search: &Value) -> Vec<String> {
        let answer = self.post(who, "/documents/search", search);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let hits = answer.json()["hits"].as_array().expect("hits").clone();
        hits.iter().map(|hit| hit["document"].as_str().expect("a document").to_owned()).collect()
    }
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_passage_is_found_with_its_place_and_goes_with_its_document() {
    let house = House::new();
    let text = format!("# Winter\n\n{BEES}\n\n# Spring\n\nThe first willows *bloom* &amp; smell.\n");
    let sent = json!({"id": "apiary/a b.md", "text": text, "format": "markdown", "title": "The apiary",
        "source": "https://example.org/a", "tags": ["staff"]});
    let added = house.post("keeper", "/documents/rows", &sent);
    assert_eq!((added.status, &added.json()["outcome"]), (201, &json!("indexed")), "{}", added.body);
    assert_eq!(added.json()["chunks"], json!({"unchanged": 0, "embedded": 1, "removed": 0}));
    assert_eq!(house.post("keeper", "/documents/rows", &sent).json()["outcome"], "unchanged");
    let trams = json!({"id": "trams", "text": "The tram to the harbour runs every ten minutes."});
    let many =
        house.post("keeper", "/documents/rows", &json!({"rows": [trams, {"id": "", "text": "x"}]})).json();
    assert_eq!(many["results"][0]["outcome"], "indexed", "{many}");
    assert_eq!(many["results"][1]["error"]["code"], "field_invalid", "{many}");
    for mode in ["dense", "sparse", "hybrid"] {
        let search = json!({"text": "how bees overwinter", "mode": mode, "k": 1});
        let hits = house.post("keeper", "/documents/search", &search).json();
        let hit = &hits["hits"][0];
        assert_eq!(
            (&hit["document"], &hit["title"], &hit["source"], &hit["tags"]),
            (&sent["id"], &sent["title"], &sent["source"], &sent["tags"]),
            "{mode}: {hits}"
        );
        let place = |name: &str| usize::try_from(hit[name].as_u64().expect("a number")).expect("a place");
        assert!(text[place("start")..place("end")].starts_with("Winter\n\nBees overwinter"));
        assert!(hit["text"].as_str().is_some_and(|text| text.ends_with("bloom & smell.")), "{hit}");
        assert!(hit["similarity"].as_f64().is_some_and(|similarity| similarity > 0.0));
    }
    let one = house.ask("keeper", "GET", "/documents/rows/apiary%2Fa%20b.md", b"").json();
    assert_eq!((&one["text"], &one["chunks"], &one["language"]), (&json!(text), &json!(1), &json!("en")));
    let listed = house.ask("keeper", "GET", "/documents/rows?tag=staff", b"").json();
    assert_eq!(
        (&listed["rows"][0]["id"], &listed["rows"][0]["text"]),
        (&sent["id"], &Value::Null),
        "{listed}"
    );
    assert_eq!(house.ask("keeper", "DELETE", "/documents/rows/apiary%2Fa%20b.md", b"").status, 204);
    assert_eq!(house.found("keeper", &json!({"text": "bees"})), ["trams"]);
    let stats = house.ask("keeper", "GET", "/documents", b"").json();
    assert_eq!((&stats["documents"], &stats["chunks"]), (&json!(1), &json!(1)), "{stats}");
}

#[test]
fn a_key_finds_what_its_tags_open_and_learns_nothing_of_the_rest() {
    let house = House::new();
    let document = |id: &str, tags: Value| json!({"id": id, "text": format!("{BEES} ({id})"), "tags": tags});
    let rows = [
        document("open", json!([])),
        document("staff", json!(["staff"])),
        document("law", json!(["law", "board-2"])),
        document("board", json!(["board"])),
    ];
    house.post("keeper", "/documents/rows", &json!({"rows": rows}));
    let all = |who: &str, tags: Option<&[&str]>| {
        let mut search = json!({"text": "the honey of bees", "k": 9});
        if let Some(tags) = tags {
            search["tags"] = json!(tags);
        }
        let mut found = house.found(who, &search);
        found.sort();
        found
    };
    assert_eq!(all("keeper", None), ["board", "law", "open", "staff"]);
    assert_eq!(all("keeper", Some(&["law"])), ["law", "open"]);
    assert_eq!(all("lawyer", None), ["law", "open"], "its scope `banks` opens no more than its tags");
    assert_eq!(all("app", None), ["board", "open", "staff"]);
    assert_eq!(all("app", Some(&["staff"])), ["open", "staff"]);
    assert_eq!(all("app", Some(&[])), ["open"]);
    assert_eq!(all("guest", None), ["open"]);
    let wider = house.post("app", "/documents/search", &json!({"text": "bees", "tags": ["staff", "law"]}));
    assert_eq!(code(&wider), (400, "field_invalid".to_owned()));
    for (path, count) in [("/documents/rows", "/rows"), ("/documents/export", "")] {
        let answer = house.ask("guest", "GET", path, b"");
        let seen = if count.is_empty() {
            answer.body.lines().count()
        } else {
            answer.json()["rows"].as_array().expect("rows").len()
        };
        assert_eq!(seen, 1, "{path}: {}", answer.body);
    }
    assert_eq!(house.ask("guest", "GET", "/documents", b"").json()["chunks"], 1);
    let banks = house.ask("guest", "GET", "", b"").json();
    assert_eq!(banks["banks"][0], json!({"name": "documents", "kind": "documents", "rows": 1}), "{banks}");
    assert_eq!(
        code(&house.ask("guest", "GET", "/documents/rows/board", b"")),
        (404, "row_unknown".to_owned())
    );
    assert_eq!(
        code(&house.ask("lawyer", "DELETE", "/documents/rows/board", b"")),
        (404, "row_unknown".to_owned())
    );
    let others = house.post("lawyer", "/documents/rows", &document("new", json!(["law", "staff"])));
    assert_eq!(code(&others), (400, "field_invalid".to_owned()));
    assert_eq!(
        code(&house.post("lawyer", "/documents/rows", &document("board", json!(["law"])))).1,
        "id_taken"
    );
    assert_eq!(house.post("lawyer", "/documents/rows", &document("new", json!(["law"]))).status, 201);
    for (who, method, path) in [
        ("app", "POST", "/documents/rows"),
        ("app", "GET", "/documents/rows"),
        ("app", "POST", "/precedents/search"),
        ("guest", "POST", "/documents/import"),
        ("guest", "DELETE", "/documents/rows/open"),
        ("root", "POST", "/documents/search"),
    ] {
        assert_eq!(house.ask(who, method, path, b"{}").status, 403, "{who} {method} {path}");
    }
}

#[test]
fn what_a_bank_of_documents_cannot_do_is_refused_with_its_code() {
    let house = House::new();
    let rows = "/documents/rows";
    for (path, body, status, name) in [
        (rows, json!({"id": "a", "text": "x", "format": "zanzibar"}), 400, "field_invalid"),
        (rows, json!({"id": "a", "text": ""}), 400, "field_invalid"),
        (rows, json!({"id": "a", "text": "<p> </p>", "format": "html"}), 400, "field_invalid"),
        (rows, json!({"text": "zanzibar"}), 400, "json_unreadable"),
        (rows, json!({"id": "a", "text": "x", "ruling": "block"}), 400, "json_unreadable"),
        ("/documents/search", json!({"text": "x", "state": "confirmed"}), 400, "field_invalid"),
        ("/documents/search", json!({"text": "x", "k": 101}), 400, "field_invalid"),
        ("/documents/search", json!({"text": ""}), 400, "text_empty"),
        ("/precedents/search", json!({"text": "x", "tags": ["a"]}), 400, "field_invalid"),
        ("", json!({"name": "documents", "kind": "documents"}), 409, "bank_exists"),
        ("", json!({"name": "new", "kind": "pictures"}), 400, "field_invalid"),
    ] {
        let answer = house.post("keeper", path, &body);
        assert_eq!(code(&answer), (status, name.to_owned()), "{path} {body}: {}", answer.body);
        assert!(!answer.body.contains("zanzibar"), "{}", answer.body);
    }
    let confirmed = house.post("guest", "/documents/rows/a/confirm", &json!({}));
    assert_eq!(code(&confirmed), (409, "bank_kind".to_owned()), "{}", confirmed.body);
}

#[test]
fn lines_are_imported_once_and_what_is_exported_can_be_imported() {
    let house = House::new();
    let lines = [
        json!({"id": "a", "text": format!("<h1>Bees</h1>\n<p>{BEES}"), "format": "html", "tags": ["staff"]}).to_string(),
        "no JSON".to_owned(),
        json!({"id": "b", "text": "Zeilen.\r\n\r\nUnd mehr davon.", "language": "de", "title": "B", "source": "s"}).to_string(),
        json!({"id": "c", "text": "x", "tags": ["@no"]}).to_string(),
    ];
    let import = |bank: &str, lines: &str| {
        house.ask("keeper", "POST", &format!("/{bank}/import"), lines.as_bytes()).json()
    };
    let report = import("documents", &lines.join("\n"));
    assert_eq!(
        (&report["lines"], &report["entered"], &report["refused"], &report["chunks"]["embedded"]),
        (&json!(4), &json!(2), &json!(2), &json!(2)),
        "{report}"
    );
    let refused = |at: usize, name: &str| report["errors"][at][name].clone();
    assert_eq!((refused(0, "line"), refused(1, "line"), refused(1, "id")), (json!(2), json!(4), json!("c")));
    assert!(report["errors"][1]["error"]["message"].as_str().is_some_and(|said| said.starts_with("`tags`:")));
    let again = import("documents", &lines.join("\n"));
    assert_eq!((&again["entered"], &again["present"]), (&json!(0), &json!(2)), "{again}");
    let exported = house.ask("keeper", "GET", "/documents/export", b"").body;
    assert_eq!(house.post("keeper", "", &json!({"name": "copy", "kind": "documents"})).status, 201);
    assert_eq!(import("copy", &exported)["entered"], 2);
    let sorted = |text: String| {
        let undated = text.lines().map(|line| {
            let mut row: Value = serde_json::from_str(line).expect("JSON");
            row["created"] = Value::Null;
            row.to_string()
        });
        let mut rows: Vec<String> = undated.collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(house.ask("keeper", "GET", "/copy/export", b"").body), sorted(exported));
    assert_eq!(house.ask("root", "DELETE", "/copy", b"").json()["removed"], 2);
}

/// Runs a command and gives what it prints.
fn said(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    out(&output)
}

fn library(root: &Path) {
    let write = |name: &str, text: &[u8]| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        std::fs::write(path, text).expect("it is written");
    };
    write("bees/winter.md", format!("# Winter\n\n{BEES}\n").as_bytes());
    write("trams.html", b"<title>Trams</title><p>The tram to the harbour runs every ten minutes.");
    write("notes.TXT", "Bread is baked with flour.\n\nÄpfel sind gesund.".as_bytes());
    write("more.jsonl", b"{\"id\":\"from a line\",\"text\":\"The river floods in spring.\"}\n\nnot JSON\n");
    write("broken.txt", b"\xff\xfe");
    write("picture.png", b"no text");
    write(".git/config.txt", b"hidden");
}

#[test]
fn the_command_indexes_a_folder_locally_and_in_a_service_alike() {
    let (data, shelf) = (folder(), folder());
    library(shelf.path());
    let house = House::new();
    let address = house.server.address.clone();
    let root = shelf.path().to_str().expect("a path");
    for remote in [false, true] {
        let index = |arguments: &[&str]| {
            let mut command = lamassu(data.path());
            command.arg("index");
            if remote {
                command.args(["--server", &address, "--key", "keeper-key"]);
            }
            command.args(arguments);
            command
        };
        assert_eq!(said(&mut index(&["create", "shelf", "--kind", "documents"])), "made the bank `shelf`\n");
        let first = index(&["add", "shelf", root]).output().expect("it runs");
        assert_eq!(first.status.code(), Some(1), "some are refused: {}", err(&first));
        let counted = "6 documents into `shelf`: 4 indexed, 0 unchanged, 2 refused; 4 chunks embedded";
        assert!(out(&first).starts_with(counted), "{}{}", out(&first), err(&first));
        assert!(err(&first).contains("broken.txt: it is not UTF-8 text"), "{}", err(&first));
        assert!(err(&first).contains("more.jsonl, line 3: the JSON cannot be read"), "{}", err(&first));
        assert!(err(&first).contains("1 files of other kinds passed over"), "{}", err(&first));
        let bread = shelf.path().join("notes.TXT");
        let again = said(&mut index(&["add", "shelf", bread.to_str().expect("a path")]));
        assert!(again.starts_with("1 documents into `shelf`: 0 indexed, 1 unchanged, 0 refused"), "{again}");
        let found = said(&mut index(&["search", "shelf", "how do bees survive", "-k", "1"]));
        assert!(found.contains("  bees/winter.md > Winter [2.."), "{found}");
        assert_eq!(said(&mut index(&["list", "shelf"])).lines().count(), 4);
        assert!(said(&mut index(&["list"])).contains("shelf  documents  4 documents"));
        assert!(said(&mut index(&["stats", "shelf"])).starts_with("4 documents in 4 chunks"));
        assert_eq!(said(&mut index(&["remove", "shelf", "from a line"])), "removed `from a line`\n");
        let exported = index(&["export", "shelf"]).output().expect("it runs");
        let lines = json_lines(&exported);
        let page = lines.iter().find(|line| line["id"] == "trams.html").expect("it is there");
        assert_eq!((&page["title"], &page["format"]), (&json!("Trams"), &json!("html")), "{page}");
        let back = run_with(&mut index(&["add", "documents"]), &exported.stdout);
        assert!(
            out(&back).starts_with("3 documents into `documents`: 3 indexed"),
            "{}{}",
            out(&back),
            err(&back)
        );
    }
}

#[test]
fn the_command_says_what_it_cannot_index() {
    let (data, shelf) = (folder(), folder());
    library(shelf.path());
    let other = folder();
    std::fs::write(other.path().join("notes.TXT"), "Another text.").expect("it is written");
    let path = |root: &Path, name: &str| root.join(name).to_str().expect("a path").to_owned();
    let fails = |arguments: &[&str], sentence: &str| {
        let output = lamassu(data.path()).arg("index").args(arguments).output().expect("it runs");
        assert_fails(&output, sentence);
    };
    let picture = path(shelf.path(), "picture.png");
    fails(&["add", "documents", &picture], "is neither .txt, .md, .html nor .jsonl");
    fails(&["add", "documents", &path(shelf.path(), "none.md")], "none.md");
    fails(
        &["add", "documents", &path(shelf.path(), ""), &path(other.path(), "")],
        "would both be the document `notes.TXT`",
    );
    fails(&["add", "precedents", &picture], "files are for documents; `precedents` holds cases");
    fails(&["add", "nothing", &picture], "there is no bank `nothing`; there are: documents, precedents");
    fails(&["add", "documents", &picture, "--confirmed"], "`--confirmed` is for cases");
    let mut mine = lamassu(data.path());
    run_with(
        mine.args(["index", "import", "documents"]),
        json!({"id": "law", "text": BEES, "tags": ["law"]}).to_string().as_bytes(),
    );
    let search = |holding: &[&str]| {
        let mut command = lamassu(data.path());
        said(command.args(["index", "search", "documents", "bees"]).args(holding))
    };
    assert_eq!(search(&[]).lines().count(), 1, "whose folder it is sees all");
    assert_eq!(search(&["--holding", "staff"]), "");
    assert_eq!(search(&["--holding", "staff", "--holding", "law"]).lines().count(), 1);
}
