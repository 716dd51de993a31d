//! Azure AI Language's jobs as its clients meet them.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Answer, Server, file, folder};

const JOBS: &str = "/language/analyze-text/jobs?api-version=2023-04-01";
const HARBOUR: &str = "The harbour of Vells was built in 1790 by a company of stone masons. For a century it served only \
                       fishing boats. In 1891 a railway reached the town and trade grew quickly. A storm in 1926 broke the \
                       outer wall and sank eleven ships. Visitors come mostly in July and August.";

fn submit(server: &Server, body: &Value) -> Answer {
    server.ask("POST", JOBS, &[("content-type", "application/json")], body.to_string().as_bytes())
}

/// A job of one document and one task.
#[expect(clippy::needless_pass_by_value, reason = "it is written where it is given")]
fn job(text: &str, kind: &str, parameters: Value) -> Value {
    json!({
        "displayName": "mine",
        "analysisInput": {"documents": [{"id": "1", "text": text, "language": "en"}]},
        "tasks": [{"kind": kind, "taskName": "0", "parameters": parameters}],
    })
}

/// Where a job is to be asked after.
fn location(server: &Server, answer: &Answer) -> String {
    assert_eq!((answer.status, &*answer.body), (202, ""), "{}", answer.body);
    assert!(!answer.headers.contains_key("location"));
    let location = answer.headers["operation-location"].to_str().expect("text");
    location.strip_prefix(&server.address).expect("an absolute link").to_owned()
}

