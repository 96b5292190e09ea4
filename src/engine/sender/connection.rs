//! Connections to receivers: dialled to checked addresses, HTTP/1.1 with optional TLS, closed when dropped.

use super::phase_timer::PhaseTimer;
use super::send_error::{self, SendError};
use super::target_guard::TargetGuard;
use super::write_guard::{GuardedStream, WriteGuard};
use crate::clock::RuntimeEnv;
use crate::domain::attempt::AttemptPhase;
use crate::domain::delivery::{FailureKind, MAX_BODY_READ};
use crate::engine::error::Error;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use std::io::{Error as IoError, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// Delay before the next address is dialled in parallel (Happy Eyeballs, RFC 8305).
const HAPPY_EYEBALLS_DELAY: Duration = Duration::from_millis(250);
/// Maximum size of an answer's head, and of the read-ahead buffer.
const MAX_HEAD_BYTES: usize = MAX_BODY_READ - 1;

/// Connection that is idle or has one request in flight.
#[derive(Debug)]
pub(super) struct ReceiverConnection {
    pub(super) requests: SendRequest<Full<Bytes>>,
    pub(super) write_guard: Arc<WriteGuard>,
    pub(super) peer: SocketAddr,
    driver: AbortHandle,
}

impl Drop for ReceiverConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Opens connections to webhook receivers.
pub(super) struct ReceiverConnector {
    guard: TargetGuard,
    tls: TlsConnector,
}

impl std::fmt::Debug for ReceiverConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiverConnector").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl ReceiverConnector {
    /// Trusts the certificates of the operating system and those in `ca_files`.
    pub(super) fn new(guard: TargetGuard, ca_files: &[PathBuf]) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = Vec::new();
        for path in ca_files {
            let refused = |why: String| Error::Sender(format!("{}: {why}", path.display()));
            let before = roots.len();
            let bytes = crate::files::read_limited(path, crate::files::MAX_SETTINGS_BYTES)
                .map_err(|error| refused(error.to_string()))?;
            for root in CertificateDer::pem_slice_iter(&bytes) {
                roots.push(root.map_err(|error| refused(error.to_string()))?);
            }
            if roots.len() == before {
                return Err(refused("no certificate found; expected PEM".to_owned()));
            }
        }
        let refused = |error: rustls::Error| Error::Sender(error.to_string());
        let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(refused)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { guard, tls: TlsConnector::from(Arc::new(config)) })
    }

    pub(super) fn guard(&self) -> &TargetGuard {
        &self.guard
    }

    /// Resolves and checks the target, connects, and negotiates TLS.
    pub(super) async fn dial(&self, url: &Url, track: &mut PhaseTimer<'_>) -> Result<ReceiverConnection, SendError> {
        if matches!(url.host(), Some(Host::Domain(_))) {
            track.enter(AttemptPhase::Dns);
        }
        let addresses = self.guard.addresses(url).await?;
        track.enter(AttemptPhase::Connect);
        let stream = connect_any(&addresses, track.ambient()).await?;
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().map_err(|error| send_error::from_io(&error, AttemptPhase::Connect))?;
        let (stream, gauge) = GuardedStream::new(stream);
        let (requests, driver) = if url.scheme() == "https" {
            track.enter(AttemptPhase::Tls);
            let name = server_name(url)
                .ok_or_else(|| SendError::new(FailureKind::Tls, "no certificate can be valid for this host"))?;
            let stream =
                self.tls.connect(name, stream).await.map_err(|error| send_error::from_io(&error, AttemptPhase::Tls))?;
            track.enter(AttemptPhase::Head);
            http_handshake(stream).await?
        } else {
            track.enter(AttemptPhase::Head);
            http_handshake(stream).await?
        };
        Ok(ReceiverConnection { requests, write_guard: gauge, peer, driver })
    }
}

async fn http_handshake<S>(stream: S) -> Result<(SendRequest<Full<Bytes>>, AbortHandle), SendError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let made = http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(TokioIo::new(stream)).await;
    let (requests, connection) = made.map_err(|error| send_error::from_http(&error, AttemptPhase::Head))?;
    // Errors of the connection reach the caller through the pending request.
    let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Ok((requests, driver))
}

