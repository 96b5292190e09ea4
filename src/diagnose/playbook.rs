//! The engine of playbooks: a playbook is data and pure checks. Each question looks at the dossier and gives a verdict with its evidence, and
//! the causes that explain it; questions that need not be asked are skipped and say why.

use super::dossier::{Asked, Dossier};
use crate::api::report::{Cause, Evidence, Report, Step, Topic, Verdict};

/// What can be asked of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Keys.
    Keys,
    /// Subscriptions.
    Subscriptions,
    /// Requests that were refused.
    Refused,
    /// Requests that were served.
    Served,
    /// Attempts to subscriptions that are off or fail.
    Attempts,
    /// Attempts that receivers refused, with the lab's answers.
    Refusals,
    /// Events.
    Events,
    /// Deliveries that did not arrive.
    Undelivered,
    /// Rate windows.
    Limits,
    /// Trips.
    Trips,
}

/// A cause and how likely it is: of several the heaviest comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// More is likelier.
    pub weight: u32,
    /// The cause.
    pub cause: Cause,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What explains a failure.
    pub causes: Vec<Weighed>,
}

impl Answer {
    /// As it should be.
    #[must_use]
    pub const fn pass(evidence: Vec<Evidence>) -> Self {
        Self { verdict: Verdict::Pass, evidence, causes: Vec::new() }
    }

    /// Could not be learnt.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown(why.into()), evidence: Vec::new(), causes: Vec::new() }
    }

    /// Need not be asked.
    #[must_use]
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped(why.into()), evidence: Vec::new(), causes: Vec::new() }
    }

    /// As [`Answer::of`], where the rows that were read are not all there are: without a cause among them it stays unknown.
    #[must_use]
    pub fn of_read<T>(asked: &Asked<T>, causes: Vec<Weighed>, evidence: Vec<Evidence>) -> Self {
        if causes.is_empty() && asked.is_cut {
            let why = format!("{} gave not all rows: there are more, or some could not be read", asked.query);
            return Self { evidence, ..Self::unknown(why) };
        }
        Self::of(causes, evidence)
    }

    /// Fails if there are causes, else passes.
    #[must_use]
    pub fn of(causes: Vec<Weighed>, evidence: Vec<Evidence>) -> Self {
        let verdict = if causes.is_empty() { Verdict::Pass } else { Verdict::Fail };
        Self { verdict, evidence, causes }
    }
}

/// When a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Only if the question of that name failed.
    Failed(&'static str),
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Its name.
    pub id: &'static str,
    /// The question.
    pub text: &'static str,
    /// When it is asked.
    pub when: When,
    /// The check.
    pub ask: fn(&Dossier) -> Answer,
}

/// A playbook.
#[derive(Debug, Clone, Copy)]
pub struct Playbook {
    /// What it is about.
    pub topic: Topic,
    /// What is asked of the platform for it.
    pub needs: &'static [Source],
    /// Its questions, in their order.
    pub questions: &'static [Question],
}

impl Playbook {
    /// Answers all questions from the dossier. Answers of an earlier run over the same subject are kept where they were verdicts: only what
    /// was unknown or skipped then is asked again.
    #[must_use]
    pub fn check(&self, dossier: &Dossier, earlier: Option<&Report>) -> Report {
        let mut steps: Vec<Step> = Vec::new();
        let mut causes: Vec<Weighed> = Vec::new();
        for question in self.questions {
            if let Some(kept) = earlier.and_then(|report| kept(report, question.id)) {
                steps.push(kept.clone());
                continue;
            }
            let answer = match question.when {
                When::Failed(other) if !has_failed(&steps, other) => Answer::skipped(why_not(&steps, other)),
                When::Always | When::Failed(_) => (question.ask)(dossier),
            };
            causes.extend(answer.causes);
            steps.push(Step {
                id: question.id.to_owned(),
                question: question.text.to_owned(),
                verdict: answer.verdict,
                evidence: answer.evidence,
            });
        }
        causes.sort_by_key(|weighed| std::cmp::Reverse(weighed.weight));
        let mut ranked: Vec<Cause> = earlier.map(|report| report.causes.clone()).unwrap_or_default();
        ranked.extend(causes.into_iter().map(|weighed| weighed.cause));
        ranked.dedup_by(|a, b| a.id == b.id && a.title == b.title);
        Report { topic: self.topic, subject: dossier.wish.subject, at_utc: dossier.at, causes: ranked, steps }
    }
}

/// A report in which the verdicts of an earlier one stay, with the causes that they brought to light.
#[must_use]
pub fn going_on(fresh: &Report, earlier: &Report) -> Report {
    let step = |step: &Step| kept(earlier, &step.id).unwrap_or(step).clone();
    let mut causes = earlier.causes.clone();
    let is_new = |cause: &&Cause| !earlier.causes.iter().any(|old| old.id == cause.id && old.title == cause.title);
    causes.extend(fresh.causes.iter().filter(is_new).cloned());
    Report { causes, steps: fresh.steps.iter().map(step).collect(), ..fresh.clone() }
}

fn kept<'r>(report: &'r Report, id: &str) -> Option<&'r Step> {
    report.steps.iter().find(|step| step.id == id && matches!(step.verdict, Verdict::Pass | Verdict::Fail))
}

fn has_failed(steps: &[Step], id: &str) -> bool {
    steps.iter().any(|step| step.id == id && step.verdict == Verdict::Fail)
}

fn why_not(steps: &[Step], id: &str) -> String {
    match steps.iter().find(|step| step.id == id).map(|step| &step.verdict) {
        Some(Verdict::Pass) => format!("{id} is as it should be"),
        Some(Verdict::Unknown(_)) => format!("{id} is not known"),
        _ => format!("{id} was skipped"),
    }
}
