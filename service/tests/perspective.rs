//! The Perspective API as its clients meet it.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use expect_test::expect;
use serde_json::{Value, json};
use support::{Answer, Server, file, folder};

const BENIGN: &str = "The library opens at nine and the staff are friendly.";
const NASTY: &str = "You are a stupid idiot and I will kill you.";
const ANALYZE: &str = "/v1alpha1/comments:analyze";
const SUGGEST: &str = "/v1alpha1/comments:suggestscore";

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.ask("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
}

fn request(text: &str, attributes: &[&str]) -> Value {
    let attributes: Value = attributes.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({"comment": {"text": text}, "requestedAttributes": attributes})
}

fn with(mut request: Value, member: &str, value: Value) -> Value {
    request[member] = value;
    request
}

fn value(answer: &Answer, attribute: &str) -> f64 {
    let json = answer.json();
    json["attributeScores"][attribute]["summaryScore"]["value"].as_f64().expect("a score")
}

/// Asserts an error in Google's dress.
fn assert_refused(answer: &Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{message}: {}", answer.body);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], status);
    assert!(error["message"].as_str().is_some_and(|said| said.contains(message)), "{message}: {error}");
    assert_eq!(answer.headers["content-type"], "application/json; charset=UTF-8");
    assert_eq!(answer.headers.contains_key("retry-after"), matches!(status, 429 | 503));
}