fn server_name(url: &Url) -> Option<ServerName<'static>> {
    match url.host()? {
        Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()).ok(),
        Host::Ipv4(address) => Some(ServerName::IpAddress(address.into())),
        Host::Ipv6(address) => Some(ServerName::IpAddress(address.into())),
    }
}

/// Dials the addresses in parallel with a delay, or at once after a failure; the first connection wins.
async fn connect_any(addresses: &[SocketAddr], ambient: &RuntimeEnv) -> Result<TcpStream, SendError> {
    let mut waiting = addresses.iter();
    let mut dialling = FuturesUnordered::new();
    let mut failed = None;
    loop {
        match waiting.next() {
            Some(address) => dialling.push(async move { (*address, TcpStream::connect(address).await) }),
            None if dialling.is_empty() => {
                return Err(failed.unwrap_or_else(|| SendError::new(FailureKind::Dns, "the host name has no address")));
            }
            None => {}
        }
        tokio::select! {
            Some((address, outcome)) = dialling.next() => match outcome {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    let trouble = classify_connect_error(address, &error);
                    // A failure that says something about the receiver outweighs a local one.
                    if trouble.cause != FailureKind::Local || failed.is_none() {
                        failed = Some(trouble);
                    }
                }
            },
            () = ambient.sleep(HAPPY_EYEBALLS_DELAY), if !waiting.as_slice().is_empty() => {}
        }
    }
}

/// Classifies a connect error as the receiver's fault or a local one.
fn classify_connect_error(address: SocketAddr, error: &IoError) -> SendError {
    /// Errors of exhausted descriptors (ENFILE, EMFILE) and socket memory (ENOMEM, ENOBUFS).
    const EXHAUSTED: [i32; 4] = [23, 24, 12, 105];
    if error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code)) {
        return SendError::new(FailureKind::Local, format!("this platform cannot open another connection: {error}"));
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            SendError::new(FailureKind::Refused, format!("{address} refused the connection"))
        }
        ErrorKind::TimedOut => SendError::new(FailureKind::Timeout, format!("{address} does not answer")),
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => classify_no_route(address),
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse => classify_no_local_port(address),
        _ => SendError::new(FailureKind::ConnectionReset, format!("{address} cannot be reached: {error}")),
    }
}

/// Classifies a missing route: the receiver's fault as long as this host has a route to public addresses of either
/// family.
fn classify_no_route(address: SocketAddr) -> SendError {
    if has_route_v4() || has_route_v6() {
        let why = format!("no route to {address}; other networks are reachable");
        return SendError::new(FailureKind::ConnectionReset, why);
    }
    SendError::new(FailureKind::Local, "this platform has no network connection")
}

/// Classifies a missing local address or port. Both depend on the dialled address: a host without IPv6 has no local
/// IPv6 address, and ports are exhausted per destination. So it is the receiver's fault while any local port can be
/// bound.
fn classify_no_local_port(address: SocketAddr) -> SendError {
    if address.is_ipv6() && !has_route_v6() {
        return SendError::new(
            FailureKind::ConnectionReset,
            format!("{address} cannot be reached: this platform has no IPv6 address"),
        );
    }
    if TcpListener::bind(any_port(address.is_ipv6())).is_ok() {
        let why = format!("no local port left for another connection to {address}; other addresses are reachable");
        return SendError::new(FailureKind::ConnectionReset, why);
    }
    SendError::new(FailureKind::Local, "this platform has no free local port left")
}

fn any_port(is_ipv6: bool) -> SocketAddr {
    if is_ipv6 { (Ipv6Addr::UNSPECIFIED, 0).into() } else { (Ipv4Addr::UNSPECIFIED, 0).into() }
}

/// Whether this host has a route to public IPv4 addresses.
fn has_route_v4() -> bool {
    has_route_to((Ipv4Addr::new(192, 0, 2, 1), 9).into())
}

/// Whether this host has a route to public IPv6 addresses, and a source address for it.
fn has_route_v6() -> bool {
    has_route_to((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into())
}

/// Looks up a route by connecting a datagram socket; no packet is sent.
fn has_route_to(address: SocketAddr) -> bool {
    UdpSocket::bind(any_port(address.is_ipv6())).and_then(|socket| socket.connect(address)).is_ok()
}
