//! What is the same whichever facade answers: headers, methods, limits of keys, links.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::raw::{Raw, RawAnswer};
use support::{Server, assert_fails, file, folder, lamassu};

/// Whose dress errors wear.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dress {
    Azure,
    Native,
    OpenAi,
    Google,
    Detector,
    Presidio,
}

use Dress::{Azure, Detector, Google, Native, OpenAi, Presidio};

/// Every path of every facade, and the methods it takes.
const ROUTES: &[(Dress, &str, &str)] = &[
    (Azure, "POST", "/contentsafety/text:analyze?api-version=2024-09-01"),
    (Azure, "POST", "/contentsafety/image:analyze?api-version=2024-09-01"),
    (Azure, "POST", "/contentsafety/text:shieldPrompt?api-version=2024-09-01"),
    (Azure, "POST", "/contentsafety/text:detectProtectedMaterial?api-version=2024-09-01"),
    (Azure, "POST", "/contentsafety/text:detectProtectedMaterialForCode?api-version=2024-09-15-preview"),
    (Azure, "POST", "/contentsafety/text:detectGroundedness?api-version=2024-09-15-preview"),
    (Azure, "GET", "/contentsafety/text/blocklists?api-version=2024-09-01"),
    (Azure, "GET, PATCH, DELETE", "/contentsafety/text/blocklists/x?api-version=2024-09-01"),
    (Azure, "POST", "/contentsafety/text/blocklists/x:addOrUpdateBlocklistItems?api-version=2024-09-01"),
    (Azure, "POST", "/contentsafety/text/blocklists/x:removeBlocklistItems?api-version=2024-09-01"),
    (Azure, "GET", "/contentsafety/text/blocklists/x/blocklistItems?api-version=2024-09-01"),
    (Azure, "GET", "/contentsafety/text/blocklists/x/blocklistItems/1?api-version=2024-09-01"),
    (Azure, "POST", "/language/analyze-text/jobs?api-version=2023-04-01"),
    (Azure, "GET", "/language/analyze-text/jobs/1?api-version=2023-04-01"),
    (Azure, "POST", "/language/analyze-text/jobs/1:cancel?api-version=2023-04-01"),
    (Native, "POST", "/v1/lamassu/moderate"),
    (Native, "GET", "/v1/lamassu/devices"),
    (Native, "GET, POST", "/v1/lamassu/banks"),
    (Native, "GET, DELETE", "/v1/lamassu/banks/x"),
    (Native, "POST", "/v1/lamassu/banks/x/search"),
    (Native, "POST", "/v1/lamassu/banks/x/import"),
    (Native, "GET", "/v1/lamassu/banks/x/export"),
    (Native, "GET, POST", "/v1/lamassu/banks/x/rows"),
    (Native, "GET, DELETE", "/v1/lamassu/banks/x/rows/1"),
    (Native, "POST", "/v1/lamassu/banks/x/rows/1/confirm"),
    (Native, "POST", "/v1/lamassu/summarize"),
    (Native, "POST", "/v1/lamassu/ground"),
    (Native, "POST", "/v1/lamassu/policies/reload"),
    (Native, "GET", "/v1/lamassu/decisions/1"),
    (OpenAi, "POST", "/v1/moderations"),
    (OpenAi, "GET", "/v1/models"),
    (OpenAi, "GET", "/v1/models/x"),
    (OpenAi, "POST", "/v1/embeddings"),
    (OpenAi, "POST", "/v1/chat/completions"),
    (OpenAi, "POST", "/openai/v1/moderations"),
    (OpenAi, "GET", "/openai/v1/models"),
    (OpenAi, "POST", "/openai/v1/chat/completions"),
    (OpenAi, "POST", "/openai/deployments/x/embeddings?api-version=2024-10-21"),
    (OpenAi, "POST", "/openai/deployments/x/chat/completions?api-version=2024-10-21"),
    (OpenAi, "GET", "/openai/models?api-version=2024-10-21"),
    (Google, "POST", "/v1alpha1/comments:analyze"),
    (Google, "POST", "/v1alpha1/comments:suggestscore"),
    (Google, "GET", "/$discovery/rest?version=v1alpha1"),
    (Google, "POST", "/batch"),
    (Native, "POST, PUT", "/skills/moderate"),
    (Native, "POST, PUT", "/skills/summarize"),
    (Native, "POST", "/beta/litellm_basic_guardrail_api"),
    (Detector, "POST", "/api/v1/text/contents"),
    (Detector, "POST", "/api/v1/text/generation"),
    (Detector, "POST", "/api/v1/text/chat"),
    (Detector, "POST", "/api/v1/text/context/doc"),
    (Detector, "GET", "/health"),
    (Presidio, "POST", "/analyze"),
    (Presidio, "GET", "/supportedentities"),
];

