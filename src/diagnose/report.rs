//! Reports of playbooks: the checks that were run, their evidence, and the causes found.

use super::diagnosis_subject::DiagnosisSubject;
use super::remedy::OfferedAction;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Topic of a playbook: the symptom that it diagnoses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybookTopic {
    /// Requests with a key are refused with 401.
    KeyNotWorking,
    /// Requests with a key are refused with 403.
    Permissions,
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
    /// Every topic, in the order of the guide.
    pub const ALL: [Self; 11] = [
        Self::KeyNotWorking,
        Self::Permissions,
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
            Self::KeyNotWorking => "key-not-working",
            Self::Permissions => "permissions",
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
            Self::KeyNotWorking => "API key rejected (401)",
            Self::Permissions => "Missing permission (403)",
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
            Self::KeyNotWorking => "refused-401",
            Self::Permissions => "refused-403",
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

/// Evidence: the answer to one read-only call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Call that was made, with the field or count that was read.
    pub query: String,
    /// Value that the platform answered.
    pub value: Untrusted,
    /// Limit that the value is compared with; null if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Time at which the call was made.
    pub at_utc: Timestamp,
}

impl Evidence {
    /// Formats the limit to follow the value: ` (expected 0)`, or nothing without one.
    #[must_use]
    pub fn expected(&self) -> String {
        self.limit.as_ref().map_or_else(String::new, |limit| format!(" (expected {limit})"))
    }
}

/// Result of a check. Unknown never counts as pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
pub enum CheckVerdict {
    /// The check found nothing wrong.
    Pass,
    /// The check found something wrong.
    Fail,
    /// The check could not be answered, for this reason.
    Unknown(String),
    /// The check does not apply, for this reason.
    Skipped(String),
}

impl CheckVerdict {
    /// Returns the result as one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown(_) => "unknown",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Returns the reason of an unknown or skipped check.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Pass | Self::Fail => None,
            Self::Unknown(why) | Self::Skipped(why) => Some(why),
        }
    }
}

/// One check of a playbook with its result and evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedCheck {
    /// Identifier of the check, such as `endpoint-answers`.
    pub id: String,
    /// Question that the check answers.
    pub question: String,
    /// Result of the check; the member `why` accompanies an unknown or skipped one.
    #[serde(flatten)]
    pub verdict: CheckVerdict,
    /// Evidence that the result is based on.
    pub evidence: Vec<Evidence>,
}

/// Cause that explains the symptom, with its resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosedCause {
    /// Identifier of the cause in the playbooks, such as `endpoint-500`.
    pub id: String,
    /// Title of the cause, in one line.
    pub title: String,
    /// Evidence that the cause is based on.
    pub evidence: Vec<Evidence>,
    /// Instruction that resolves the cause.
    pub resolution: String,
    /// Actions that crow can take against the cause, each after a confirmation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<OfferedAction>,
}

/// Conclusion of a playbook's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiagnosisConclusion {
    /// No check failed, and the main check was answered.
    NoCause,
    /// At least one cause was found.
    CauseFound,
    /// Some checks were answered, but the main check is unknown, or a check failed without a cause that explains it.
    Undecided,
    /// No check could be answered.
    NotRun,
}

/// Report of one playbook run over one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisReport {
    /// Topic of the playbook that was run.
    pub topic: PlaybookTopic,
    /// Scope of the diagnosis, such as one subscription.
    pub subject: DiagnosisSubject,
    /// Time of the run, by the platform's clock.
    pub at_utc: Timestamp,
    /// Causes that were found, likeliest first; empty if nothing is wrong or nothing explains the symptom.
    pub causes: Vec<DiagnosedCause>,
    /// Checks in the order in which they were run.
    pub steps: Vec<ReportedCheck>,
}

