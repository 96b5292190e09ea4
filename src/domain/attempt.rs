//! Attempts: one POST with all that is worth keeping of it.

use super::delivery::{Kind, Outcome};
use super::event::EventType;
use super::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId};
use super::time::Timestamp;

/// One POST in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number.
    pub id: AttemptId,
    /// What it was about.
    pub about: About,
    /// What it was for.
    pub kind: Kind,
    /// 1 for the first.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// What came of it.
    pub result: Result,
}

/// What an attempt was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whose.
    pub company: CompanyId,
    /// To which subscription.
    pub subscription: SubscriptionId,
    /// Where it went.
    pub target_url: String,
    /// Which delivery and event; none for a test.
    pub delivery: Option<(DeliveryId, EventId)>,
    /// What the event was.
    pub event_type: EventType,
}

/// What came of an attempt, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Result {
    /// What it came to.
    pub outcome: Outcome,
    /// In a sentence, if there was no answer.
    pub error: Option<String>,
    /// From the look-up of the name to the last byte.
    pub elapsed_ms: u64,
}

/// One POST, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchange {
    /// What was sent.
    pub request_headers: Vec<(String, String)>,
    /// What came back.
    pub response_headers: Vec<(String, String)>,
    /// The first 16 KiB of what came back.
    pub response_body: Vec<u8>,
    /// How many bytes were read of it.
    pub n_response_bytes: u64,
    /// The address that was dialled.
    pub peer: Option<String>,
    /// Where the time went.
    pub phases: Phases,
    /// When headers and bodies were given up, because the company's log had more bytes than its quota; `None` while they are kept.
    pub shed_at: Option<Timestamp>,
}

/// A part of an attempt, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The name is resolved.
    Dns,
    /// A connection is made.
    Connect,
    /// TLS is agreed.
    Tls,
    /// The request is sent and the head of the answer awaited.
    Head,
    /// The body of the answer is read.
    Body,
}

impl Phase {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Dns, Self::Connect, Self::Tls, Self::Head, Self::Body];
}

/// How long each phase took, in microseconds. A phase that the attempt did not come to is absent, and so are the first three where a kept
/// connection was used, the first where the target is an address, and the third without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    us: [Option<u64>; Phase::ALL.len()],
}

impl Phases {
    /// How long a phase took.
    #[must_use]
    pub const fn get(&self, phase: Phase) -> Option<u64> {
        self.us[phase as usize]
    }

    /// Sets how long a phase took.
    pub const fn set(&mut self, phase: Phase, us: Option<u64>) {
        self.us[phase as usize] = us;
    }
}
