//! A collector that takes OTLP over HTTP and keeps all of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was posted: the path, the heads of the request, the body.
type Posted = (String, String, Vec<u8>);

/// A collector on a port of its own, as long as the process lives.
pub(crate) struct Collector {
    /// `http://127.0.0.1:PORT`
    pub(crate) address: String,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let posted = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&posted);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    // Whoever hangs up has said all.
                    let _ = take(connection, &kept);
                });
            }
        });
        Self { address, posted }
    }

    /// The bodies posted to a path.
    pub(crate) fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let posted = self.posted.lock().expect("nobody panicked");
        posted.iter().filter(|(to, ..)| to == path).map(|(.., body)| body.clone()).collect()
    }

    /// Everything that was posted, heads and bodies. Texts stand in protobuf as they are.
    pub(crate) fn everything(&self) -> Vec<u8> {
        let posted = self.posted.lock().expect("nobody panicked");
        posted.iter().flat_map(|(_, head, body)| [head.as_bytes(), body].concat()).collect()
    }
}

fn take(connection: TcpStream, kept: &Mutex<Vec<Posted>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        kept.lock().expect("nobody panicked").push((path, head, body));
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}
