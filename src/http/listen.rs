//! The accept loop: one task per connection, with timeouts and bounded buffers.
//!
//! It replaces `axum::serve`, which has no such limits. [`crate::http::connections`] decides which connection is closed when
//! there are too many.

use super::connections::{ConnectionLimits, ConnectionRegistration, ConnectionTable};
use super::exposure::ServerReachability;
use super::flush_on_error::FlushOnError;
use super::problem_writer::ProblemWriter;
use super::write_timeout::WriteTimeoutStream;
use crate::clock::RuntimeEnv;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::util::ServiceExt as _;

/// Time limit for a request head, and then for a body, to arrive; also the idle timeout between two requests of a
/// connection.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of headers in a request; requests with more are refused by hyper.
const MAX_HEADERS: usize = 512;
/// Maximum size of the read and write buffers of a connection, in bytes.
const MAX_BUFFER_BYTES: usize = 96 << 10;
/// Number of unsent response bytes that the kernel buffers per connection.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 64 << 10;
/// Maximum number of evicted connections that have not closed yet.
const MAX_CLOSING_CONNECTIONS: usize = 64;
/// Delay before accepting again after a failure, usually a lack of file descriptors.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Function that answers each request of a server. Every request carries the peer's address ([`ConnectInfo`]) and its
/// connection as extensions.
pub type RequestHandler = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response> + Send + Sync>;

/// Part that a server plays for its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerPart {
    /// The server answers for itself: refusals of hyper get a problem document, every answer a date.
    Origin,
    /// The server passes messages on: header names keep their spelling, and nothing is added to an answer.
    Intermediary,
}

/// Accepts and serves connections until `stop` is set, then waits for requests in flight to finish.
pub async fn accept_connections(
    listener: TcpListener,
    router: Router,
    reachability: Arc<ServerReachability>,
    ambient: &RuntimeEnv,
    stop: watch::Receiver<bool>,
) {
    let handler: RequestHandler = Arc::new(move |request| {
        let answer = router.clone().oneshot(request.map(Body::new));
        Box::pin(async move { answer.await.unwrap_or_else(|never| match never {}) })
    });
    accept_with(listener, (handler, ServerPart::Origin), reachability, ambient, stop).await;
}

/// Accepts and serves connections like [`accept_connections`], for a proxy: `handler` gets requests with the spelling
/// of their header names, and its answers are written as they are.
pub async fn accept_for_proxy(
    listener: TcpListener,
    handler: RequestHandler,
    reachability: Arc<ServerReachability>,
    ambient: &RuntimeEnv,
    stop: watch::Receiver<bool>,
) {
    accept_with(listener, (handler, ServerPart::Intermediary), reachability, ambient, stop).await;
}

async fn accept_with(
    listener: TcpListener,
    served: (RequestHandler, ServerPart),
    reachability: Arc<ServerReachability>,
    ambient: &RuntimeEnv,
    stop: watch::Receiver<bool>,
) {
    let limits = ConnectionLimits::for_descriptors(getrlimit(Resource::Nofile).current);
    let table = ConnectionTable::new(ambient, limits);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            // Evicted connections close asynchronously, so a flood could outrun their closing without this bound.
            accepted = listener.accept(), if connections.len() < limits.total + MAX_CLOSING_CONNECTIONS => accepted,
            () = wait_stopped(stop.clone()) => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let place = table.register(peer.ip(), reachability.is_shared(peer.ip()));
                let connection = serve_connection(
                    (stream, peer),
                    place,
                    served.clone(),
                    ambient.clone(),
                    wait_stopped(stop.clone()),
                );
                let connection: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(connection);
                connections.spawn(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted for the moment");
                table.evict_one();
                ambient.sleep(ACCEPT_RETRY_INTERVAL).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn wait_stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves the requests of one connection.
async fn serve_connection(
    (stream, peer): (TcpStream, SocketAddr),
    place: ConnectionRegistration,
    (handler, part): (RequestHandler, ServerPart),
    ambient: RuntimeEnv,
    stopped: impl Future<Output = ()>,
) {
    let _ = stream.set_nodelay(true);
    limit_unsent(&stream);
    let connection = Arc::clone(place.connection());
    let service = service_fn(|mut request: Request<Incoming>| {
        let call = connection.begin_call();
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Arc::clone(&connection));
        let answer = handler(request);
        let connection = Arc::clone(&connection);
        async move {
            let answer = answer.await;
            drop(call);
            Ok::<_, Infallible>(match part {
                ServerPart::Origin => answer,
                ServerPart::Intermediary => answer.map(|body| Body::new(FlushOnError::new(body, connection))),
            })
        }
    });
    let stream = WriteTimeoutStream::new(stream, Arc::clone(&connection), ambient.clone());
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER_BYTES)
        .preserve_header_case(part == ServerPart::Intermediary)
        .auto_date_header(part == ServerPart::Origin);
    let writer = match part {
        ServerPart::Origin => ProblemWriter::new(stream, ambient),
        ServerPart::Intermediary => ProblemWriter::inactive(stream, ambient),
    };
    let mut served = pin!(builder.serve_connection(TokioIo::new(writer), service));
    let mut stopped = pin!(stopped);
    let mut is_stopping = false;
    let ended = loop {
        tokio::select! {
            ended = served.as_mut() => break ended,
            () = connection.wait_evicted() => return,
            () = stopped.as_mut(), if !is_stopping => {
                is_stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Bounds what the kernel buffers for a peer that does not read, and for how long.
#[cfg(target_os = "linux")]
fn limit_unsent(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
    let _ = socket.set_tcp_user_timeout(Some(super::write_timeout::WRITE_TIMEOUT));
}

/// Does nothing where the kernel has no such options.
#[cfg(not(target_os = "linux"))]
const fn limit_unsent(_: &TcpStream) {}
