//! Playbook for subscriptions that a tool manages: who owns them, what may be changed, and where the rest is changed.

use super::ranking::{capped_weight, ranked_cause};
use super::refused_calls::{any_refused, code, group_by, refused, request_evidence};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::EvidenceSet;
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::report::PlaybookTopic;
use crate::domain::subscription::MANAGERS;
use crate::text::count;
use crate::wire::refusal::RefusalReason;
use crate::wire::requests::RequestRow;

/// Checks, in order: owners, refused with 403, refused changes.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::ManagedSubscription,
    needs: &[EvidenceSource::Keys, EvidenceSource::Subscriptions, EvidenceSource::Refused, EvidenceSource::Served],
    checks: &[
        PlaybookCheck {
            id: "managed-by",
            text: "Are the managed subscriptions known?",
            condition: CheckCondition::Always,
            check: owners,
        },
        PlaybookCheck {
            id: "refused-403",
            text: "Were all calls permitted?",
            condition: CheckCondition::Always,
            check: |of| any_refused(of, 403),
        },
        PlaybookCheck {
            id: "change-refused",
            text: "Did only the managing tool change or delete its subscriptions?",
            condition: CheckCondition::Failed("refused-403"),
            check: changes,
        },
    ],
};

fn owners(dossier: &EvidenceSet) -> CheckResult {
    match dossier.subscriptions.result() {
        Err(why) => CheckResult::unknown(why),
        Ok(rows) if rows.is_empty() => CheckResult::unknown("no subscription exists"),
        // For one key, only the number of managed subscriptions is relevant.
        Ok(rows) if matches!(dossier.scope.subject, DiagnosisSubject::Key(_)) => {
            let n = rows.iter().filter(|row| row.subscription.managed_by.is_some()).count();
            let what = "managed subscriptions of the company";
            CheckResult::pass(vec![dossier.subscriptions.evidence(what, n.to_string(), None)])
        }
        Ok(rows) => {
            let managed = rows.iter().filter_map(|row| {
                let of = &row.subscription;
                let owner = of.managed_by.as_ref()?;
                let what = format!("subscription {} of company {}: managed by", of.id, of.company_id);
                Some(dossier.subscriptions.evidence(&what, owner.clone(), None))
            });
            CheckResult::pass(managed.collect())
        }
    }
}

fn changes(dossier: &EvidenceSet) -> CheckResult {
    let rows = match refused(dossier, 403) {
        Ok(rows) => rows.into_iter().filter(|row| code(row) == "managed_subscription").collect::<Vec<_>>(),
        Err(unknown) => return unknown,
    };
    let n = dossier.refused.evidence("changes rejected as managed_subscription", rows.len().to_string(), Some("0"));
    let groups = group_by(rows, RequestRow::refusal);
    let causes = groups.iter().map(|(reason, rows)| refused_change_cause(dossier, reason.as_ref(), rows)).collect();
    CheckResult::from_rows(&dossier.refused, causes, vec![n])
}

/// Creates the cause behind refused changes of a managed subscription.
pub(super) fn refused_change_cause(
    dossier: &EvidenceSet,
    reason: Option<&RefusalReason>,
    rows: &[&RequestRow],
) -> RankedCause {
    let is_reason = |tool: &&str| reason == Some(&RefusalReason::ManagedBy((*tool).to_owned()));
    let tool = MANAGERS.into_iter().find(is_reason).unwrap_or("tool");
    let mut evidence = request_evidence(dossier, rows);
    evidence.push(dossier.refused.evidence("rejected caller", dossier.caller(rows[0]), None));
    let title = format!(
        "the subscription is managed by {tool}, but another key tried to change it ({})",
        count(rows.len(), "call")
    );
    ranked_cause(
        capped_weight(2_000, rows.len()),
        format!("managed-{}", tool.to_lowercase()),
        title,
        evidence,
        "Only isEnabled can be changed here. Change the target or event types, or delete the subscription, in the tool that manages it: \
         the tool replaces this subscription with a new one.",
    )
}
