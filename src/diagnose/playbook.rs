//! Playbook engine. A playbook is data and pure checks: each check looks at the evidence and returns a verdict, with
//! the causes that explain it. A check whose precondition fails is skipped and says why.

use super::evidence_set::{EvidenceSet, QueryRecord};
use super::report::{CheckVerdict, DiagnosedCause, DiagnosisReport, Evidence, PlaybookTopic, ReportedCheck};

/// Kind of data that a playbook needs from the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceSource {
    /// Keys, with their scopes and use.
    Keys,
    /// Subscriptions of the subject, with their health.
    Subscriptions,
    /// Requests that the platform refused.
    Refused,
    /// Requests that were answered successfully.
    Served,
    /// Attempts of subscriptions that are disabled or fail.
    Attempts,
    /// Refused attempts, with the signature debugger's verdicts.
    Refusals,
    /// Events that were published in the period.
    Events,
    /// Deliveries that did not arrive.
    Undelivered,
    /// Rate windows, with their callers.
    Limits,
    /// Trips of the circuit breaker.
    Trips,
}

/// Cause with its rank: the heaviest comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedCause {
    /// Weight of the cause; more is likelier.
    pub weight: u32,
    /// Cause as the report shows it.
    pub cause: DiagnosedCause,
}

/// Result of a playbook's check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Verdict that the check reached.
    pub verdict: CheckVerdict,
    /// Evidence that the verdict rests on.
    pub evidence: Vec<Evidence>,
    /// Causes that explain a failure.
    pub causes: Vec<RankedCause>,
}

impl CheckResult {
    /// Creates a result that passes.
    #[must_use]
    pub const fn pass(evidence: Vec<Evidence>) -> Self {
        Self { verdict: CheckVerdict::Pass, evidence, causes: Vec::new() }
    }

    /// Creates a result that is unknown, with the reason.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::Unknown(why.into()), evidence: Vec::new(), causes: Vec::new() }
    }

    /// Creates a result that was skipped, with the reason.
    #[must_use]
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::Skipped(why.into()), evidence: Vec::new(), causes: Vec::new() }
    }

    /// Creates a result like [`CheckResult::from_causes`], but unknown if there is no cause and the rows that were read are
    /// incomplete.
    #[must_use]
    pub fn from_rows<T>(asked: &QueryRecord<T>, causes: Vec<RankedCause>, evidence: Vec<Evidence>) -> Self {
        if causes.is_empty() && asked.is_incomplete {
            let why = format!("{} is incomplete: more rows exist, or some are unreadable", asked.query);
            return Self { evidence, ..Self::unknown(why) };
        }
        Self::from_causes(causes, evidence)
    }

    /// Creates a result that fails if there are causes, and passes if there are none.
    #[must_use]
    pub fn from_causes(causes: Vec<RankedCause>, evidence: Vec<Evidence>) -> Self {
        let verdict = if causes.is_empty() { CheckVerdict::Pass } else { CheckVerdict::Fail };
        Self { verdict, evidence, causes }
    }
}

/// Precondition under which a check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckCondition {
    /// The check runs in any case.
    Always,
    /// The check runs only if the check of that id failed.
    Failed(&'static str),
}

/// Check of a playbook, as data.
#[derive(Debug, Clone, Copy)]
pub struct PlaybookCheck {
    /// Id of the check, unique within its playbook.
    pub id: &'static str,
    /// Question that the check answers.
    pub text: &'static str,
    /// Precondition under which the check runs.
    pub condition: CheckCondition,
    /// Function that computes the result from the evidence.
    pub check: fn(&EvidenceSet) -> CheckResult,
}

/// Playbook: a topic with its checks.
#[derive(Debug, Clone, Copy)]
pub struct Playbook {
    /// Topic that the playbook diagnoses.
    pub topic: PlaybookTopic,
    /// Data that the checks need from the platform.
    pub needs: &'static [EvidenceSource],
    /// Checks, in the order of the report.
    pub checks: &'static [PlaybookCheck],
}

impl Playbook {
    /// Runs all checks over the evidence. An earlier report over the same subject is resumed: verdicts are kept, and
    /// only checks that were unknown or skipped run again.
    #[must_use]
    pub fn check(&self, dossier: &EvidenceSet, earlier: Option<&DiagnosisReport>) -> DiagnosisReport {
        let mut steps: Vec<ReportedCheck> = Vec::new();
        let mut causes: Vec<RankedCause> = Vec::new();
        for question in self.checks {
            if let Some(kept) = earlier.and_then(|report| earlier_verdict(report, question.id)) {
                steps.push(kept.clone());
                continue;
            }
            let answer = match question.condition {
                CheckCondition::Failed(other) if !has_failed(&steps, other) => {
                    CheckResult::skipped(skip_reason(&steps, other))
                }
                CheckCondition::Always | CheckCondition::Failed(_) => (question.check)(dossier),
            };
            causes.extend(answer.causes);
            steps.push(ReportedCheck {
                id: question.id.to_owned(),
                question: question.text.to_owned(),
                verdict: answer.verdict,
                evidence: answer.evidence,
            });
        }
        causes.sort_by_key(|weighed| std::cmp::Reverse(weighed.weight));
        let mut ranked: Vec<DiagnosedCause> = earlier.map(|report| report.causes.clone()).unwrap_or_default();
        ranked.extend(causes.into_iter().map(|weighed| weighed.cause));
        ranked.dedup_by(|a, b| a.id == b.id && a.title == b.title);
        DiagnosisReport { topic: self.topic, subject: dossier.scope.subject, at_utc: dossier.at, causes: ranked, steps }
    }
}

/// Merges a fresh report into an earlier one: verdicts of the earlier one are kept, with the causes they found.
#[must_use]
pub fn resume_report(fresh: &DiagnosisReport, earlier: &DiagnosisReport) -> DiagnosisReport {
    let step = |step: &ReportedCheck| earlier_verdict(earlier, &step.id).unwrap_or(step).clone();
    let mut causes = earlier.causes.clone();
    let is_new =
        |cause: &&DiagnosedCause| !earlier.causes.iter().any(|old| old.id == cause.id && old.title == cause.title);
    causes.extend(fresh.causes.iter().filter(is_new).cloned());
    DiagnosisReport { causes, steps: fresh.steps.iter().map(step).collect(), ..fresh.clone() }
}

fn earlier_verdict<'r>(report: &'r DiagnosisReport, id: &str) -> Option<&'r ReportedCheck> {
    report.steps.iter().find(|step| step.id == id && matches!(step.verdict, CheckVerdict::Pass | CheckVerdict::Fail))
}

fn has_failed(steps: &[ReportedCheck], id: &str) -> bool {
    steps.iter().any(|step| step.id == id && step.verdict == CheckVerdict::Fail)
}

fn skip_reason(steps: &[ReportedCheck], id: &str) -> String {
    let step = steps.iter().find(|step| step.id == id);
    let question = step.map_or(id, |step| step.question.as_str());
    match step.map(|step| &step.verdict) {
        Some(CheckVerdict::Pass) => format!("not needed, passed: {question}"),
        Some(CheckVerdict::Unknown(_)) => format!("depends on an unknown check: {question}"),
        _ => format!("depends on a skipped check: {question}"),
    }
}
