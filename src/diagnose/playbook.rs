//! Playbook engine. A playbook is data and pure checks: each check looks at the evidence and returns a verdict, with
//! the causes that explain it. A check that does not apply is skipped and says why.

use super::evidence_set::{EvidenceSet, QueryRecord};
use super::finding::{self, CauseFinding};
use super::playbook_topic::PlaybookTopic;
use super::report::{CheckVerdict, DiagnosedCause, DiagnosisRemark, DiagnosisReport, Evidence, ReportedCheck};
use crate::domain::cause::CauseState;

/// Result of a playbook's check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Verdict that the check reached.
    pub verdict: CheckVerdict,
    /// Evidence that the verdict rests on.
    pub evidence: Vec<Evidence>,
    /// Causes that explain a failure, whether they still act or not.
    pub findings: Vec<CauseFinding>,
    /// Observations that are no faults.
    pub remarks: Vec<DiagnosisRemark>,
}

impl CheckResult {
    /// Creates a result with a verdict and nothing else.
    #[must_use]
    pub const fn of(verdict: CheckVerdict) -> Self {
        Self { verdict, evidence: Vec::new(), findings: Vec::new(), remarks: Vec::new() }
    }

    /// Creates a result that passes.
    #[must_use]
    pub fn pass(evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::of(CheckVerdict::Pass) }
    }

    /// Creates a result that is unknown, with the reason.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::of(CheckVerdict::Unknown(why.into()))
    }

    /// Creates a result that was skipped, with the reason.
    #[must_use]
    pub fn skipped(why: impl Into<String>) -> Self {
        Self::of(CheckVerdict::Skipped(why.into()))
    }

    /// Creates a result like [`CheckResult::from_findings`], but unknown if no cause acts and the rows that were read
    /// are incomplete.
    #[must_use]
    pub fn from_rows<T>(asked: &QueryRecord<T>, findings: Vec<CauseFinding>, evidence: Vec<Evidence>) -> Self {
        let result = Self::from_findings(findings, evidence);
        if result.verdict == CheckVerdict::Pass && asked.is_incomplete {
            let why = format!("{} is incomplete: more rows exist, or some are unreadable", asked.query);
            return Self { verdict: CheckVerdict::Unknown(why), ..result };
        }
        result
    }

    /// Creates a result that fails if a cause acts, is unknown if it is unknown whether one does, and passes otherwise.
    #[must_use]
    pub fn from_findings(findings: Vec<CauseFinding>, evidence: Vec<Evidence>) -> Self {
        let has = |state| findings.iter().any(|finding| finding.occurrence.state == state);
        let verdict = if has(CauseState::Now) {
            CheckVerdict::Fail
        } else if has(CauseState::Unknown) {
            CheckVerdict::Unknown(
                "failures were seen earlier, and nothing since shows whether they continue".to_owned(),
            )
        } else {
            CheckVerdict::Pass
        };
        Self { verdict, evidence, findings, remarks: Vec::new() }
    }

    /// Turns a pass into a skipped result where nothing was looked at, for this reason.
    #[must_use]
    pub fn skipped_without(self, why: Option<String>) -> Self {
        match (self.verdict == CheckVerdict::Pass, why) {
            (true, Some(why)) => Self { verdict: CheckVerdict::Skipped(why), ..self },
            _ => self,
        }
    }

    /// Adds observations that are no faults.
    #[must_use]
    pub fn with_remarks(mut self, remarks: Vec<DiagnosisRemark>) -> Self {
        self.remarks = remarks;
        self
    }
}

/// Check of a playbook, as data.
#[derive(Debug, Clone, Copy)]
pub struct PlaybookCheck {
    /// Id of the check, unique within its playbook.
    pub id: &'static str,
    /// Question that the check answers.
    pub text: &'static str,
    /// Function that computes the result from the evidence.
    pub check: fn(&EvidenceSet) -> CheckResult,
}

/// Playbook: a topic with its checks.
#[derive(Debug, Clone, Copy)]
pub struct Playbook {
    /// Topic that the playbook diagnoses.
    pub topic: PlaybookTopic,
    /// Checks, in the order of the report.
    pub checks: &'static [PlaybookCheck],
}

impl Playbook {
    /// Runs all checks over the evidence. Where a check is unknown now, the answer of an earlier report over the same
    /// subject is kept, with its evidence and their times.
    #[must_use]
    pub fn check(&self, set: &EvidenceSet, earlier: Option<&DiagnosisReport>) -> DiagnosisReport {
        let (mut steps, findings, remarks) = self.run(set);
        let mut causes = finding::rank(findings, set.at);
        if let Some(earlier) = earlier {
            let mut is_undecided = false;
            for step in steps.iter_mut().filter(|step| matches!(step.verdict, CheckVerdict::Unknown(_))) {
                is_undecided = true;
                if let Some(kept) = earlier_answer(earlier, &step.id) {
                    *step = kept.clone();
                }
            }
            let is_new = |old: &&DiagnosedCause| is_undecided && !causes.iter().any(|cause| cause.id == old.id);
            let kept: Vec<_> = earlier.causes.iter().filter(is_new).cloned().collect();
            causes.extend(kept.into_iter().map(|mut cause| {
                cause.occurrence.state = CauseState::Unknown;
                cause
            }));
        }
        DiagnosisReport { topic: self.topic, subject: set.scope.subject, at_utc: set.at, causes, remarks, steps }
    }

    /// Runs all checks, and returns what they found.
    #[must_use]
    pub fn run(&self, set: &EvidenceSet) -> (Vec<ReportedCheck>, Vec<CauseFinding>, Vec<DiagnosisRemark>) {
        let (mut steps, mut findings, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
        for question in self.checks {
            let answer = (question.check)(set);
            findings.extend(answer.findings);
            remarks.extend(answer.remarks);
            steps.push(ReportedCheck {
                id: question.id.to_owned(),
                question: question.text.to_owned(),
                verdict: answer.verdict,
                evidence: answer.evidence,
            });
        }
        (steps, findings, remarks)
    }
}

fn earlier_answer<'r>(report: &'r DiagnosisReport, id: &str) -> Option<&'r ReportedCheck> {
    report.steps.iter().find(|step| step.id == id && matches!(step.verdict, CheckVerdict::Pass | CheckVerdict::Fail))
}
