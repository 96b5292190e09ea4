//! Reports of receivers: deliveries that `crow listen` took, as an observer gets them with `POST /portal/v1/receipts`.

use super::attempts::HttpHeader;
use super::reports::{Base64Bytes, UnrecordedPeriod};
use crate::domain::delivery::FailureKind;
use crate::domain::ids::{CompanyId, EventId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Report of a listener: deliveries that it took, counts of those that it refused, and periods without a record. The
/// body of `POST /portal/v1/receipts`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReceiptReport {
    /// Deliveries that were taken, oldest first.
    #[serde(default)]
    pub receipts: Vec<DeliveryReceipt>,
    /// Counts of requests that were refused.
    #[serde(default)]
    pub refusals: Vec<RefusedDeliveries>,
    /// Periods in which deliveries were forwarded and not recorded.
    #[serde(default)]
    pub unrecorded: Vec<UnrecordedPeriod>,
}

/// Delivery that a listener took: its signature is valid, or was not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReceipt {
    /// ID of the receipt, chosen by the listener; a receipt whose id is known is not stored again.
    pub id: Untrusted,
    /// Time at which the delivery arrived, by the listener's clock.
    pub received_utc: Timestamp,
    /// Path at which the delivery arrived.
    pub path: Untrusted,
    /// Address of the receiver that the delivery was forwarded to, without its secret parts; null if the listener
    /// answered itself.
    pub forwarded_to: Option<Untrusted>,
    /// Subscription whose deliveries arrive at this path, as the listener was configured; null if not configured.
    pub subscription_id: Option<SubscriptionId>,
    /// Company in the body; null if the body names none.
    pub company_id: Option<CompanyId>,
    /// Event in the body; null for a test delivery and for a body that names none.
    pub event_id: Option<EventId>,
    /// Event type in the body; empty if the body names none.
    pub event_type: Untrusted,
    /// Result of the signature check.
    pub signature: SignatureResult,
    /// Position of the secret that the signature matches among the secrets of the path, from 1; null if the signature
    /// was not checked.
    pub secret_number: Option<u32>,
    /// Delivery id in the headers, which are not signed.
    pub claimed_delivery_id: Option<Untrusted>,
    /// Attempt number in the headers, which are not signed.
    pub claimed_attempt: Option<u32>,
    /// HTTP status that the delivery was answered with; null if its sender left before.
    pub status: Option<u16>,
    /// Failure of the hand-over; null if the receiver's response came whole, and its sender was there until its end
    /// came.
    pub failure: Option<HandoverFailure>,
    /// Duration from the arrival to the end of the response, in milliseconds.
    pub elapsed_ms: u64,
    /// Size of the body in bytes.
    pub n_bytes: u64,
    /// Size of the response's body in bytes, as far as it was passed back.
    pub n_answer_bytes: u64,
    /// Subject of the receiver's refusal: `signature`, `clock`, `missing_secret`, `login`, `firewall`, `proxy`,
    /// `wrong_scheme`, `validation` or `other`; null if the delivery was not refused. The response itself is not kept.
    #[serde(default)]
    pub answer_topic: Option<Untrusted>,
    /// Fault of the receiver's signature check, as the id of its cause, if the receiver refused a valid signature and
    /// its response tells the one that it computed; `sig-unexplained` if no known fault explains that one; null
    /// otherwise.
    #[serde(default)]
    pub signature_fault: Option<Untrusted>,
    /// Headers of the delivery that its signature depends on; empty unless the listener keeps bodies.
    #[serde(default)]
    pub headers: Vec<HttpHeader>,
    /// Beginning of the body; null unless the listener keeps bodies.
    #[serde(default)]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub body: Option<Base64Bytes>,
}

/// Result of a signature check that lets a delivery count as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignatureResult {
    /// The signature is valid.
    Genuine,
    /// The listener has no secret for the path.
    NotChecked,
}

/// Reason why a receiver's response was not passed back whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HandoverFailure {
    /// The receiver could not be reached; the delivery was answered 502.
    Unreachable,
    /// The receiver's host refused the connection; the delivery was answered 502.
    Refused,
    /// The name of the receiver's host does not resolve; the delivery was answered 502.
    Dns,
    /// There was no trusted connection to the receiver; the delivery was answered 502.
    Tls,
    /// The receiver gave no response in time; the delivery was answered 504. Or the end of its response did not come.
    Timeout,
    /// The connection to the receiver broke before the end of its response; without a head, the delivery was answered
    /// 502.
    Broken,
    /// The sender of the delivery closed the connection before the end of the response.
    SenderLeft,
    /// A failure that this version does not know.
    #[serde(other)]
    Other,
}

impl HandoverFailure {
    /// All failures that this version knows.
    pub const ALL: [Self; 7] =
        [Self::Unreachable, Self::Refused, Self::Dns, Self::Tls, Self::Timeout, Self::Broken, Self::SenderLeft];

    /// Name of the failure on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::SenderLeft => "sender_left",
            Self::Other => "other",
        }
    }

    /// Failure of a name on the wire; [`Self::Other`] for a name that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|failure| failure.name() == name).unwrap_or(Self::Other)
    }

    /// The failure in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "the listener could not reach the receiver",
            Self::Refused => "the receiver's host refused the connection",
            Self::Dns => "the name of the receiver's host does not resolve",
            Self::Tls => "there was no trusted connection to the receiver",
            Self::Timeout => "the receiver's response did not come, or did not end, in time",
            Self::Broken => "the connection to the receiver broke before the end of its response",
            Self::SenderLeft => "the sender closed the connection before the end of the response",
            Self::Other => "the listener reported a failure that this version does not know",
        }
    }
}

