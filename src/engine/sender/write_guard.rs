//! Socket wrapper that detects whether any byte of a request was written.
//!
//! A receiver may close a kept connection at any time, also while the next request is being sent. Before the first
//! byte of a request on a kept connection, the wrapper checks whether the peer closed the socket or sent data. If so,
//! nothing is written and the request can safely use a new connection. After the first byte the receiver may have the
//! request, so no second try is made.

use socket2::SockRef;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Write state of a connection's latest request.
#[derive(Debug)]
pub(super) struct WriteGuard(AtomicU8);

/// Bytes may have been written.
const WRITTEN: u8 = 0;
/// Taken from the pool; nothing written since.
const ARMED: u8 = 1;
/// Found closed before anything was written.
const FOUND_CLOSED: u8 = 2;

impl WriteGuard {
    /// Marks the next byte as the first one of a request on a kept connection.
    pub(super) fn arm(&self) {
        self.0.store(ARMED, Ordering::Release);
    }

    /// Whether no byte was written since the connection was armed.
    pub(super) fn is_nothing_written(&self) -> bool {
        self.0.load(Ordering::Acquire) != WRITTEN
    }

    fn check_before_write(&self, stream: &TcpStream) -> Result<()> {
        match self.0.load(Ordering::Acquire) {
            WRITTEN => return Ok(()),
            ARMED if is_open_and_silent(stream) => {
                self.0.store(WRITTEN, Ordering::Release);
                return Ok(());
            }
            _ => self.0.store(FOUND_CLOSED, Ordering::Release),
        }
        Err(Error::new(ErrorKind::ConnectionAborted, "the kept connection was closed"))
    }
}

/// Whether the peer has neither closed the connection nor sent data since the last answer.
fn is_open_and_silent(stream: &TcpStream) -> bool {
    let looked = SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]);
    looked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Socket with a write guard.
#[derive(Debug)]
pub(super) struct GuardedStream {
    stream: TcpStream,
    gauge: Arc<WriteGuard>,
}

impl GuardedStream {
    pub(super) fn new(stream: TcpStream) -> (Self, Arc<WriteGuard>) {
        let gauge = Arc::new(WriteGuard(AtomicU8::new(WRITTEN)));
        (Self { stream, gauge: Arc::clone(&gauge) }, gauge)
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.gauge.check_before_write(&self.stream)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.gauge.check_before_write(&self.stream)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    /// Both ends of a connection.
    async fn pair() -> (GuardedStream, Arc<WriteGuard>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (gauged, gauge) = GuardedStream::new(ours.expect("a connection"));
        (gauged, gauge, theirs.expect("a connection").0)
    }

    #[tokio::test]
    async fn nothing_is_written_where_the_other_side_has_closed_or_spoken() {
        for last_words in ["", "HTTP/1.1 408 Request Timeout\r\n\r\n"] {
            let (mut ours, gauge, mut theirs) = pair().await;
            gauge.arm();
            theirs.write_all(last_words.as_bytes()).await.expect("written");
            drop(theirs);
            for _ in 0..2 {
                let error = ours.write(b"POST").await.expect_err("refused");
                assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
                assert!(gauge.is_nothing_written(), "it can go over another connection");
            }
        }
    }

    #[tokio::test]
    async fn one_that_is_quiet_is_written_to_and_then_touched() {
        let (mut ours, gauge, theirs) = pair().await;
        assert!(!gauge.is_nothing_written(), "a new one was not armed");
        gauge.arm();
        assert!(gauge.is_nothing_written());
        ours.write_all(b"POST").await.expect("written");
        assert!(!gauge.is_nothing_written());
        drop(theirs);
        // What was written may have been taken: whatever happens now, it is touched.
        while ours.write_all(b"more").await.is_ok() {}
        assert!(!gauge.is_nothing_written());
    }
}