/// One path of each dress that asks for a key and reads a body.
const SAMPLES: [(Dress, &str); 9] = [
    (Azure, "/contentsafety/text:analyze?api-version=2024-09-01"),
    (Azure, "/language/analyze-text/jobs?api-version=2023-04-01"),
    (Native, "/v1/lamassu/moderate"),
    (OpenAi, "/v1/chat/completions"),
    (Google, "/v1alpha1/comments:analyze"),
    (Native, "/skills/moderate"),
    (Native, "/beta/litellm_basic_guardrail_api"),
    (Detector, "/api/v1/text/contents"),
    (Presidio, "/analyze"),
];

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"];

/// Asserts that an error is in the dress of its facade.
fn assert_dressed(dress: Dress, answer: &RawAnswer) {
    let (json, status) = (answer.json(), answer.status);
    let fits = match dress {
        Azure => {
            json["error"]["code"].as_str() == answer.header("x-ms-error-code")
                && json["error"]["message"].is_string()
        }
        Native => json["error"]["code"].is_string() && json["error"]["message"].is_string(),
        OpenAi => json["error"]["type"].is_string() && json["error"].get("param").is_some(),
        Google => json["error"]["code"] == status && json["error"]["status"].is_string(),
        Detector => json["code"] == status && json["message"].is_string(),
        Presidio => json["error"].is_string(),
    };
    assert!(fits, "{dress:?}: {status} {json}");
}

/// Asserts the headers that every answer has.
fn assert_accounted(dress: Dress, answer: &RawAnswer, what: &str) {
    assert_eq!(answer.header("x-lamassu-degraded"), Some("false"), "{what}");
    assert_eq!(answer.header("x-lamassu-policy").map(str::len), Some(64), "{what}");
    assert!(answer.header("x-request-id").is_some(), "{what}");
    if dress == Azure {
        assert_eq!(answer.header("x-ms-request-id"), answer.header("apim-request-id"), "{what}");
        assert_eq!(answer.header("x-ms-request-id").map(str::len), Some(36), "{what}");
        assert_eq!(answer.header("x-ms-client-request-id"), Some("mine"), "{what}");
    }
}

#[test]
fn every_path_says_how_its_answer_came_about_and_refuses_the_methods_it_does_not_take() {
    let server = Server::start(&[], &[("LAMASSU_API_KEY", "12345")]);
    let mut connection = Raw::to(&server);
    for (dress, allow, path) in ROUTES {
        for method in METHODS {
            let what = format!("{method} {path}");
            let answer = connection.ask(&format!("{what}\napi-key: 12345\nx-ms-client-request-id: mine"), "");
            assert_accounted(*dress, &answer, &what);
            if allow.split(", ").any(|taken| taken == method) {
                assert_ne!(answer.status, 405, "{what}");
                continue;
            }
            assert_eq!((answer.status, answer.header("allow")), (405, Some(*allow)), "{what}");
            assert_eq!(answer.header("x-lamassu-decision"), None, "{what}");
            assert_eq!(answer.header("retry-after"), None, "{what}");
            if method != "HEAD" {
                assert_dressed(*dress, &answer);
            }
        }
        let nobody = connection.ask(&format!("PURGE {path}\nx-ms-client-request-id: mine"), "");
        assert_accounted(*dress, &nobody, path);
    }
    for path in ["/livez", "/readyz", "/ready", "/status", "/metrics"] {
        let answer = connection.ask(&format!("POST {path}"), "");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{path}");
    }
}

