//! A campaign against a service: requests that no honest client sends, each made from a seed and its number.
//!
//! Whoever runs it learns what was answered, and every answer that should not have been: an error of the service's own, or
//! one that repeats the caller's text. `service/tests/hostile` runs a few hundred, `benches/soak/hostile.rs` as many as asked for.

#[path = "../../collector/mod.rs"]
mod collector;
mod heard;
mod house;
mod malice;
mod targets;
mod weird;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;

use heard::Answer;
pub(crate) use house::House;
use malice::{End, Shot};

/// Stands in every text that is sent, and in keys that open nothing: where it turns up again, something was given away.
pub(crate) const MARK: &str = "zqxjvk";
/// The key that opens everything.
const KEY: &str = "let-me-in";
/// How long an answer may take that has to come. A machine may be busy with other things.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long an answer is waited for that need not come: what was sent is not whole.
const GLANCE: Duration = Duration::from_millis(40);
/// Faults that are told in words; all are counted.
const TOLD: usize = 25;

/// What came of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Requests that were sent, whole or not.
    pub(crate) requests: u64,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Answers that should not have been.
    pub(crate) faults: u64,
    /// The first of them.
    pub(crate) told: Vec<String>,
}

/// Sends the shots of these numbers, by so many clients at once.
pub(crate) fn run(address: SocketAddr, seed: u64, numbers: Range<u64>, clients: usize) -> Figures {
    let (next, figures) = (AtomicU64::new(numbers.start), Mutex::new(Figures::default()));
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        break;
                    }
                    let shot =
                        Shot::new(&mut Rng::with_seed(seed.wrapping_mul(0x9E37_79B9).wrapping_add(number)));
                    let heard = send(address, &shot);
                    figures.lock().expect("no client panicked").note((number, &shot), heard);
                }
            });
        }
    });
    figures.into_inner().expect("no client panicked")
}

impl Figures {
    fn note(&mut self, (number, shot): (u64, &Shot), heard: std::io::Result<Vec<u8>>) {
        self.requests += shot.requests;
        let faults = match heard.map(|heard| heard::answers(&heard)) {
            Err(error) => vec![format!("it could not be sent: {error}")],
            Ok(Err(fault)) => vec![fault],
            Ok(Ok(answers)) if answers.is_empty() && shot.end == End::Answer => {
                vec!["there is no answer".to_owned()]
            }
            Ok(Ok(answers)) => answers.iter().filter_map(|answer| self.count(answer)).collect(),
        };
        for fault in faults {
            self.faults += 1;
            if self.told.len() < TOLD {
                self.told.push(format!("shot {number} ({}): {fault}", shot.label));
            }
        }
    }

    fn count(&mut self, answer: &Answer) -> Option<String> {
        *self.statuses.entry(answer.status).or_default() += 1;
        answer.fault()
    }
}

/// Sends a shot, and gives what came back.
fn send(address: SocketAddr, shot: &Shot) -> std::io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    connection.set_write_timeout(Some(PATIENCE))?;
    for (number, piece) in shot.pieces.iter().enumerate() {
        if number > 0 {
            std::thread::sleep(shot.pause);
        }
        // The service may have heard enough: then there is something to read.
        if connection.write_all(piece).is_err() {
            break;
        }
    }
    let mut heard = Vec::new();
    match shot.end {
        End::Close => connection.shutdown(Shutdown::Both).or_else(unless_gone)?,
        End::Glance => listen(&mut connection, GLANCE, &mut heard)?,
        End::Answer => listen(&mut connection, PATIENCE, &mut heard)?,
    }
    Ok(heard)
}

/// Reads until the end, or for so long.
fn listen(connection: &mut TcpStream, patience: Duration, heard: &mut Vec<u8>) -> std::io::Result<()> {
    connection.set_read_timeout(Some(patience))?;
    match connection.read_to_end(heard) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(error) => unless_gone(error),
        Ok(_) => Ok(()),
    }
}

/// A service may hang up on whoever goes on talking.
fn unless_gone(error: std::io::Error) -> std::io::Result<()> {
    let gone = [
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
        ErrorKind::NotConnected,
    ];
    if gone.contains(&error.kind()) { Ok(()) } else { Err(error) }
}
