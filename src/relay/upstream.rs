//! Connections to the server behind a proxy: HTTP/1.1 with optional TLS, kept for a short time. A request is sent a
//! second time only if its kept connection was closed before the first byte.

use crate::client;
use crate::client::connection::tls_config_trusting;
use crate::clock::RuntimeEnv;
use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Response, Uri};
use futures_util::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tower::Service;
use url::Url;

/// Error of a body or a connection, as hyper takes it.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Body of a message that is passed on.
pub(super) type PassedBody = UnsyncBoxBody<Bytes, BoxError>;

/// Time limit for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for which an idle connection is kept: less than the five seconds after which common servers close theirs, so
/// that no request meets a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Maximum number of idle connections.
const MAX_IDLE: usize = 256;
/// Maximum number of headers in an answer.
const MAX_HEADERS: usize = 512;

/// Kind of a failure to get an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UpstreamFault {
    /// No connection could be made.
    Unreachable,
    /// The host refused the connection.
    Refused,
    /// The name of the host does not resolve.
    Dns,
    /// There was no trusted connection.
    Tls,
    /// The head of the answer did not come in time.
    Timeout,
    /// The connection broke before the head of the answer, or the answer is not HTTP.
    Broken,
}

/// Failure to get an answer, with its reason in one line.
#[derive(Debug, Clone)]
pub(super) struct UpstreamFailure {
    pub(super) fault: UpstreamFault,
    pub(super) why: String,
}

/// Address of the server behind a proxy.
#[derive(Debug, Clone)]
pub struct UpstreamAddress {
    scheme: &'static str,
    /// Host and port, as they go into the header `Host`.
    pub(super) authority: HeaderValue,
    /// Path, without a trailing slash if paths are appended.
    path: String,
    query: Option<String>,
}

impl UpstreamAddress {
    /// Reads an address: an `http` or `https` URL without user name and password.
    ///
    /// # Errors
    /// Reason why the text cannot be used, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let scheme = match url.scheme() {
            "http" => "http",
            "https" => "https",
            _ => return Err("must begin with http:// or https://".to_owned()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user name or a password".to_owned());
        }
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let authority = HeaderValue::try_from(authority).map_err(|_| "has no usable host".to_owned())?;
        Ok(Self { scheme, authority, path: url.path().to_owned(), query: url.query().map(ToOwned::to_owned) })
    }

    /// Builds the target of a request that keeps its path and query, below the path of this address.
    pub(super) fn below(&self, request: &Uri) -> Option<Uri> {
        let asked = request.path_and_query().map_or("/", |asked| asked.as_str());
        let base = self.path.trim_end_matches('/');
        self.target(&if base.is_empty() { asked.to_owned() } else { format!("{base}{asked}") })
    }

    /// Builds the target of a request that goes to exactly this address, with the query of the request appended.
    pub(super) fn exact(&self, request: &Uri) -> Option<Uri> {
        let query = [self.query.as_deref(), request.query()].into_iter().flatten().collect::<Vec<_>>().join("&");
        self.target(&if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) })
    }

    fn target(&self, path_and_query: &str) -> Option<Uri> {
        let authority = self.authority.to_str().ok()?;
        Uri::builder().scheme(self.scheme).authority(authority).path_and_query(path_and_query).build().ok()
    }
}

impl std::fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let query = self.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        write!(f, "{}://{}{}{query}", self.scheme, self.authority.to_str().unwrap_or_default(), self.path)
    }
}

/// Client for the server behind a proxy. Clones share their connections.
#[derive(Clone)]
pub struct UpstreamClient {
    http: Client<UpstreamConnector, PassedBody>,
    ambient: RuntimeEnv,
    /// Time limit from the request to the head of its answer.
    head_timeout: Duration,
}

impl std::fmt::Debug for UpstreamClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamClient").field("head_timeout", &self.head_timeout).finish_non_exhaustive()
    }
}

