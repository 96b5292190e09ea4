//! Playbook runs: collect the evidence once, then check it.

use super::breaker;
use super::collect;
use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::{DiagnosisScope, EvidenceSet, QueryOutcome};
use super::playbook::{EvidenceSource, resume_report};
use super::report::topics_for;
use super::report::{CheckVerdict, DiagnosisReport, PlaybookTopic, ReportedCheck};
use super::topics;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use futures_util::future::join_all;

/// Runs a playbook over a subject, with read-only calls of the Portal API. Never fails: what could not be read
/// becomes an unknown step. An earlier report of the same playbook and subject is resumed: verdicts are kept, unknown
/// checks run again.
pub async fn run_playbook(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    topic: PlaybookTopic,
    wish: DiagnosisScope,
    earlier: Option<&DiagnosisReport>,
) -> DiagnosisReport {
    let earlier = earlier.filter(|report| report.topic == topic && report.subject == wish.subject);
    let dossier = collect::collect_evidence(client, ambient, wish, &needs(topic)).await;
    check_playbook(client, ambient, topic, &dossier, earlier).await
}

/// Runs several playbooks over a subject. The evidence that the playbooks and `also` need is collected once, and
/// returned beside the reports.
pub async fn run_playbooks(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    topics: &[PlaybookTopic],
    wish: DiagnosisScope,
    also: &[EvidenceSource],
) -> (EvidenceSet, Vec<DiagnosisReport>) {
    let sources: Vec<EvidenceSource> =
        topics.iter().flat_map(|topic| needs(*topic)).chain(also.iter().copied()).collect();
    let dossier = collect::collect_evidence(client, ambient, wish, &sources).await;
    let mut reports = Vec::new();
    for topic in topics {
        reports.push(check_playbook(client, ambient, *topic, &dossier, None).await);
    }
    (dossier, reports)
}

/// Returns the data that a playbook needs. The circuit breaker playbook reads more by itself, per subscription.
fn needs(topic: PlaybookTopic) -> Vec<EvidenceSource> {
    topics::playbook_for(topic).map_or_else(|| vec![EvidenceSource::Subscriptions], |playbook| playbook.needs.to_vec())
}

async fn check_playbook(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    topic: PlaybookTopic,
    dossier: &EvidenceSet,
    earlier: Option<&DiagnosisReport>,
) -> DiagnosisReport {
    if let Some(why) = mismatch_reason(topic, dossier.scope.subject) {
        return not_run_report(topic, dossier.scope.subject, dossier.at, &why);
    }
    if let Some(playbook) = topics::playbook_for(topic) {
        return playbook.check(dossier, earlier);
    }
    let fresh = run_breakers(client, ambient, dossier).await;
    earlier.map_or_else(|| fresh.clone(), |earlier| resume_report(&fresh, earlier))
}

/// Returns why a playbook does not apply to a subject; `None` if it does. Keys make calls, subscriptions receive
/// deliveries.
fn mismatch_reason(topic: PlaybookTopic, subject: DiagnosisSubject) -> Option<String> {
    let (is_misfit, what) = match (subject, topic) {
        (DiagnosisSubject::All | DiagnosisSubject::Company(_), _) | (_, PlaybookTopic::ManagedSubscription) => {
            return None;
        }
        (DiagnosisSubject::Subscription(_), _) => {
            (!topics_for(subject).contains(&topic), "API calls: name a key with --key")
        }
        (DiagnosisSubject::Key(_), _) => {
            (!topics_for(subject).contains(&topic), "deliveries: name a subscription with --subscription")
        }
    };
    is_misfit.then(|| format!("{topic} is about {what}, or a company with --company"))
}

