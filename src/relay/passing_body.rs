//! Body that passes a proxy frame by frame. A watcher sees its bytes and its end, and may hold back the last bytes until
//! the end is recorded.

use super::upstream::BoxError;
use crate::clock::RuntimeEnv;
use axum::body::Bytes;
use futures_util::future::BoxFuture;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Way in which a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// All bytes came and were taken.
    Complete,
    /// The sender's connection broke, or its framing is not HTTP.
    Broken,
    /// A time limit was exceeded.
    Timeout,
    /// The taker went away.
    Abandoned,
}

/// Observer of a body.
pub(super) trait BodyWatcher: Send + Unpin + 'static {
    /// Sees a piece of the body before it is passed on.
    fn see(&mut self, bytes: &[u8]);

    /// Sees the end, once. If the body is complete, its last bytes are passed on after the returned future is done.
    fn end(self, end: BodyEnd) -> Option<BoxFuture<'static, ()>>;
}

/// Time limits of a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// Maximum time without a byte.
    pub(super) stall: Duration,
    /// Maximum time for the whole body.
    pub(super) total: Duration,
}

/// Body with its watcher and its time limits.
pub(super) struct PassingBody<W: BodyWatcher> {
    inner: Incoming,
    watcher: Option<W>,
    limits: BodyLimits,
    ambient: RuntimeEnv,
    stalled: Option<BoxFuture<'static, ()>>,
    expired: Option<BoxFuture<'static, ()>>,
    /// Work that must be done before anything more is passed on.
    gate: Option<BoxFuture<'static, ()>>,
    /// Last frame, held back behind the gate.
    last: Option<Frame<Bytes>>,
}

impl<W: BodyWatcher> PassingBody<W> {
    pub(super) fn new(inner: Incoming, watcher: W, limits: BodyLimits, ambient: RuntimeEnv) -> Self {
        let watcher = Some(watcher);
        let mut body = Self { inner, watcher, limits, ambient, stalled: None, expired: None, gate: None, last: None };
        if body.inner.is_end_stream() {
            body.finish(BodyEnd::Complete);
        }
        body
    }

    /// Waits for the work at the end of an empty body, whose head would be passed on without it.
    pub(super) async fn settle_if_empty(&mut self) {
        if self.watcher.is_none()
            && let Some(gate) = self.gate.take()
        {
            gate.await;
        }
    }

    fn finish(&mut self, end: BodyEnd) {
        if let Some(watcher) = self.watcher.take() {
            self.gate = watcher.end(end).filter(|_| end == BodyEnd::Complete);
        }
    }

    /// Fails once a time limit is exceeded.
    fn poll_limits(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let sleep = |ambient: &RuntimeEnv, limit: Duration| -> BoxFuture<'static, ()> {
            let ambient = ambient.clone();
            Box::pin(async move { ambient.sleep(limit).await })
        };
        let stalled = self.stalled.get_or_insert_with(|| sleep(&self.ambient, self.limits.stall));
        let is_stalled = stalled.as_mut().poll(context).is_ready();
        let expired = self.expired.get_or_insert_with(|| sleep(&self.ambient, self.limits.total));
        if is_stalled || expired.as_mut().poll(context).is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<W: BodyWatcher> Body for PassingBody<W> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if let Some(gate) = &mut this.gate {
                ready!(gate.as_mut().poll(context));
                this.gate = None;
            }
            if let Some(last) = this.last.take() {
                return Poll::Ready(Some(Ok(last)));
            }
            if this.watcher.is_none() {
                return Poll::Ready(None);
            }
            match Pin::new(&mut this.inner).poll_frame(context) {
                Poll::Pending => {
                    ready!(this.poll_limits(context));
                    this.finish(BodyEnd::Timeout);
                    return Poll::Ready(Some(Err("the body did not come in time".into())));
                }
                Poll::Ready(None) => this.finish(BodyEnd::Complete),
                Poll::Ready(Some(Err(error))) => {
                    this.finish(BodyEnd::Broken);
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    this.stalled = None;
                    if let (Some(bytes), Some(watcher)) = (frame.data_ref(), &mut this.watcher) {
                        watcher.see(bytes);
                    }
                    // The taker of a body of known length knows its last frame without asking for the end.
                    if !this.inner.is_end_stream() {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                    this.last = Some(frame);
                    this.finish(BodyEnd::Complete);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.watcher.is_none() && self.gate.is_none() && self.last.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<W: BodyWatcher> Drop for PassingBody<W> {
    fn drop(&mut self) {
        self.finish(BodyEnd::Abandoned);
    }
}
