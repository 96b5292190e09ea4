//! Circuit breaker playbook: why the breaker trips, whether the endpoint answers again, what was missed, and whether
//! enabling is safe.

pub mod causes;
pub mod collect;
pub mod evidence;
pub mod facts;
pub mod steps;

use super::diagnosis_subject::DiagnosisSubject;
use super::report::{CheckVerdict, DiagnosisReport, Evidence, PlaybookTopic, ReportedCheck};
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use facts::BreakerFacts;

/// Turns the evidence about a subscription into a report.
#[must_use]
pub fn check_breaker(id: SubscriptionId, known: &evidence::BreakerEvidence) -> DiagnosisReport {
    let (steps, causes) = match &known.row {
        Ok(row) => {
            let facts = BreakerFacts::new(row, known);
            let steps = steps::answer_all(&facts);
            let causes = causes::ranked_causes(&facts, &steps);
            (steps, causes)
        }
        Err(why) => (unknown_steps(why), Vec::new()),
    };
    DiagnosisReport {
        topic: PlaybookTopic::Breaker,
        subject: DiagnosisSubject::Subscription(id),
        at_utc: known.at,
        causes,
        steps,
    }
}

/// Merges the reports of several subscriptions into one: the worst verdict per question, with all evidence.
#[must_use]
pub fn merge_reports(subject: DiagnosisSubject, at: Timestamp, reports: &[DiagnosisReport]) -> DiagnosisReport {
    let rank = |verdict: &CheckVerdict| match verdict {
        CheckVerdict::Fail => 3,
        CheckVerdict::Unknown(_) => 2,
        CheckVerdict::Pass => 1,
        CheckVerdict::Skipped(_) => 0,
    };
    let step = |(id, question): (&str, &str)| {
        let steps = || reports.iter().flat_map(|report| &report.steps).filter(|step| step.id == id);
        let worst = steps().map(|step| &step.verdict).max_by_key(|verdict| rank(verdict)).cloned();
        let evidence: Vec<Evidence> = steps().flat_map(|step| step.evidence.clone()).collect();
        let verdict = worst.unwrap_or_else(|| CheckVerdict::Skipped("no subscription exists".to_owned()));
        ReportedCheck { id: id.to_owned(), question: question.to_owned(), verdict, evidence }
    };
    let steps = steps::BREAKER_QUESTIONS.into_iter().map(step).collect();
    let causes = reports.iter().flat_map(|report| report.causes.clone()).collect();
    DiagnosisReport { topic: PlaybookTopic::Breaker, subject, at_utc: at, causes, steps }
}

/// Replaces the verdict of the report's first question.
#[must_use]
pub fn with_first_verdict(mut report: DiagnosisReport, verdict: CheckVerdict) -> DiagnosisReport {
    if let Some(first) = report.steps.first_mut() {
        first.verdict = verdict;
    }
    report
}

/// Returns all steps as unknown, when the subscription itself could not be read.
fn unknown_steps(why: &str) -> Vec<ReportedCheck> {
    let step = |(id, question): (&str, &str)| ReportedCheck {
        id: id.to_owned(),
        question: question.to_owned(),
        verdict: CheckVerdict::Unknown(format!("the subscription could not be read: {why}")),
        evidence: Vec::new(),
    };
    steps::BREAKER_QUESTIONS.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests;
