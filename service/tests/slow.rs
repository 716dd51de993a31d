//! Clients that are slow, or send too much: each costs one connection for a bounded time, and nobody else waits.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::io::{ErrorKind, Write};
use std::time::Duration;

use support::Server;
use support::raw::Raw;

/// A service that is impatient.
fn impatient() -> Server {
    let seconds = ["HEAD", "BODY", "STALL"].map(|name| format!("LAMASSU_LIMITS__{name}_SECONDS"));
    let environment: Vec<(&str, &str)> = seconds.iter().map(|name| (name.as_str(), "5")).collect();
    Server::start(&[], &environment)
}

/// Whether a request on a connection of its own is answered. A machine with no time for this test can be too slow itself.
fn is_served(server: &Server) -> bool {
    let mut other = Raw::to(server);
    let sent = other.send("GET /livez HTTP/1.1\r\nhost: me\r\n\r\n");
    sent.and_then(|()| other.answer(false)).is_ok_and(|answer| answer.status == 200)
}

/// Sends `begun`, and then `drop` five times a second until the service has closed the connection; the status it answered.
/// Others are served all the while.
fn drip(server: &Server, begun: &str, drop: &str) -> Option<u16> {
    let mut connection = Raw::to(server);
    connection.send(begun).expect("it listens");
    let mut writer = connection.writer();
    let reader = std::thread::spawn(move || {
        let status = connection.answer(false).map(|answer| answer.status).ok();
        (status, connection.is_closed())
    });
    // As many as a minute holds.
    for _ in 0..300 {
        if reader.is_finished() || writer.write_all(drop.as_bytes()).is_err() {
            break;
        }
        assert!((0..10).any(|_| is_served(server)), "others are not served");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (status, is_closed) = reader.join().expect("no panic");
    assert!(is_closed, "it is never closed");
    status
}

const POST: &str = "POST /v1/lamassu/moderate HTTP/1.1\r\nhost: me\r\n";

#[test]
fn a_body_that_drips_is_refused_when_its_time_is_over() {
    let server = impatient();
    let sized = format!("{POST}content-length: 100000\r\n\r\n");
    assert_eq!(drip(&server, &sized, "x"), Some(408));
    let chunked = format!("{POST}transfer-encoding: chunked\r\n\r\n");
    assert_eq!(drip(&server, &chunked, "1\r\nx\r\n"), Some(408));
    // The vendors' words for it, and why.
    let mut connection = Raw::to(&server);
    connection.send(sized).expect("it listens");
    let answer = connection.answer(false).expect("an answer");
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (408, &serde_json::json!("body_too_slow")));
    assert!(answer.body.contains("limits.body_seconds"), "{}", answer.body);
    assert!(connection.is_closed());
}

#[test]
fn the_rest_of_a_body_that_was_refused_does_not_hold_the_connection() {
    let server = impatient();
    let nowhere = "POST /v1/nowhere HTTP/1.1\r\nhost: me\r\n";
    let chunked = format!("{nowhere}transfer-encoding: chunked\r\n\r\n");
    assert_eq!(drip(&server, &chunked, "1\r\nx\r\n"), Some(404));
    let sized = format!("{nowhere}content-length: 100000\r\n\r\n");
    assert_eq!(drip(&server, &sized, "x"), Some(404));
}

#[test]
fn a_head_that_drips_is_given_up_whether_it_is_the_first_or_a_later_one() {
    let server = impatient();
    let first = "GET /livez HTTP/1.1\r\nhost: me\r\n";
    assert_eq!(drip(&server, first, "a: b\r\n"), Some(408));
    let later = format!("{first}\r\nGET /livez HTTP/1.1\r\n");
    assert_eq!(drip(&server, &later, "a"), Some(200), "the first was answered");
}

#[test]
fn a_client_that_takes_nothing_of_its_answers_is_given_up() {
    let server = impatient();
    let mut connection = Raw::to(&server);
    // Their answers are more than the buffers of both sides hold.
    let request = "GET /metrics HTTP/1.1\r\nhost: me\r\n\r\n";
    let mut sent = connection.send(request.repeat(16_000));
    for _ in 0..300 {
        if sent.is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
        sent = connection.send("GET");
    }
    let error = sent.expect_err("it is closed").kind();
    assert!(![ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error), "it is never closed");
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn a_head_has_so_many_headers_and_so_many_bytes_and_more_are_refused() {
    let server = Server::start(&[], &[]);
    let ask = |headers: String| {
        let mut connection = Raw::to(&server);
        // It may be refused before all of it was sent.
        let _ = connection.send(format!("GET /livez HTTP/1.1\r\nhost: me\r\n{headers}\r\n"));
        let status = connection.answer(false).map(|answer| answer.status);
        (status.ok(), connection)
    };
    assert_eq!(ask("a: b\r\n".repeat(95)).0, Some(200));
    let (status, mut connection) = ask("a: b\r\n".repeat(96));
    assert_eq!((status, connection.is_closed()), (Some(431), true));
    assert_eq!(ask(format!("a: {}\r\n", "b".repeat(100_000))).0, Some(200));
    let (status, mut connection) = ask(format!("a: {}\r\n", "b".repeat(140_000)));
    // What it has not read of a flood may break the connection before its answer is there.
    assert!(matches!(status, Some(431) | None) && connection.is_closed(), "{status:?}");
    // A flood without an end.
    let mut connection = Raw::to(&server);
    connection.send("GET /livez HTTP/1.1\r\n").expect("it listens");
    let ended = (0..1_000_000).find(|_| connection.send("flood: flood\r\n".repeat(100)).is_err());
    assert!(ended.is_some(), "it is closed");
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn requests_sent_ahead_are_answered_one_by_one_in_their_order() {
    let server = Server::start(&[], &[]);
    let mut connection = Raw::to(&server);
    let request =
        |number: usize| format!("GET /livez HTTP/1.1\r\nhost: me\r\nx-request-id: {number}\r\n\r\n");
    connection.send((0..200).map(request).collect::<String>()).expect("it listens");
    for number in 0..200 {
        let answer = connection.answer(false).expect("an answer");
        assert_eq!((answer.status, answer.header("x-request-id")), (200, Some(number.to_string().as_str())));
    }
}

#[test]
fn connections_beyond_the_limit_wait_until_one_closes() {
    let server = Server::start(&[], &[("LAMASSU_LIMITS__CONNECTIONS", "2")]);
    let mut open = [Raw::to(&server), Raw::to(&server)];
    for connection in &mut open {
        assert_eq!(connection.ask("GET /livez", "").status, 200);
    }
    let mut waiting = Raw::to(&server);
    waiting.send("GET /livez HTTP/1.1\r\nhost: me\r\n\r\n").expect("it is queued");
    waiting.impatient(Duration::from_millis(500));
    assert!(waiting.answer(false).is_err(), "there are two already");
    drop(open);
    waiting.impatient(Duration::from_mins(1));
    assert_eq!(waiting.answer(false).expect("an answer").status, 200);
}
