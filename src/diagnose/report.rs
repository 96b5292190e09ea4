//! Reports of playbooks: the checks that were run, their evidence, and the causes found.

use super::cause_subject::CauseSubject;
use super::diagnosis_subject::DiagnosisSubject;
use super::playbook_topic::PlaybookTopic;
use super::remedy::OfferedAction;
use crate::domain::cause::CauseState;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

impl Serialize for CauseState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for CauseState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        // A state of a later version is one that this version does not know.
        Ok(Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or(Self::Unknown))
    }
}

/// Share of the failures that a cause explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedShare {
    /// Number of failures that the cause explains.
    pub n: u64,
    /// Number of tries of the subject in the period, failed or not; null if unknown.
    #[serde(default)]
    pub of: Option<u64>,
    /// Unit of both numbers: `calls`, `attempts`, `events` or `subscriptions`.
    pub unit: String,
    /// Whether both numbers are lower bounds, because a limit was reached.
    #[serde(default)]
    pub is_at_least: bool,
}

/// What a cause explains, and whether it still acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CauseOccurrence {
    /// Whether the cause acts now, is over, or whether that is unknown.
    pub state: CauseState,
    /// Failures that the cause explains; null if it explains none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<ExplainedShare>,
    /// Time of the first failure in the period, or since when the cause lasts; null if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_utc: Option<Timestamp>,
    /// Time of the last failure; null if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_utc: Option<Timestamp>,
    /// Number of successes since the last failure; null if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_since: Option<u64>,
}

impl Default for CauseOccurrence {
    /// Creates the occurrence of causes in documents of an earlier version, which had no states.
    fn default() -> Self {
        Self { state: CauseState::Now, explained: None, first_utc: None, last_utc: None, good_since: None }
    }
}

/// Cause that explains the symptom, with its resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosedCause {
    /// Identifier of the cause in the playbooks, such as `endpoint-500`.
    pub id: String,
    /// Title of the cause, in one line.
    pub title: String,
    /// What the cause explains, and whether it still acts.
    #[serde(flatten)]
    pub occurrence: CauseOccurrence,
    /// Words of the platform or the receiver that decide; null if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Untrusted>,
    /// Evidence that the cause is based on.
    pub evidence: Vec<Evidence>,
    /// Instruction that resolves the cause.
    pub resolution: String,
    /// Actions that crow can take against the cause, each after a confirmation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<OfferedAction>,
    /// Objects that the cause concerns, the one that the title names first; not in documents.
    #[serde(skip)]
    pub concerns: Vec<CauseSubject>,
}

/// Iterates over the causes that are not over.
pub fn active_causes(causes: &[DiagnosedCause]) -> impl Iterator<Item = &DiagnosedCause> {
    causes.iter().filter(|cause| cause.occurrence.state.may_be_active())
}

/// Observation that is worth knowing and is no fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosisRemark {
    /// Identifier of the remark in the playbooks, such as `quiet-company`.
    pub id: String,
    /// Observation, in one line.
    pub title: String,
    /// Facts that the observation is based on.
    pub evidence: Vec<Evidence>,
}

/// Conclusion of a playbook's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiagnosisConclusion {
    /// No cause acts, no check failed, and the main check was answered.
    NoCause,
    /// At least one cause acts now.
    CauseFound,
    /// Some checks were answered, but the main check is unknown, a check failed without a cause that explains it, or
    /// whether a cause still acts is unknown.
    Undecided,
    /// No check could be answered, and none had nothing to look at.
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
    /// Causes that were found: those that act first, likeliest first; what is over comes last.
    pub causes: Vec<DiagnosedCause>,
    /// Observations that are worth knowing and are no faults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<DiagnosisRemark>,
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
        conclude(&self.causes, &self.steps, self.open_question().is_some())
    }

    /// Returns the main check if it was not answered.
    #[must_use]
    pub fn open_question(&self) -> Option<&ReportedCheck> {
        let is_open = |step: &&ReportedCheck| !matches!(step.verdict, CheckVerdict::Pass | CheckVerdict::Fail);
        self.steps.iter().find(|step| step.id == self.topic.main_question()).filter(is_open)
    }
}

/// Result of all playbooks that apply to a subject: one ranked list of causes, and the report of each playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CombinedDiagnosis {
    /// Scope of the diagnosis, such as one subscription.
    pub subject: DiagnosisSubject,
    /// Time of the run, by the platform's clock.
    pub at_utc: Timestamp,
    /// Causes that any playbook found, each once: those that act first, likeliest first; what is over comes last.
    pub causes: Vec<DiagnosedCause>,
    /// Observations that are worth knowing and are no faults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<DiagnosisRemark>,
    /// Report of each playbook that was run.
    pub reports: Vec<DiagnosisReport>,
}

impl CombinedDiagnosis {
    /// Derives the conclusion from those of the playbooks. A playbook that had nothing to judge leaves nothing open.
    #[must_use]
    pub fn conclusion(&self) -> DiagnosisConclusion {
        let conclusions: Vec<DiagnosisConclusion> = self.reports.iter().map(DiagnosisReport::conclusion).collect();
        let has = |conclusion| conclusions.contains(&conclusion);
        if self.causes.iter().any(|cause| cause.occurrence.state == CauseState::Now) {
            DiagnosisConclusion::CauseFound
        } else if self.causes.iter().any(|cause| cause.occurrence.state == CauseState::Unknown) {
            DiagnosisConclusion::Undecided
        } else if has(DiagnosisConclusion::NoCause) {
            let has_failed = self.reports.iter().flat_map(|report| &report.steps);
            let has_failed = has_failed.into_iter().any(|step| step.verdict == CheckVerdict::Fail);
            if has_failed { DiagnosisConclusion::Undecided } else { DiagnosisConclusion::NoCause }
        } else if has(DiagnosisConclusion::Undecided) {
            DiagnosisConclusion::Undecided
        } else {
            DiagnosisConclusion::NotRun
        }
    }
}

/// Derives the conclusion from causes and checks; `is_open` if a main check was not answered.
#[must_use]
pub fn conclude(causes: &[DiagnosedCause], steps: &[ReportedCheck], is_open: bool) -> DiagnosisConclusion {
    let is_settled = |step: &ReportedCheck| !matches!(step.verdict, CheckVerdict::Unknown(_));
    let has = |state| causes.iter().any(|cause| cause.occurrence.state == state);
    let has_failed = steps.iter().any(|step| step.verdict == CheckVerdict::Fail);
    if has(CauseState::Now) {
        DiagnosisConclusion::CauseFound
    } else if !steps.iter().any(is_settled) {
        DiagnosisConclusion::NotRun
    } else if has_failed || is_open || has(CauseState::Unknown) {
        DiagnosisConclusion::Undecided
    } else {
        DiagnosisConclusion::NoCause
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
            remarks: Vec::new(),
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
                    remarks: Vec::new(),
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
        let report = DiagnosisReport {
            topic: PlaybookTopic::Breaker,
            subject,
            at_utc,
            causes: Vec::new(),
            remarks: Vec::new(),
            steps: vec![step],
        };
        assert_eq!(report.conclusion(), DiagnosisConclusion::NotRun);
    }
}
