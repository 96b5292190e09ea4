//! Receivers on raw sockets, for faults below HTTP: a late answer, an expired certificate, a closed port, an unknown
//! host.

use super::faulty_signatures;
use super::script::ScenarioBehaviour;
use crate::clock::RuntimeEnv;
use crate::demo::handle::{self, ReceiverHandle};
use crate::domain::secret::Secret;
use crate::domain::signature_debugger::MAX_CLOCK_SKEW;
use crate::domain::time::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Maximum size of head and body in bytes.
const MAX_REQUEST_BYTES: usize = 2 * 1024 * 1024;
/// Clock error of a receiver with a wrong clock.
const CLOCK_ERROR: Duration = Duration::from_secs(900);
/// Delay that exceeds the platform's timeout of 10 s.
const OVERLONG_DELAY: Duration = Duration::from_secs(15);

/// Certificate that expired in 2021, with its key.
const EXPIRED_CERTIFICATE: &[u8] = include_bytes!("../../../assets/scenarios/expired.pem");

/// Handle of a raw receiver; clones share one state.
pub type RawReceiver = ReceiverHandle<RawReceiverState>;

/// State of a raw receiver.
#[derive(Debug)]
pub struct RawReceiverState {
    behaviour: ScenarioBehaviour,
    ambient: RuntimeEnv,
    secret: OnceLock<Secret>,
    is_repaired: AtomicBool,
}

impl handle::RepairableReceiver for RawReceiverState {
    fn secret(&self) -> &OnceLock<Secret> {
        &self.secret
    }

    fn repair(&self) {
        self.is_repaired.store(true, Ordering::Relaxed);
    }
}

impl RawReceiver {
    /// Starts a receiver on a free port of 127.0.0.1, or reserves an address where none listens.
    ///
    /// # Errors
    /// [`io::Error`] when no port is free or the certificate cannot be read.
    pub async fn open(
        path: &str,
        manner: ScenarioBehaviour,
        ambient: RuntimeEnv,
        serving: &mut JoinSet<()>,
    ) -> Result<Self, io::Error> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        let url = match manner {
            ScenarioBehaviour::Nameless => format!("http://hooks.harbor-credit.invalid{path}"),
            ScenarioBehaviour::Expired => format!("https://{address}{path}"),
            _ => format!("http://{address}{path}"),
        };
        let desk = Arc::new(RawReceiverState {
            behaviour: manner,
            ambient,
            secret: OnceLock::new(),
            is_repaired: AtomicBool::new(false),
        });
        match manner {
            ScenarioBehaviour::Absent | ScenarioBehaviour::Nameless => drop(listener),
            ScenarioBehaviour::Expired => {
                let acceptor = expired_tls_acceptor().map_err(io::Error::other)?;
                serving.spawn(serve_tls(listener, acceptor, Arc::clone(&desk)));
            }
            _ => {
                serving.spawn(serve(listener, Arc::clone(&desk)));
            }
        }
        Ok(Self::new(url, desk))
    }
}

async fn serve(listener: TcpListener, desk: Arc<RawReceiverState>) {
    let mut calls = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let desk = Arc::clone(&desk);
        while calls.try_join_next().is_some() {}
        calls.spawn(async move {
            // The platform hung up; the scenario counts the failed delivery there.
            let _ = desk.answer(stream).await;
        });
    }
}

async fn serve_tls(listener: TcpListener, acceptor: TlsAcceptor, desk: Arc<RawReceiverState>) {
    let mut calls = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, desk) = (acceptor.clone(), Arc::clone(&desk));
        while calls.try_join_next().is_some() {}
        calls.spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = desk.answer(stream).await;
            }
        });
    }
}

/// Builds a TLS acceptor with an expired certificate.
fn expired_tls_acceptor() -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let certificate = CertificateDer::from_pem_slice(EXPIRED_CERTIFICATE)?;
    let key = PrivateKeyDer::from_pem_slice(EXPIRED_CERTIFICATE)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// HTTP request as received from the platform.
