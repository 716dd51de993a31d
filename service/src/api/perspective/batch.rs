//! `POST /batch`: many requests in one, as `multipart/mixed` of `application/http`. Each is answered on its own, for the
//! key that it shows itself, and is a decision of its own.
//!
//! Source: RFC 2046, section 5.1, and PERSPECTIVE §8.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use percent_encoding::percent_decode_str;

use super::answer::JSON;
use super::desk::{Desk, Operation, received};
use super::error::{Fault, GoogleError};
use super::gate::key_in;
use crate::api::account::said;
use crate::decisions::{Heading, Minutes};
use crate::error::ApiError;
use crate::keys::Caller;

/// Requests of one batch.
const MAX_PARTS: usize = 1_000;
/// Between the answers.
const BOUNDARY: &str = "batch_lamassu";

/// A batch as it is sent, under the boundary `batch_example`.
pub(super) const EXAMPLE: &str = "--batch_example\r\nContent-Type: application/http\r\nContent-ID: <1>\r\n\r\n\
    POST /v1alpha1/comments:analyze HTTP/1.1\r\nContent-Type: application/json\r\n\r\n\
    {\"comment\": {\"text\": \"Good morning!\"}, \"requestedAttributes\": {\"TOXICITY\": {}}}\r\n\
    --batch_example--\r\n";

/// A message: its first lines, unfolded, and what comes after the empty one.
struct Message<'a> {
    head: Vec<String>,
    body: &'a [u8],
}

/// Answers each part in its place. One comes after the other: a batch takes one place among the texts being judged.
pub(super) async fn batch(
    request: HttpRequest,
    desk: web::Data<Desk>,
    body: web::Payload,
) -> Result<HttpResponse, GoogleError> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let boundary = kind.and_then(boundary).ok_or_else(|| unreadable("it is not `multipart/mixed`"))?;
    let body = received(body, desk.max_body()).await?;
    let parts = parts(&body, boundary).ok_or_else(|| unreadable("it has no parts that end"))?;
    if parts.len() > MAX_PARTS {
        return Err(unreadable(&format!("it has more than {MAX_PARTS} parts")));
    }
    let whole = request.extensions().get::<Caller>().cloned();
    let mut answers = Vec::new();
    for part in parts {
        let part = Message::of(part);
        let minutes = Minutes::open();
        let answer = Arc::clone(&minutes).over(answer(&desk, whole.as_ref(), part.body)).await;
        if let Some(heading) = minutes.said() {
            Minutes::tells_of(Heading { decision: None, ..heading });
        }
        write(&mut answers, part.header("content-id"), answer, &said(&minutes, &desk.moderator));
    }
    answers.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/mixed; boundary={BOUNDARY}");
    Ok(HttpResponse::Ok().content_type(kind).body(answers))
}

fn unreadable(why: &str) -> GoogleError {
    GoogleError::fault(Fault::InvalidRequest, format!("Failed to parse batch request: {why}."))
}

