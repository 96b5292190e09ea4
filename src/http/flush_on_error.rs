//! Body of an answer that is passed on: its error waits until all bytes before it are written. hyper closes a connection
//! at the error of a body and drops what it has not written yet, so that a cut answer would lose its beginning.

use super::connections::OpenConnection;
use axum::BoxError;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Body whose error is held back until the connection has written everything before it.
#[derive(Debug)]
pub(super) struct FlushOnError {
    inner: Body,
    connection: Arc<OpenConnection>,
    /// Error that waits, with the number of flushes when it came.
    held: Option<(axum::Error, u64)>,
}

impl FlushOnError {
    pub(super) const fn new(inner: Body, connection: Arc<OpenConnection>) -> Self {
        Self { inner, connection, held: None }
    }
}

impl HttpBody for FlushOnError {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.held.is_none() {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Err(error)) => self.held = Some((error, self.connection.n_flushes())),
                frame => return Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            }
        }
        if let Some((_, n_flushes)) = self.held {
            ready!(self.connection.poll_flushed_after(n_flushes, context));
        }
        Poll::Ready(self.held.take().map(|(error, _)| Err(error.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