/// Creates the report of a playbook that cannot run for a subject: every step is unknown for the same reason.
#[must_use]
pub fn not_run_report(topic: PlaybookTopic, subject: DiagnosisSubject, at: Timestamp, why: &str) -> DiagnosisReport {
    let questions: Vec<(&str, &str)> = topics::playbook_for(topic).map_or_else(
        || breaker::steps::BREAKER_QUESTIONS.to_vec(),
        |playbook| playbook.checks.iter().map(|question| (question.id, question.text)).collect(),
    );
    let step = |(id, question): (&str, &str)| ReportedCheck {
        id: id.to_owned(),
        question: question.to_owned(),
        verdict: CheckVerdict::Unknown(why.to_owned()),
        evidence: Vec::new(),
    };
    let steps = questions.into_iter().map(step).collect();
    DiagnosisReport { topic, subject, at_utc: at, causes: Vec::new(), steps }
}

/// Maximum number of subscriptions whose breakers are examined.
const MAX_BREAKERS: usize = 16;

/// Runs the circuit breaker playbook over one subscription, or over the subject's most suspicious ones.
async fn run_breakers(client: &PlatformClient, ambient: &RuntimeEnv, dossier: &EvidenceSet) -> DiagnosisReport {
    let subject = dossier.scope.subject;
    if let DiagnosisSubject::Subscription(id) = subject {
        return breaker::check_breaker(id, &breaker::collect::collect_breaker(client, ambient, id).await);
    }
    let ids = breaker_candidates(dossier);
    let none = ids.as_ref().map(Vec::is_empty);
    let known = join_all(ids.iter().flatten().map(|id| breaker::collect::collect_breaker(client, ambient, *id))).await;
    let reports: Vec<DiagnosisReport> =
        ids.iter().flatten().zip(&known).map(|(id, known)| breaker::check_breaker(*id, known)).collect();
    let report = breaker::merge_reports(subject, dossier.at, &reports);
    match none {
        Ok(false) => report,
        Ok(true) => breaker::with_first_verdict(report, CheckVerdict::Unknown("no subscription exists".to_owned())),
        Err(why) => breaker::with_first_verdict(report, CheckVerdict::Unknown(why.clone())),
    }
}

/// Lists subscriptions in the order of suspicion: disabled ones, then failing ones, then the others.
fn breaker_candidates(dossier: &EvidenceSet) -> QueryOutcome<Vec<SubscriptionId>> {
    let mut rows: Vec<_> = dossier.subscriptions.result()?.iter().map(|row| &row.subscription).collect();
    rows.sort_by_key(|of| (of.is_enabled, std::cmp::Reverse(of.consecutive_failures), of.id));
    Ok(rows.into_iter().map(|of| of.id).take(MAX_BREAKERS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::connection::ClientCredential;
    use crate::diagnose::report::DiagnosisConclusion;
    use crate::domain::secret::Secret;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_platform_that_is_not_there_leaves_every_step_of_every_playbook_unknown_or_skipped() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 1);
        let token = ClientCredential::Operator(Secret::new("token".to_owned()));
        let client = PlatformClient::new(&base, token).expect("a client");
        for topic in PlaybookTopic::ALL {
            for subject in [DiagnosisSubject::All, DiagnosisSubject::Subscription(SubscriptionId(7))] {
                let report = run_playbook(&client, &ambient, topic, DiagnosisScope::last_hour_of(subject), None).await;
                assert_eq!(report.conclusion(), DiagnosisConclusion::NotRun, "{topic}");
                assert!(report.steps.iter().any(|step| matches!(step.verdict, CheckVerdict::Unknown(_))), "{topic}");
                for step in &report.steps {
                    let why = step.verdict.why().expect("neither pass nor fail");
                    // A topic that is not about the subject asks nothing, and says so.
                    let expected = mismatch_reason(topic, subject).unwrap_or_else(|| "cannot reach".to_owned());
                    let is_said = why.contains(&expected) || matches!(step.verdict, CheckVerdict::Skipped(_));
                    assert!(is_said, "{topic} {}: {why}", step.id);
                }
            }
        }
    }
}
