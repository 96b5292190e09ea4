//! Playbook for refused permissions (403): a missing scope, another company's data, or a managed subscription.

use super::ranking::{capped_weight, new_key, ranked_cause, with_offers};
use super::refused_calls::{any_refused, code, group_by, refused, request_evidence};
use crate::diagnose::evidence_set::EvidenceSet;
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::report::PlaybookTopic;
use crate::domain::scope::KeyScope;
use crate::text::count;
use crate::wire::refusal::RefusalReason;
use crate::wire::requests::RequestRow;

/// Checks, in order: refused with 403, scopes, company, managed.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Permissions,
    needs: &[EvidenceSource::Keys, EvidenceSource::Refused, EvidenceSource::Served],
    checks: &[
        PlaybookCheck {
            id: "refused-403",
            text: "Were all calls permitted?",
            condition: CheckCondition::Always,
            check: |of| any_refused(of, 403),
        },
        PlaybookCheck {
            id: "scope-granted",
            text: "Do the keys have the scopes that their calls need?",
            condition: CheckCondition::Failed("refused-403"),
            check: scopes,
        },
        PlaybookCheck {
            id: "own-company",
            text: "Do calls stay within the key's own company?",
            condition: CheckCondition::Failed("refused-403"),
            check: companies,
        },
        PlaybookCheck {
            id: "not-managed",
            text: "Are managed subscriptions changed only by their tool?",
            condition: CheckCondition::Failed("refused-403"),
            check: managed,
        },
    ],
};

/// Returns the scope that a refused call lacked.
#[must_use]
pub fn missing_scope(row: &RequestRow) -> Option<KeyScope> {
    match row.refusal() {
        Some(RefusalReason::MissingScope(scope)) => Some(scope),
        _ => None,
    }
}

/// Creates a result with one cause per group of calls that were refused with a code.
fn causes_by_code<K: Ord>(
    dossier: &EvidenceSet,
    wanted: &str,
    key: impl Fn(&RequestRow) -> K,
    name: impl Fn(&K, &[&RequestRow]) -> RankedCause,
) -> CheckResult {
    let rows = match refused(dossier, 403) {
        Ok(rows) => rows.into_iter().filter(|row| code(row) == wanted).collect::<Vec<_>>(),
        Err(unknown) => return unknown,
    };
    let evidence =
        vec![dossier.refused.evidence(&format!("calls rejected as {wanted}"), rows.len().to_string(), Some("0"))];
    let causes = group_by(rows, key).iter().map(|(key, rows)| name(key, rows)).collect();
    CheckResult::from_rows(&dossier.refused, causes, evidence)
}

fn scopes(dossier: &EvidenceSet) -> CheckResult {
    causes_by_code(
        dossier,
        "insufficient_scope",
        |row| (row.key_id.map(|id| id.0), row.refusal()),
        |_, rows| {
            let newest = rows[0];
            let mut evidence = request_evidence(dossier, rows);
            let key = newest.key_id.and_then(|id| dossier.key(id));
            let name = dossier.caller(newest);
            let has = key.map_or_else(
                || "unknown".to_owned(),
                |key| key.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            );
            evidence.push(dossier.keys.evidence(&format!("{name}: scopes"), has, None));
            let lacks = missing_scope(newest);
            let others: Vec<String> = dossier
                .keys
                .found
                .iter()
                .flatten()
                .filter(|other| {
                    Some(other.company_id) == newest.company_id
                        && other.is_active != Some(false)
                        && lacks.is_some_and(|scope| other.scopes.contains(&scope))
                })
                .map(|other| dossier.key_name(Some(other.id)))
                .collect();
            let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
            evidence.push(dossier.keys.evidence("keys of the company with this scope", others, None));
            let scope = lacks.map_or_else(|| "a scope (not logged)".to_owned(), |scope| scope.to_string());
            let title = format!(
                "{name} lacks {scope} ({} to {} {})",
                count(rows.len(), "call"),
                newest.method.sanitized(),
                newest.route.sanitized()
            );
            let weighed = ranked_cause(
                capped_weight(2_000, rows.len()),
                "scope-missing",
                title,
                evidence,
                "Scopes cannot be changed after a key is created, and no scope implies another. Create a key with the scopes it needs, deploy \
             it and revoke the old one; or use a key of the company that has the scope.",
            );
            with_offers(weighed, new_key(newest.key_id))
        },
    )
}

fn companies(dossier: &EvidenceSet) -> CheckResult {
    causes_by_code(
        dossier,
        "other_company",
        |row| row.key_id.map(|id| id.0),
        |_, rows| {
            let name = dossier.caller(rows[0]);
            let title = format!(
                "{name} requests data of another company ({} to {})",
                count(rows.len(), "call"),
                rows[0].route.sanitized()
            );
            ranked_cause(
                capped_weight(2_000, rows.len()),
                "other-company",
                title,
                request_evidence(dossier, rows),
                "A key can access only its own company. Use a key of the company that owns the id, or correct the id.",
            )
        },
    )
}

fn managed(dossier: &EvidenceSet) -> CheckResult {
    causes_by_code(dossier, "managed_subscription", RequestRow::refusal, |reason, rows| {
        super::managed_subscription::refused_change_cause(dossier, reason.as_ref(), rows)
    })
}