impl UpstreamClient {
    /// Creates a client that trusts the certificate authorities of the operating system and those in `ca_files`.
    ///
    /// # Errors
    /// [`client::Error::Unusable`] when a file cannot be read or contains no certificate, or TLS cannot be set up.
    pub fn new(ambient: RuntimeEnv, head_timeout: Duration, ca_files: &[PathBuf]) -> Result<Self, client::Error> {
        let mut tls = tls_config_trusting(ca_files)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = UpstreamConnector { tcp, tls: TlsConnector::from(Arc::new(tls)) };
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_preserve_header_case(true)
            .http1_max_headers(MAX_HEADERS)
            .set_host(false)
            .build(connector);
        Ok(Self { http, ambient, head_timeout })
    }

    /// Sends a request and returns its answer once the head is there.
    pub(super) async fn send(&self, request: Request<PassedBody>) -> Result<Response<Incoming>, UpstreamFailure> {
        match self.ambient.timeout(self.head_timeout, self.http.request(request)).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => {
                let fault = if error.is_connect() { connect_fault(&error) } else { UpstreamFault::Broken };
                Err(UpstreamFailure { fault, why: root_cause(&error) })
            }
            None => {
                let why = format!("no answer within {} s", self.head_timeout.as_secs());
                Err(UpstreamFailure { fault: UpstreamFault::Timeout, why })
            }
        }
    }
}

/// Fault behind a connection that could not be made.
fn connect_fault(error: &hyper_util::client::legacy::Error) -> UpstreamFault {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return UpstreamFault::Refused,
                _ if io
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<tokio_rustls::rustls::Error>) =>
                {
                    return UpstreamFault::Tls;
                }
                _ => {}
            }
        }
        // The connector has no other way to tell that a name does not resolve.
        if error.to_string() == "dns error" {
            return UpstreamFault::Dns;
        }
        next = error.source();
    }
    UpstreamFault::Unreachable
}

/// Innermost reason of a failed request.
fn root_cause(error: &hyper_util::client::legacy::Error) -> String {
    let mut innermost = error.source();
    while let Some(next) = innermost.and_then(std::error::Error::source) {
        innermost = Some(next);
    }
    innermost.map_or_else(|| "the connection was interrupted".to_owned(), ToString::to_string)
}

/// Opens connections: TCP, and TLS for `https`.
#[derive(Clone)]
struct UpstreamConnector {
    tcp: HttpConnector,
    tls: TlsConnector,
}

impl Service<Uri> for UpstreamConnector {
    type Response = TokioIo<UpstreamStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (tls, connecting) = (self.tls.clone(), self.tcp.call(target.clone()));
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            if target.scheme_str() != Some("https") {
                return Ok(TokioIo::new(UpstreamStream::Plain(stream)));
            }
            let host = target.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(host.trim_end_matches('.').to_owned())?;
            Ok(TokioIo::new(UpstreamStream::Tls(Box::new(tls.connect(name, stream).await?))))
        })
    }
}

/// Connection to a server, with or without TLS.
enum UpstreamStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for UpstreamStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for UpstreamStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_keep_the_bytes_of_paths_and_queries() {
        let target = |address: &str, asked: &str, is_exact: bool| {
            let address = UpstreamAddress::parse(address).expect("an address");
            let asked: Uri = asked.parse().expect("a target");
            let target = if is_exact { address.exact(&asked) } else { address.below(&asked) };
            target.map(|target| target.to_string()).expect("a target")
        };
        for (address, asked, below) in [
            ("http://a.example", "/api/v1/events?x=%2F&y", "http://a.example/api/v1/events?x=%2F&y"),
            ("https://a.example:8443/crm/", "/api//v1/%2e%2E/x", "https://a.example:8443/crm/api//v1/%2e%2E/x"),
            ("http://[::1]:7700", "/", "http://[::1]:7700/"),
        ] {
            assert_eq!(target(address, asked, false), below);
        }
        for (address, asked, exact) in [
            ("http://a.example/in?a=1&b=%2F", "/hook", "http://a.example/in?a=1&b=%2F"),
            ("http://a.example/in?a=1", "/hook?c=2", "http://a.example/in?a=1&c=2"),
            ("http://a.example", "/hook?c=2", "http://a.example/?c=2"),
        ] {
            assert_eq!(target(address, asked, true), exact);
        }
        for text in ["ftp://a.example", "http://user:x@a.example", "a.example", "http://"] {
            assert!(UpstreamAddress::parse(text).is_err(), "{text}");
        }
    }
}
