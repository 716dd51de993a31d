//! What a collector is told: spans and metrics by OTLP, and nothing that a caller wrote.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod collector;
mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use collector::Collector;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use support::Server;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// A machine may be busy with other things when the last spans are sent.
const PATIENCE: (&str, &str) = ("LAMASSU_TELEMETRY__TIMEOUT_MS", "60000");
/// Stands wherever a caller can write something.
const MARKER: &str = "zanzibar";

fn words(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let word = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some((attribute.key.clone(), text.clone())),
        Value::IntValue(number) => Some((attribute.key.clone(), number.to_string())),
        _ => None,
    };
    attributes.iter().filter_map(word).collect()
}

/// The spans that a collector has, and who sent them.
fn spans(collector: &Collector) -> (Vec<Span>, Vec<Resource>) {
    let (mut spans, mut resources) = (Vec::new(), Vec::new());
    for body in collector.bodies("/v1/traces") {
        let message = ExportTraceServiceRequest::decode(&*body).expect("a message");
        for of_one in message.resource_spans {
            resources.extend(of_one.resource);
            spans.extend(of_one.scope_spans.into_iter().flat_map(|scoped| scoped.spans));
        }
    }
    (spans, resources)
}

/// The metrics of the last report, by name.
fn metrics(collector: &Collector) -> BTreeMap<String, Metric> {
    let body = collector.bodies("/v1/metrics").pop().expect("a report");
    let message = ExportMetricsServiceRequest::decode(&*body).expect("a message");
    let scoped = message.resource_metrics.into_iter().flat_map(|of_one| of_one.scope_metrics);
    scoped.flat_map(|scoped| scoped.metrics).map(|metric| (metric.name.clone(), metric)).collect()
}

/// What the service answers to bytes.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let address = server.address.strip_prefix("http://").expect("an address");
    let mut connection = TcpStream::connect(address).expect("it listens");
    connection.write_all(bytes).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    answer
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[test]
fn each_request_is_a_span_under_the_callers_each_stage_one_under_it_and_a_stop_sends_them_all() {
    let collector = Collector::start();
    let server = Server::start(&[], &[("LAMASSU_TELEMETRY__ENDPOINT", &collector.address), PATIENCE]);
    let headers = [
        ("traceparent", &*format!("00-{TRACE}-{PARENT}-01")),
        ("tracestate", "vendor=zanzibar"),
        ("x-request-id", "mine-1"),
    ];
    let answer = server.moderate_with(json!({"text": MARKER}).to_string().as_bytes(), &headers);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(server.stop(), "it ends cleanly");
    let (spans, resources) = spans(&collector);
    let request = spans.iter().find(|span| span.name == "POST /v1/lamassu/moderate").expect("a span");
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    let told = words(&request.attributes);
    assert_eq!(told["http.request.method"], "POST");
    assert_eq!(told["http.route"], "/v1/lamassu/moderate");
    assert_eq!(told["http.response.status_code"], "200");
    assert_eq!(told["lamassu.request_id"], "mine-1");
    assert_eq!(told["lamassu.decision_id"], answer.headers["x-lamassu-decision"].to_str().expect("text"));
    let record = &answer.json()["record"]["stages"];
    for stage in record.as_array().expect("stages") {
        let name = stage["stage"].as_str().expect("a name");
        let span = spans.iter().find(|span| span.name == format!("stage {name}")).expect(name);
        assert_eq!(span.parent_span_id, request.span_id, "{name}");
        assert_eq!(span.trace_id, request.trace_id, "{name}");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        let told = words(&span.attributes);
        assert_eq!(told["status"], stage["status"].as_str().expect("a status"), "{name}");
        assert_eq!(told.get("device").map(String::as_str), stage["device"].as_str(), "{name}");
        assert!(told.contains_key("kind"), "{name}");
    }
    assert_eq!(words(&resources[0].attributes)["service.name"], "lamassu");
    let metrics = metrics(&collector);
    let Some(Data::Sum(verdicts)) = &metrics["lamassu_verdicts_total"].data else { panic!("no sum") };
    assert_eq!(verdicts.data_points[0].value, Some(number_data_point::Value::AsDouble(1.0)));
    assert!(verdicts.is_monotonic);
    let Some(Data::Histogram(seconds)) = &metrics["lamassu_stage_seconds"].data else {
        panic!("no histogram")
    };
    let counts =
        seconds.data_points.iter().map(|point| point.bucket_counts.iter().sum::<u64>() == point.count);
    assert!(counts.clone().count() > 1 && counts.into_iter().all(|adds_up| adds_up));
}

