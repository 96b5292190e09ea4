//! The delivery log: attempts in short and in full.

use crate::domain::delivery::{Cause, Kind, Outcome};
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One POST in one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: Untrusted,
    /// Its value; bytes that are not UTF-8 replaced.
    pub value: Untrusted,
}

/// One POST in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}
