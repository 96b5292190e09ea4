//! Causes in the breaker's playbook, likeliest first.

use super::facts::{Facts, State};
use crate::api::report::{Cause, Evidence, Step, Verdict};
use crate::diagnose::endpoint::Group;
use crate::domain::breaker::FUSE;

/// The causes that the steps have brought to light. Of a tripped breaker whose endpoint answers again that comes first; else what the
/// endpoint does wrong.
#[must_use]
pub fn ranked(facts: &Facts<'_>, steps: &[Step]) -> Vec<Cause> {
    let endpoint = || -> Vec<Cause> {
        facts.failures().unwrap_or_default().iter().map(|group| endpoint_cause(facts, group)).collect()
    };
    match facts.state {
        State::Holds => Vec::new(),
        State::SwitchedOff(_) => vec![switched_off(steps)],
        State::Fills => endpoint(),
        State::Tripped(_) if verdict(steps, "endpoint-now") == Some(&Verdict::Pass) => {
            std::iter::once(fixed(steps)).chain(endpoint()).collect()
        }
        State::Tripped(_) => endpoint().into_iter().chain([tripped(steps)]).collect(),
    }
}

fn verdict<'s>(steps: &'s [Step], id: &str) -> Option<&'s Verdict> {
    steps.iter().find(|step| step.id == id).map(|step| &step.verdict)
}

fn evidence(steps: &[Step], ids: &[&str]) -> Vec<Evidence> {
    steps.iter().filter(|step| ids.contains(&step.id.as_str())).flat_map(|step| step.evidence.clone()).collect()
}

fn endpoint_cause(facts: &Facts<'_>, group: &Group) -> Cause {
    let mut evidence = vec![facts.evidence("failed attempts of the streak", group.seen.clone(), None)];
    let began = facts.row.health.streak_began_utc;
    evidence.extend(began.map(|at| facts.of_subscription("streak began", at.to_string(), None)));
    let latest = facts.latest_failure();
    evidence.extend(latest.map(|row| {
        facts.evidence(
            format!("delivery log: attempt {}", row.id),
            format!("{}: {}", row.started_utc, row.outcome()),
            None,
        )
    }));
    let said = latest.and_then(|row| row.error.clone().map(|error| (row.id, error)));
    evidence
        .extend(said.map(|(id, error)| facts.evidence(format!("delivery log: error of attempt {id}"), error, None)));
    Cause {
        id: group.fault.id().to_owned(),
        title: group.fault.title(&group.seen),
        evidence,
        resolution: group.fault.resolution().to_owned(),
    }
}

fn tripped(steps: &[Step]) -> Cause {
    Cause {
        id: "breaker-tripped".to_owned(),
        title: format!("the breaker switched the subscription off after {FUSE} consecutive failures"),
        evidence: evidence(steps, &["breaker-state", "endpoint-now", "missed-events"]),
        resolution: "Repair the endpoint first, send a test until it succeeds, then enable the subscription and choose what to do with the \
                     events that passed by."
            .to_owned(),
    }
}

fn fixed(steps: &[Step]) -> Cause {
    Cause {
        id: "breaker-fixed".to_owned(),
        title: "the endpoint answers again, and the subscription is still off".to_owned(),
        evidence: evidence(steps, &["breaker-state", "endpoint-now", "missed-events"]),
        resolution: "Enable the subscription; deliver the events that passed by if the receiver needs them. Receivers recognise repeats by \
                     the event's id."
            .to_owned(),
    }
}

fn switched_off(steps: &[Step]) -> Cause {
    Cause {
        id: "sub-disabled".to_owned(),
        title: "somebody switched the subscription off; the breaker did not".to_owned(),
        evidence: evidence(steps, &["breaker-state", "missed-events"]),
        resolution: "Find out who switched it off and why; if it is wanted, send a test and enable it.".to_owned(),
    }
}
