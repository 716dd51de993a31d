//! Requests as no honest client sends them: how they are written, in which pieces, and how they end.

use std::io::Write;
use std::time::Duration;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::targets::{Target, text};
use super::{KEY, MARK, weird};

/// How a client ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It waits for the answer: what it sent is a whole request, or cannot become one.
    Answer,
    /// It looks whether there is one, and goes.
    Glance,
    /// It hangs up.
    Close,
}

/// What a client sends over one connection.
pub(super) struct Shot {
    pub(super) label: &'static str,
    pub(super) pieces: Vec<Vec<u8>>,
    /// Between two pieces.
    pub(super) pause: Duration,
    pub(super) end: End,
    /// Requests in it, whole or not.
    pub(super) requests: u64,
}

type Maker = fn(&mut Rng) -> Shot;

/// The makers, by how often in a hundred each is called.
const MAKERS: [(u8, Maker); 15] = [
    (4, honest),
    (14, |dice| with_body(dice, "malformed JSON", |dice, body| weird::malformed(dice, &body))),
    (14, |dice| with_body(dice, "wrong types", weird::wrong_types)),
    (6, |dice| with_body(dice, "deep nesting", weird::nested)),
    (8, |dice| with_body(dice, "huge numbers", weird::numbers)),
    (8, |dice| with_body(dice, "lone surrogates", |dice, body| weird::surrogates(dice, &body))),
    (5, |dice| with_body(dice, "unknown members", weird::unknown_members)),
    (2, slow),
    (4, pipelined),
    (7, headers),
    (8, chunked),
    (7, encoded),
    (5, hung_up),
    (4, odd_paths),
    (4, keys),
];

impl Shot {
    pub(super) fn new(dice: &mut Rng) -> Self {
        let mut roll = dice.u8(..100);
        let chosen = MAKERS.iter().find(|(share, _)| {
            let is_it = roll < *share;
            roll = roll.saturating_sub(*share);
            is_it
        });
        chosen.map_or(honest as Maker, |(_, maker)| *maker)(dice)
    }

    /// One request, sent in one go and answered.
    fn whole(label: &'static str, bytes: Vec<u8>) -> Self {
        Self { label, pieces: vec![bytes], pause: Duration::ZERO, end: End::Answer, requests: 1 }
    }
}

/// A request as it is written.
struct Written {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Written {
    fn new(target: &Target, body: Vec<u8>) -> Self {
        let line = format!("{} {} HTTP/1.1", target.method, target.path);
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut headers: Vec<_> = target.headers.iter().map(pair).collect();
        headers.push(pair(&("host", "filter.example")));
        if !target.path.contains("key=") {
            headers.push(("authorization".to_owned(), format!("Bearer {KEY}")));
        }
        if target.method != "GET" && target.headers.iter().all(|(name, _)| *name != "content-type") {
            headers.push(pair(&("content-type", "application/json")));
        }
        Self { line, headers, body }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self) -> String {
        let lines: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{}", self.line, lines.concat())
    }

    /// All of it, and that it is the last over this connection.
    fn bytes(&self) -> Vec<u8> {
        self.bytes_with("connection: close\r\n")
    }

