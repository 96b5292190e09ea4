//! Actions for runbook steps: those that the console can take after a confirmation, and commands for a shell.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::{CallerVisibility, EvidenceSet};
use super::remedy::{MissedRange, OfferedAction, RemediationAction, shell_json};
use super::runbook_kind::Runbook;
use super::runbook_progress::RunbookProgress;
use crate::domain::ids::SubscriptionId;
use crate::domain::text::Untrusted;
use serde_json::json;

/// Returns the actions for a step that is not done yet.
#[must_use]
pub fn step_actions(of: &RunbookProgress, step: &str, dossier: &EvidenceSet) -> Vec<OfferedAction> {
    match (of.runbook, of.subject, step) {
        (Runbook::KeyRotation, DiagnosisSubject::Key(id), "old-revoked") => vec![RemediationAction::Revoke(id).into()],
        (Runbook::BreakerRecovery | Runbook::Rollback, DiagnosisSubject::Subscription(id), "endpoint-answers") => {
            vec![RemediationAction::Test(id).into()]
        }
        (Runbook::BreakerRecovery, DiagnosisSubject::Subscription(id), "enabled") => {
            vec![RemediationAction::enable(id, dossier.visibility == CallerVisibility::Full).into()]
        }
        (Runbook::BreakerRecovery, DiagnosisSubject::Subscription(id), "nothing-waits") => replay_missed(dossier, id),
        (Runbook::LostSecret, DiagnosisSubject::Subscription(id), "new-subscription") => create_twin(dossier, id),
        (Runbook::LostSecret, DiagnosisSubject::Subscription(id), "old-deleted") => vec![delete_old(id)],
        _ => Vec::new(),
    }
}

/// Creates an action that the console does not take, with its shell command.
fn shell_offer(id: &str, what: String, command: String) -> OfferedAction {
    OfferedAction { id: id.to_owned(), what, command, remedy: None }
}

/// Offers the deletion of a subscription.
fn delete_old(id: SubscriptionId) -> OfferedAction {
    shell_offer("delete", format!("delete subscription {id}"), format!("crow subs delete {id} --allow-actions"))
}

/// Offers a replay of all deliveries that are known not to have arrived.
fn replay_missed(dossier: &EvidenceSet, id: SubscriptionId) -> Vec<OfferedAction> {
    let times = || {
        let rows = dossier.undelivered.found.iter().flatten().filter(|row| row.subscription_id == id);
        rows.map(|row| row.created_utc)
    };
    let Some((since_utc, latest)) = times().min().zip(times().max()) else { return Vec::new() };
    let until_utc = latest.plus(std::time::Duration::from_millis(1));
    vec![RemediationAction::Replay(MissedRange { subscription: id, since_utc, until_utc }).into()]
}

/// Offers the creation of a second subscription with the same target and types, which only a key of the company may.
fn create_twin(dossier: &EvidenceSet, id: SubscriptionId) -> Vec<OfferedAction> {
    let rows = dossier.subscriptions.found.iter().flatten();
    let Some(row) = rows.map(|row| &row.subscription).find(|of| of.id == id) else { return Vec::new() };
    let types: Vec<&str> = row.event_types.iter().map(Untrusted::raw).collect();
    let body = shell_json(&json!({"targetUrl": row.target_url.raw(), "eventTypes": types}));
    vec![shell_offer(
        "create",
        "create the new subscription".to_owned(),
        format!(
            "curl -X POST \"$PLATFORM_URL/api/v1/webhooks/subscriptions\" -H \"X-Api-Key: $API_KEY\" -H 'Content-Type: application/json' -d {body}"
        ),
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::evidence_set::DiagnosisScope;
    use crate::domain::ids::{CompanyId, KeyId};
    use crate::domain::time::Timestamp;
    use crate::wire::subscriptions::{Subscription, SubscriptionRow};

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn progress(runbook: Runbook, subject: DiagnosisSubject) -> RunbookProgress {
        RunbookProgress { runbook, subject, begun_utc: NOW, checked_utc: NOW, steps: Vec::new() }
    }

    #[test]
    fn a_step_offers_what_does_it() {
        let dossier = EvidenceSet::empty(DiagnosisScope::last_hour_of(DiagnosisSubject::All), NOW);
        let ids = |runbook, subject, step| -> Vec<String> {
            step_actions(&progress(runbook, subject), step, &dossier).into_iter().map(|offer| offer.id).collect()
        };
        let (key, subscription) = (DiagnosisSubject::Key(KeyId(3)), DiagnosisSubject::Subscription(SubscriptionId(7)));
        assert_eq!(ids(Runbook::KeyRotation, key, "old-revoked"), ["revoke"]);
        assert_eq!(ids(Runbook::KeyRotation, key, "old-silent"), [""; 0]);
        assert_eq!(ids(Runbook::BreakerRecovery, subscription, "endpoint-answers"), ["test"]);
        assert_eq!(ids(Runbook::BreakerRecovery, subscription, "enabled"), ["enable"]);
        assert_eq!(ids(Runbook::Rollback, subscription, "endpoint-answers"), ["test"]);
        assert_eq!(ids(Runbook::LostSecret, subscription, "old-deleted"), ["delete"]);
        assert_eq!(ids(Runbook::LostSecret, subscription, "new-subscription"), [""; 0], "it is not known");
    }

    #[test]
    fn the_twin_of_a_subscription_cannot_break_out_of_its_command() {
        let subscription = Subscription {
            event_types: vec!["lead.created".into()],
            ..Subscription::new(SubscriptionId(7), CompanyId(1), "https://hooks.example/it's".into(), NOW)
        };
        let mut dossier = EvidenceSet::empty(DiagnosisScope::last_hour_of(DiagnosisSubject::All), NOW);
        dossier.subscriptions.found =
            Ok(vec![SubscriptionRow { subscription, health: None, disabled_after_utc: None, disabled_note: None }]);
        let made = create_twin(&dossier, SubscriptionId(7));
        assert!(
            made[0]
                .command
                .ends_with(r#"-d '{"eventTypes":["lead.created"],"targetUrl":"https://hooks.example/it'\''s"}'"#)
        );
    }
}
