//! Filtering of gathered evidence by its subject.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::{CallGroup, EvidenceSet, QueryRecord};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::wire::refusal::RefusalReason;

/// Removes the rows that do not belong to the subject, and keeps the subscriptions of its company for comparisons.
pub(super) fn retain_subject(set: &mut EvidenceSet) {
    match set.scope.subject {
        DiagnosisSubject::All => set.siblings = set.subscriptions.clone(),
        DiagnosisSubject::Company(company) => retain_known_company(set, company),
        DiagnosisSubject::Key(key) => retain_key(set, key),
        DiagnosisSubject::Subscription(id) => retain_subscription(set, id),
    }
}

fn retain<T>(asked: &mut QueryRecord<Vec<T>>, keep: impl FnMut(&T) -> bool) {
    if let Ok(rows) = &mut asked.found {
        rows.retain(keep);
    }
}

/// Marks everything as unknown, for a subject that cannot be found.
fn mark_unknown(set: &mut EvidenceSet, why: &str) {
    fn forget<T>(asked: &mut QueryRecord<T>, why: &str) {
        asked.found = Err(why.to_owned());
    }
    forget(&mut set.keys, why);
    forget(&mut set.subscriptions, why);
    forget(&mut set.siblings, why);
    forget(&mut set.refused, why);
    forget(&mut set.served, why);
    forget(&mut set.events, why);
    forget(&mut set.undelivered, why);
    forget(&mut set.limits, why);
    forget(&mut set.trips, why);
    // What the platform says of itself is no answer about a subject that does not exist.
    forget(&mut set.overview, why);
    set.clock_ahead_ms = None;
}

fn retain_known_company(set: &mut EvidenceSet, company: CompanyId) {
    let is_missing = set.companies.found.as_ref().is_ok_and(|companies| !companies.iter().any(|row| row.id == company));
    if is_missing && !set.companies.is_incomplete {
        mark_unknown(set, &format!("company {company} does not exist"));
        return;
    }
    retain_company(set, company);
}

fn retain_company(set: &mut EvidenceSet, company: CompanyId) {
    retain(&mut set.keys, |row| row.company_id == company);
    retain(&mut set.subscriptions, |row| row.subscription.company_id == company);
    set.siblings = set.subscriptions.clone();
    // A call without a readable key belongs to no company, and is only seen without a subject.
    let mine = |group: &CallGroup| group.newest.company_id.or(group.newest.claimed_company_id) == Some(company);
    retain(&mut set.refused, mine);
    retain(&mut set.served, mine);
    retain(&mut set.events, |row| row.company_id == company);
    retain(&mut set.undelivered, |row| row.company_id == company);
    retain(&mut set.limits, |row| row.row.company_id == company);
    retain(&mut set.trips, |row| row.company_id == company);
}

fn retain_key(set: &mut EvidenceSet, id: KeyId) {
    let Some(key) = set.key(id).cloned() else {
        let why = set.keys.found.as_ref().err().cloned().unwrap_or_else(|| format!("key {id} does not exist"));
        mark_unknown(set, &why);
        return;
    };
    retain_company(set, key.company_id);
    // The last four characters of a mistyped key may differ in case.
    let is_claimed = |last4: &Untrusted| last4.raw().eq_ignore_ascii_case(key.last4.raw());
    let mine = |group: &CallGroup| match group.newest.key_id {
        Some(of) => of == id,
        None => group.newest.claimed_last4.as_ref().is_some_and(is_claimed),
    };
    retain(&mut set.refused, mine);
    retain(&mut set.served, mine);
    retain(&mut set.limits, |row| row.row.key_id == id);
}

fn retain_subscription(set: &mut EvidenceSet, id: SubscriptionId) {
    let found = set.subscriptions.found.as_ref();
    let company = found.map(|rows| rows.iter().find(|row| row.subscription.id == id));
    let company = match company {
        Ok(Some(row)) => row.subscription.company_id,
        Ok(None) => return mark_unknown(set, &format!("subscription {id} does not exist")),
        Err(why) => {
            let why = why.clone();
            return mark_unknown(set, &why);
        }
    };
    retain_company(set, company);
    let tool = sole_tool(set, id);
    retain(&mut set.refused, |group| {
        tool.as_ref()
            .is_some_and(|tool| group.newest.refusal() == Some(RefusalReason::ManagedBy(tool.raw().to_owned())))
    });
    retain(&mut set.subscriptions, |row| row.subscription.id == id);
    retain(&mut set.undelivered, |row| row.subscription_id == id);
    retain(&mut set.trips, |row| row.subscription_id == id);
}

/// Returns the tool that manages this subscription and no other of its company. Only then can a refused change, which
/// is logged with the tool's name, be attributed to the subscription.
fn sole_tool(set: &EvidenceSet, id: SubscriptionId) -> Option<Untrusted> {
    let rows = set.siblings.found.as_ref().ok()?;
    let tool = rows.iter().find(|row| row.subscription.id == id)?.subscription.managed_by.clone()?;
    let n = rows.iter().filter(|row| row.subscription.managed_by.as_ref() == Some(&tool)).count();
    (n == 1).then_some(tool)
}
