//! Stream wrapper that gives hyper's own error responses a body.
//!
//! hyper itself refuses requests that are not valid HTTP, or whose head exceeds its limits, with a 400, 414 or 431
//! without a body. Such requests never reach the router, so the problem document is substituted while the response is
//! written to the socket.

use crate::clock::RuntimeEnv;
use crate::wire::problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemCode};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Connection on which body-less refusals are replaced by problem documents.
#[derive(Debug)]
pub(super) struct ProblemWriter<S> {
    stream: S,
    ambient: RuntimeEnv,
    /// Whether refusals are replaced. A proxy passes on answers that look like them.
    is_active: bool,
    /// Replacement response, as far as it has not been written yet.
    replacement: Vec<u8>,
}

impl<S> ProblemWriter<S> {
    pub(super) const fn new(stream: S, ambient: RuntimeEnv) -> Self {
        Self { stream, ambient, is_active: true, replacement: Vec::new() }
    }

    /// Wraps a stream without replacing anything on it.
    pub(super) const fn inactive(stream: S, ambient: RuntimeEnv) -> Self {
        Self { stream, ambient, is_active: false, replacement: Vec::new() }
    }
}

impl<S: AsyncWrite + Unpin> ProblemWriter<S> {
    fn poll_replacement(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.replacement.is_empty() {
            let n = ready!(Pin::new(&mut self.stream).poll_write(context, &self.replacement))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.replacement.drain(..n);
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns the problem for a body-less refusal; `None` for a response of the router, which always carries a request
/// id.
fn problem_for(head: &[u8]) -> Option<Problem> {
    let status = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let problem = match status {
        b"400" => Problem::new(ProblemCode::MalformedRequest, "invalid HTTP request; the connection is closed"),
        b"414" => Problem::new(ProblemCode::UriTooLong, "the URL is longer than 8192 bytes; the connection is closed"),
        b"431" => Problem::new(
            ProblemCode::HeadersTooLarge,
            "the headers are larger than 32768 bytes; the connection is closed",
        ),
        _ => return None,
    };
    let is_stamped = head.windows(13).any(|name| name.eq_ignore_ascii_case(b"x-request-id:"));
    (!is_stamped).then_some(problem)
}

fn render_problem(problem: Problem, ambient: &RuntimeEnv) -> Vec<u8> {
    let request_id = format!("req_{}", ambient.ulid());
    let (status, title) = (problem.status, problem.title.clone());
    let body = serde_json::to_string(&Problem { request_id: request_id.clone(), ..problem }).unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {title}\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\ncontent-length: {length}\r\nx-content-type-options: nosniff\r\nx-request-id: {request_id}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

impl<S: AsyncRead + Unpin> AsyncRead for ProblemWriter<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ProblemWriter<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_replacement(context))?;
        let Some(problem) = problem_for(bytes).filter(|_| self.is_active) else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        self.replacement = render_problem(problem, &self.ambient);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replacement(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A refusal without a body consists of its head alone, so it arrives as one slice.
        if let [one] = slices {
            return self.poll_write(context, one);
        }
        ready!(self.poll_replacement(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
