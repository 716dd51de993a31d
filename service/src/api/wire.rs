//! A connection that keeps nobody waiting for ever. The HTTP/1 dispatcher bounds the time of a connection's first head
//! and of an idle connection; it bounds no later head, no rest of a body that was refused, and no client that takes
//! nothing of its answer.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::rt::time::{Sleep, sleep};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first byte after an answer to a request that can be answered.
    pub(super) head: Duration,
    /// From an answer to the first byte after it.
    pub(super) idle: Duration,
    /// Without taking anything of an answer.
    pub(super) stall: Duration,
}

/// The requests of a connection that are being answered: while there are any, it is not the client who lets us wait.
#[derive(Clone, Default)]
pub(super) struct Attended(Rc<Answers>);

#[derive(Default)]
struct Answers {
    open: Cell<usize>,
    /// All that ever were.
    begun: Cell<u64>,
    /// Whoever reads from the connection.
    reader: RefCell<Option<Waker>>,
}

/// A request that is being answered, until it is dropped.
pub(super) struct Answering(Rc<Answers>);

impl Attended {
    pub(super) fn begin(&self) -> Answering {
        self.0.open.set(self.0.open.get() + 1);
        self.0.begun.set(self.0.begun.get().wrapping_add(1));
        Answering(Rc::clone(&self.0))
    }

    /// Whether there is any.
    pub(super) fn is_busy(&self) -> bool {
        self.0.open.get() > 0
    }

    fn read_by(&self, waker: &Waker) {
        let mut reader = self.0.reader.borrow_mut();
        if !reader.as_ref().is_some_and(|reader| reader.will_wake(waker)) {
            *reader = Some(waker.clone());
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        // The reader is to look at the clock: what it waits for may have come with the request before.
        if let Some(reader) = &*self.0.reader.borrow() {
            reader.wake_by_ref();
        }
    }
}

/// A connection.
pub(super) struct Wire<T> {
    io: T,
    patience: Patience,
    attended: Attended,
    /// Requests that were begun when it was last looked.
    begun: u64,
    /// Whether anything came since the last of them was answered.
    heard: bool,
    reading: Clock,
    writing: Clock,
}

/// When patience ends, if somebody waits.
#[derive(Default)]
struct Clock(Option<Pin<Box<Sleep>>>);

impl Clock {
    fn set(&mut self, patience: Duration) {
        self.0 = Some(Box::pin(sleep(patience)));
    }

    /// Whether it is over; it begins now unless it did before. If it is not, the task is woken when it will be.
    fn is_over(&mut self, patience: Duration, context: &mut Context<'_>) -> bool {
        let clock = self.0.get_or_insert_with(|| Box::pin(sleep(patience)));
        clock.as_mut().poll(context).is_ready()
    }
}

impl<T> Wire<T> {
    pub(super) fn new(io: T, patience: Patience) -> Self {
        let (reading, writing) = (Clock::default(), Clock::default());
        Self { io, patience, attended: Attended::default(), begun: 0, heard: false, reading, writing }
    }

    /// What says whether a request of this connection is being answered.
    pub(super) fn attended(&self) -> Attended {
        self.attended.clone()
    }

    /// A client that takes nothing for too long is given up.
    fn unless_stalled<R>(
        &mut self,
        written: Poll<io::Result<R>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.writing = Clock::default();
        } else if self.writing.is_over(self.patience.stall, context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    /// A client that takes too long is as one that hung up.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        wire.attended.read_by(context.waker());
        // An answer may have come and gone since.
        let begun = wire.attended.0.begun.get();
        if wire.attended.is_busy() || begun != wire.begun {
            (wire.begun, wire.heard, wire.reading) = (begun, false, Clock::default());
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut wire.io).poll_read(context, buffer);
        if wire.attended.is_busy() {
            return read;
        }
        if read.is_pending() {
            if wire.reading.is_over(wire.patience.idle, context) {
                return Poll::Ready(Ok(()));
            }
        } else if !wire.heard && buffer.filled().len() > before {
            wire.heard = true;
            wire.reading.set(wire.patience.head);
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.io).poll_write(context, bytes);
        wire.unless_stalled(written, context)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let flushed = Pin::new(&mut wire.io).poll_flush(context);
        wire.unless_stalled(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let shut = Pin::new(&mut wire.io).poll_shutdown(context);
        wire.unless_stalled(shut, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.io).poll_write_vectored(context, pieces);
        wire.unless_stalled(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