struct RawRequest {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// HTTP answer: status line, extra headers and body.
struct RawReply {
    status: &'static str,
    headers: String,
    body: String,
}

impl RawReply {
    fn new(status: &'static str, body: impl Into<String>) -> Self {
        Self { status, headers: String::new(), body: body.into() }
    }
}

impl RawReceiverState {
    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let request = read_request(&mut stream).await?;
        if self.behaviour == ScenarioBehaviour::Slow {
            self.ambient.sleep(OVERLONG_DELAY).await;
        }
        let RawReply { status, headers, body } = self.decide(&request);
        let text = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await
    }

    fn decide(&self, request: &RawRequest) -> RawReply {
        let accepted = || RawReply::new("200 OK", r#"{"received":true}"#);
        match self.behaviour {
            _ if self.is_repaired.load(Ordering::Relaxed) => accepted(),
            ScenarioBehaviour::Slow
            | ScenarioBehaviour::Expired
            | ScenarioBehaviour::Absent
            | ScenarioBehaviour::Nameless => accepted(),
            ScenarioBehaviour::Failing => RawReply::new(
                "500 Internal Server Error",
                r#"{"error":"could not open connection to database erp_prod"}"#,
            ),
            ScenarioBehaviour::Redirecting => RawReply {
                headers: "location: https://hooks.example.com/new\r\n".to_owned(),
                ..RawReply::new("301 Moved Permanently", "")
            },
            ScenarioBehaviour::WithoutSecret => {
                RawReply::new("401 Unauthorized", r#"{"error":"signing secret is not configured"}"#)
            }
            ScenarioBehaviour::Late => self.reject_timestamp(request),
            ScenarioBehaviour::Answering(answer) => {
                let (status, headers, body) = answer.reply();
                RawReply { headers: headers.to_owned(), ..RawReply::new(status, body) }
            }
            _ => self.signature_refusal(request).unwrap_or_else(accepted),
        }
    }

    /// Rejects every timestamp as out of tolerance, as a receiver with a slow clock does.
    fn reject_timestamp(&self, request: &RawRequest) -> RawReply {
        let now = self.ambient.now().minus(CLOCK_ERROR);
        let sent = request.headers.get("x-wlcro-timestamp").and_then(|text| text.parse::<i64>().ok());
        let off_by = sent.map_or(u64::MAX, |sent| now.seconds().abs_diff(sent));
        if off_by <= MAX_CLOCK_SKEW.as_secs() {
            return RawReply::new("200 OK", r#"{"received":true}"#);
        }
        let headers = format!("date: {}\r\n", http_date(now));
        RawReply { headers, ..RawReply::new("401 Unauthorized", r#"{"error":"timestamp outside of tolerance"}"#) }
    }

    /// Verifies the signature with the receiver's faulty method; on a mismatch the refusal contains the computed
    /// signature.
    fn signature_refusal(&self, request: &RawRequest) -> Option<RawReply> {
        let header = |name| request.headers.get(name).map(String::as_str).unwrap_or_default();
        let Some(secret) = self.secret.get() else {
            return Some(RawReply::new("401 Unauthorized", r#"{"error":"not ready"}"#));
        };
        let computed =
            faulty_signatures::compute_signature(self.behaviour, secret, header("x-wlcro-timestamp"), &request.body);
        if computed == header("x-wlcro-signature") {
            return None;
        }
        let body = serde_json::json!({"error": "signature does not match", "computed": computed}).to_string();
        Some(RawReply::new("401 Unauthorized", body))
    }
}

fn http_date(at: Timestamp) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT")
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<RawRequest> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if bytes.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let headers: BTreeMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize =
        headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0).min(MAX_REQUEST_BYTES);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    body.truncate(length);
    Ok(RawRequest { headers, body })
}
