//! Circuit breaker playbook: why the breaker trips, whether the endpoint answers again, what was missed, and whether
//! enabling is safe.

pub mod causes;
pub mod facts;
pub mod gather;
pub mod steps;

use crate::api::report::{Evidence, Report, Step, Subject, Topic, Verdict};
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use facts::Facts;

/// Turns the evidence about a subscription into a report.
#[must_use]
pub fn check(id: SubscriptionId, known: &gather::Breaker) -> Report {
    let (steps, causes) = match &known.row {
        Ok(row) => {
            let facts = Facts::new(row, known);
            let steps = steps::all(&facts);
            let causes = causes::ranked(&facts, &steps);
            (steps, causes)
        }
        Err(why) => (unknown(why), Vec::new()),
    };
    Report { topic: Topic::Breaker, subject: Subject::Subscription(id), at_utc: known.at, causes, steps }
}

/// Merges the reports of several subscriptions into one: the worst verdict per question, with all evidence.
#[must_use]
pub fn merged(subject: Subject, at: Timestamp, reports: &[Report]) -> Report {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Fail => 3,
        Verdict::Unknown(_) => 2,
        Verdict::Pass => 1,
        Verdict::Skipped(_) => 0,
    };
    let step = |(id, question): (&str, &str)| {
        let steps = || reports.iter().flat_map(|report| &report.steps).filter(|step| step.id == id);
        let worst = steps().map(|step| &step.verdict).max_by_key(|verdict| rank(verdict)).cloned();
        let evidence: Vec<Evidence> = steps().flat_map(|step| step.evidence.clone()).collect();
        let verdict = worst.unwrap_or_else(|| Verdict::Skipped("no subscription exists".to_owned()));
        Step { id: id.to_owned(), question: question.to_owned(), verdict, evidence }
    };
    let steps = steps::QUESTIONS.into_iter().map(step).collect();
    let causes = reports.iter().flat_map(|report| report.causes.clone()).collect();
    Report { topic: Topic::Breaker, subject, at_utc: at, causes, steps }
}

/// Replaces the verdict of the report's first question.
#[must_use]
pub fn with_first(mut report: Report, verdict: Verdict) -> Report {
    if let Some(first) = report.steps.first_mut() {
        first.verdict = verdict;
    }
    report
}

/// Returns all steps as unknown, when the subscription itself could not be read.
fn unknown(why: &str) -> Vec<Step> {
    let step = |(id, question): (&str, &str)| Step {
        id: id.to_owned(),
        question: question.to_owned(),
        verdict: Verdict::Unknown(format!("the subscription could not be read: {why}")),
        evidence: Vec::new(),
    };
    steps::QUESTIONS.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests;
