//! Playbook for webhooks that do not arrive: refused, off, changed or deleted subscriptions, a platform that does not
//! send, endpoints that fail, other event types, or no events.

use super::calls::{CallCount, counted_result, remark};
use super::calls_refused::{refused_settings, setting_groups};
use super::deliveries::{configuration_findings, endpoint_findings, off_findings, subscriptions};
use crate::diagnose::call_count::{event_count, of_status};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::endpoint::counted_text;
use crate::diagnose::endpoint_findings::is_failing_by_counters;
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CheckVerdict, DiagnosisRemark};
use crate::domain::cause::CauseKind;
use crate::domain::ids::CompanyId;
use crate::domain::text::Untrusted;
use crate::text::or_unknown;
use crate::wire::coverage::CoveredNoun;
use std::collections::{BTreeMap, BTreeSet};

/// Checks, in order: subscriptions accepted, enabled, kept as they were, dispatch, endpoints, events, types.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::WebhooksNotArriving,
    checks: &[
        PlaybookCheck { id: "subscribed", text: "Were all subscription requests accepted?", check: subscribed },
        PlaybookCheck { id: "enabled", text: "Are all subscriptions enabled?", check: enabled },
        PlaybookCheck {
            id: "configuration",
            text: "Are the subscriptions unchanged since they worked, and free of duplicates?",
            check: configuration,
        },
        PlaybookCheck {
            id: "dispatching",
            text: "Does the platform send deliveries in time?",
            check: super::platform::dispatching,
        },
        PlaybookCheck { id: "endpoint-answers", text: "Do the endpoints return 2xx?", check: answers },
        PlaybookCheck {
            id: "events-happened",
            text: "Did any events occur for the subscriptions?",
            check: events_happened,
        },
        PlaybookCheck {
            id: "types-subscribed",
            text: "Is every event type that occurred still subscribed to, if it was before?",
            check: types,
        },
    ],
};

