//! Playbook runs: gather the evidence once, then check it.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_portal::ClientPortal;
use super::evidence_set::{DiagnosisScope, EvidenceSet};
use super::finding;
use super::gather;
use super::playbook_topic::{PlaybookTopic, topics_for};
use super::report::{CheckVerdict, CombinedDiagnosis, DiagnosisReport, ReportedCheck};
use super::topics::playbook_for;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::time::Timestamp;

/// Gathers all evidence for a scope, with read-only calls. Never fails: what could not be read says why.
pub async fn gather_evidence(client: &PlatformClient, ambient: &RuntimeEnv, scope: DiagnosisScope) -> EvidenceSet {
    gather::gather_evidence(&ClientPortal::new(client, ambient), scope).await
}

/// Gathers the lists alone: companies, keys, subscriptions, and the deliveries that did not arrive.
pub async fn gather_lists(client: &PlatformClient, ambient: &RuntimeEnv, scope: DiagnosisScope) -> EvidenceSet {
    gather::gather_lists(&ClientPortal::new(client, ambient), scope).await
}

/// Runs a playbook over a subject, with read-only calls of the Portal API. Never fails: what could not be read becomes
/// an unknown step. Where a step is unknown, the answer of an earlier report of the same playbook and subject is kept.
pub async fn run_playbook(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    topic: PlaybookTopic,
    scope: DiagnosisScope,
    earlier: Option<&DiagnosisReport>,
) -> DiagnosisReport {
    let set = gather_evidence(client, ambient, scope).await;
    check_playbook(topic, &set, earlier)
}

/// Checks a playbook over gathered evidence.
#[must_use]
pub fn check_playbook(topic: PlaybookTopic, set: &EvidenceSet, earlier: Option<&DiagnosisReport>) -> DiagnosisReport {
    if let Some(why) = mismatch_reason(topic, set.scope.subject) {
        return not_run_report(topic, set.scope.subject, set.at, &why);
    }
    let earlier = earlier.filter(|report| report.topic == topic && report.subject == set.scope.subject);
    playbook_for(topic).check(set, earlier)
}

/// Runs every playbook that applies to a subject, and ranks what all of them found in one list.
pub async fn run_all(client: &PlatformClient, ambient: &RuntimeEnv, scope: DiagnosisScope) -> CombinedDiagnosis {
    check_all(&gather_evidence(client, ambient, scope).await)
}

/// Checks every playbook that applies to the subject of gathered evidence.
#[must_use]
pub fn check_all(set: &EvidenceSet) -> CombinedDiagnosis {
    let subject = set.scope.subject;
    let (mut reports, mut findings, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for topic in topics_for(subject) {
        let (steps, found, noted) = playbook_for(topic).run(set);
        for remark in noted {
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
        let causes = finding::rank(found.clone(), set.at);
        findings.extend(found);
        reports.push(DiagnosisReport { topic, subject, at_utc: set.at, causes, remarks: Vec::new(), steps });
    }
    CombinedDiagnosis { subject, at_utc: set.at, causes: finding::rank(findings, set.at), remarks, reports }
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
    let step = |question: &super::playbook::PlaybookCheck| ReportedCheck {
        id: question.id.to_owned(),
        question: question.text.to_owned(),
        verdict: CheckVerdict::Unknown(why.to_owned()),
        evidence: Vec::new(),
    };
    let steps = playbook_for(topic).checks.iter().map(step).collect();
    DiagnosisReport { topic, subject, at_utc: at, causes: Vec::new(), remarks: Vec::new(), steps }
}

/// Creates the result of all playbooks where none can run: every step is unknown for the same reason.
#[must_use]
pub fn not_run_all(subject: DiagnosisSubject, at: Timestamp, why: &str) -> CombinedDiagnosis {
    let reports = topics_for(subject).into_iter().map(|topic| not_run_report(topic, subject, at, why)).collect();
    CombinedDiagnosis { subject, at_utc: at, causes: Vec::new(), remarks: Vec::new(), reports }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::connection::ClientCredential;
    use crate::diagnose::evidence_set::QueryRecord;
    use crate::diagnose::report::DiagnosisConclusion;
    use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
    use crate::domain::secret::Secret;
    use tokio::net::TcpListener;

    /// Checks that the answers of the platform to crow itself decide.
    const OF_THE_PLATFORM: [&str; 4] = ["own-errors", "dispatching", "storage", "own-clock"];

    fn empty<T>() -> QueryRecord<Vec<T>> {
        QueryRecord { found: Ok(Vec::new()), ..QueryRecord::of("GET /x") }
    }

    #[test]
    fn no_check_passes_where_every_list_is_empty() {
        for subject in [
            DiagnosisSubject::All,
            DiagnosisSubject::Company(CompanyId(92)),
            DiagnosisSubject::Key(KeyId(4)),
            DiagnosisSubject::Subscription(SubscriptionId(7)),
        ] {
            let set = EvidenceSet {
                companies: empty(),
                keys: empty(),
                subscriptions: empty(),
                siblings: empty(),
                refused: empty(),
                served: empty(),
                listener_refusals: empty(),
                events: empty(),
                undelivered: empty(),
                limits: empty(),
                trips: empty(),
                audit: empty(),
                ..EvidenceSet::empty(DiagnosisScope::last_hour_of(subject), Timestamp::default())
            };
            let all = check_all(&set);
            let steps = all.reports.iter().flat_map(|report| &report.steps);
            let passed: Vec<&str> = steps
                .filter(|step| step.verdict == CheckVerdict::Pass && !OF_THE_PLATFORM.contains(&step.id.as_str()))
                .map(|step| step.id.as_str())
                .collect();
            assert_eq!(passed, [""; 0], "{subject}");
            assert_ne!(all.conclusion(), DiagnosisConclusion::CauseFound, "{subject}");
        }
    }

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