    fn bytes_with(&self, more: &str) -> Vec<u8> {
        let length = self.body.len();
        let head = format!("{}{more}content-length: {length}\r\n\r\n", self.head());
        [head.as_bytes(), &self.body].concat()
    }
}

/// A whole request as it should be. Where things are kept, it is mostly for somewhere else: what they take is no leak.
fn written(dice: &mut Rng) -> Written {
    let mut target = Target::any(dice);
    if target.keeps {
        target = Target::any(dice);
    }
    let text = text(dice);
    let body = match target.body(&text) {
        Value::Null => Vec::new(),
        // A body that is no JSON.
        Value::String(raw) => raw.into_bytes(),
        body => body.to_string().into_bytes(),
    };
    Written::new(target, body)
}

fn honest(dice: &mut Rng) -> Shot {
    Shot::whole("as it should be", written(dice).bytes())
}

fn with_body(dice: &mut Rng, label: &'static str, weird: fn(&mut Rng, Value) -> Vec<u8>) -> Shot {
    let (target, text) = (Target::any(dice), text(dice));
    let body = weird(dice, target.body(&text));
    Shot::whole(label, Written::new(target, body).bytes())
}

/// The body comes a few bytes at a time; some of it never.
fn slow(dice: &mut Rng) -> Shot {
    let bytes = written(dice).bytes();
    let (end, bytes) = if dice.bool() {
        (End::Answer, bytes)
    } else {
        (End::Close, bytes[..bytes.len() - dice.usize(1..10)].to_vec())
    };
    let pieces = bytes.chunks(bytes.len() / dice.usize(3..8) + 1).map(<[u8]>::to_vec).collect();
    let pause = Duration::from_millis(dice.u64(5..60));
    Shot { label: "slow body", pieces, pause, end, requests: 1 }
}

/// Many requests before the first is answered; some are broken.
fn pipelined(dice: &mut Rng) -> Shot {
    let before = dice.usize(1..12);
    let mut bytes = Vec::new();
    for _ in 0..before {
        let mut one = written(dice);
        if dice.bool() {
            one.body = MARK.as_bytes().to_vec();
        }
        bytes.extend(one.bytes_with(""));
    }
    bytes.extend(written(dice).bytes());
    let requests = before as u64 + 1;
    Shot { label: "pipelining", pieces: vec![bytes], pause: Duration::ZERO, end: End::Answer, requests }
}

/// Too many headers, too long ones, ones that contradict each other, ones that are none.
fn headers(dice: &mut Rng) -> Shot {
    let honest = written(dice);
    let more = match dice.u8(..9) {
        0 => {
            let line = |at| format!("x-flood-{at}: {MARK}\r\n");
            (0..dice.usize(90..2_000)).map(line).collect::<Vec<_>>().concat()
        }
        1 => format!("x-flood: {}\r\n", MARK.repeat(dice.usize(1_000..40_000))),
        2 => "content-length: 5\r\n".to_owned(),
        3 => format!("content-length: -{MARK}\r\n"),
        4 => "transfer-encoding: chunked\r\n".to_owned(),
        5 => format!("x-folded: a\r\n  {MARK}\r\n"),
        6 => format!("x {MARK}: broken name\r\n\0: \x07\r\n"),
        7 => format!(
            "traceparent: 00-{MARK}\r\ntracestate: {MARK}={MARK}\r\nbaggage: {MARK}={MARK}\r\nx-request-id: {MARK} {MARK}\r\n"
        ),
        _ => "expect: 100-continue\r\nupgrade: h2c\r\nconnection: upgrade\r\nrange: bytes=0-1\r\n".to_owned(),
    };
    let close = format!("{more}connection: close\r\n");
    // Whether such a request is whole is a matter of opinion.
    Shot { end: End::Glance, ..Shot::whole("header flood", honest.bytes_with(&close)) }
}

/// Chunks that lie about their size, have no end, or smuggle a request.
fn chunked(dice: &mut Rng) -> Shot {
    let honest = written(dice).with("transfer-encoding", "chunked").with("connection", "close");
    let body = String::from_utf8_lossy(&honest.body).into_owned();
    let length = body.len();
    let rest = match dice.u8(..9) {
        0 => format!("{length:x}\r\n{body}\r\n0\r\n\r\n"),
        1 => format!("ffffffffffffffff\r\n{body}"),
        2 => format!("-1\r\n{body}\r\n0\r\n\r\n"),
        3 => format!("{MARK}\r\n{body}\r\n0\r\n\r\n"),
        4 => format!("{length:x};{}={MARK}\r\n{body}\r\n0\r\n\r\n", MARK.repeat(dice.usize(1..3_000))),
        5 => format!("{length:x}\r\n{body}\r\n0\r\nx-trailer: {MARK}\r\n\r\n"),
        6 => format!("1\r\n{body}\r\n"),
        7 => {
            let chunk = |one: char| format!("{:x}\r\n{one}\r\n", one.len_utf8());
            body.chars().map(chunk).collect::<Vec<_>>().concat() + "0\r\n\r\n"
        }
        _ => format!("0\r\n\r\nPOST /v1/lamassu/moderate HTTP/1.1\r\ncontent-length: 6\r\n\r\n{MARK}"),
    };
    let bytes = format!("{}\r\n{rest}", honest.head()).into_bytes();
    Shot { end: End::Glance, ..Shot::whole("chunks", bytes) }
}

/// Bodies in encodings and of types that are not what they say, or too much of it.
fn encoded(dice: &mut Rng) -> Shot {
    let mut honest = written(dice);
    let mut also = |name: &str, value: &str| honest.headers.push((name.to_owned(), value.to_owned()));
    match dice.u8(..8) {
        0 => also("content-encoding", "gzip"),
        1 => {
            also("content-encoding", "gzip");
            honest.body = zipped(&honest.body);
        }
        2 => {
            also("content-encoding", "gzip");
            honest.body = zipped(&b" ".repeat(12 << 20));
        }
        3 => also("content-encoding", "br, deflate, zstd"),
        4 => {
            honest.body =
                String::from_utf8_lossy(&honest.body).encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        5 => honest.headers.iter_mut().filter(|(name, _)| name == "content-type").for_each(|(_, value)| {
            value.replace_range(.., "multipart/form-data; boundary=zq");
        }),
        6 => honest.headers.retain(|(name, _)| name != "content-type"),
        _ => honest.body = (0..dice.usize(1..4_000)).map(|_| dice.u8(..)).collect(),
    }
    Shot::whole("encodings", honest.bytes())
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// The client goes before it has said all, or before it is answered.
fn hung_up(dice: &mut Rng) -> Shot {
    let mut honest = written(dice);
    if dice.u8(..4) == 0 {
        honest.line = honest.line.replace("HTTP/1.1", &format!("HTTP/1.1\r\ncontent-length: {}", u64::MAX));
    }
    let bytes = honest.bytes();
    let most = if dice.bool() { bytes.len() } else { dice.usize(1..bytes.len()) };
    Shot { end: End::Close, ..Shot::whole("hung up", bytes[..most].to_vec()) }
}

/// Methods, paths, queries and versions that there are not.
fn odd_paths(dice: &mut Rng) -> Shot {
    let mut honest = written(dice);
    let mut words: Vec<String> = honest.line.split(' ').map(str::to_owned).collect();
    match dice.u8(..10) {
        0 => words[0] = MARK.to_uppercase(),
        1 => words[0] = dice.choice(["DELETE", "OPTIONS", "TRACE", "PUT", "CONNECT"]).unwrap_or("").into(),
        2 => words[1] = format!("/{MARK}/{}", dice.u32(..)),
        3 => words[1] = "/contentsafety/../../../etc/passwd".into(),
        4 => words[1] = format!("{}%00%ff%2e%2e/", words[1]),
        5 => words[1] = format!("{}&{}", words[1], "a=%zz&".repeat(dice.usize(1..3_000))),
        6 => words[1] = format!("http://filter.example{}", words[1]),
        7 => words[2] = "HTTP/9.9".into(),
        8 => {
            words[1] =
                format!("/v1/lamassu/banks/precedents/rows/{}?state=x&limit=-1&limit=9", "%41".repeat(300));
        }
        _ => words.truncate(1),
    }
    honest.line = words.join(" ");
    Shot { end: End::Glance, ..Shot::whole("odd paths", honest.bytes()) }
}

/// Keys that open nothing, in every header that one may stand in. They hold the mark: no key is to be given away.
fn keys(dice: &mut Rng) -> Shot {
    let mut honest = written(dice);
    honest.headers.retain(|(name, _)| name != "authorization");
    let long = MARK.repeat(dice.usize(1..900));
    let name = ["authorization", "api-key", "ocp-apim-subscription-key", "x-api-key", "x-goog-api-key"];
    let name = name[dice.usize(..name.len())];
    let value = if name == "authorization" { format!("Bearer {long}.e30.{MARK}") } else { long };
    Shot::whole("wrong keys", honest.with(name, &value).bytes())
}
