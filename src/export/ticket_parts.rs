//! Parts of a ticket about the course of an incident: what the reporter says, failures one by one and in groups, impact,
//! trend, what was tried, and the last change before.

use crate::diagnose::tried_steps::TriedOutcome;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Statement of the person who reports the incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TicketReporter {
    /// Steps that were tried, in order.
    pub tried: Vec<String>,
    /// What was measured since each step, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried_outcomes: Vec<TriedOutcome>,
    /// What happened, in the reporter's words; null if nothing was said.
    pub note: Option<String>,
    /// Way to reach the reporter; null if none was given.
    pub contact: Option<String>,
}

impl TicketReporter {
    /// Whether the reporter said nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Failed attempts of one subscription with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketFailureGroup {
    /// Subscription that the attempts were sent to.
    pub subscription_id: i64,
    /// Outcome of the attempts: an HTTP status or a failure kind.
    pub outcome: String,
    /// Number of the attempts.
    pub n: u64,
    /// Whether there are more than were counted.
    pub is_at_least: bool,
    /// Time of the first attempt.
    pub first_utc: Timestamp,
    /// Time of the last attempt.
    pub last_utc: Timestamp,
    /// Number of the first attempt.
    pub first_attempt_id: i64,
    /// Number of the last attempt.
    pub last_attempt_id: i64,
    /// Whether the first and the last answer are the same; null if they were not both read.
    pub is_same_answer: Option<bool>,
}

/// Refused or failed calls of one caller to one route with the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketCallGroup {
    /// HTTP method and route of the calls.
    pub call: String,
    /// HTTP status of the answers; null if none came.
    pub status: Option<u16>,
    /// Problem code of the answers; null if there is none.
    pub code: Option<String>,
    /// Last four characters of the key, whether known or only claimed; null without a key.
    pub last4: Option<String>,
    /// Address and user agent of the caller; null if they are not known.
    pub caller: Option<String>,
    /// Number of the calls.
    pub n: u64,
    /// Time of the first call.
    pub first_utc: Timestamp,
    /// Time of the last call.
    pub last_utc: Timestamp,
    /// Ids of the newest calls, at most three.
    pub request_ids: Vec<String>,
}

/// What an incident affected, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TicketImpact {
    /// Number of events whose delivery failed at least once, or that were not delivered.
    pub n_events: u64,
    /// Number of deliveries that were missed, given up or are on hold.
    pub n_undelivered: u64,
    /// Number of failed attempts.
    pub n_failed_attempts: u64,
    /// Number of refused or failed calls.
    pub n_calls: u64,
    /// Number of subscriptions that the failures belong to.
    pub n_subscriptions: u64,
    /// Number of keys that the refused calls were made with.
    pub n_keys: u64,
    /// Whether the numbers are lower bounds.
    pub is_at_least: bool,
    /// Time of the first failure; null without one.
    pub since_utc: Option<Timestamp>,
    /// Time of the last failure; null without one.
    pub last_utc: Option<Timestamp>,
    /// What the acting causes explain, with numbers and times, where no failed attempt or refused call shows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

/// Scheduled attempts of one part of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketTrendPart {
    /// Start of the part; it ends where the next one begins.
    pub since_utc: Timestamp,
    /// Number of attempts that failed.
    pub n_failed: u64,
    /// Number of attempts, failed or not.
    pub n: u64,
}

/// Act on an object that the ticket is about, from the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketAct {
    /// Time of the act.
    pub utc: Timestamp,
    /// Kind of the act, such as `enable subscription`.
    pub action: String,
    /// Object that was acted on.
    pub subject: String,
    /// Operator or key that acted; absent from a partner's ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Reason that was given; null if none was, absent from a partner's ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Header of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketHeader {
    /// Name of the header.
    pub name: String,
    /// Value of the header.
    pub value: String,
}

/// Attempt that failed or was selected for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketFailure {
    /// Time at which the attempt began.
    pub utc: Timestamp,
    /// Number of the attempt, unique on the platform.
    pub attempt_id: i64,
    /// Subscription that the attempt was sent to; null if it is not known.
    pub subscription_id: Option<i64>,
    /// Number of the delivery; null for a test.
    pub delivery_id: Option<i64>,
    /// Number of the event; null for a test.
    pub event_id: Option<i64>,
    /// Type of the event that was sent.
    pub event_type: String,
    /// Kind and number of the attempt, such as `scheduled, try 3 of 11`.
    pub tried: String,
    /// Outcome of the attempt: an HTTP status or a failure kind.
    pub outcome: String,
    /// Duration of the attempt in milliseconds.
    pub elapsed_ms: u64,
    /// URL that the attempt was sent to, without the values of its query; null if it is not known.
    #[serde(default)]
    pub target: Option<String>,
    /// Network address that was dialled; null if none was.
    #[serde(default)]
    pub peer: Option<String>,
    /// Length of the body that was signed and sent, in bytes; null if it is not kept.
    #[serde(default)]
    pub n_sent_bytes: Option<u64>,
    /// Headers that were sent and that a receiver needs to verify the delivery: timestamp, signature, ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent_headers: Vec<TicketHeader>,
    /// Reason why no answer came; null if one did.
    pub error: Option<String>,
    /// Body of the receiver's answer, if it is text and as far as it was kept.
    pub body: Option<String>,
    /// Headers of the receiver's answer that say something about the failure.
    #[serde(default)]
    pub headers: Vec<TicketHeader>,
}

/// Request that was refused or selected for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketRequest {
    /// Time at which the request arrived.
    pub utc: Timestamp,
    /// Id of the request, equal to the header `X-Request-Id`.
    pub request_id: String,
    /// HTTP method and route of the request.
    pub call: String,
    /// HTTP status of the answer; null if none came.
    pub status: Option<u16>,
    /// Problem code of the answer; null if there is none.
    pub code: Option<String>,
    /// Problem in words; null if there is none.
    pub detail: Option<String>,
    /// Last four characters of the request's key, whether known or only claimed.
    pub last4: Option<String>,
    /// Query of the request, with values of filters, times and pages only; null if there was none.
    #[serde(default)]
    pub query: Option<String>,
    /// Address and user agent of the caller; null if they are not known.
    #[serde(default)]
    pub caller: Option<String>,
    /// Problem document of the answer, as the log has it; null if there was none.
    #[serde(default)]
    pub problem: Option<TicketProblem>,
    /// Headers of the answer that say something about the refusal.
    #[serde(default)]
    pub headers: Vec<TicketHeader>,
}

/// Problem document of a refused call, as the log has it.
pub type TicketProblem = Map<String, Value>;
