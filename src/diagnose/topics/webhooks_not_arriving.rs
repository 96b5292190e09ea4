//! Playbook for webhooks that do not arrive: no subscription, disabled, tripped, other event types, no events, or an
//! endpoint that fails.

use super::ranking::{capped_weight, ranked_cause, with_offers};
use super::refused_calls::{DELIVERY_LOG_UNKNOWN, OTHER_CALLERS_UNKNOWN, group_by, request_evidence};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::endpoint::{EndpointFault, group_failures};
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::remedy::{RemediationAction, RunbookTarget};
use crate::diagnose::report::{CheckVerdict, Evidence, PlaybookTopic};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::delivery::AttemptKind;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::text::{count, or_unknown, several};
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::EventRow;
use crate::wire::paths;
use crate::wire::refusal::RefusalReason;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;
use std::collections::{BTreeMap, BTreeSet};

/// Checks, in order: subscriptions accepted, enabled, events happened, types subscribed, endpoint answers.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::WebhooksNotArriving,
    needs: &[
        EvidenceSource::Keys,
        EvidenceSource::Subscriptions,
        EvidenceSource::Refused,
        EvidenceSource::Attempts,
        EvidenceSource::Events,
        EvidenceSource::Trips,
    ],
    checks: &[
        PlaybookCheck {
            id: "subscribed",
            text: "Were all subscription requests accepted?",
            condition: CheckCondition::Always,
            check: subscribed,
        },
        PlaybookCheck {
            id: "enabled",
            text: "Are all subscriptions enabled?",
            condition: CheckCondition::Always,
            check: enabled,
        },
        PlaybookCheck {
            id: "events-happened",
            text: "Did any events occur?",
            condition: CheckCondition::Always,
            check: events_happened,
        },
        PlaybookCheck {
            id: "types-subscribed",
            text: "Is every event type that occurred subscribed to?",
            condition: CheckCondition::Always,
            check: types,
        },
        PlaybookCheck {
            id: "endpoint-answers",
            text: "Do the endpoints return 2xx?",
            condition: CheckCondition::Always,
            check: answers,
        },
    ],
};

/// Failures in a row from which on an endpoint counts as failing.
pub const FAILING_STREAK: u32 = 3;