/// The job when it has ended.
fn ended(server: &Server, location: &str) -> Value {
    let begun = Instant::now();
    loop {
        let answer = server.get(location);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let job = answer.json();
        if ["succeeded", "cancelled"].iter().any(|end| job["status"] == *end) {
            return job;
        }
        assert_eq!(answer.headers["retry-after"], "1");
        assert!(begun.elapsed() < Duration::from_mins(10), "it does not end: {job}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn done(server: &Server, body: &Value) -> Value {
    ended(server, &location(server, &submit(server, body)))
}

#[test]
fn sentences_are_those_of_the_document_in_every_unit() {
    let server = Server::start(&[], &[]);
    let text = "Café \u{1F600} opens at ten. Cafe\u{301} \u{1F600} closes at six. The cat sleeps all day.";
    let cut = |unit: &str, offset: usize, length: usize| match unit {
        "UnicodeCodePoint" => text.chars().skip(offset).take(length).collect::<String>(),
        "Utf16CodeUnit" => {
            let units: Vec<u16> = text.encode_utf16().skip(offset).take(length).collect();
            String::from_utf16(&units).expect("whole characters")
        }
        // An accent of its own is no text element of its own.
        _ => {
            let mut elements: Vec<String> = Vec::new();
            for character in text.chars() {
                match elements.last_mut() {
                    Some(last) if character == '\u{301}' => last.push(character),
                    _ => elements.push(character.to_string()),
                }
            }
            elements.into_iter().skip(offset).take(length).collect()
        }
    };
    for unit in ["UnicodeCodePoint", "Utf16CodeUnit", "TextElements_v8"] {
        let parameters = json!({"sentenceCount": "20", "stringIndexType": unit});
        let job = done(&server, &job(text, "ExtractiveSummarization", parameters));
        let results = &job["tasks"]["items"][0]["results"];
        let sentences = results["documents"][0]["sentences"].as_array().expect("sentences").clone();
        assert_eq!(sentences.len(), 3, "{job}");
        for sentence in sentences {
            let number =
                |name: &str| usize::try_from(sentence[name].as_u64().expect("a number")).expect("small");
            assert_eq!(
                cut(unit, number("offset"), number("length")),
                sentence["text"].as_str().expect("text")
            );
            assert!((0.0..=1.0).contains(&sentence["rankScore"].as_f64().expect("a number")));
        }
    }
}

#[test]
fn a_job_says_how_it_stands_and_its_file_holds_no_more_than_its_answer() {
    let server = Server::start(&[], &[]);
    let request = json!({
        "displayName": "mine",
        "analysisInput": {"documents": [{"id": "b", "text": HARBOUR}, {"id": "a", "text": "  "}]},
        "tasks": [
            {"kind": "ExtractiveSummarization", "taskName": "x", "parameters": {"sentenceCount": 1}},
            {"kind": "AbstractiveSummarization", "parameters": {"summaryLength": "short"}},
        ],
    });
    let place = location(&server, &submit(&server, &request));
    let job = ended(&server, &place);
    // A job is a decision, and has its name.
    let shown = server.get(&place);
    let decision = shown.headers["x-lamassu-decision"].to_str().expect("text");
    assert!(place.contains(decision), "{decision}");
    assert_eq!(shown.headers["x-lamassu-policy"].len(), 64);
    let decided = server.get(&format!("/v1/lamassu/decisions/{decision}")).json();
    let kinds = decided["entries"].as_array().expect("entries").iter().map(|entry| &entry["kind"]);
    assert_eq!(kinds.collect::<Vec<_>>(), ["summary", "summary"]);
    assert_eq!(
        (&job["status"], &job["displayName"], &job["errors"]),
        (&json!("succeeded"), &json!("mine"), &json!([]))
    );
    let counts = &job["tasks"];
    assert_eq!(
        (&counts["completed"], &counts["failed"], &counts["inProgress"], &counts["total"]),
        (&json!(2), &json!(0), &json!(0), &json!(2))
    );
    let created = job["createdDateTime"].as_str().expect("a moment");
    assert!(created.len() == 20 && created.ends_with('Z'), "{created}");
    let (first, second) = (&job["tasks"]["items"][0], &job["tasks"]["items"][1]);
    assert_eq!(
        (&first["kind"], &first["taskName"]),
        (&json!("ExtractiveSummarizationLROResults"), &json!("x"))
    );
    assert_eq!(
        (&second["kind"], second.get("taskName")),
        (&json!("AbstractiveSummarizationLROResults"), None)
    );
    let error = json!({"id": "a", "error": {"code": "InvalidArgument", "message": "Invalid Document in request.",
        "innererror": {"code": "InvalidDocument", "message": "Document text is empty."}}});
    assert_eq!(first["results"]["errors"], json!([error]));
    assert_eq!(first["results"]["documents"][0]["warnings"], json!([]));
    assert!(first["results"]["documents"][0].get("statistics").is_none());
    let written = &second["results"]["documents"][0];
    assert!(!written["summaries"][0]["text"].as_str().expect("a summary").is_empty());
    let contexts = written["summaries"][0]["contexts"].as_array().expect("contexts");
    let inside = |context: &Value| {
        let end = context["offset"]
            .as_u64()
            .zip(context["length"].as_u64())
            .map(|(offset, length)| offset + length);
        end.is_some_and(|end| usize::try_from(end).is_ok_and(|end| end <= HARBOUR.len()))
    };
    assert!(!contexts.is_empty() && contexts.iter().all(inside), "{contexts:?}");
    // The guard that ships judges and does not write.
    assert_eq!(written["warnings"][0]["code"], "ModelNotAble", "{written}");
    let with_stats = server.get(&format!("{place}&showStats=True")).json();
    let statistics = &with_stats["tasks"]["items"][0]["results"];
    assert_eq!(
        statistics["documents"][0]["statistics"],
        json!({"charactersCount": HARBOUR.len(), "transactionsCount": 1})
    );
    assert_eq!(statistics["statistics"]["erroneousDocumentsCount"], 1);

    let alone = location(
        &server,
        &submit(&server, &self::job(HARBOUR, "ExtractiveSummarization", json!({"sentenceCount": 1}))),
    );
    let said = ended(&server, &alone);
    let said =
        said["tasks"]["items"][0]["results"]["documents"][0]["sentences"][0]["text"].as_str().expect("text");
    let id = alone.split(['/', '?']).nth(4).expect("an id");
    let kept = std::fs::read_to_string(server.data().join(format!("jobs/{id}.json"))).expect("it is kept");
    assert!(kept.contains(said));
    let others = ["stone masons", "fishing boats", "a railway", "A storm", "Visitors"];
    let left = others.iter().filter(|other| !said.contains(**other) && kept.contains(**other));
    assert_eq!(left.count(), 0, "{kept}");
}

#[test]
fn jobs_outlive_a_killed_service_done_or_not() {
    let server = Server::start(&[], &[]);
    let place = location(&server, &submit(&server, &job(HARBOUR, "ExtractiveSummarization", json!({}))));
    let before = ended(&server, &place);
    let documents: Vec<Value> = (0..20)
        .map(|number| json!({"id": number.to_string(), "text": format!("{HARBOUR} {number}. ").repeat(12)}))
        .collect();
    let tasks = json!([{"kind": "ExtractiveSummarization", "taskName": "0"}]);
    let large = json!({"analysisInput": {"documents": documents}, "tasks": tasks});
    let undone = location(&server, &submit(&server, &large));
    let server = Server::start_in(server.kill(), &[], &[]);
    assert_eq!(server.get(&place).json(), before);
    let after = ended(&server, &undone);
    assert_eq!(after["status"], "succeeded");
    assert_eq!(after["tasks"]["items"][0]["results"]["documents"].as_array().map(Vec::len), Some(20));
}

#[test]
fn every_refusal_says_what_is_wrong_in_the_vendors_codes() {
    let folder = folder();
    let keys = "[[key]]\nname = \"one\"\nkey = \"1\"\nscopes = [\"judge\"]\n[[key]]\nname = \"two\"\nkey = \"2\"\nscopes = [\"judge\"]\n";
    let config = file(&folder, "lamassu.toml", keys);
    let server = Server::start(&["--config", config.to_str().expect("a path")], &[]);
    let ask = |method: &str, path: &str, key: &str, body: &str| {
        server.ask(method, path, &[("Ocp-Apim-Subscription-Key", key)], body.as_bytes())
    };
    let documents = |documents: Value| json!({"analysisInput": {"documents": documents}, "tasks": [{"kind": "ExtractiveSummarization"}]});
    let many: Vec<Value> = (0..26).map(|id| json!({"id": id.to_string(), "text": "A text."})).collect();
    let (text, kind) = (HARBOUR, "ExtractiveSummarization");
    let cases = [
        (documents(json!([])), "InvalidRequest", "MissingInputDocuments"),
        (documents(json!(many)), "InvalidRequest", "InvalidDocumentBatch"),
        (
            documents(json!([{"id": "1", "text": "One."}, {"id": "1", "text": "Two."}])),
            "InvalidRequest",
            "InvalidDocumentBatch",
        ),
        (
            documents(json!([{"id": "1", "text": "a bread. ".repeat(14_000)}])),
            "InvalidRequest",
            "InvalidDocumentBatch",
        ),
        (documents(json!([{"id": "1"}])), "InvalidRequest", "InvalidRequestBodyFormat"),
        (job(text, "EntityRecognition", json!({})), "InvalidRequest", "InvalidRequestBodyFormat"),
        (job(text, kind, json!({"sentenceCount": 21})), "InvalidArgument", "InvalidParameterValue"),
        (job(text, kind, json!({"sortBy": "Taste"})), "InvalidArgument", "InvalidParameterValue"),
        (job(text, kind, json!({"stringIndexType": "Bytes"})), "InvalidArgument", "InvalidParameterValue"),
        (job(text, kind, json!({"summaryLength": "epic"})), "InvalidArgument", "InvalidParameterValue"),
    ];
    for (body, code, inner) in cases {
        let answer = ask("POST", JOBS, "1", &body.to_string());
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"], &error["innererror"]["code"]),
            (400, &json!(code), &json!(inner))
        );
        assert!(!answer.headers.contains_key("retry-after") && !answer.body.contains("harbour"));
    }
    let status = |method: &str, path: &str, key: &str| ask(method, path, key, "").status;
    assert_eq!(status("POST", JOBS, "wrong"), 401);
    assert_eq!(status("POST", "/language/:analyze-text?api-version=2023-04-01", "1"), 404);
    assert_eq!(status("POST", "/language/analyze-text/jobs", "1"), 400);
    assert_eq!(status("GET", JOBS, "1"), 405);
    let nobodys = format!(
        "/language/analyze-text/jobs/{}?api-version=2023-04-01",
        "0190aaaa-0000-7000-8000-000000000000"
    );
    let missing = ask("GET", &nobodys, "1", "");
    assert_eq!((missing.status, &missing.json()["error"]["code"]), (404, &json!("OperationNotFound")));

    let made = ask("POST", JOBS, "1", &job(HARBOUR, kind, json!({})).to_string());
    let place = location(&server, &made);
    assert_eq!((status("GET", &place, "1"), status("GET", &place, "2")), (200, 404), "a job is its owner's");
    let cancel = place.replace('?', ":cancel?");
    assert_eq!((status("POST", &cancel, "2"), status("POST", &cancel, "1")), (404, 202));
}

#[test]
fn a_job_that_is_cancelled_stops() {
    let server = Server::start(&[], &[]);
    let sentence = |number: usize| {
        format!(
            "Ship {} reached pier {number} of the harbour with {} crates of tea.",
            number * 7919 % 10_007,
            number % 97
        )
    };
    let text = |number: usize| (0..60).map(|line| sentence(number * 60 + line)).collect::<Vec<_>>().join(" ");
    let documents: Vec<Value> = (0..25).map(|id| json!({"id": id.to_string(), "text": text(id)})).collect();
    let tasks: Vec<Value> = (0..10).map(|_| json!({"kind": "ExtractiveSummarization"})).collect();
    let place = location(
        &server,
        &submit(&server, &json!({"analysisInput": {"documents": documents}, "tasks": tasks})),
    );
    let cancelled = server.ask("POST", &place.replace('?', ":cancel?"), &[], b"");
    assert_eq!(cancelled.status, 202);
    let job = ended(&server, &place);
    // 250 summaries of texts that long take more than the moment before the answer.
    assert_eq!(job["status"], "cancelled");
    assert_eq!(job["tasks"]["inProgress"], 0);
    assert_eq!(ended(&server, &place), job, "it stays as it is");
}
