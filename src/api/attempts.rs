//! The delivery log: attempts in short and in full.

use crate::domain::attempt::{Attempt, Phase, Phases};
use crate::domain::delivery::{Cause, Kind, Outcome, RETRIES};
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One POST in one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRow {
    /// Its number.
    pub id: AttemptId,
    /// When it began.
    pub started_utc: Timestamp,
    /// Whose.
    pub company_id: CompanyId,
    /// To which subscription.
    pub subscription_id: SubscriptionId,
    /// Where it went.
    pub target_url: Untrusted,
    /// Which delivery; null for a test.
    pub delivery_id: Option<DeliveryId>,
    /// Which event; null for a test.
    pub event_id: Option<EventId>,
    /// What the event was.
    pub event_type: Untrusted,
    /// What it was for.
    pub kind: Kind,
    /// 1 for the first.
    pub number: u32,
    /// How many there can be.
    pub of: u32,
    /// From the look-up of the name to the last byte.
    pub elapsed_ms: u64,
    /// The answer's status; null if none came.
    pub status_code: Option<u16>,
    /// Why none came, in one word.
    pub cause: Option<Untrusted>,
    /// Why none came, in a sentence.
    pub error: Option<Untrusted>,
}

impl AttemptRow {
    /// What it came to, as far as this version knows the words.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.status_code, &self.cause) {
            (Some(status), _) => Outcome::Answered { status, retry_after: None },
            (None, Some(cause)) => Outcome::Unanswered(Cause::named(cause.raw()).unwrap_or(Cause::Broken)),
            (None, None) => Outcome::Unanswered(Cause::Broken),
        }
    }
}

/// Bytes as they went over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// All of them, in Base64.
    pub base64: String,
    /// The same as text, if they are UTF-8.
    pub text: Option<Untrusted>,
    /// How many there were; more than are kept if it was cut.
    pub n_bytes: u64,
    /// Whether some are missing.
    pub truncated: bool,
}

/// One header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Header {
    /// Its name.
    pub name: Untrusted,
    /// Its value; bytes that are not UTF-8 replaced.
    pub value: Untrusted,
}

/// One POST in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptDetail {
    /// The line.
    #[serde(flatten)]
    pub row: AttemptRow,
    /// What was sent.
    pub request_headers: Vec<Header>,
    /// The exact bytes that were signed and sent.
    pub request_body: Body,
    /// What came back.
    pub response_headers: Vec<Header>,
    /// The first 16 KiB of what came back.
    pub response_body: Body,
    /// The address that was dialled.
    pub peer: Option<Untrusted>,
    /// Where the time went.
    #[serde(default)]
    pub phases: PhaseTimes,
    /// When headers and bodies were given up, because the company's log had more bytes than its quota; null while they are kept.
    #[serde(default)]
    pub shed_utc: Option<Timestamp>,
    /// Whether values were left out because this operator is no admin: what was sent is masked, what came back is not there.
    #[serde(default)]
    pub redacted: bool,
}

/// How long each part of a POST took, in microseconds; null for a part that it did not come to. The first three are null where a kept
/// connection was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PhaseTimes {
    /// Resolving the name; null where the target is an address.
    pub dns_us: Option<u64>,
    /// Making a connection.
    pub connect_us: Option<u64>,
    /// Agreeing on TLS; null over plain http.
    pub tls_us: Option<u64>,
    /// From the first byte of the request to the whole head of the answer.
    pub head_us: Option<u64>,
    /// The body of the answer, as far as it was read.
    pub body_us: Option<u64>,
}

impl From<Phases> for PhaseTimes {
    fn from(of: Phases) -> Self {
        let [dns_us, connect_us, tls_us, head_us, body_us] = Phase::ALL.map(|phase| of.get(phase));
        Self { dns_us, connect_us, tls_us, head_us, body_us }
    }
}

impl From<Attempt> for AttemptRow {
    fn from(of: Attempt) -> Self {
        let (delivery_id, event_id) = of.about.delivery.unzip();
        let (status_code, cause) = match of.result.outcome {
            Outcome::Answered { status, .. } => (Some(status), None),
            Outcome::Unanswered(cause) => (None, Some(Untrusted::new(cause.name()))),
        };
        Self {
            id: of.id,
            started_utc: of.started_at,
            company_id: of.about.company,
            subscription_id: of.about.subscription,
            target_url: Untrusted::new(of.about.target_url),
            delivery_id,
            event_id,
            event_type: Untrusted::new(of.about.event_type.name()),
            kind: of.kind,
            number: of.number,
            of: if of.kind == Kind::Test { 1 } else { RETRIES + 1 },
            elapsed_ms: of.result.elapsed_ms,
            status_code,
            cause,
            error: of.result.error.map(Untrusted::new),
        }
    }
}

impl Body {
    /// The bytes that were kept, out of `n_bytes`.
    #[must_use]
    pub fn new(kept: &[u8], n_bytes: u64) -> Self {
        Self {
            base64: STANDARD.encode(kept),
            text: std::str::from_utf8(kept).ok().map(Untrusted::new),
            n_bytes,
            truncated: n_bytes > kept.len() as u64,
        }
    }

    /// All the bytes; nothing if some are missing.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.base64).ok().filter(|_| !self.truncated)
    }
}

impl From<(String, String)> for Header {
    fn from((name, value): (String, String)) -> Self {
        Self { name: Untrusted::new(name), value: Untrusted::new(value) }
    }
}