#[test]
fn whatever_is_judged_names_its_decision_in_every_facade() {
    let server = Server::start(&[], &[]);
    let text = "The library opens at nine.";
    let record = json!({"values": [{"recordId": "1", "data": {"text": text}}]});
    let judged: [(&str, Value); 11] = [
        ("/v1/lamassu/moderate", json!({"text": text})),
        ("/contentsafety/text:analyze?api-version=2024-09-01", json!({"text": text})),
        ("/contentsafety/text:shieldPrompt?api-version=2024-09-01", json!({"userPrompt": text})),
        ("/v1/moderations", json!({"input": text})),
        (
            "/v1alpha1/comments:analyze",
            json!({"comment": {"text": text}, "requestedAttributes": {"TOXICITY": {}}}),
        ),
        ("/skills/moderate", record.clone()),
        ("/skills/summarize", record),
        ("/beta/litellm_basic_guardrail_api", json!({"texts": [text]})),
        ("/api/v1/text/contents", json!({"contents": [text]})),
        ("/api/v1/text/generation", json!({"prompt": "", "generated_text": text})),
        ("/api/v1/text/chat", json!({"messages": [{"role": "user", "content": text}]})),
    ];
    let mut connection = Raw::to(&server);
    for (path, body) in judged {
        let answer = connection.ask(&format!("POST {path}\ndetector-id: moderation"), &body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let id = answer.header("x-lamassu-decision").unwrap_or_else(|| panic!("{path} names none"));
        assert_eq!(connection.ask(&format!("GET /v1/lamassu/decisions/{id}"), "").status, 200, "{path}");
    }
    let found = json!({"text": "Write to a@example.com", "language": "en"}).to_string();
    let unjudged = connection.ask("POST /analyze", &found);
    assert_eq!((unjudged.status, unjudged.header("x-lamassu-decision")), (200, None), "nothing was recorded");
}

/// A service whose keys `few-0` to `few-8` may ask once a minute, and `many` as often as it likes.
fn limited(default: &str, body_seconds: &str) -> Server {
    let all = "scopes = [\"judge\", \"banks\", \"review\", \"admin\"]";
    let few = (0..SAMPLES.len())
        .map(|number| format!("[[key]]\nname = \"few-{number}\"\nkey = \"few-{number}\"\n{all}\n"));
    let many = format!(
        "[[key]]\nname = \"many\"\nkey = \"many\"\n{all}\nrequests_per_minute = 0\nrequests_at_once = 0\n"
    );
    let one = format!(
        "[[key]]\nname = \"one\"\nkey = \"one\"\n{all}\nrequests_per_minute = 0\nrequests_at_once = 1\n"
    );
    let folder = folder();
    let config = file(&folder, "lamassu.toml", &format!("{}{many}{one}", few.collect::<String>()));
    let environment =
        [("LAMASSU_LIMITS__REQUESTS_PER_MINUTE", default), ("LAMASSU_LIMITS__BODY_SECONDS", body_seconds)];
    Server::start(&["--config", config.to_str().expect("a path")], &environment)
}

#[test]
fn a_key_that_asks_too_often_is_refused_in_each_facades_dress_before_its_body_comes() {
    let server = limited("1", "5");
    for (number, (dress, path)) in SAMPLES.into_iter().enumerate() {
        let key = format!("few-{number}");
        // If its minute ends just then, the request waits for its body, is refused for that, and counts.
        let refused = (0..3).find_map(|_| {
            Raw::to(&server).ask(&format!("POST {path}\nx-api-key: {key}"), "");
            let mut connection = Raw::to(&server);
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: me\r\napi-key: {key}\r\ncontent-length: 9\r\n\r\n");
            connection.send(head).expect("it listens");
            Some(connection.answer(false).expect("an answer")).filter(|answer| answer.status == 429)
        });
        let refused = refused.unwrap_or_else(|| panic!("{path} is not refused"));
        assert_dressed(dress, &refused);
        let seconds = refused.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
        assert!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "{path}: {seconds:?}");
        assert_eq!(refused.header("x-lamassu-degraded"), Some("false"), "{path}");
        let name = refused.json()["error"]["code"].clone();
        match dress {
            Azure => assert_eq!(name, "429"),
            OpenAi => assert_eq!(name, "rate_limit_exceeded"),
            Google => assert_eq!(refused.json()["error"]["status"], "RESOURCE_EXHAUSTED"),
            Native => assert_eq!(name, "too_many_requests"),
            Detector | Presidio => {}
        }
    }
    let mut connection = Raw::to(&server);
    for _ in 0..5 {
        assert_eq!(connection.ask("GET /v1/models\nauthorization: Bearer many", "").status, 200);
        assert_eq!(
            connection.ask("GET /health", "").status,
            200,
            "whoever asks after its health is not counted"
        );
    }
    let metrics = server.get("/metrics").body;
    let count = metrics
        .lines()
        .find_map(|line| line.strip_prefix("lamassu_requests_refused_total{limit=\"per_minute\"} "));
    assert!(count.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count >= 9)), "{metrics}");
}

