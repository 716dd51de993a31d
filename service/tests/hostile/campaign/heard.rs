//! What came back over a connection.

use super::MARK;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    head: Vec<u8>,
    retry_after: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    /// What is wrong with it, without a word of the text.
    pub(super) fn fault(&self) -> Option<String> {
        let status = self.status;
        if holds_mark(&self.head) {
            return Some(format!("{status}: the text is in a header"));
        }
        if status >= 400 && holds_mark(&self.body) {
            return Some(format!("{status}: the text is in the error"));
        }
        let comes_again = self.retry_after.as_deref().is_some_and(|value| value.parse::<u32>().is_ok());
        match status {
            429 | 503 if comes_again => None,
            429 | 503 => Some(format!("{status}: there is no Retry-After")),
            500.. => Some(format!("{status}: {}", String::from_utf8_lossy(&self.body))),
            _ => None,
        }
    }
}

/// Whether the mark is in `bytes`, in capitals or not.
pub(super) fn holds_mark(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|window| window.eq_ignore_ascii_case(MARK.as_bytes()))
}

/// The answers in what came back. The last may be cut off.
pub(super) fn answers(mut bytes: &[u8]) -> Result<Vec<Answer>, String> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let head = match response.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) => break,
            Err(error) => return Err(format!("what comes back is not HTTP: {error}")),
        };
        let value = |name: &str| {
            let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| String::from_utf8_lossy(header.value).into_owned())
        };
        let (status, rest) = (response.code.unwrap_or_default(), &bytes[head..]);
        let length = value("content-length").and_then(|length| length.parse().ok());
        let end = match length {
            _ if status < 200 => 0,
            Some(length) => rest.len().min(length),
            None => chunks(rest).unwrap_or(rest.len()),
        };
        let retry_after = value("retry-after");
        // An interim answer is followed by the one that counts.
        if status >= 200 {
            let (head, body) = (bytes[..head].to_vec(), rest[..end].to_vec());
            answers.push(Answer { status, head, retry_after, body });
        }
        bytes = &rest[end..];
    }
    Ok(answers)
}

/// Where a body in chunks ends, if it is one.
fn chunks(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let Ok(httparse::Status::Complete((head, size))) = httparse::parse_chunk_size(&bytes[at..]) else {
            return None;
        };
        at += head + usize::try_from(size).ok()? + 2;
        if at > bytes.len() {
            return None;
        }
        if size == 0 {
            return Some(at);
        }
    }
}
