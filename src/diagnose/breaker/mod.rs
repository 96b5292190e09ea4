//! The playbook of the breaker: why it trips or has tripped, whether the endpoint answers again, what was missed, whether enabling is safe.

pub mod causes;
pub mod facts;
pub mod steps;

use super::gather;
use crate::api::report::{Report, Step, Subject, Topic, Verdict};
use crate::domain::ids::SubscriptionId;
use facts::Facts;

/// Turns what was gathered about a subscription into a report.
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
    Report { topic: Topic::Breaker, subject: Subject::Subscription(id), causes, steps }
}

/// All steps when even the subscription could not be read.
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