/// Answers one request; `whole` is whose key the batch shows, if it shows one.
async fn answer(desk: &Desk, whole: Option<&Caller>, request: &[u8]) -> Result<Vec<u8>, GoogleError> {
    let request = Message::of(request);
    let line = request.head.first().map(String::as_str).unwrap_or_default();
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(unreadable("a part is no HTTP request"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = percent_decode_str(origin_form(path)).decode_utf8_lossy();
    let caller = request.caller(desk, query, whole)?;
    Minutes::is_of(&caller);
    let _places = desk.begin(&caller)?;
    let operation = Operation::at(&path).ok_or(ApiError::NotFound)?;
    if method != "POST" {
        return Err(ApiError::MethodNotAllowed.into());
    }
    let answer = desk.answer(operation, &caller, request.body).await?;
    Ok(answer.body().to_vec())
}

/// The path of a target that may name its host.
fn origin_form(target: &str) -> &str {
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    rest.and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(target)
}

/// Appends the answer to the part called `id`, and what is said of how it came about.
fn write(
    out: &mut Vec<u8>,
    id: Option<&str>,
    answer: Result<Vec<u8>, GoogleError>,
    said: &[(HeaderName, HeaderValue)],
) {
    let (status, retry_after, body) = match answer {
        Ok(body) => (StatusCode::OK, None, body),
        Err(error) => (error.status(), error.retry_after(), error.json().to_string().into_bytes()),
    };
    let mut head = format!("--{BOUNDARY}\r\nContent-Type: application/http\r\n");
    if let Some(id) = id {
        let id = id.trim_start_matches('<');
        head.extend(["Content-ID: <response-", id, if id.ends_with('>') { "\r\n" } else { ">\r\n" }]);
    }
    head.extend(["\r\nHTTP/1.1 ", &status.to_string(), "\r\nContent-Type: ", JSON, "\r\n"]);
    for (name, value) in said {
        head.extend([name.as_str(), ": ", value.to_str().unwrap_or_default(), "\r\n"]);
    }
    if let Some(seconds) = retry_after {
        head.extend(["Retry-After: ", &seconds.to_string(), "\r\n"]);
    }
    head.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&body);
    out.extend_from_slice(b"\r\n");
}

/// The boundary that a content type names.
fn boundary(kind: &str) -> Option<&str> {
    let mut parts = kind.split(';').map(str::trim);
    parts.next().filter(|kind| kind.to_ascii_lowercase().starts_with("multipart/"))?;
    let named = |part: &'_ str| part.get(..9).is_some_and(|name| name.eq_ignore_ascii_case("boundary="));
    let value = parts.find(|part| named(part))?.get(9..)?.trim_matches('"');
    (1..=70).contains(&value.len()).then_some(value)
}

/// What stands between the lines that are the boundary, if the last one of them ends the body. Time is linear in it.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<&'a [u8]>> {
    let (mut parts, mut from, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        let line = line.trim_ascii_end();
        let Some(rest) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()))
        else {
            continue;
        };
        if !rest.is_empty() && rest != b"--" {
            continue;
        }
        if let Some(from) = from {
            // The end of the line before belongs to the boundary.
            let part = body.get(from..start)?;
            let part = part.strip_suffix(b"\n").unwrap_or(part);
            parts.push(part.strip_suffix(b"\r").unwrap_or(part));
        }
        if rest == b"--" {
            return Some(parts);
        }
        from = Some(end);
    }
    None
}

impl<'a> Message<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let (mut head, mut at): (Vec<String>, usize) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            at += line.len();
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                // Before the first line they say nothing.
                if head.is_empty() {
                    continue;
                }
                break;
            }
            // A control character would not stay within its line of the answer.
            let line: String = line.chars().filter(|char| !char.is_control() || *char == '\t').collect();
            match head.last_mut() {
                Some(before) if line.starts_with([' ', '\t']) => before.push_str(&line),
                _ => head.push(line),
            }
        }
        Self { head, body: bytes.get(at..).unwrap_or_default() }
    }

    /// The header called `name`, in lower case.
    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.iter().filter_map(|line| line.split_once(':'));
        let mut named = headers.filter(|(header, _)| header.trim().eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim())
    }

    /// Whose key the request shows, in its query or its headers; else whose the batch shows.
    fn caller(&self, desk: &Desk, query: &str, whole: Option<&Caller>) -> Result<Caller, GoogleError> {
        let bearer = self.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let headers = [bearer, self.header("x-goog-api-key")];
        let shown: Vec<String> =
            key_in(query).into_iter().chain(headers.into_iter().flatten().map(str::to_owned)).collect();
        if shown.is_empty() {
            let local = || desk.door.keys.holder(None);
            return whole.cloned().or_else(local).ok_or_else(GoogleError::no_key);
        }
        let known = shown.iter().find_map(|key| desk.door.keys.holder(Some(key.as_bytes())));
        let known = known.or_else(|| desk.door.keys.token(bearer?.as_bytes()));
        known.ok_or_else(GoogleError::bad_key)
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, boundary, origin_form, parts};

    #[test]
    fn parts_stand_between_lines_that_are_the_boundary_and_folded_headers_are_whole() {
        assert_eq!(boundary("multipart/mixed; charset=x; boundary=\"==a==\""), Some("==a=="));
        assert_eq!(boundary("application/json; boundary=a"), None);
        let body = b"--a\r\nContent-ID: <1 +\r\n 2>\r\n\r\nPOST /x HTTP/1.1\nA: b\n\n{--a}\r\n--a\r\n\r\n\r\n--a--\r\n";
        let parts = parts(body, "a").unwrap();
        assert_eq!(parts.len(), 2);
        let part = Message::of(parts[0]);
        assert_eq!(part.header("content-id"), Some("<1 + 2>"));
        let inner = Message::of(part.body);
        assert_eq!((inner.head[0].as_str(), inner.body), ("POST /x HTTP/1.1", b"{--a}".as_slice()));
        assert!(super::parts(b"--a\r\nx", "a").is_none(), "it must end");
        assert_eq!(origin_form("https://host/v1?"), "/v1?");
    }
}
