//! A connection whose bytes a test writes itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::Server;

/// How long a test waits for bytes before it has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// A connection.
pub(crate) struct Raw(BufReader<TcpStream>);

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    head: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Raw {
    /// Connects.
    pub(crate) fn to(server: &Server) -> Self {
        let address = server.address.strip_prefix("http://").expect("it speaks HTTP");
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
        Self(BufReader::new(stream))
    }

    /// The side that writes, for another thread.
    pub(crate) fn writer(&self) -> TcpStream {
        self.0.get_ref().try_clone().expect("a handle")
    }

    /// Waits for bytes only so long.
    pub(crate) fn impatient(&self, patience: Duration) {
        self.0.get_ref().set_read_timeout(Some(patience)).expect("a time-out");
    }

    /// Writes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    /// Sends a whole request and reads the answer.
    pub(crate) fn ask(&mut self, request: &str, body: &str) -> RawAnswer {
        let (line, headers) = request.split_once('\n').unwrap_or((request, ""));
        let head = format!("{line} HTTP/1.1\r\nhost: me\r\ncontent-length: {}\r\n", body.len());
        let headers: String = headers.lines().flat_map(|header| [header.trim(), "\r\n"]).collect();
        self.send(format!("{head}{headers}\r\n{body}")).expect("it listens");
        self.answer(line.starts_with("HEAD ")).expect("an answer")
    }

    /// The next answer, if one comes before the end.
    pub(crate) fn answer(&mut self, is_head: bool) -> std::io::Result<RawAnswer> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let pairs = lines.iter().filter_map(|line| line.split_once(": "));
        let head = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut answer = RawAnswer { status, head, body: String::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if !is_head {
            let mut body = vec![0; length];
            self.0.read_exact(&mut body)?;
            answer.body = String::from_utf8(body).expect("text");
        }
        Ok(answer)
    }

    /// Whether the other side has closed the connection, after whatever it still had to say.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => {
                ![std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut].contains(&error.kind())
            }
        }
    }
}

impl RawAnswer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}
