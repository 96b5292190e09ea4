//! Reports of playbooks: what was asked, what was found, and why it is believed.

use super::remedy::Remedy;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a playbook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// A key is not let in (401).
    KeyNotWorking,
    /// A call is not permitted (403).
    Permissions,
    /// Webhooks do not arrive.
    WebhooksNotArriving,
    /// Receivers refuse signatures.
    Signature,
    /// Calls are refused by a rate window (429).
    RateLimits,
    /// Polled events are missing.
    EventsMissing,
    /// The breaker of one subscription: why it trips or has tripped, and whether it can be enabled again.
    Breaker,
    /// A subscription cannot be changed because a tool manages it.
    ManagedSubscription,
    /// A signing secret is lost.
    LostSecret,
    /// A bulk import stalls.
    BulkTimeouts,
    /// Polling shows more than webhooks brought.
    Discrepancy,
}

impl Topic {
    /// All there are, in the order of the guide.
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

    /// The name on the wire and in the command line.
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

    /// What it is about, in one line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::KeyNotWorking => "A key is not let in (401)",
            Self::Permissions => "A call is not permitted (403)",
            Self::WebhooksNotArriving => "Webhooks do not arrive",
            Self::Signature => "Receivers refuse signatures",
            Self::RateLimits => "Calls are refused by a rate window (429)",
            Self::EventsMissing => "Polled events are missing",
            Self::Breaker => {
                "The breaker of one subscription: why it trips or has tripped, and whether it can be enabled again"
            }
            Self::ManagedSubscription => "A subscription cannot be changed because a tool manages it",
            Self::LostSecret => "A signing secret is lost",
            Self::BulkTimeouts => "A bulk import stalls",
            Self::Discrepancy => "Polling shows more than webhooks brought",
        }
    }

    /// The question that decides it: while that one is unknown, nothing is found out.
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

    /// The topic of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a playbook looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// Everything there is.
    All,
    /// One company.
    Company(CompanyId),
    /// One key.
    Key(KeyId),
    /// One subscription.
    Subscription(SubscriptionId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("everything"),
            Self::Company(id) => write!(f, "company {id}"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Subscription(id) => write!(f, "subscription {id}"),
        }
    }
}

/// Something that was learnt by one read-only call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What was asked for: the call and the field or count.
    pub query: String,
    /// What came back.
    pub value: Untrusted,
    /// What it is measured against, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// When it was asked.
    pub at_utc: Timestamp,
}

/// What a step came to. Unknown never counts as pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// Could not be learnt, and why.
    Unknown(String),
    /// Need not be asked, and why.
    Skipped(String),
}

impl Verdict {
    /// One word for lists.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown(_) => "unknown",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Why it could not be learnt or need not be asked.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Pass | Self::Fail => None,
            Self::Unknown(why) | Self::Skipped(why) => Some(why),
        }
    }
}

/// One question of a playbook, answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub id: String,
    /// The question.
    pub question: String,
    /// The answer; a member `why` stands beside it when it is unknown or skipped.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// Something that explains the symptom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Its name in the playbooks: `endpoint-500`.
    pub id: String,
    /// In one line.
    pub title: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub resolution: String,
    /// What can be done from here, each after a confirmation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
}

/// Something that can be done about a cause. Nothing is done by a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its name: `test`, `enable`, `replay`, `revoke`, `verify`, `runbook`.
    pub id: String,
    /// What it does.
    pub what: String,
    /// How to do it from a shell, with placeholders for secrets.
    pub command: String,
    /// The same for a console; null in what an older crow wrote.
    #[serde(default)]
    pub remedy: Option<Remedy>,
}

/// What running a playbook came to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// No check failed, and the main question is answered.
    NoCause,
    /// At least one cause was found.
    CauseFound,
    /// Something was learnt, but the main question is unknown, or a check failed and nothing explains it.
    Undecided,
    /// No step could be answered.
    NotRun,
}