fn subscribed(dossier: &EvidenceSet) -> CheckResult {
    if let (DiagnosisSubject::Subscription(id), Ok([row])) =
        (dossier.scope.subject, dossier.subscriptions.result().map(Vec::as_slice))
    {
        let created = or_unknown(row.subscription.created_utc);
        return CheckResult::pass(vec![dossier.subscriptions.evidence(
            &format!("subscription {id}: created"),
            created,
            None,
        )]);
    }
    let (rows, refused) = match (dossier.subscriptions.result(), dossier.refused.result()) {
        (Ok(rows), Ok(refused)) => (rows, refused),
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    let is_setting = |row: &&RequestRow| {
        row.status == Some(400)
            && matches!(row.route.raw(), paths::SUBSCRIPTIONS | paths::SUBSCRIPTION)
            && matches!(row.method.raw(), "POST" | "PATCH")
    };
    let groups = group_by(refused.iter().filter(is_setting).collect(), RequestRow::refusal);
    let causes: Vec<RankedCause> =
        groups.iter().filter_map(|(reason, rows)| refused_subscription(dossier, reason.as_ref()?, rows)).collect();
    let evidence = vec![
        dossier.subscriptions.evidence("subscriptions", rows.len().to_string(), Some("at least 1")),
        dossier.refused.evidence("subscription requests rejected as invalid", causes.len().to_string(), Some("0")),
    ];
    if causes.is_empty() && rows.is_empty() {
        return CheckResult { evidence, ..CheckResult::unknown("no subscription exists; create one") };
    }
    // One key does not see the refusals of other callers, so passing would claim too much.
    if causes.is_empty() && dossier.visibility == CallerVisibility::KeyOnly {
        return CheckResult { evidence, ..CheckResult::unknown(OTHER_CALLERS_UNKNOWN) };
    }
    CheckResult::from_rows(&dossier.refused, causes, evidence)
}

fn refused_subscription(dossier: &EvidenceSet, reason: &RefusalReason, rows: &[&RequestRow]) -> Option<RankedCause> {
    if reason.has_invalid_field("targetUrl") {
        let title = format!(
            "a subscription was rejected: its target is not public or not https ({})",
            several(rows.len(), "try", "tries")
        );
        return Some(ranked_cause(
            capped_weight(4_000, rows.len()),
            "endpoint-private",
            title,
            request_evidence(dossier, rows),
            "Use an https:// target that is reachable from the internet; crow never connects to private addresses. For development, a \
             tunnel gives a local receiver a public address.",
        ));
    }
    reason.has_invalid_field("eventTypes").then(|| {
        let title = format!(
            "a subscription was rejected: an event type as written does not exist ({})",
            several(rows.len(), "try", "tries")
        );
        ranked_cause(
            capped_weight(4_000, rows.len()),
            "type-wrong-case",
            title,
            request_evidence(dossier, rows),
            "Write event types exactly as defined: lowercase, with a dot and underscores, such as client.status_changed.",
        )
    })
}

fn enabled(dossier: &EvidenceSet) -> CheckResult {
    let rows = match dossier.subscriptions.result() {
        Err(why) => return CheckResult::unknown(why),
        Ok(rows) if rows.is_empty() => return CheckResult::unknown("no subscription exists"),
        Ok(rows) => rows,
    };
    let off: Vec<&SubscriptionRow> = rows.iter().filter(|row| !row.subscription.is_enabled).collect();
    let evidence = vec![dossier.subscriptions.evidence("disabled subscriptions", off.len().to_string(), Some("0"))];
    CheckResult::from_causes(off.into_iter().map(|row| switched_off(dossier, row)).collect(), evidence)
}

fn switched_off(dossier: &EvidenceSet, row: &SubscriptionRow) -> RankedCause {
    let of = &row.subscription;
    let subject = format!("subscription {}", of.id);
    let since = of.disabled_utc.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string());
    let mut evidence = vec![dossier.subscriptions.evidence(&format!("{subject}: off since"), since.clone(), None)];
    if let Some(health) = &row.health {
        for (what, n) in [("missed events", health.n_skipped), ("deliveries on hold", health.n_parked)] {
            evidence.push(dossier.subscriptions.evidence(&format!("{subject}: {what}"), n.to_string(), Some("0")));
        }
    }
    let recovery = RemediationAction::Runbook(RunbookTarget {
        runbook: Runbook::BreakerRecovery,
        subject: DiagnosisSubject::Subscription(of.id),
    });
    let weighed = if of.disabled_reason == Some(DisabledReason::Breaker) {
        let trip = dossier
            .trips
            .found
            .iter()
            .flatten()
            .find(|trip| trip.subscription_id == of.id && trip.enabled_utc.is_none());
        let seen: Vec<String> = trip
            .into_iter()
            .flat_map(|trip| trip.causes.iter().flatten())
            .map(|count| format!("{} \u{d7}{}", count.cause.sanitized(), count.n))
            .collect();
        let seen = if seen.is_empty() { "causes not recorded".to_owned() } else { seen.join(", ") };
        evidence.push(dossier.trips.evidence(
            &format!("{subject}: the last {FAILURE_THRESHOLD} attempts"),
            seen.clone(),
            None,
        ));
        let title =
            format!("{subject}: the breaker tripped at {since} after {FAILURE_THRESHOLD} failures in a row ({seen})");
        ranked_cause(
            3_500,
            "breaker-tripped",
            title,
            evidence,
            "Fix the endpoint, send tests until one succeeds, then enable the subscription and choose whether to resend missed events. \
             crow diagnose breaker shows whether enabling is safe.",
        )
    } else {
        let title = format!("{subject} was disabled by hand at {since}");
        ranked_cause(
            3_400,
            "sub-disabled",
            title,
            evidence,
            "Find out who disabled it and why (see the audit trail). If the reason no longer applies, send a test, enable it and replay missed events.",
        )
    };
    with_offers(weighed, [RemediationAction::Test(of.id), RemediationAction::Enable(of.id), recovery])
}