/// Time without a response, in milliseconds, from which on a sender that left has given up waiting.
const MIN_GIVEN_UP_MS: u64 = 5_000;

/// Duration, in milliseconds, from which on a connection that was not made met its time limit.
const MIN_UNREACHED_MS: u64 = 4_500;

impl HandoverFailure {
    /// Kind of the failure as an attempt has it, if the receiver's response did not come whole. A sender that left
    /// early counts against no receiver.
    #[must_use]
    pub const fn kind(self, elapsed_ms: u64) -> FailureKind {
        match self {
            // What hangs until the limit of a connection was not refused.
            Self::Unreachable if elapsed_ms >= MIN_UNREACHED_MS => FailureKind::Timeout,
            Self::Unreachable | Self::Refused => FailureKind::Refused,
            Self::Dns => FailureKind::Dns,
            Self::Tls => FailureKind::Tls,
            Self::Timeout => FailureKind::Timeout,
            Self::SenderLeft if elapsed_ms >= MIN_GIVEN_UP_MS => FailureKind::Timeout,
            Self::SenderLeft => FailureKind::Local,
            Self::Broken | Self::Other => FailureKind::ConnectionReset,
        }
    }
}

/// Requests that a listener refused for one reason at one path within a minute. Nothing of their bodies is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefusedDeliveries {
    /// ID of the item, chosen by the listener.
    pub id: Untrusted,
    /// Time of the first of the requests.
    pub since_utc: Timestamp,
    /// Time of the last of the requests.
    pub until_utc: Timestamp,
    /// Path of the requests; null for paths that the listener does not serve.
    pub path: Option<Untrusted>,
    /// Subscription whose deliveries arrive at this path, as the listener was configured; null if not configured.
    #[serde(default)]
    pub subscription_id: Option<SubscriptionId>,
    /// Reason of the refusals.
    pub reason: RefusalReason,
    /// Fault that explains the signatures, as the id of its cause; `sig-unexplained` if no known fault does; null where
    /// none was looked for.
    #[serde(default)]
    pub signature_fault: Option<Untrusted>,
    /// Number of the requests.
    pub n: u64,
    /// Bytes of the bodies that were read, over all requests.
    pub n_bytes: u64,
    /// Address of the last caller.
    pub address: Option<Untrusted>,
    /// User agent that the last caller reported, 120 characters at most.
    pub user_agent: Option<Untrusted>,
}

/// Reason why a listener refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The listener serves no such path.
    UnknownPath,
    /// Timestamp or signature is missing.
    NotSigned,
    /// A header of the signature appears more than once, with different values.
    AmbiguousHeader,
    /// The timestamp is not a number.
    InvalidTimestamp,
    /// The signature is valid, and its timestamp is more than five minutes from the listener's clock.
    StaleTimestamp,
    /// The signature matches no secret of the path.
    SignatureMismatch,
    /// Headers name another event than the signed body.
    ContradictingHeaders,
    /// The body exceeds the size limit.
    TooLarge,
    /// The body broke off.
    IncompleteBody,
    /// The body did not arrive in time.
    SlowBody,
    /// Too many bodies were being received at once.
    Busy,
    /// The delivery could not be recorded, and the listener has no receiver.
    NotRecorded,
    /// A reason that this version does not know.
    #[serde(other)]
    Other,
}

impl RefusalReason {
    /// All reasons that this version knows.
    pub const ALL: [Self; 12] = [
        Self::UnknownPath,
        Self::NotSigned,
        Self::AmbiguousHeader,
        Self::InvalidTimestamp,
        Self::StaleTimestamp,
        Self::SignatureMismatch,
        Self::ContradictingHeaders,
        Self::TooLarge,
        Self::IncompleteBody,
        Self::SlowBody,
        Self::Busy,
        Self::NotRecorded,
    ];

    /// Reason of a name on the wire; [`Self::Other`] for a name that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.name() == name).unwrap_or(Self::Other)
    }

    /// Name of the reason on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_path",
            Self::NotSigned => "not_signed",
            Self::AmbiguousHeader => "ambiguous_header",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::StaleTimestamp => "stale_timestamp",
            Self::SignatureMismatch => "signature_mismatch",
            Self::ContradictingHeaders => "contradicting_headers",
            Self::TooLarge => "too_large",
            Self::IncompleteBody => "incomplete_body",
            Self::SlowBody => "slow_body",
            Self::Busy => "busy",
            Self::NotRecorded => "not_recorded",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_those_of_the_types_and_later_names_are_tolerated() {
        let name = |value: serde_json::Value| value.as_str().expect("a name").to_owned();
        for reason in RefusalReason::ALL {
            assert_eq!(name(serde_json::to_value(reason).expect("serialised")), reason.name());
        }
        for failure in HandoverFailure::ALL {
            assert_eq!(name(serde_json::to_value(failure).expect("serialised")), failure.name());
        }
        let later: RefusalReason = serde_json::from_str("\"a_reason_of_a_later_version\"").expect("tolerated");
        assert_eq!(later, RefusalReason::Other);
        let report: ReceiptReport = serde_json::from_str("{\"more\":1}").expect("members may be missing");
        assert_eq!(report, ReceiptReport::default());
    }
}
