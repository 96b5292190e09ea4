//! Write timeout of connections. If a peer takes nothing of a pending response for [`WRITE_TIMEOUT`], the connection
//! is closed and everything held for it is released.

use super::connections::OpenConnection;
use crate::clock::RuntimeEnv;
use futures_util::future::BoxFuture;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Time that a peer may let a pending write wait.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Stream that records progress in the connection table and times out writes that make none.
pub(super) struct WriteTimeoutStream<S> {
    stream: S,
    connection: Arc<OpenConnection>,
    ambient: RuntimeEnv,
    /// Timer that runs while a write is pending.
    timeout: Option<BoxFuture<'static, ()>>,
}

impl<S> std::fmt::Debug for WriteTimeoutStream<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteTimeoutStream").field("is_waiting", &self.timeout.is_some()).finish_non_exhaustive()
    }
}

impl<S> WriteTimeoutStream<S> {
    pub(super) const fn new(stream: S, connection: Arc<OpenConnection>, ambient: RuntimeEnv) -> Self {
        Self { stream, connection, ambient, timeout: None }
    }

    /// Passes on the result of a write, or fails it once the timer has elapsed.
    fn apply_timeout(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(done) => {
                self.timeout = None;
                if matches!(done, Ok(1..)) {
                    self.connection.record_progress();
                }
                Poll::Ready(done)
            }
            Poll::Pending => {
                let ambient = &self.ambient;
                let timeout = self.timeout.get_or_insert_with(|| {
                    let ambient = ambient.clone();
                    Box::pin(async move { ambient.sleep(WRITE_TIMEOUT).await })
                });
                timeout.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.record_progress();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeoutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.apply_timeout(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.apply_timeout(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.connection.record_flush();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
