//! Playbook for subscriptions that a tool manages: who owns them, what may be changed, and where the rest is changed.

use super::calls::{
    CallCount, GoodCalls, call_finding, code, join_groups, main_check, part_check, refused, unless_key_only,
    without_noise,
};
use crate::diagnose::call_count::of_code;
use crate::diagnose::cause_subject::CauseSubject;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::{CallGroup, EvidenceSet};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::Evidence;
use crate::domain::cause::CauseKind;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::wire::refusal::RefusalReason;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;

/// Checks, in order: owners, refused changes.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::ManagedSubscription,
    checks: &[
        PlaybookCheck {
            id: "managed-by",
            text: "Is the managing tool of each managed subscription known?",
            check: owners,
        },
        PlaybookCheck {
            id: "refused-403",
            text: "Were all changes of managed subscriptions permitted?",
            check: all_permitted,
        },
        PlaybookCheck {
            id: "change-refused",
            text: "Did only the managing tool change or delete its subscriptions?",
            check: changes,
        },
    ],
};

/// Maximum number of subscriptions that a cause names.
const MAX_CANDIDATES: usize = 8;

fn owners(set: &EvidenceSet) -> CheckResult {
    match set.subscriptions.result() {
        Err(why) => CheckResult::unknown(why),
        Ok(rows) if rows.is_empty() => CheckResult::unknown("no subscription exists"),
        // For one key, only the number of managed subscriptions is relevant.
        Ok(_) if matches!(set.scope.subject, DiagnosisSubject::Key(_)) => {
            CheckResult::pass(vec![managed_count(set, "managed subscriptions of the company")])
        }
        Ok(_) => {
            let number = managed_count(set, "managed subscriptions");
            let owners = managed(set).filter_map(|row| {
                let of = &row.subscription;
                let what = format!("subscription {} of company {}: managed by", of.id, of.company_id);
                Some(set.subscriptions.evidence(&what, of.managed_by.clone()?, None))
            });
            CheckResult::pass([number].into_iter().chain(owners).collect())
        }
    }
}

fn managed(set: &EvidenceSet) -> impl Iterator<Item = &SubscriptionRow> {
    EvidenceSet::rows(&set.subscriptions).iter().filter(|row| row.subscription.managed_by.is_some())
}

fn managed_count(set: &EvidenceSet, what: &str) -> Evidence {
    set.subscriptions.evidence(what, managed(set).count().to_string(), None)
}

fn is_refused_change(row: &RequestRow) -> bool {
    row.has_status(403) && code(row) == "managed_subscription"
}

fn all_permitted(set: &EvidenceSet) -> CheckResult {
    let count = change_count(set, "changes of managed subscriptions answered 403");
    unless_key_only(set, main_check(set, count, &refused_changes(set))).skipped_without(none_managed(set))
}

fn changes(set: &EvidenceSet) -> CheckResult {
    part_check(set, change_count(set, "changes of managed subscriptions by another key"), refused_changes(set))
        .skipped_without(none_managed(set))
}

/// Reason why no change of a managed subscription could be made: there is none.
pub(super) fn none_managed(set: &EvidenceSet) -> Option<String> {
    let is_known = set.subscriptions.found.is_ok() && !set.subscriptions.is_incomplete;
    (is_known && managed(set).next().is_none()).then(|| "no subscription is managed by a tool".to_owned())
}

fn change_count<'s>(set: &'s EvidenceSet, what: &'static str) -> CallCount<'s> {
    CallCount::new(what, &refused(set, is_refused_change), of_code("managed_subscription"))
}

/// Finds the callers whose changes of managed subscriptions were refused.
pub(super) fn refused_changes(set: &EvidenceSet) -> Vec<CauseFinding> {
    let groups = refused(set, is_refused_change);
    let joined = join_groups(groups, |group| (group.newest.refusal(), group.caller()));
    let findings = joined.iter().map(|((reason, caller), groups)| {
        let tool = match reason {
            Some(RefusalReason::ManagedBy(tool)) => tool.as_str(),
            _ => "a tool",
        };
        let kind = CauseKind::managed_by(tool);
        let who = match set.scope.subject {
            // The caller may be a key that the subscription has nothing to do with.
            DiagnosisSubject::Subscription(id) => format!("subscription {id}"),
            _ => set.caller_name(caller),
        };
        let mut finding = call_finding(set, kind, groups, who, GoodCalls::SameRoute);
        let candidates = candidates(set, tool, groups);
        let named = candidates_text(&candidates);
        finding.subjects.extend(candidates.into_iter().map(CauseSubject::Subscription));
        finding.detail(format!("managed by {}{named}", tool_name(kind)))
    });
    without_noise(findings.collect())
}

/// Subscriptions of the caller's company that the refused changes may have been about: the request log keeps the route,
/// not the id.
fn candidates(set: &EvidenceSet, tool: &str, groups: &[&CallGroup]) -> Vec<SubscriptionId> {
    let is_of_caller = |id: CompanyId| groups.iter().any(|group| group.newest.company_id == Some(id));
    let rows = EvidenceSet::rows(&set.subscriptions).iter().map(|row| &row.subscription);
    rows.filter(|of| is_of_caller(of.company_id))
        .filter(|of| of.managed_by.as_ref().is_some_and(|owner| owner.raw() == tool))
        .map(|of| of.id)
        .take(MAX_CANDIDATES)
        .collect()
}

fn candidates_text(ids: &[SubscriptionId]) -> String {
    let named: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match named.as_slice() {
        [] => String::new(),
        [one] => format!(": subscription {one}"),
        several => format!(": one of subscriptions {}", several.join(", ")),
    }
}

const fn tool_name(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::Managed(tool) => tool,
        _ => "a tool",
    }
}
