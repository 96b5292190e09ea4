//! Topics of playbooks: the symptoms that can be diagnosed, and which of them apply to a subject.

use super::diagnosis_subject::DiagnosisSubject;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Topic of a playbook: the symptom that it diagnoses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybookTopic {
    /// The platform itself fails: errors of its own, paused deliveries, full storage, a wrong clock.
    Platform,
    /// Requests with a key are refused with 401.
    KeyNotWorking,
    /// Requests with a key are refused with 403.
    Permissions,
    /// Requests are refused as invalid: 400, 404, 405, 409, 413 or 415.
    CallsRefused,
    /// Webhooks do not arrive at the receiver.
    WebhooksNotArriving,
    /// The receiver rejects the signatures of deliveries.
    Signature,
    /// Requests are refused by a rate limit with 429.
    RateLimits,
    /// Events are missing from what a partner polls.
    EventsMissing,
    /// The breaker of a subscription: why it trips or tripped, and whether the subscription can be enabled again.
    Breaker,
    /// A subscription cannot be changed because a tool manages it.
    ManagedSubscription,
    /// The signing secret of a subscription is lost.
    LostSecret,
    /// A bulk import stalls or times out.
    BulkTimeouts,
    /// A partner polls events that its webhooks did not deliver.
    Discrepancy,
}

impl PlaybookTopic {
    /// Every topic: the platform itself, then in the order of the guide.
    pub const ALL: [Self; 13] = [
        Self::Platform,
        Self::KeyNotWorking,
        Self::Permissions,
        Self::CallsRefused,
        Self::WebhooksNotArriving,
        Self::Signature,
        Self::RateLimits,
        Self::EventsMissing,
        Self::Breaker,
        Self::ManagedSubscription,
        Self::LostSecret,
        Self::BulkTimeouts,
        Self::Discrepancy,
    ];

    /// Returns the topic's name on the wire and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::KeyNotWorking => "key-not-working",
            Self::Permissions => "permissions",
            Self::CallsRefused => "calls-refused",
            Self::WebhooksNotArriving => "webhooks-not-arriving",
            Self::Signature => "signature",
            Self::RateLimits => "rate-limits",
            Self::EventsMissing => "events-missing",
            Self::Breaker => "breaker",
            Self::ManagedSubscription => "managed-subscription",
            Self::LostSecret => "lost-secret",
            Self::BulkTimeouts => "bulk-timeouts",
            Self::Discrepancy => "discrepancy",
        }
    }

    /// Returns the symptom that the topic diagnoses, in one line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Platform => "Platform faults (5xx, paused, storage, clock)",
            Self::KeyNotWorking => "API key rejected (401)",
            Self::Permissions => "Missing permission (403)",
            Self::CallsRefused => "Calls refused as invalid (400, 404, 409 …)",
            Self::WebhooksNotArriving => "Webhooks not arriving",
            Self::Signature => "Signature verification fails",
            Self::RateLimits => "Rate limited (429)",
            Self::EventsMissing => "Events missing from polling",
            Self::Breaker => "Breaker trips, or has tripped",
            Self::ManagedSubscription => "Subscription managed by a tool",
            Self::LostSecret => "Signing secret lost",
            Self::BulkTimeouts => "Bulk import stalls (429, 503, timeouts)",
            Self::Discrepancy => "Webhooks missed events that polling returned",
        }
    }

    /// Returns the id of the topic's main check. While its result is unknown, the report is undecided.
    #[must_use]
    pub const fn main_question(self) -> &'static str {
        match self {
            Self::Platform => "own-errors",
            Self::KeyNotWorking => "refused-401",
            Self::Permissions => "refused-403",
            Self::CallsRefused => "refused-other",
            Self::WebhooksNotArriving => "endpoint-answers",
            Self::Signature => "accepted",
            Self::RateLimits => "refused-429",
            Self::EventsMissing => "polls-filled",
            Self::Breaker => "breaker-state",
            Self::ManagedSubscription => "managed-by",
            Self::LostSecret => "receiver-has-secret",
            Self::BulkTimeouts => "contended",
            Self::Discrepancy => "delivered",
        }
    }

    /// Returns the topic with this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

impl fmt::Display for PlaybookTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns the playbooks that apply to a subject.
#[must_use]
pub fn topics_for(subject: DiagnosisSubject) -> Vec<PlaybookTopic> {
    match subject {
        DiagnosisSubject::All | DiagnosisSubject::Company(_) => PlaybookTopic::ALL.to_vec(),
        DiagnosisSubject::Key(_) => {
            vec![
                PlaybookTopic::KeyNotWorking,
                PlaybookTopic::Permissions,
                PlaybookTopic::CallsRefused,
                PlaybookTopic::RateLimits,
                PlaybookTopic::EventsMissing,
                PlaybookTopic::BulkTimeouts,
                PlaybookTopic::Platform,
            ]
        }
        DiagnosisSubject::Subscription(_) => vec![
            PlaybookTopic::WebhooksNotArriving,
            PlaybookTopic::Breaker,
            PlaybookTopic::Signature,
            PlaybookTopic::LostSecret,
            PlaybookTopic::ManagedSubscription,
            PlaybookTopic::Discrepancy,
            PlaybookTopic::Platform,
        ],
    }
}