fn companies(dossier: &EvidenceSet) -> BTreeSet<CompanyId> {
    dossier.subscriptions.found.iter().flatten().map(|row| row.subscription.company_id).collect()
}

fn events_happened(dossier: &EvidenceSet) -> CheckResult {
    let events = match (dossier.subscriptions.result(), dossier.events.result()) {
        (Ok(rows), _) if rows.is_empty() => return CheckResult::unknown("no subscription exists"),
        (Ok(_), Ok(events)) => events,
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    if let DiagnosisSubject::Subscription(id) = dossier.scope.subject {
        return events_for_subscription(dossier, id, events);
    }
    let mut evidence: Vec<Evidence> = Vec::new();
    let mut causes: Vec<RankedCause> = Vec::new();
    let companies = companies(dossier);
    // With several companies, a single quiet one is no finding.
    let is_alone = companies.len() == 1 || events.is_empty();
    let mut is_unseen = false;
    for company in companies {
        let n = events.iter().filter(|event| event.company_id == company).count();
        let what = format!("events of company {company} in the period");
        let found = dossier.events.evidence(&what, n.to_string(), Some("at least 1"));
        if n == 0 && is_alone && !dossier.events.is_incomplete {
            let title = format!("company {company} had no events since {}", dossier.since());
            causes.push(ranked_cause(500, "quiet-company", title, vec![found.clone()],
                "Nothing to send is not a failure. Check in the CRM that the action was done, and in this company; a test shows whether the \
                 endpoint works."));
        }
        is_unseen |= n == 0;
        evidence.push(found);
    }
    if causes.is_empty() && is_unseen {
        return CheckResult { evidence, ..CheckResult::from_rows(&dossier.events, Vec::new(), Vec::new()) };
    }
    CheckResult::from_causes(causes, evidence)
}

/// Checks whether any event happened that a subscription lists.
fn events_for_subscription(dossier: &EvidenceSet, id: SubscriptionId, events: &[EventRow]) -> CheckResult {
    let n = events.iter().filter(|event| subscribes_to(dossier, id, event)).count();
    let what = format!("events in the period that subscription {id} lists");
    let evidence = vec![dossier.events.evidence(&what, n.to_string(), Some("at least 1"))];
    if n == 0 {
        let why = format!("no event that subscription {id} lists is known since {}", dossier.since());
        return CheckResult { evidence, ..CheckResult::unknown(why) };
    }
    CheckResult::pass(evidence)
}

fn subscribes_to(dossier: &EvidenceSet, id: SubscriptionId, event: &EventRow) -> bool {
    let row = dossier.subscriptions.found.iter().flatten().find(|row| row.subscription.id == id);
    row.is_some_and(|row| row.subscription.event_types.contains(&event.kind))
}

/// Lists event types that happened but a subscription does not list. This passes: the receiver may not want them.
fn unsubscribed_types(dossier: &EvidenceSet, id: SubscriptionId, events: &[EventRow]) -> CheckResult {
    if events.is_empty() {
        return CheckResult::skipped("no events in the period");
    }
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for event in events.iter().filter(|event| !subscribes_to(dossier, id, event)) {
        *kinds.entry(event.kind.sanitized()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{kind} \u{d7}{n}")).collect();
    let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    let what = format!("event types of its company that subscription {id} does not list");
    CheckResult::pass(vec![dossier.events.evidence(&what, kinds, None)])
}

fn types(dossier: &EvidenceSet) -> CheckResult {
    let events = match (dossier.subscriptions.result(), dossier.events.result()) {
        (Ok(_), Ok(events)) => events,
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    if let DiagnosisSubject::Subscription(id) = dossier.scope.subject {
        return unsubscribed_types(dossier, id, events);
    }
    let mut causes: Vec<RankedCause> = Vec::new();
    let mut n_types = 0;
    for company in companies(dossier) {
        let wanted: BTreeSet<&str> = dossier
            .subscriptions_of(company)
            .flat_map(|row| &row.subscription.event_types)
            .map(Untrusted::raw)
            .collect();
        let mut missed: BTreeMap<String, usize> = BTreeMap::new();
        for event in events.iter().filter(|event| event.company_id == company) {
            n_types += 1;
            if !wanted.contains(event.kind.raw()) {
                *missed.entry(event.kind.sanitized()).or_default() += 1;
            }
        }
        if missed.is_empty() {
            continue;
        }
        let listed: Vec<String> = missed.iter().map(|(kind, n)| format!("{kind} \u{d7}{n}")).collect();
        let evidence = vec![
            dossier.events.evidence(
                &format!("company {company}: event types that occurred without a subscription"),
                listed.join(", "),
                None,
            ),
            dossier.subscriptions.evidence(
                &format!("company {company}: subscribed event types"),
                wanted.into_iter().collect::<Vec<_>>().join(", "),
                None,
            ),
        ];
        let title = format!("no subscription of company {company} lists {}", listed.join(", "));
        causes.push(ranked_cause(capped_weight(1_000, missed.values().sum()), "type-not-subscribed", title, evidence,
            "Add the event type to the subscription (PATCH eventTypes). Only later events are sent; earlier ones can be polled."));
    }
    if n_types == 0 && !dossier.events.is_incomplete {
        return CheckResult::skipped("no events in the period");
    }
    let seen = dossier.events.evidence("events checked", n_types.to_string(), None);
    CheckResult::from_rows(&dossier.events, causes, vec![seen])
}

/// Returns the scheduled attempts since the last success, newest first.
#[must_use]
pub fn failure_streak(rows: &[AttemptRow]) -> Vec<&AttemptRow> {
    let counted =
        rows.iter().filter(|row| row.kind == Some(AttemptKind::Scheduled) && row.outcome().is_about_receiver());
    counted.take_while(|row| !row.outcome().is_success()).collect()
}

fn answers(dossier: &EvidenceSet) -> CheckResult {
    let rows = match dossier.subscriptions.result() {
        Err(why) => return CheckResult::unknown(why),
        Ok(rows) if rows.is_empty() => return CheckResult::unknown("no subscription exists"),
        Ok(rows) => rows,
    };
    let mut causes: Vec<RankedCause> = Vec::new();
    let mut n_unread = 0;
    let n_failing = rows.iter().filter(|row| row.failures_in_a_row() >= FAILING_STREAK).count();
    let found = format!("{n_failing} of {}", rows.len());
    let mut evidence: Vec<Evidence> =
        vec![dossier.subscriptions.evidence("subscriptions with failing deliveries", found, Some("0"))];
    for row in rows {
        let n = row.failures_in_a_row();
        if n == 0 {
            continue;
        }
        let what = format!("subscription {}: failures in a row", row.subscription.id);
        evidence.push(dossier.subscriptions.evidence(
            &what,
            n.to_string(),
            Some(&format!("below {FAILING_STREAK}; trips at {FAILURE_THRESHOLD}")),
        ));
        if n < FAILING_STREAK {
            continue;
        }
        let Some(of) = dossier.attempts.iter().find(|of| of.subscription == row.subscription.id) else {
            n_unread += 1;
            continue;
        };
        match of.rows.result() {
            Ok(rows) => {
                let streak = failure_streak(rows);
                // A streak that fills all rows read may be longer than they show.
                let is_bound = of.rows.is_incomplete && streak.len() == rows.len();
                let query = if is_bound { format!("{} (at least)", of.rows.query) } else { of.rows.query.clone() };
                causes.extend(endpoint_causes(dossier, row, &streak, &query));
            }
            Err(_) if dossier.visibility == CallerVisibility::KeyOnly => causes.push(failing_without_log(dossier, row)),
            Err(why) => return CheckResult { evidence, causes, verdict: CheckVerdict::Unknown(why) },
        }
    }
    let is_uncounted = rows.iter().any(|row| row.subscription.consecutive_failures.is_none());
    if is_uncounted && causes.is_empty() && dossier.visibility == CallerVisibility::KeyOnly {
        return CheckResult { evidence, ..CheckResult::unknown(DELIVERY_LOG_UNKNOWN) };
    }
    if rows.iter().all(|row| row.subscription.last_attempt_utc.is_none()) {
        return CheckResult::unknown("nothing was sent to these endpoints yet");
    }
    if n_unread > 0 {
        let what = "failing subscriptions whose attempts were not read (use --subscription N)";
        evidence.push(dossier.subscriptions.evidence(what, n_unread.to_string(), Some("0")));
        if causes.is_empty() {
            return CheckResult {
                evidence,
                ..CheckResult::unknown("attempts of some failing subscriptions were not read")
            };
        }
    }
    CheckResult::from_causes(causes, evidence)
}

/// Creates the cause for a failing endpoint when a key cannot read the delivery log.
fn failing_without_log(dossier: &EvidenceSet, row: &SubscriptionRow) -> RankedCause {
    let of = &row.subscription;
    let subject = format!("subscription {}", of.id);
    let success = of.last_success_utc.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let evidence = vec![dossier.subscriptions.evidence(&format!("{subject}: latest success"), success, None)];
    let n = row.failures_in_a_row();
    ranked_cause(
        2_000 + n,
        "endpoint-failing",
        format!("{subject}: {} in a row; an API key cannot see why", count(n, "failure")),
        evidence,
        "Send a test (POST /api/v1/webhooks/subscriptions/ID/test): the response contains the endpoint's answer. Or use an operator token, \
         which can read the delivery log.",
    )
}

/// Offers a rollback if the configuration was changed after the last success.
fn rollback_offer(row: &SubscriptionRow) -> Option<RemediationAction> {
    let of = &row.subscription;
    let is_changed = of.last_success_utc.zip(of.updated_utc).is_some_and(|(at, updated)| updated > at);
    let subject = DiagnosisSubject::Subscription(of.id);
    is_changed.then_some(RemediationAction::Runbook(RunbookTarget { runbook: Runbook::Rollback, subject }))
}

/// Creates the causes behind a subscription's streak, one for each kind of failure.
fn endpoint_causes(
    dossier: &EvidenceSet,
    row: &SubscriptionRow,
    streak: &[&AttemptRow],
    query: &str,
) -> Vec<RankedCause> {
    let subject = format!("subscription {}", row.subscription.id);
    let words = streak.iter().map(|row| (row.outcome().to_string(), 1));
    let at = dossier.at;
    let say = |what: String, value: String| Evidence {
        query: format!("{what}, {query}"),
        value: value.into(),
        limit: None,
        at_utc: at,
    };
    let mut causes = Vec::new();
    for group in group_failures(words) {
        let of_group: Vec<&&AttemptRow> =
            streak.iter().filter(|row| EndpointFault::of_outcome(&row.outcome()) == Some(group.fault)).collect();
        let mut evidence =
            vec![say(format!("{subject}: failed attempts since the last success"), group.outcomes.clone())];
        if let (Some(newest), Some(oldest)) = (of_group.first(), of_group.last()) {
            evidence.push(say(
                format!("{subject}: first and latest"),
                format!("{} \u{2026} {}", oldest.started_utc, newest.started_utc),
            ));
            evidence.push(say(
                format!("{subject}: latest attempt"),
                format!("{}, {} after {} ms", newest.id, newest.outcome(), newest.elapsed_ms),
            ));
            evidence.extend(newest.error.as_ref().map(|error| say(format!("{subject}: error"), error.sanitized())));
        }
        let title = format!("{subject}: {}", group.fault.title(&group.outcomes));
        let weighed = ranked_cause(2_000 + group.n, group.fault.id(), title, evidence, group.fault.resolution());
        causes.push(with_offers(
            weighed,
            [RemediationAction::Test(row.subscription.id)].into_iter().chain(rollback_offer(row)),
        ));
    }
    causes
}
