//! `/openapi.json` against what is served, and the page at `/docs`.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpRequest, web};
use serde_json::Value;
use support::{Answer, Server, file, folder};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tiny-llama");
/// Two keys: whoever hands a case in does not review it.
const KEYS: &str = r#"
[[key]]
name = "anna"
key = "anna-key"
scopes = ["judge", "banks", "review", "admin"]

[[key]]
name = "ben"
key = "ben-key"
scopes = ["review"]
"#;
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A service, and how it describes itself.
struct House {
    server: Server,
    document: Value,
    /// What the service named itself, by the part of the path where it goes.
    named: BTreeMap<&'static str, String>,
}

/// An operation of the description.
#[derive(Clone, Copy)]
struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    says: &'a Value,
}

impl House {
    fn new() -> Self {
        let folder = folder();
        let config = file(&folder, "lamassu.toml", KEYS);
        let environment = [("LAMASSU_LLAMA__WRITER", TINY), ("LAMASSU_PROTECTED__BANK", "documents")];
        let server = Server::start(&["--config", config.to_str().expect("a path")], &environment);
        let document = server.get("/openapi.json").json();
        Self { server, document, named: BTreeMap::new() }
    }

    fn ask(&self, operation: Operation<'_>, method: &str) -> Answer {
        let Operation { path, says, .. } = operation;
        let key = if path.ends_with("{verb}") { "Bearer ben-key" } else { "Bearer anna-key" };
        let (mut target, mut query) = (path.to_owned(), Vec::new());
        let mut headers = vec![("authorization", key.to_owned())];
        for parameter in says["parameters"].as_array().into_iter().flatten() {
            let (Some(name), Some(example)) = (parameter["name"].as_str(), parameter["example"].as_str())
            else {
                continue;
            };
            match parameter["in"].as_str() {
                Some("path") => {
                    target = target.replace(&format!("{{{name}}}"), self.at(path, name).unwrap_or(example));
                }
                Some("query") => query.push(format!("{name}={example}")),
                _ => headers.push((name, example.to_owned())),
            }
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let content = says["requestBody"]["content"].as_object().and_then(|content| content.iter().next());
        let body = content.map_or_else(Vec::new, |(kind, content)| {
            let boundary = if kind == "multipart/mixed" { "; boundary=batch_example" } else { "" };
            headers.push(("content-type", format!("{kind}{boundary}")));
            let example = &content["example"];
            example.as_str().map_or_else(|| example.to_string(), str::to_owned).into_bytes()
        });
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.server.ask(&method.to_uppercase(), &target, &headers, &body)
    }

    /// What stands at the end of a path, where that is the service's to say.
    fn at(&self, path: &str, name: &str) -> Option<&str> {
        if name != "id" {
            return None;
        }
        let wanted = ["decisions", "jobs", "blocklistItems"]
            .into_iter()
            .find(|part| path.contains(&format!("/{part}/{{id}}")))?;
        self.named.get(wanted).map(String::as_str)
    }

    /// Remembers what an answer names.
    fn remember(&mut self, answer: &Answer) {
        let header =
            |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let job = header("operation-location").and_then(|place| {
            Some(place.split('?').next()?.rsplit('/').next()?.trim_end_matches(":cancel").to_owned())
        });
        let item = serde_json::from_str(&answer.body)
            .ok()
            .and_then(|body: Value| Some(body["blocklistItems"][0]["blocklistItemId"].as_str()?.to_owned()));
        let named = [("decisions", header("x-lamassu-decision")), ("jobs", job), ("blocklistItems", item)];
        self.named.extend(named.into_iter().filter_map(|(part, name)| Some((part, name?))));
    }
}

/// All operations, in an order in which each finds what it needs: what makes something first, what removes it last.
fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, says) in item.as_object().expect("operations") {
            all.push(Operation { method, path, says });
        }
    }
    all.sort_by_key(|Operation { method, path, .. }| match *method {
        "delete" => (2, 0, Reverse(path.len())),
        "get" => (1, path.len(), Reverse(0)),
        _ => (0, path.len(), Reverse(0)),
    });
    all
}

/// The paths of all routes, out of the way in which their tree is shown for debugging: each node's own part stands
/// first in it, further in than that of the node above it.
fn routes(tree: &str) -> BTreeSet<String> {
    let mut above: Vec<(usize, String)> = Vec::new();
    let (mut found, mut lines) = (BTreeSet::new(), tree.lines());
    while let Some(line) = lines.next() {
        let depth = line.len() - line.trim_start().len();
        match line.trim() {
            "nodes: None," => found.extend(above.last().map(|(_, path)| path.clone())),
            "patterns: Single(" => {
                let part = lines.next().unwrap_or_default().trim().trim_matches([',', '"']);
                above.retain(|(other, _)| *other < depth);
                let before = above.last().map(|(_, path)| path.as_str()).unwrap_or_default();
                let path = format!("{before}{part}");
                above.push((depth, path));
            }
            _ => {}
        }
    }
    // A pattern says what may stand in a part; a description says its name.
    found.into_iter().map(|path| path.replace(":.+}", "}")).collect()
}

