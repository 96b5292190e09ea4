//! The sender: one signed POST inside one deadline. It knows HTTP and nothing of policy.

use super::Error;
use crate::ambient::Ambient;
use crate::domain::attempt::{Exchange, Result as AttemptResult};
use crate::domain::delivery::{BODY_KEPT, BODY_READ, Cause, DEADLINE, Outcome};
use crate::domain::event::EventType;
use crate::domain::ids::EventId;
use crate::domain::secret::Secret;
use crate::domain::signature;
use crate::domain::target::{self, Fault, Policy};
use crate::domain::time::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use std::error::Error as StdError;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) target_url: String,
    pub(super) secret: Secret,
    pub(super) event: EventId,
    pub(super) event_type: EventType,
    /// The delivery's number, or `test`.
    pub(super) delivery: String,
    pub(super) number: u32,
    pub(super) body: Vec<u8>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) started_at: Timestamp,
    pub(super) result: AttemptResult,
    pub(super) exchange: Exchange,
    /// What was sent.
    pub(super) body: Vec<u8>,
}

/// Sends parcels; keeps connections.
#[derive(Debug)]
pub(super) struct Sender {
    http: reqwest::Client,
    policy: Policy,
}

impl Sender {
    /// A sender that follows no redirects, uses no proxies, unpacks nothing, and dials only what the policy permits.
    pub(super) fn new(policy: Policy) -> Result<Self, Error> {
        use rustls_platform_verifier::ConfigVerifierExt as _;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = rustls::ClientConfig::with_platform_verifier().map_err(|error| Error::Sender(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .dns_resolver(Guard(policy))
            .user_agent("WhiteLabelCRO-Webhooks/1")
            .pool_max_idle_per_host(4)
            .build()
            .map_err(|error| Error::Sender(error.to_string()))?;
        Ok(Self { http, policy })
    }

    /// Posts a parcel, signed now, within the deadline.
    pub(super) async fn post(&self, parcel: Parcel, ambient: &Ambient) -> Landed {
        let started_at = ambient.now();
        let watch = ambient.stopwatch();
        let headers = headers(&parcel, started_at);
        let mut exchange = Exchange { request_headers: headers, ..Exchange::default() };
        let outcome = ambient.within(DEADLINE, self.exchange(&parcel, &mut exchange)).await;
        let (outcome, error) = match outcome {
            Some(Ok(outcome)) => (outcome, None),
            Some(Err((cause, error))) => (Outcome::Unanswered(cause), Some(error)),
            None => {
                let error = format!("no complete answer within {} s", DEADLINE.as_secs());
                (Outcome::Unanswered(Cause::Timeout), Some(error))
            }
        };
        let result = AttemptResult { outcome, error, elapsed_ms: watch.elapsed_ms() };
        Landed { started_at, result, exchange, body: parcel.body }
    }

    async fn exchange(&self, parcel: &Parcel, exchange: &mut Exchange) -> Result<Outcome, (Cause, String)> {
        let url = target::judge(&parcel.target_url, self.policy)
            .map_err(|fault| (Cause::Blocked, format!("the target {fault}")))?;
        let mut request = self.http.post(url).body(parcel.body.clone());
        for (name, value) in &exchange.request_headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| classify(&error))?;
        let status = response.status().as_u16();
        exchange.peer = response.remote_addr().map(|address| address.to_string());
        exchange.response_headers = kept(response.headers());
        let retry_after = retry_after(response.headers());
        let mut n_read = 0;
        while n_read < BODY_READ
            && let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))?
        {
            n_read += chunk.len();
            let room = BODY_KEPT.saturating_sub(exchange.response_body.len());
            exchange.response_body.extend_from_slice(&chunk[..room.min(chunk.len())]);
            exchange.n_response_bytes = n_read.try_into().unwrap_or(u64::MAX);
        }
        Ok(Outcome::Answered { status, retry_after })
    }
}

/// The documented headers; a fresh timestamp and signature for every attempt.
fn headers(parcel: &Parcel, now: Timestamp) -> Vec<(String, String)> {
    let timestamp = now.seconds();
    [
        ("content-type", "application/json".to_owned()),
        ("x-wlcro-timestamp", timestamp.to_string()),
        ("x-wlcro-signature", signature::sign(&parcel.secret, timestamp, &parcel.body)),
        ("x-wlcro-event-id", parcel.event.to_string()),
        ("x-wlcro-event-type", parcel.event_type.to_string()),
        ("x-wlcro-delivery-id", parcel.delivery.clone()),
        ("x-wlcro-attempt", parcel.number.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// At most 64 headers, each at most 1,024 characters: enough to see what a receiver says of itself.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .take(64)
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).chars().take(1_024).collect())
        })
        .collect()
}

/// `Retry-After` in seconds, if it is a number; dates and other texts are ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Resolves names and lets through only names all of whose addresses are permitted. What it checks is what is dialled.
#[derive(Debug, Clone, Copy)]
struct Guard(Policy);

/// Why a name was not let through.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0} has no address")]
    Unresolved(String),
    #[error("{name} has the address {address}: {fault}")]
    Blocked { name: String, address: SocketAddr, fault: Fault },
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let addresses: Vec<SocketAddr> = found.map_err(|_| Refusal::Unresolved(name.clone()))?.collect();
            if addresses.is_empty() {
                return Err(Refusal::Unresolved(name).into());
            }
            for address in &addresses {
                if let Err(fault) = target::judge_address(address.ip(), policy) {
                    return Err(Refusal::Blocked { name, address: *address, fault }.into());
                }
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// Finds the cause of a failed exchange by the types in its chain of sources, never by their texts.
fn classify(error: &reqwest::Error) -> (Cause, String) {
    let mut innermost: &(dyn StdError + 'static) = error;
    let mut cause = None;
    loop {
        cause = cause_of(innermost).or(cause);
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    (cause.unwrap_or(Cause::Broken), innermost.to_string())
}

fn cause_of(error: &(dyn StdError + 'static)) -> Option<Cause> {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return Some(match refusal {
            Refusal::Unresolved(_) => Cause::Dns,
            Refusal::Blocked { .. } => Cause::Blocked,
        });
    }
    if error.is::<rustls::Error>() {
        return Some(Cause::Tls);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return error.is_parse().then_some(Cause::Garbled);
    }
    let error = error.downcast_ref::<std::io::Error>()?;
    // What an I/O error wraps is no source of it, so it is looked at here.
    if let Some(inner) = error.get_ref().and_then(|inner| cause_of(inner)) {
        return Some(inner);
    }
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => Cause::Refused,
        ErrorKind::TimedOut => Cause::Timeout,
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable => Cause::Ours,
        _ => match error.raw_os_error() {
            // EMFILE and ENFILE: no descriptors left.
            Some(23 | 24) => Cause::Ours,
            _ => Cause::Broken,
        },
    })
}
