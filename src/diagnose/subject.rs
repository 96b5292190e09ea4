//! Filtering of collected evidence by its subject.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::{EvidenceSet, QueryRecord};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::wire::refusal::RefusalReason;
use crate::wire::requests::RequestRow;

/// Removes the rows that do not belong to the subject.
pub fn retain_subject(dossier: &mut EvidenceSet) {
    match dossier.scope.subject {
        DiagnosisSubject::All => {}
        DiagnosisSubject::Company(company) => of_company(dossier, company),
        DiagnosisSubject::Key(key) => of_key(dossier, key),
        DiagnosisSubject::Subscription(id) => of_subscription(dossier, id),
    }
}

fn retain<T>(asked: &mut QueryRecord<Vec<T>>, keep: impl FnMut(&T) -> bool) {
    if let Ok(rows) = &mut asked.found {
        rows.retain(keep);
    }
}

/// Marks everything as unknown, for a subject that cannot be found.
fn mark_unknown(dossier: &mut EvidenceSet, why: &str) {
    fn forget<T>(asked: &mut QueryRecord<T>, why: &str) {
        asked.found = Err(why.to_owned());
    }
    forget(&mut dossier.keys, why);
    forget(&mut dossier.subscriptions, why);
    forget(&mut dossier.refused, why);
    forget(&mut dossier.served, why);
    forget(&mut dossier.events, why);
    forget(&mut dossier.undelivered, why);
    forget(&mut dossier.limits, why);
    forget(&mut dossier.trips, why);
}

fn of_company(dossier: &mut EvidenceSet, company: CompanyId) {
    retain(&mut dossier.keys, |row| row.company_id == company);
    retain(&mut dossier.subscriptions, |row| row.subscription.company_id == company);
    // A call without a readable key belongs to no company, and is only seen without a subject.
    let mine = |row: &RequestRow| row.company_id.or(row.claimed_company_id) == Some(company);
    retain(&mut dossier.refused, mine);
    retain(&mut dossier.served, mine);
    retain(&mut dossier.events, |row| row.company_id == company);
    retain(&mut dossier.undelivered, |row| row.company_id == company);
    retain(&mut dossier.limits, |row| row.row.company_id == company);
    retain(&mut dossier.trips, |row| row.company_id == company);
}

fn of_key(dossier: &mut EvidenceSet, id: KeyId) {
    let Some(key) = dossier.keys.found.as_ref().ok().and_then(|keys| keys.iter().find(|key| key.id == id)).cloned()
    else {
        let why = dossier.keys.found.as_ref().err().cloned().unwrap_or_else(|| format!("key {id} does not exist"));
        mark_unknown(dossier, &why);
        return;
    };
    of_company(dossier, key.company_id);
    // The last four characters of a mistyped key may differ in case.
    let is_claimed = |last4: &Untrusted| last4.raw().eq_ignore_ascii_case(key.last4.raw());
    let mine = |row: &RequestRow| match row.key_id {
        Some(of) => of == id,
        None => row.claimed_last4.as_ref().is_some_and(is_claimed),
    };
    retain(&mut dossier.refused, mine);
    retain(&mut dossier.served, mine);
    retain(&mut dossier.limits, |row| row.row.key_id == id);
}

fn of_subscription(dossier: &mut EvidenceSet, id: SubscriptionId) {
    let found = dossier.subscriptions.found.as_ref();
    let company = found.map(|rows| rows.iter().find(|row| row.subscription.id == id));
    let company = match company {
        Ok(Some(row)) => row.subscription.company_id,
        Ok(None) => return mark_unknown(dossier, &format!("subscription {id} does not exist")),
        Err(why) => {
            let why = why.clone();
            return mark_unknown(dossier, &why);
        }
    };
    of_company(dossier, company);
    let tool = sole_tool(dossier, id);
    retain(&mut dossier.refused, |row| {
        tool.as_ref().is_some_and(|tool| row.refusal() == Some(RefusalReason::ManagedBy(tool.raw().to_owned())))
    });
    retain(&mut dossier.subscriptions, |row| row.subscription.id == id);
    retain(&mut dossier.undelivered, |row| row.subscription_id == id);
    retain(&mut dossier.trips, |row| row.subscription_id == id);
}

/// Returns the tool that manages this subscription and no other of its company. Only then can a refused change, which
/// is logged with the tool's name, be attributed to the subscription.
fn sole_tool(dossier: &EvidenceSet, id: SubscriptionId) -> Option<Untrusted> {
    let rows = dossier.subscriptions.found.as_ref().ok()?;
    let tool = rows.iter().find(|row| row.subscription.id == id)?.subscription.managed_by.clone()?;
    let n = rows.iter().filter(|row| row.subscription.managed_by.as_ref() == Some(&tool)).count();
    (n == 1).then_some(tool)
}