/// What running a playbook came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Which playbook.
    pub topic: Topic,
    /// Over what.
    pub subject: Subject,
    /// When it was asked, by the platform's clock.
    pub at_utc: Timestamp,
    /// Likeliest first; empty when nothing is wrong or nothing explains it.
    pub causes: Vec<Cause>,
    /// In the order in which they were asked.
    pub steps: Vec<Step>,
}

impl Report {
    /// How many checks could not be answered.
    #[must_use]
    pub fn n_unknown(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.verdict, Verdict::Unknown(_))).count()
    }

    /// In one word.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        let is_answered = |step: &Step| matches!(step.verdict, Verdict::Pass | Verdict::Fail);
        let has_failed = self.steps.iter().any(|step| step.verdict == Verdict::Fail);
        match (self.causes.is_empty(), self.steps.iter().any(is_answered)) {
            (false, _) => Conclusion::CauseFound,
            (true, false) => Conclusion::NotRun,
            (true, true) if has_failed || self.open_question().is_some() => Conclusion::Undecided,
            (true, true) => Conclusion::NoCause,
        }
    }

    /// The main question, if it is not answered.
    #[must_use]
    pub fn open_question(&self) -> Option<&Step> {
        let is_open = |step: &&Step| !matches!(step.verdict, Verdict::Pass | Verdict::Fail);
        self.steps.iter().find(|step| step.id == self.topic.main_question()).filter(is_open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_as_documented_and_can_be_read_back() {
        let step = |id: &str, verdict| Step {
            id: id.to_owned(),
            question: "Is it?".to_owned(),
            verdict,
            evidence: Vec::new(),
        };
        let report = Report {
            topic: Topic::Breaker,
            subject: Subject::Subscription(SubscriptionId(7)),
            at_utc: Timestamp::from_millis(0),
            causes: Vec::new(),
            steps: vec![step("a", Verdict::Pass), step("b", Verdict::Unknown("nobody asked".to_owned()))],
        };
        let json = serde_json::to_value(&report).expect("plain data");
        assert_eq!(
            json,
            serde_json::json!({"topic": "breaker", "subject": {"subscription": 7}, "atUtc": "1970-01-01T00:00:00.000Z", "causes": [], "steps": [
                {"id": "a", "question": "Is it?", "verdict": "pass", "evidence": []},
                {"id": "b", "question": "Is it?", "verdict": "unknown", "why": "nobody asked", "evidence": []}]})
        );
        assert_eq!(serde_json::from_value::<Report>(json).expect("readable"), report);
        assert_eq!(report.conclusion(), Conclusion::NoCause);
    }

    #[test]
    fn a_report_is_decided_by_its_main_question_and_by_checks_that_failed() {
        let unknown = || Verdict::Unknown("nothing was ever sent".to_owned());
        for (main, other, conclusion) in [
            (Verdict::Pass, Verdict::Pass, Conclusion::NoCause),
            (Verdict::Pass, unknown(), Conclusion::NoCause),
            (unknown(), Verdict::Pass, Conclusion::Undecided),
            (Verdict::Skipped("no".to_owned()), Verdict::Pass, Conclusion::Undecided),
            (Verdict::Pass, Verdict::Fail, Conclusion::Undecided),
            (Verdict::Fail, Verdict::Pass, Conclusion::Undecided),
            (unknown(), unknown(), Conclusion::NotRun),
        ] {
            for topic in Topic::ALL {
                let step = |id: &str, verdict: &Verdict| Step {
                    id: id.to_owned(),
                    question: "Is it?".to_owned(),
                    verdict: verdict.clone(),
                    evidence: Vec::new(),
                };
                let report = Report {
                    topic,
                    subject: Subject::All,
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
        let verdict = Verdict::Unknown("no connection".to_owned());
        let step = Step { id: "a".to_owned(), question: "Is it?".to_owned(), verdict, evidence: Vec::new() };
        let subject = Subject::Subscription(SubscriptionId(7));
        let at_utc = Timestamp::from_millis(0);
        let report = Report { topic: Topic::Breaker, subject, at_utc, causes: Vec::new(), steps: vec![step] };
        assert_eq!(report.conclusion(), Conclusion::NotRun);
    }
}