#[test]
fn a_request_gives_its_place_back_when_its_client_is_gone() {
    let server = limited("0", "600");
    let mut other = Raw::to(&server);
    let mut ask = || other.ask("GET /v1/models\napi-key: one", "").status;
    for _ in 0..3 {
        let mut held = Raw::to(&server);
        let begun = "POST /v1/lamassu/moderate HTTP/1.1\r\nhost: me\r\napi-key: one\r\n\
                     content-length: 9\r\nexpect: 100-continue\r\n\r\n";
        held.send(begun).expect("it listens");
        // It is asked for its body once it has its place: nobody asks beside it before.
        assert_eq!(held.answer(false).expect("an answer").status, 100);
        assert_eq!(ask(), 429);
        drop(held);
        let gone = Instant::now();
        while ask() != 200 {
            assert!(gone.elapsed() < Duration::from_mins(5), "its place is never given back");
        }
    }
    // An answer that is taken makes room at once.
    for _ in 0..50 {
        assert_eq!(ask(), 200);
    }
}

#[test]
fn each_part_of_a_batch_is_its_own_keys_decision_and_counts_for_that_key() {
    let server = limited("1", "60");
    let part = |key: &str| {
        let body = json!({"comment": {"text": "Good morning!"}, "requestedAttributes": {"TOXICITY": {}}})
            .to_string();
        format!(
            "--b\r\ncontent-type: application/http\r\n\r\nPOST /v1alpha1/comments:analyze?key={key} HTTP/1.1\r\n\r\n{body}\r\n"
        )
    };
    let parts: String = ["many", "few-0", "few-0", "few-0"].map(part).concat();
    let headers = [("content-type", "multipart/mixed; boundary=b")];
    let answer = server.ask("POST", "/batch", &headers, format!("{parts}--b--\r\n").as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.headers.contains_key("x-lamassu-decision"), "its parts have theirs");
    let answers: Vec<&str> = answer.body.split("--batch_lamassu").collect();
    let decision = |part: &str| {
        let id = part.lines().find_map(|line| line.strip_prefix("x-lamassu-decision: "));
        id.unwrap_or_else(|| panic!("no decision: {part}")).trim().to_owned()
    };
    let seen = |id: &str, key: &str| {
        server.ask("GET", &format!("/v1/lamassu/decisions/{id}"), &[("api-key", key)], b"").json()
    };
    let (first, second) = (decision(answers[1]), decision(answers[2]));
    assert_eq!(seen(&first, "many")["by"], "many");
    assert_eq!(seen(&second, "many")["by"], "few-0", "an administrator sees it");
    let refused = answers[3..5].iter().find(|part| part.contains("HTTP/1.1 429"));
    let refused = refused.unwrap_or_else(|| panic!("{}", answer.body));
    assert!(refused.contains("RATE_LIMIT_EXCEEDED") && refused.contains("\r\nRetry-After: "), "{refused}");
    assert!(refused.contains("x-lamassu-degraded: false"), "{refused}");
}

#[test]
fn links_follow_a_proxy_that_is_trusted_and_no_other() {
    let root = |server: &Server| {
        let forwarded = "x-forwarded-proto: https\nx-forwarded-host: filter.example";
        let answer = Raw::to(server).ask(&format!("GET /$discovery/rest\n{forwarded}"), "");
        answer.json()["rootUrl"].as_str().expect("a link").to_owned()
    };
    let trusting = Server::start(&[], &[("LAMASSU_TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1")]);
    assert_eq!(root(&trusting), "https://filter.example/");
    let elsewhere = Server::start(&[], &[("LAMASSU_TRUSTED_PROXIES", "10.0.0.0/8")]);
    assert_eq!(root(&elsewhere), "http://me/");
    assert_eq!(root(&Server::start(&[], &[])), "http://me/");
    let configured =
        [("LAMASSU_TRUSTED_PROXIES", "127.0.0.1"), ("LAMASSU_PUBLIC_URL", "https://own.example")];
    assert_eq!(root(&Server::start(&[], &configured)), "https://own.example/");
    let data = folder();
    let refused = lamassu(data.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("LAMASSU_TRUSTED_PROXIES", "10.0.0.0/99")
        .output()
        .expect("it ends");
    assert_fails(&refused, "`trusted_proxies`: `10.0.0.0/99` is neither an address nor a network");
}