fn subscribed(set: &EvidenceSet) -> CheckResult {
    if let (DiagnosisSubject::Subscription(id), Ok([row])) =
        (set.scope.subject, set.subscriptions.result().map(Vec::as_slice))
    {
        let created = or_unknown(row.subscription.created_utc);
        return CheckResult::pass(vec![set.subscriptions.evidence(
            &format!("subscription {id}: created"),
            created,
            None,
        )]);
    }
    let rows = match (set.subscriptions.result(), set.refused.result()) {
        (Ok(rows), Ok(_)) => rows,
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    let findings = refused_settings(set);
    let groups = setting_groups(set);
    let count = CallCount::new("subscription requests rejected as invalid", &groups, of_status(400));
    let mut result = counted_result(set, count, findings.clone());
    result.evidence.insert(0, set.subscriptions.evidence("subscriptions", rows.len().to_string(), Some("at least 1")));
    let evidence = result.evidence.clone();
    if findings.is_empty() && rows.is_empty() {
        return CheckResult {
            evidence,
            ..CheckResult::unknown("no subscription exists, and no request for one was rejected")
        };
    }
    // The refusals of some callers are not known, so passing would claim too much.
    if findings.is_empty() && set.visibility == CallerVisibility::KeyOnly {
        return CheckResult { evidence, ..CheckResult::unknown(set.why_partial(CoveredNoun::Requests)) };
    }
    result
}

/// Reason why nothing can be said about subscriptions; `None` if something can.
pub(super) fn no_subscription(set: &EvidenceSet) -> Option<CheckResult> {
    match set.subscriptions.result() {
        Err(why) => Some(CheckResult::unknown(why)),
        Ok(rows) if rows.is_empty() => Some(CheckResult::unknown("no subscription exists")),
        Ok(_) => None,
    }
}

fn enabled(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let n_off = subscriptions(set).iter().filter(|row| !row.subscription.is_enabled).count();
    let (findings, remarks) = off_findings(set);
    // One that is off on purpose and missed nothing is no fault.
    let limit = (n_off == 0 || remarks.is_empty()).then_some("0");
    let evidence = vec![set.subscriptions.evidence("disabled subscriptions", n_off.to_string(), limit)];
    CheckResult::from_findings(findings, evidence).with_remarks(remarks)
}

fn configuration(set: &EvidenceSet) -> CheckResult {
    let findings = configuration_findings(set);
    if let Some(unknown) = no_subscription(set).filter(|_| findings.is_empty()) {
        return unknown;
    }
    let n = findings.iter().filter(|finding| finding.occurrence.state.may_be_active()).count().to_string();
    CheckResult::from_findings(findings, vec![set.subscriptions.evidence("faults of configuration", n, Some("0"))])
}

fn answers(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let rows = subscriptions(set);
    let findings = match endpoint_findings(set) {
        Ok(findings) => findings,
        Err(why) => return CheckResult::unknown(why),
    };
    let n_failing = rows.iter().filter(|row| is_failing_by_counters(row)).count();
    let evidence = vec![set.subscriptions.evidence(
        "subscriptions with 3 failures in a row or a success rate below 95 % in 1 h",
        format!("{n_failing} of {}", rows.len()),
        Some("0"),
    )];
    let is_untried = rows.iter().all(|row| row.subscription.last_attempt_utc.is_none());
    if findings.is_empty() && is_untried && set.visibility == CallerVisibility::Full {
        return CheckResult::unknown("nothing was sent to these endpoints yet");
    }
    if findings.is_empty() && set.visibility == CallerVisibility::KeyOnly {
        let n = rows.iter().filter(|row| row.failures_in_a_row() > 0).count();
        let value = format!("{n} of {}", rows.len());
        let evidence = vec![set.subscriptions.evidence("subscriptions whose last attempt failed", value, Some("0"))];
        return CheckResult { evidence, ..CheckResult::unknown(set.why_partial(CoveredNoun::Attempts)) };
    }
    let mut result = CheckResult::from_rows(&set.subscriptions, findings, evidence);
    if result.verdict == CheckVerdict::Pass && n_failing > 0 {
        // The counters still have failures that are over.
        result.evidence.iter_mut().for_each(|of| of.limit = Some("0 that go on".to_owned()));
    }
    result
}

fn companies(set: &EvidenceSet) -> BTreeSet<CompanyId> {
    subscriptions(set).iter().map(|row| row.subscription.company_id).collect()
}

fn events_happened(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let events = match set.events.result() {
        Ok(events) => events,
        Err(why) => return CheckResult::unknown(why),
    };
    let (mut evidence, mut remarks) = (Vec::new(), Vec::new());
    let mut is_any_unseen = false;
    for company in companies(set) {
        let n = events.iter().filter(|event| event.company_id == company).count();
        is_any_unseen |= n == 0;
        let fact = event_count(set, &format!("events of company {company} in the period"), Some(company), n);
        if n == 0 && !set.events.is_incomplete {
            let title = format!("company {company} had no events since {}", set.since());
            remarks.push(remark(CauseKind::QuietCompany, title, vec![fact.clone()]));
        }
        evidence.push(fact);
    }
    // A company without an event among those that were read may have had some before.
    let result = if is_any_unseen {
        CheckResult::from_rows(&set.events, Vec::new(), evidence)
    } else {
        CheckResult::pass(evidence)
    };
    result.with_remarks(remarks)
}

/// Types that a subscription of a company listed at any time: one that was removed is a matter of the configuration.
fn once_listed(set: &EvidenceSet, company: CompanyId) -> BTreeSet<&str> {
    let mine = subscriptions(set).iter().filter(|row| row.subscription.company_id == company);
    let revisions = mine.filter_map(|row| set.endpoint(row.subscription.id)).map(|of| EvidenceSet::rows(&of.revisions));
    revisions.flatten().flat_map(|revision| revision.event_types.iter().map(Untrusted::raw)).collect()
}

/// Lists the types that happened and that no subscription of the scope lists. That is as the partner wants it, or not.
fn types(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let events = match set.events.result() {
        Ok(events) => events,
        Err(why) => return CheckResult::unknown(why),
    };
    let mut remarks: Vec<DiagnosisRemark> = Vec::new();
    for company in companies(set) {
        let listed: BTreeSet<&str> = subscriptions(set)
            .iter()
            .filter(|row| row.subscription.company_id == company)
            .flat_map(|row| row.subscription.event_types.iter().map(Untrusted::raw))
            .collect();
        let mut missed: BTreeMap<String, u64> = BTreeMap::new();
        let once = once_listed(set, company);
        let is_unlisted = |kind: &Untrusted| !listed.contains(kind.raw()) && !once.contains(kind.raw());
        for event in events.iter().filter(|event| event.company_id == company && is_unlisted(&event.kind)) {
            *missed.entry(event.kind.sanitized()).or_default() += 1;
        }
        if missed.is_empty() {
            continue;
        }
        let at_least = if set.events.is_incomplete { "at least " } else { "" };
        let missed = counted_text(missed);
        let title = match set.scope.subject {
            DiagnosisSubject::Subscription(id) => format!("subscription {id} does not list {at_least}{missed}"),
            _ => format!("no subscription of company {company} lists {at_least}{missed}"),
        };
        let listed = listed.into_iter().collect::<Vec<_>>().join(", ");
        let fact = set.subscriptions.evidence("subscribed event types", listed, None);
        remarks.push(remark(CauseKind::TypeNotSubscribed, title, vec![fact]));
    }
    let mut evidence = vec![event_count(set, "events examined", None, events.len())];
    let is_removal = |finding: &CauseFinding| {
        finding.kind == CauseKind::TypeNotSubscribed && finding.occurrence.state.may_be_active()
    };
    // The cause itself belongs to the check of the configuration.
    let n_removed = configuration_findings(set).iter().filter(|finding| is_removal(finding)).count();
    evidence.push(set.subscriptions.evidence("lists that lost a type", n_removed.to_string(), Some("0")));
    let is_empty = events.is_empty() && !set.events.is_incomplete;
    let none = is_empty.then(|| "no event occurred in the period".to_owned());
    let result = CheckResult::from_rows(&set.events, Vec::new(), evidence).skipped_without(none);
    let verdict = if n_removed > 0 { CheckVerdict::Fail } else { result.verdict };
    CheckResult { verdict, ..result }.with_remarks(remarks)
}