async fn shown(request: HttpRequest) -> String {
    format!("{:#?}", request.resource_map())
}

/// The answer to a request for `path`, without anything behind it: what is asked for so needs nothing.
async fn got(path: &str) -> (HeaderMap, String) {
    // Before the facades, in whose place it would be no route of theirs.
    let app = App::new().route("/shown", web::get().to(shown)).configure(service::api::routes);
    let answer = call_service(&init_service(app).await, TestRequest::get().uri(path).to_request()).await;
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    let headers = answer.headers().clone();
    (headers, String::from_utf8(read_body(answer).await.to_vec()).expect("text"))
}

async fn document() -> Value {
    serde_json::from_str(&got("/openapi.json").await.1).expect("JSON")
}

#[actix_web::test]
async fn every_route_is_described_and_nothing_else() {
    let mut routes = routes(&got("/shown").await.1);
    assert!(routes.remove("/shown"), "{routes:?}");
    let written = document().await;
    let described = written["paths"].as_object().expect("paths").keys().cloned().collect();
    assert_eq!(routes, described);
}

#[test]
fn every_example_is_answered_with_a_status_and_a_type_that_are_described() {
    let mut house = House::new();
    let document = house.document.clone();
    for operation @ Operation { method, path, says } in operations(&document) {
        let answer = house.ask(operation, method);
        let described = says["responses"].as_object().expect("responses");
        let good = described.keys().any(|status| status.starts_with('2'));
        // What the vendor has and this service has not.
        let expected = if good { answer.status / 100 == 2 } else { answer.status == 404 };
        assert!(expected, "{method} {path}: {} {}", answer.status, answer.body);
        let response = &described.get(&answer.status.to_string());
        let response =
            response.unwrap_or_else(|| panic!("{method} {path}: {} is not described", answer.status));
        let kind = answer.headers.get("content-type").map(|kind| kind.to_str().expect("text").to_owned());
        let kind = kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or_default();
        let kinds: Vec<&String> =
            response["content"].as_object().into_iter().flat_map(|content| content.keys()).collect();
        assert!(
            kinds.is_empty() && answer.body.is_empty() || kinds.iter().any(|known| *known == kind),
            "{path}: {kind}"
        );
        house.remember(&answer);
    }
}

#[test]
fn a_method_that_is_not_described_is_refused_with_405() {
    let house = House::new();
    let document = &house.document;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let item = item.as_object().expect("operations");
        let says = item.values().next().expect("an operation");
        for method in METHODS.into_iter().filter(|method| !item.contains_key(*method)) {
            let answer = house.ask(Operation { method, path, says }, method);
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.body);
        }
    }
}

#[actix_web::test]
async fn whatever_the_description_refers_to_is_in_it_and_operations_have_names_of_their_own() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document().await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("it is within the description");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let ids: Vec<&str> =
        operations(&document).iter().filter_map(|it| it.says["operationId"].as_str()).collect();
    let distinct: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!((distinct.len(), ids.len()), (ids.len(), operations(&document).len()));
    for Operation { path, says, .. } in operations(&document) {
        let responses = says["responses"].as_object().expect("responses").values();
        for link in
            responses.filter_map(|response| response["links"].as_object()).flat_map(|links| links.values())
        {
            assert!(ids.iter().any(|id| link["operationId"] == **id), "{path}: {link}");
        }
        for security in says["security"].as_array().expect("ways in").iter().filter_map(Value::as_object) {
            for way in security.keys() {
                assert!(document["components"]["securitySchemes"][way].is_object(), "{path}: {way}");
            }
        }
    }
}

#[test]
fn what_a_door_needs_is_described_as_it_is() {
    let house = House::new();
    for Operation { method, path, says } in operations(&house.document) {
        let ways = says["security"].as_array().expect("ways in");
        let is_open = ways.is_empty() || ways.iter().any(|way| way == &serde_json::json!({}));
        let answer = house.server.ask(&method.to_uppercase(), &path.replace(['{', '}'], ""), &[], b"");
        let refused = matches!(answer.status, 401 | 403);
        assert_eq!(refused, !is_open, "{method} {path}: {}", answer.status);
    }
}

#[actix_web::test]
async fn the_page_needs_nothing_from_anywhere_else_and_shows_only_text() {
    let (headers, page) = got("/docs").await;
    let policy = headers.get("content-security-policy").expect("a policy").to_str().expect("text");
    let allowed = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';";
    assert!(policy.starts_with(allowed), "{policy}");
    for path in ["/docs", "/docs/page.js", "/docs/page.css"] {
        let (_, file) = got(path).await;
        assert!(!["//cdn", "http:", "https:", "innerHTML"].iter().any(|word| file.contains(word)), "{path}");
        assert!(path == "/docs" || page.contains(path.trim_start_matches('/')), "the page names {path}");
    }
}
