//! The delivery log: attempts as rows and in full.

use crate::domain::attempt::{Attempt, AttemptPhase, PhaseTimings};
use crate::domain::delivery::{AttemptKind, AttemptOutcome, FailureKind, MAX_RETRIES};
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};

/// One attempt: a single POST of a delivery or a test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttemptRow {
    /// ID of the attempt, unique on the platform.
    pub id: AttemptId,
    /// Time at which the attempt began.
    pub started_utc: Timestamp,
    /// Company that owns the subscription; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub company_id: Option<CompanyId>,
    /// Subscription that the attempt was sent to; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub subscription_id: Option<SubscriptionId>,
    /// URL that the attempt was sent to; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub target_url: Option<Untrusted>,
    /// Delivery that the attempt belongs to; null for a test.
    pub delivery_id: Option<DeliveryId>,
    /// Event that was sent; null for a test.
    pub event_id: Option<EventId>,
    /// Type of the event that was sent.
    pub event_type: Untrusted,
    /// Kind of the attempt, such as scheduled, test, resend or replay; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub kind: Option<AttemptKind>,
    /// Number of the attempt within its delivery, from 1; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub number: Option<u32>,
    /// Highest attempt number possible: the first attempt and all retries, or 1 for a test; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub of: Option<u32>,
    /// Duration in milliseconds, from the DNS look-up to the last byte of the response.
    pub elapsed_ms: u64,
    /// HTTP status of the receiver's response; null if none came.
    pub status_code: Option<u16>,
    /// Failure kind when no response came; null if one came. `timeout`: no complete response in time; `refused`:
    /// connection refused; `broken`: connection lost; `dns`: no such name; `tls`: no trusted connection; `blocked`:
    /// address not public; `garbled`: not HTTP; `local`: the platform could not send, which counts against no receiver.
    #[serde(default, deserialize_with = "deserialize_cause")]
    pub cause: Option<Untrusted>,
    /// Sentence that explains why no response came; null if one came.
    pub error: Option<Untrusted>,
}

#[cfg(test)]
impl AttemptRow {
    /// First scheduled attempt of a delivery, as unit tests change it.
    pub(crate) fn answered(id: i64, status: u16) -> Self {
        Self {
            id: AttemptId(id),
            started_utc: Timestamp::default(),
            company_id: Some(CompanyId(1)),
            subscription_id: Some(SubscriptionId(1)),
            target_url: Some("https://hooks.example.com/in".into()),
            delivery_id: None,
            event_id: None,
            event_type: "lead.created".into(),
            kind: Some(AttemptKind::Scheduled),
            number: Some(1),
            of: Some(11),
            elapsed_ms: 5,
            status_code: Some(status),
            cause: None,
            error: None,
        }
    }
}

impl AttemptRow {
    /// Returns the outcome of the attempt. A failure kind that this version does not know counts as a broken
    /// connection.
    #[must_use]
    pub fn outcome(&self) -> AttemptOutcome {
        match (self.status_code, &self.cause) {
            (Some(status), _) => AttemptOutcome::Answered { status, retry_after: None },
            (None, Some(cause)) => {
                AttemptOutcome::Unanswered(FailureKind::named(cause.raw()).unwrap_or(FailureKind::ConnectionReset))
            }
            (None, None) => AttemptOutcome::Unanswered(FailureKind::ConnectionReset),
        }
    }
}

/// Deserialises a failure kind and replaces a former name by the one in use; unknown names stay as they are.
fn deserialize_cause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Untrusted>, D::Error> {
    let cause = Option::<Untrusted>::deserialize(deserializer)?;
    Ok(cause.map(|cause| FailureKind::named(cause.raw()).map_or(cause, |kind| Untrusted::new(kind.name()))))
}

/// Bytes of a request, a response or an envelope, as they were sent or received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CapturedBody {
    /// Kept bytes, encoded in Base64.
    pub base64: String,
    /// Kept bytes as text; null if they are not valid UTF-8.
    pub text: Option<Untrusted>,
    /// Number of bytes sent or received; larger than the number kept if the body was cut.
    pub n_bytes: u64,
    /// Whether only the beginning of the bytes was kept.
    pub truncated: bool,
}

/// One HTTP header of a request or a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct HttpHeader {
    /// Name of the header, as sent.
    pub name: Untrusted,
    /// Value of the header; bytes that are not UTF-8 are replaced.
    pub value: Untrusted,
}

impl HttpHeader {
    /// Reads headers from lines `Name: value`.
    #[must_use]
    pub fn from_lines(lines: &str) -> Vec<Self> {
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            Self { name: Untrusted::new(name), value: Untrusted::new(value) }
        };
        lines.lines().map(header).collect()
    }
}

