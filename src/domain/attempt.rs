//! Attempts: one POST of a webhook, in summary and as the complete HTTP exchange.

use super::delivery::{AttemptKind, AttemptOutcome};
use super::event::EventType;
use super::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId};
use super::time::Timestamp;

/// Summary of one attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Number of the attempt, unique on the platform.
    pub id: AttemptId,
    /// Event, subscription and target of the attempt.
    pub subject: AttemptSubject,
    /// Reason for which the attempt was made.
    pub kind: AttemptKind,
    /// Number of the attempt within its delivery, 1 for the first.
    pub number: u32,
    /// Time at which the attempt began.
    pub started_at: Timestamp,
    /// Outcome and duration of the attempt.
    pub result: AttemptResult,
}

/// Event, subscription and target of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptSubject {
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Subscription to which the webhook was sent.
    pub subscription: SubscriptionId,
    /// URL to which the request was sent.
    pub target_url: String,
    /// Delivery and event of the attempt; `None` for a test.
    pub delivery: Option<(DeliveryId, EventId)>,
    /// Type of the delivered event.
    pub event_type: EventType,
}

/// Outcome and duration of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptResult {
    /// HTTP status of the answer, or the kind of failure.
    pub outcome: AttemptOutcome,
    /// Failure in a sentence; `None` if an answer arrived.
    pub error: Option<String>,
    /// Duration in milliseconds, from the DNS lookup to the last byte of the answer.
    pub elapsed_ms: u64,
}

/// HTTP request and response of one attempt, as bytes on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpExchange {
    /// Headers of the request, in the order sent.
    pub request_headers: Vec<(String, String)>,
    /// Headers of the response, in the order received.
    pub response_headers: Vec<(String, String)>,
    /// First 16 KiB of the response body.
    pub response_body: Vec<u8>,
    /// Number of response body bytes that were read.
    pub n_body_bytes_read: u64,
    /// Address that was dialled; `None` if none was.
    pub peer: Option<String>,
    /// Duration of each phase of the attempt.
    pub phases: PhaseTimings,
    /// Time at which headers and bodies were dropped because the company's log exceeded its quota; `None` while stored.
    pub content_dropped_at: Option<Timestamp>,
}

/// Phase of an attempt, in chronological order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptPhase {
    /// The target's host name is resolved.
    Dns,
    /// A TCP connection is opened.
    Connect,
    /// The TLS handshake is completed.
    Tls,
    /// The request is sent and the response head is awaited.
    Head,
    /// The response body is read.
    Body,
}

impl AttemptPhase {
    /// All five phases, in chronological order.
    pub const ALL: [Self; 5] = [Self::Dns, Self::Connect, Self::Tls, Self::Head, Self::Body];
}

/// Duration of each phase in microseconds. A phase that the attempt did not reach is absent; so are the first three on
/// a reused connection, DNS for an address literal, and TLS without https.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhaseTimings {
    micros: [Option<u64>; AttemptPhase::ALL.len()],
}

impl PhaseTimings {
    /// Duration of a phase in microseconds.
    #[must_use]
    pub const fn get(&self, phase: AttemptPhase) -> Option<u64> {
        self.micros[phase as usize]
    }

    /// Sets the duration of a phase in microseconds.
    pub const fn set(&mut self, phase: AttemptPhase, us: Option<u64>) {
        self.micros[phase as usize] = us;
    }
}