#[test]
fn nothing_that_a_caller_wrote_reaches_the_collector() {
    let collector = Collector::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.address),
        ("OTEL_SERVICE_NAME", "filter"),
        PATIENCE,
        ("LAMASSU_API_KEY", "12345"),
        ("LAMASSU_LOG", "trace"),
    ];
    let server = Server::start(&[], &variables);
    let (key, text) = (("authorization", "Bearer 12345"), json!({"text": MARKER}).to_string());
    let bad_key =
        [("authorization", "Bearer zanzibar"), ("traceparent", "zanzibar"), ("x-request-id", "zanzibar !")];
    let asked = [
        ("POST", "/v1/lamassu/moderate", vec![key], text.clone(), 200),
        ("POST", "/v1/lamassu/moderate", vec![key], format!("{{\"{MARKER}\": 1}}"), 400),
        ("POST", "/v1/lamassu/moderate?zanzibar=zanzibar", bad_key.to_vec(), text.clone(), 401),
        ("POST", "/v1alpha1/comments:analyze?key=zanzibar", vec![], text.clone(), 400),
        ("GET", "/v1/models/zanzibar", vec![key], String::new(), 404),
    ];
    for (method, path, headers, body, status) in &asked {
        let answer = server.ask(method, path, headers, body.as_bytes());
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.body);
    }
    let odd = raw(&server, b"ZANZIBAR /zanzibar HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(odd.starts_with("HTTP/1.1 404 "), "{odd}");
    assert!(server.stop(), "it ends cleanly");
    let (spans, resources) = spans(&collector);
    assert_eq!(words(&resources[0].attributes)["service.name"], "filter");
    let requests: Vec<&str> =
        spans.iter().map(|span| &*span.name).filter(|name| !name.starts_with("stage ")).collect();
    assert_eq!(requests.len(), asked.len() + 1, "{requests:?}");
    assert!(requests.contains(&"_OTHER unknown"), "{requests:?}");
    assert!(!metrics(&collector).is_empty());
    let everything = String::from_utf8_lossy(&collector.everything()).to_ascii_lowercase();
    assert!(!everything.contains(MARKER) && !everything.contains("12345"));
}

#[test]
fn a_collector_that_does_not_answer_holds_nobody_up_and_what_it_misses_is_counted() {
    // It lets others connect, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [
        ("LAMASSU_TELEMETRY__ENDPOINT", &*address),
        ("LAMASSU_TELEMETRY__QUEUE", "4"),
        ("LAMASSU_TELEMETRY__TIMEOUT_MS", "500"),
    ];
    let server = Server::start(&[], &variables);
    for _ in 0..20 {
        assert_eq!(server.get("/livez").status, 200);
    }
    let metrics = server.get("/metrics").body;
    let count = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().parse().expect("a number")
    };
    let full = count("lamassu_spans_dropped_total{reason=\"queue_full\"}");
    let not_taken = count("lamassu_spans_dropped_total{reason=\"not_taken\"}");
    // All 20 have ended, and at most 4 wait.
    assert!(full + not_taken >= 16, "{metrics}");
    assert_eq!(count("lamassu_spans_sent_total"), 0);
    assert!(server.stop(), "it ends cleanly all the same");
}