/// One attempt in full: headers and bodies of request and response, peer address and phase times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttemptDetail {
    /// Attempt as it appears in the delivery log.
    #[serde(flatten)]
    pub row: AttemptRow,
    /// Headers of the request, as sent.
    pub request_headers: Vec<HttpHeader>,
    /// Body of the request: the exact bytes that were signed and sent.
    pub request_body: CapturedBody,
    /// Headers of the receiver's response.
    pub response_headers: Vec<HttpHeader>,
    /// First 16 KiB of the body of the receiver's response.
    pub response_body: CapturedBody,
    /// Network address that the platform connected to; null if it did not connect.
    pub peer: Option<Untrusted>,
    /// Duration of each phase of the attempt.
    #[serde(default)]
    pub phases: PhaseTimes,
    /// Time at which headers and bodies were dropped because the company's log exceeded its quota; null while they are
    /// kept.
    #[serde(default)]
    pub shed_utc: Option<Timestamp>,
    /// Subject of a refusal, as the listener found it that saw the response: `signature`, `clock`, `missing_secret`,
    /// `login`, `firewall`, `proxy`, `wrong_scheme`, `validation` or `other`. Absent where the response itself is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_topic: Option<Untrusted>,
    /// Whether values are left out because the operator is not an admin: the request is masked, the response is
    /// omitted.
    #[serde(default)]
    pub redacted: bool,
}

/// Duration of each phase of an attempt in microseconds; null for a phase that was not reached. The first three are
/// null when a kept-alive connection was reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PhaseTimes {
    /// DNS look-up in microseconds; null if the target is an IP address.
    pub dns_us: Option<u64>,
    /// TCP connect in microseconds; null on a reused connection.
    pub connect_us: Option<u64>,
    /// TLS handshake in microseconds; null over plain http.
    pub tls_us: Option<u64>,
    /// Time in microseconds from the first byte of the request to the complete head of the response.
    pub head_us: Option<u64>,
    /// Time in microseconds spent reading the body of the response, up to the read limit.
    pub body_us: Option<u64>,
}

impl From<PhaseTimings> for PhaseTimes {
    fn from(of: PhaseTimings) -> Self {
        let [dns_us, connect_us, tls_us, head_us, body_us] = AttemptPhase::ALL.map(|phase| of.get(phase));
        Self { dns_us, connect_us, tls_us, head_us, body_us }
    }
}

impl From<Attempt> for AttemptRow {
    fn from(of: Attempt) -> Self {
        let (delivery_id, event_id) = of.subject.delivery.unzip();
        let (status_code, cause) = match of.result.outcome {
            AttemptOutcome::Answered { status, .. } => (Some(status), None),
            AttemptOutcome::Unanswered(cause) => (None, Some(Untrusted::new(cause.name()))),
        };
        Self {
            id: of.id,
            started_utc: of.started_at,
            company_id: Some(of.subject.company),
            subscription_id: Some(of.subject.subscription),
            target_url: Some(Untrusted::new(of.subject.target_url)),
            delivery_id,
            event_id,
            event_type: Untrusted::new(of.subject.event_type.name()),
            kind: Some(of.kind),
            number: Some(of.number),
            of: Some(if of.kind == AttemptKind::Test { 1 } else { MAX_RETRIES + 1 }),
            elapsed_ms: of.result.elapsed_ms,
            status_code,
            cause,
            error: of.result.error.map(Untrusted::new),
        }
    }
}

impl CapturedBody {
    /// Wraps the `kept` bytes of a body of `n_bytes` bytes.
    #[must_use]
    pub fn new(kept: &[u8], n_bytes: u64) -> Self {
        Self {
            base64: STANDARD.encode(kept),
            text: std::str::from_utf8(kept).ok().map(Untrusted::new),
            n_bytes,
            truncated: n_bytes > kept.len() as u64,
        }
    }

    /// Returns the complete bytes; `None` if the body was cut or its Base64 is invalid.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.base64).ok().filter(|_| !self.truncated)
    }
}

impl From<(String, String)> for HttpHeader {
    fn from((name, value): (String, String)) -> Self {
        Self { name: Untrusted::new(name), value: Untrusted::new(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_failure_of_an_earlier_platform_is_read_under_the_name_in_use() {
        let row = |cause: serde_json::Value| -> AttemptRow {
            serde_json::from_value(serde_json::json!({
                "id": 1, "startedUtc": "1970-01-01T00:00:00Z", "companyId": 1, "subscriptionId": 1,
                "targetUrl": "https://hooks.example.com/in", "deliveryId": null, "eventId": null,
                "eventType": "lead.created", "kind": "scheduled", "number": 1, "of": 11, "elapsedMs": 3,
                "statusCode": null, "cause": cause, "error": null
            }))
            .expect("a row")
        };
        let cause = |cause: &str| row(cause.into()).cause.expect("a cause").raw().to_owned();
        assert_eq!([cause("ours"), cause("local"), cause("timeout")], ["local", "local", "timeout"]);
        assert_eq!(cause("a word of a later version"), "a word of a later version");
        assert!(!row("ours".into()).outcome().is_about_receiver());
        assert_eq!(row(serde_json::Value::Null).cause, None);
    }
}