#[test]
fn a_comment_is_scored_in_this_apis_words_and_headers() {
    let server = Server::start(&[], &[]);
    let attributes = ["TOXICITY", "INSULT", "THREAT", "PROFANITY_EXPERIMENTAL"];
    let nasty = post(&server, ANALYZE, &with(request(NASTY, &attributes), "clientToken", json!("t")));
    assert_eq!(nasty.status, 200, "{}", nasty.body);
    let benign = post(&server, ANALYZE, &request(BENIGN, &attributes));
    for attribute in ["TOXICITY", "INSULT", "THREAT"] {
        assert!(value(&nasty, attribute) >= 0.5 && value(&benign, attribute) < 0.5, "{attribute}");
    }
    let empty = with(
        request(BENIGN, &["TOXICITY"]),
        "requestedAttributes",
        json!({"TOXICITY": {"scoreThreshold": 1}}),
    );
    expect![[r#"{"attributeScores":{},"languages":["en"],"detectedLanguages":["en"]}"#]]
        .assert_eq(&post(&server, ANALYZE, &empty).body);
    assert_eq!(nasty.json()["clientToken"], "t");
    assert!(benign.json().get("clientToken").is_none());
    assert_eq!(nasty.headers["content-type"], "application/json; charset=UTF-8");
    assert_eq!(nasty.headers["x-lamassu-degraded"], "false");
    assert_eq!(nasty.headers["x-lamassu-policy"].len(), 64);
    assert!(nasty.headers.contains_key("x-request-id"));
}

#[test]
fn spans_count_in_utf16_and_without_them_there_is_one_over_the_whole() {
    let server = Server::start(&[], &[]);
    let text = "\u{1F600}\u{1F600} hello there. You are a stupid idiot and I will kill you.";
    let spans = |wanted: bool| {
        let request = with(request(text, &["TOXICITY"]), "spanAnnotations", json!(wanted));
        let answer = post(&server, ANALYZE, &request).json();
        answer["attributeScores"]["TOXICITY"]["spanScores"].as_array().expect("spans").clone()
    };
    let end = text.encode_utf16().count();
    let places = |spans: &[Value]| -> Vec<(u64, u64)> {
        spans
            .iter()
            .map(|span| (span["begin"].as_u64().expect("begin"), span["end"].as_u64().expect("end")))
            .collect()
    };
    let (whole, each) = (spans(false), spans(true));
    assert_eq!(places(&whole), [(0, end as u64)]);
    assert_eq!(places(&each), [(0, 17), (18, end as u64)]);
    let score = |span: &Value| span["score"]["value"].as_f64().expect("a score");
    assert!(score(&each[1]) > score(&each[0]));
}

#[test]
fn every_refusal_is_in_googles_dress_and_none_repeats_the_text() {
    let server = Server::start(&[], &[("LAMASSU_LIMITS__MAX_BODY_BYTES", "100000")]);
    let ask = |request: &Value| post(&server, ANALYZE, request);
    let toxicity = |text: &str| request(text, &["TOXICITY"]);
    let typed = |kind: &str| json!({"TOXICITY": {"scoreType": kind}});
    let marker = "zanzibar";
    let cases = [
        (toxicity(""), "Comment must be non-empty."),
        (toxicity("\u{200b}"), "Comment must be non-empty."),
        (json!({"requestedAttributes": {"TOXICITY": {}}}), "Comment must be non-empty."),
        (toxicity(&"字".repeat(6827)), "Value (20481) exceeded limit (20480)."),
        (request(marker, &[]), "Missing requested_attributes"),
        (request(marker, &["FLIRTATION"]), "Unknown requested attribute: FLIRTATION"),
        (request(marker, &["zanzibar is here"]), "Unknown requested attribute: (not a name)"),
        (
            with(toxicity(marker), "requestedAttributes", typed("RAW")),
            "Requested score type RAW is not supported",
        ),
        (with(toxicity(marker), "requestedAttributes", typed(marker)), "Invalid value at 'score_type'"),
        (
            with(toxicity(marker), "comment", json!({"text": marker, "type": "HTML"})),
            "only 'PLAIN_TEXT' comments",
        ),
        (
            with(toxicity(marker), "comment", json!({"text": marker, "type": marker})),
            "Invalid value at 'comment.type'",
        ),
        (
            with(toxicity(marker), "languages", json!(["tlh"])),
            "Attribute TOXICITY does not support request languages: tlh",
        ),
        (
            with(
                toxicity(marker),
                "context",
                json!({"entries": [{"text": "x"}], "articleAndParentComment": {}}),
            ),
            "both fields",
        ),
        (json!([marker]), "Invalid JSON payload received."),
        (toxicity(&"x".repeat(100_000)), "limits.max_body_bytes"),
    ];
    for (request, message) in cases {
        let answer = ask(&request);
        assert_refused(&answer, 400, message);
        assert!(!answer.body.contains(marker), "{}", answer.body);
    }
    let language = ask(&with(toxicity(marker), "languages", json!(["en", "tlh"]))).json();
    let which =
        json!({"attribute": "TOXICITY", "detectedLanguages": ["en"], "requestedLanguages": ["en", "tlh"]});
    let kind = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error";
    let expected = json!([{
        "@type": kind, "errorType": "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        "languageNotSupportedByAttributeError": which,
    }]);
    assert_eq!(language["error"]["details"], expected);
    assert_refused(&post(&server, "/v1alpha1/comments:nothing", &json!({})), 404, "nothing at this path");
    assert_refused(&server.get(ANALYZE), 405, "method");
    assert_eq!(post(&server, "/v1alpha1/comments%3Aanalyze", &toxicity(BENIGN)).status, 200);
}

#[test]
fn an_attribute_may_be_a_category_of_the_policys_own_and_what_cannot_be_scored_may_be_left_out() {
    let folder = folder();
    let policy = "name = \"own\"\nversion = \"1.0.0\"\ndescription = \"d\"\nlanguages = [\"en\"]\n\
                  [thresholds]\nscore = { flag = 0.5, review = 0.7, block = 0.9 }\n\
                  severity = { flag = 1, review = 3, block = 4 }\n\
                  [[category]]\nname = \"flirtation\"\ndefinition = \"Flirting.\"\ncustom = true\nfloor = false\n\
                  [[blocklist]]\nname = \"flirts\"\ncategory = \"flirtation\"\nseverity = 2\nterms = [\"hey gorgeous\"]\n\
                  [[stage]]\nkind = \"blocklist\"\non_fault = \"review\"\nlists = [\"flirts\"]\n";
    let path = file(&folder, "own.toml", policy);
    let files = path.to_str().expect("a path");
    let server = Server::start(
        &[],
        &[
            ("LAMASSU_POLICIES__FILES", files),
            ("LAMASSU_POLICIES__DEFAULT", "own"),
            ("LAMASSU_PERSPECTIVE__OMIT_UNSUPPORTED", "true"),
        ],
    );
    let answer =
        post(&server, ANALYZE, &request("Hey gorgeous!", &["FLIRTATION", "UNSUBSTANTIAL", "TOXICITY"]));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let scores = answer.json()["attributeScores"].clone();
    assert_eq!(scores.as_object().expect("scores").keys().collect::<Vec<_>>(), ["FLIRTATION"]);
    assert!((value(&answer, "FLIRTATION") - 1.0).abs() < 1e-6);
}

#[test]
fn a_key_in_the_query_opens_these_paths_alone_and_a_wrong_one_is_not_repeated() {
    let server = Server::start(&[], &[("LAMASSU_API_KEY", "s3 kret")]);
    let body = request(BENIGN, &["TOXICITY"]);
    let ask =
        |path: &str, headers: &[(&str, &str)]| server.ask("POST", path, headers, body.to_string().as_bytes());
    assert_eq!(ask(&format!("{ANALYZE}?key=s3%20kret&alt=json"), &[]).status, 200);
    assert_eq!(ask(ANALYZE, &[("x-goog-api-key", "s3 kret")]).status, 200);
    assert_eq!(ask(ANALYZE, &[("authorization", "Bearer s3 kret")]).status, 200);
    assert_refused(&ask(ANALYZE, &[]), 403, "unregistered callers");
    let wrong = ask(&format!("{ANALYZE}?key=zanzibar"), &[]);
    assert_refused(&wrong, 400, "API key not valid. Please pass a valid API key.");
    assert_eq!(wrong.json()["error"]["details"][0]["reason"], "API_KEY_INVALID");
    assert!(!wrong.body.contains("zanzibar"));
    assert_eq!(ask("/v1/lamassu/moderate?key=s3%20kret", &[]).status, 401, "elsewhere it is no key");
    let discovery = "/$discovery/rest?version=v1alpha1";
    assert_eq!(server.get(discovery).status, 200);
    assert_refused(&server.get(&format!("{discovery}&key=wrong")), 400, "API key not valid");
}

#[test]
fn the_discovery_document_leads_to_where_it_came_from_or_to_the_public_address() {
    let server = Server::start(&[], &[]);
    let document = server.get("/%24discovery/rest?version=v1alpha1").json();
    assert_eq!(document["rootUrl"], format!("{}/", server.address));
    assert_eq!(document["resources"]["comments"]["methods"]["analyze"]["path"], "v1alpha1/comments:analyze");
    let request =
        document["resources"]["comments"]["methods"]["analyze"]["request"]["$ref"].as_str().expect("a name");
    assert!(document["schemas"][request].is_object());
    assert_refused(&server.get("/$discovery/rest?version=v9"), 404, "nothing");
    let server = Server::start(&[], &[("LAMASSU_PUBLIC_URL", "https://filter.example")]);
    let document = server.get("/$discovery/rest?version=v1alpha1").json();
    assert_eq!(document["rootUrl"], "https://filter.example/");
}

#[test]
fn a_suggestion_is_kept_as_an_unconfirmed_case_and_a_contradiction_is_not() {
    let server = Server::start(&[], &[]);
    let suggest = |name: &str, value: f64| {
        let scores = json!({name: {"summaryScore": {"value": value}}});
        let body = json!({"comment": {"text": BENIGN}, "attributeScores": scores, "clientToken": "t", "languages": ["EN"]});
        let answer = post(&server, SUGGEST, &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        expect![[r#"{"detectedLanguages":["en"],"requestedLanguages":["EN"],"clientToken":"t"}"#]]
            .assert_eq(&answer.body);
        answer.headers["x-lamassu-feedback"].to_str().expect("text").to_owned()
    };
    assert_eq!(suggest("TOXICITY", 0.0), "entered");
    assert_eq!(suggest("APPROVED", 1.0), "present");
    assert_eq!(suggest("INSULT", 0.9), "conflict");
    assert_eq!(suggest("NUANCE_EXPERIMENTAL", 1.0), "none");
    let rows = server.get("/v1/lamassu/banks/precedents/rows?state=unconfirmed").json();
    let row = &rows["rows"][0];
    assert_eq!((&row["text"], &row["ruling"]), (&json!(BENIGN), &json!("allow")));
    assert_eq!(row["tags"], json!(["suggested"]));
    let malformed = json!({"comment": {"text": BENIGN}, "attributeScores": {"TOXICITY": {}}});
    assert_refused(&post(&server, SUGGEST, &malformed), 400, "attribute_scores");
}

#[test]
fn each_part_of_a_batch_is_answered_on_its_own_with_its_own_key() {
    let server = Server::start(&[], &[("LAMASSU_API_KEY", "12345")]);
    let part = |id: &str, key: &str, text: &str| {
        let body = request(text, &["TOXICITY"]).to_string();
        format!(
            "--b\r\nContent-Type: application/http\r\nContent-ID: <a +\r\n {id}>\r\n\r\n\
             POST {ANALYZE}?{key}&alt=json HTTP/1.1\nContent-Type: application/json\n\n{body}\r\n"
        )
    };
    let parts = [part("1", "key=12345", BENIGN), part("2", "key=wrong", BENIGN), part("3", "key=12345", "")];
    let body = format!("{}--b--\r\n", parts.concat());
    let answer =
        server.ask("POST", "/batch", &[("content-type", "multipart/mixed; boundary=\"b\"")], body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "multipart/mixed; boundary=batch_lamassu");
    let answers: Vec<&str> = answer.body.split("--batch_lamassu").collect();
    let [_, scored, wrong, empty, end] = answers.as_slice() else { panic!("{}", answer.body) };
    assert!(scored.contains("Content-ID: <response-a + 1>\r\n\r\nHTTP/1.1 200 OK\r\n"), "{scored}");
    assert!(scored.contains("\"attributeScores\":{\"TOXICITY\""), "{scored}");
    assert!(wrong.contains("HTTP/1.1 400 Bad Request") && wrong.contains("API_KEY_INVALID"), "{wrong}");
    assert!(empty.contains("COMMENT_EMPTY"), "{empty}");
    assert_eq!(*end, "--\r\n");
    let broken =
        server.ask("POST", "/batch", &[("content-type", "multipart/mixed; boundary=\"b\"")], b"--b\r\n");
    assert_refused(&broken, 400, "Failed to parse batch request");
}

#[test]
fn pages_that_are_allowed_may_ask_and_others_may_not() {
    let server = Server::start(
        &[],
        &[("LAMASSU_PERSPECTIVE__CORS_ORIGINS", "https://forum.example"), ("LAMASSU_API_KEY", "12345")],
    );
    let preflight = |origin| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        server.ask("OPTIONS", ANALYZE, &headers, b"")
    };
    let allowed = preflight("https://forum.example");
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.headers["access-control-allow-origin"], "https://forum.example");
    let other = preflight("https://other.example");
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    let body = request(BENIGN, &["TOXICITY"]).to_string();
    let answer = server.ask(
        "POST",
        &format!("{ANALYZE}?key=12345"),
        &[("origin", "https://forum.example")],
        body.as_bytes(),
    );
    assert_eq!((answer.status, &answer.headers["vary"]), (200, &"Origin".parse().expect("a header")));
}

#[test]
fn a_key_that_asks_too_much_is_told_its_quota_and_when_to_come_again() {
    let server = Server::start(&[], &[("LAMASSU_PERSPECTIVE__PER_MINUTE", "2")]);
    // A minute may begin between two of them, not between each and the next.
    let refused = (0..6)
        .map(|_| post(&server, ANALYZE, &request(BENIGN, &["TOXICITY"])))
        .find(|answer| answer.status != 200);
    let refused = refused.expect("the quota is 2");
    assert_refused(&refused, 429, "Quota exceeded for quota metric 'Analysis requests (AnalyzeComment)'");
    assert_eq!(refused.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    assert!(
        refused.headers["retry-after"]
            .to_str()
            .expect("text")
            .parse::<u64>()
            .is_ok_and(|seconds| seconds <= 60)
    );
}
