//! Playbook for refused permissions (403): a missing scope, another company's data, or a managed subscription.

use super::calls::{
    CallCount, GoodCalls, call_finding, code, join_groups, main_check, new_key, newest, part_check, refused,
    route_text, unless_key_only, without_noise,
};
use super::managed_subscription::{none_managed, refused_changes};
use crate::diagnose::call_count::{of_code, of_status};
use crate::diagnose::evidence_set::{CallGroup, EvidenceSet};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::domain::cause::CauseKind;
use crate::domain::scope::KeyScope;
use crate::wire::paths;
use crate::wire::refusal::RefusalReason;
use crate::wire::requests::RequestRow;

/// Checks, in order: refused with 403, scopes, company, managed.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Permissions,
    checks: &[
        PlaybookCheck { id: "refused-403", text: "Were all calls permitted?", check: all_permitted },
        PlaybookCheck {
            id: "scope-granted",
            text: "Do the keys have the scopes that their calls need?",
            check: scopes,
        },
        PlaybookCheck { id: "own-company", text: "Do calls stay within the key's own company?", check: companies },
        PlaybookCheck {
            id: "not-managed",
            text: "Are managed subscriptions changed only by their tool?",
            check: managed,
        },
    ],
};

/// Problem codes of the contract for calls that are not permitted for another reason than a scope.
const CODES: [&str; 2] = ["other_company", "managed_subscription"];

/// Returns the scope that a refused call lacked.
#[must_use]
pub fn missing_scope(row: &RequestRow) -> Option<KeyScope> {
    match row.refusal() {
        Some(RefusalReason::MissingScope(scope)) => Some(scope),
        // A platform with codes of its own may name the scope all the same.
        _ if row.has_status(403) => row.reason.as_ref().and_then(|word| KeyScope::named(word.raw())),
        _ => None,
    }
}

/// Scope that a refused call lacked. Where the answer names none, the call's key is known to lack the one of its route.
fn lacked_scope(set: &EvidenceSet, row: &RequestRow) -> Option<KeyScope> {
    missing_scope(row).or_else(|| {
        let scope = route_scope(row)?;
        let lacking = set.key(row.key_id?)?.missing_scopes.as_ref()?;
        (row.has_status(403) && lacking.contains(&scope)).then_some(scope)
    })
}

/// Scope that a documented route requires.
fn route_scope(row: &RequestRow) -> Option<KeyScope> {
    match (row.method.raw(), row.route.raw()) {
        (_, paths::EVENTS) => Some(KeyScope::EventsRead),
        (_, paths::EVENTS_TEST) => Some(KeyScope::Admin),
        (_, route) if route.starts_with(paths::SUBSCRIPTIONS) => Some(KeyScope::WebhooksWrite),
        ("GET", route) if route.starts_with("/api/v1/integrations/") => Some(KeyScope::IntegrationsRead),
        (_, route) if route.starts_with("/api/v1/integrations/") => Some(KeyScope::IntegrationsWrite),
        _ => None,
    }
}

fn all_permitted(set: &EvidenceSet) -> CheckResult {
    let groups = refused(set, is_not_permitted);
    let parts = [scopes(set), companies(set), managed(set)];
    let findings: Vec<CauseFinding> = parts.into_iter().flat_map(|part| part.findings).collect();
    unless_key_only(set, main_check(set, CallCount::new("calls answered 403", &groups, of_status(403)), &findings))
}

/// Whether a caller was refused what it needs; an observer's poll of a list that no caller asked for is none.
fn is_not_permitted(row: &RequestRow) -> bool {
    row.has_status(403) && !row.is_own_poll()
}

fn with_code<'s>(set: &'s EvidenceSet, wanted: &str) -> Vec<&'s CallGroup> {
    refused(set, |row| is_not_permitted(row) && code(row) == wanted)
}

fn scopes(set: &EvidenceSet) -> CheckResult {
    let is_scope = |row: &RequestRow| {
        is_not_permitted(row)
            && (code(row) == "insufficient_scope" || !CODES.contains(&code(row)) && lacked_scope(set, row).is_some())
    };
    let groups = refused(set, is_scope);
    let joined = join_groups(groups.iter().copied(), |group| (group.caller(), lacked_scope(set, &group.newest)));
    let findings = joined.iter().map(|((caller, scope), groups)| {
        let finding = call_finding(set, CauseKind::ScopeMissing, groups, set.caller_name(caller), GoodCalls::SameRoute);
        scope_finding(set, finding, *scope, groups)
    });
    let findings = without_noise(findings.collect());
    part_check(set, CallCount::new("calls without the scope that they need", &groups, of_status(403)), findings)
}

fn scope_finding(
    set: &EvidenceSet,
    mut finding: CauseFinding,
    lacks: Option<KeyScope>,
    groups: &[&CallGroup],
) -> CauseFinding {
    let Some(newest) = newest(groups) else { return finding };
    let key = newest.key_id.and_then(|id| set.key(id));
    let has = key.map_or_else(
        || "unknown".to_owned(),
        |key| key.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    );
    finding.evidence.push(set.keys.evidence(&format!("{}: scopes", finding.who), has, None));
    let others: Vec<String> = EvidenceSet::rows(&set.keys)
        .iter()
        .filter(|other| {
            Some(other.company_id) == newest.company_id
                && other.is_active != Some(false)
                && lacks.is_some_and(|scope| other.scopes.contains(&scope))
        })
        .map(|other| set.key_name(other.id))
        .collect();
    let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
    finding.evidence.push(set.keys.evidence("keys of the company with this scope", others, None));
    let scope = lacks.map_or_else(|| "not logged".to_owned(), |scope| scope.to_string());
    finding.detail(format!("{scope} for {}", route_text(newest))).offers(new_key(newest.key_id))
}

fn companies(set: &EvidenceSet) -> CheckResult {
    let groups = with_code(set, "other_company");
    let joined = join_groups(groups.iter().copied(), CallGroup::caller);
    let findings = joined.iter().map(|(caller, groups)| {
        let routes = newest(groups).map(route_text).unwrap_or_default();
        call_finding(set, CauseKind::OtherCompany, groups, set.caller_name(caller), GoodCalls::SameRoute).detail(routes)
    });
    let findings = without_noise(findings.collect());
    part_check(set, CallCount::new("calls for data of another company", &groups, of_code("other_company")), findings)
}

fn managed(set: &EvidenceSet) -> CheckResult {
    let groups = with_code(set, "managed_subscription");
    let filter = of_code("managed_subscription");
    part_check(set, CallCount::new("changes of managed subscriptions", &groups, filter), refused_changes(set))
        .skipped_without(none_managed(set))
}