impl DiagnosisReport {
    /// Returns the number of checks that could not be answered.
    #[must_use]
    pub fn n_unknown(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.verdict, CheckVerdict::Unknown(_))).count()
    }

    /// Derives the conclusion from the causes and the results of the checks.
    #[must_use]
    pub fn conclusion(&self) -> DiagnosisConclusion {
        let is_answered = |step: &ReportedCheck| matches!(step.verdict, CheckVerdict::Pass | CheckVerdict::Fail);
        let has_failed = self.steps.iter().any(|step| step.verdict == CheckVerdict::Fail);
        match (self.causes.is_empty(), self.steps.iter().any(is_answered)) {
            (false, _) => DiagnosisConclusion::CauseFound,
            (true, false) => DiagnosisConclusion::NotRun,
            (true, true) if has_failed || self.open_question().is_some() => DiagnosisConclusion::Undecided,
            (true, true) => DiagnosisConclusion::NoCause,
        }
    }

    /// Returns the main check if it was not answered.
    #[must_use]
    pub fn open_question(&self) -> Option<&ReportedCheck> {
        let is_open = |step: &&ReportedCheck| !matches!(step.verdict, CheckVerdict::Pass | CheckVerdict::Fail);
        self.steps.iter().find(|step| step.id == self.topic.main_question()).filter(is_open)
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
                PlaybookTopic::RateLimits,
                PlaybookTopic::EventsMissing,
                PlaybookTopic::BulkTimeouts,
            ]
        }
        DiagnosisSubject::Subscription(_) => vec![
            PlaybookTopic::WebhooksNotArriving,
            PlaybookTopic::Breaker,
            PlaybookTopic::Signature,
            PlaybookTopic::LostSecret,
            PlaybookTopic::ManagedSubscription,
            PlaybookTopic::Discrepancy,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SubscriptionId;

    #[test]
    fn looks_as_documented_and_can_be_read_back() {
        let step = |id: &str, verdict| ReportedCheck {
            id: id.to_owned(),
            question: "Is it?".to_owned(),
            verdict,
            evidence: Vec::new(),
        };
        let report = DiagnosisReport {
            topic: PlaybookTopic::Breaker,
            subject: DiagnosisSubject::Subscription(SubscriptionId(7)),
            at_utc: Timestamp::from_millis(0),
            causes: Vec::new(),
            steps: vec![step("a", CheckVerdict::Pass), step("b", CheckVerdict::Unknown("no answer".to_owned()))],
        };
        let json = serde_json::to_value(&report).expect("plain data");
        assert_eq!(
            json,
            serde_json::json!({"topic": "breaker", "subject": {"subscription": 7}, "atUtc": "1970-01-01T00:00:00.000Z", "causes": [], "steps": [
                {"id": "a", "question": "Is it?", "verdict": "pass", "evidence": []},
                {"id": "b", "question": "Is it?", "verdict": "unknown", "why": "no answer", "evidence": []}]})
        );
        assert_eq!(serde_json::from_value::<DiagnosisReport>(json).expect("readable"), report);
        assert_eq!(report.conclusion(), DiagnosisConclusion::NoCause);
    }

    #[test]
    fn a_report_is_decided_by_its_main_question_and_by_checks_that_failed() {
        let unknown = || CheckVerdict::Unknown("nothing was ever sent".to_owned());
        for (main, other, conclusion) in [
            (CheckVerdict::Pass, CheckVerdict::Pass, DiagnosisConclusion::NoCause),
            (CheckVerdict::Pass, unknown(), DiagnosisConclusion::NoCause),
            (unknown(), CheckVerdict::Pass, DiagnosisConclusion::Undecided),
            (CheckVerdict::Skipped("no".to_owned()), CheckVerdict::Pass, DiagnosisConclusion::Undecided),
            (CheckVerdict::Pass, CheckVerdict::Fail, DiagnosisConclusion::Undecided),
            (CheckVerdict::Fail, CheckVerdict::Pass, DiagnosisConclusion::Undecided),
            (unknown(), unknown(), DiagnosisConclusion::NotRun),
        ] {
            for topic in PlaybookTopic::ALL {
                let step = |id: &str, verdict: &CheckVerdict| ReportedCheck {
                    id: id.to_owned(),
                    question: "Is it?".to_owned(),
                    verdict: verdict.clone(),
                    evidence: Vec::new(),
                };
                let report = DiagnosisReport {
                    topic,
                    subject: DiagnosisSubject::All,
                    at_utc: Timestamp::from_millis(0),
                    causes: Vec::new(),
                    steps: vec![step("other", &other), step(topic.main_question(), &main)],
                };
                assert_eq!(report.conclusion(), conclusion, "{topic}: {main:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_report_of_unknowns_alone_counts_as_not_run() {
        let verdict = CheckVerdict::Unknown("no connection".to_owned());
        let step = ReportedCheck { id: "a".to_owned(), question: "Is it?".to_owned(), verdict, evidence: Vec::new() };
        let subject = DiagnosisSubject::Subscription(SubscriptionId(7));
        let at_utc = Timestamp::from_millis(0);
        let report =
            DiagnosisReport { topic: PlaybookTopic::Breaker, subject, at_utc, causes: Vec::new(), steps: vec![step] };
        assert_eq!(report.conclusion(), DiagnosisConclusion::NotRun);
    }
}
