//! Playbook for events that polling shows and webhooks did not deliver, per subscription, with a replay as remedy.

use super::ranking::{capped_weight, ranked_cause, with_offers};
use super::refused_calls::detail;
use crate::diagnose::evidence_set::EvidenceSet;
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::remedy::{MissedRange, RemediationAction};
use crate::diagnose::report::PlaybookTopic;
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::SubscriptionId;
use crate::text::{count, delivery};
use crate::wire::deliveries::DeliveryRow;
use crate::wire::paths;
use std::collections::BTreeMap;
use std::time::Duration;

/// Checks, in order: what polls returned, what was delivered.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Discrepancy,
    needs: &[
        EvidenceSource::Subscriptions,
        EvidenceSource::Events,
        EvidenceSource::Served,
        EvidenceSource::Undelivered,
    ],
    checks: &[
        PlaybookCheck {
            id: "events-polled",
            text: "Is the number of polled events known?",
            condition: CheckCondition::Always,
            check: polled,
        },
        PlaybookCheck {
            id: "delivered",
            text: "Was every event delivered to every matching subscription?",
            condition: CheckCondition::Always,
            check: delivered,
        },
    ],
};

fn polled(dossier: &EvidenceSet) -> CheckResult {
    let (served, events) = match (dossier.served.result(), dossier.events.result()) {
        (Ok(served), Ok(events)) => (served, events),
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    if events.is_empty() {
        return CheckResult::unknown("no events in the period, nothing to compare");
    }
    let polls = served.iter().filter(|row| row.route.raw() == paths::EVENTS);
    let n: u64 = polls
        .filter_map(|row| detail(row).split(';').find_map(|part| part.strip_prefix("n="))?.parse::<u64>().ok())
        .sum();
    CheckResult::pass(vec![
        dossier.served.evidence("events returned by polls", n.to_string(), None),
        dossier.events.evidence("events published", events.len().to_string(), None),
    ])
}

fn delivered(dossier: &EvidenceSet) -> CheckResult {
    let rows = match (dossier.subscriptions.result(), dossier.undelivered.result()) {
        (Ok(_), Ok(rows)) => rows,
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    if dossier.events.found.as_ref().is_ok_and(Vec::is_empty) && rows.is_empty() {
        return CheckResult::unknown("no events in the period, nothing to compare");
    }
    let mut by_subscription: BTreeMap<SubscriptionId, Vec<&DeliveryRow>> = BTreeMap::new();
    for row in rows {
        by_subscription.entry(row.subscription_id).or_default().push(row);
    }
    let causes: Vec<RankedCause> = by_subscription.iter().map(|(id, rows)| delivery_gap(dossier, *id, rows)).collect();
    CheckResult::from_rows(
        &dossier.undelivered,
        causes,
        vec![dossier.undelivered.evidence("deliveries missed, given up or on hold", rows.len().to_string(), Some("0"))],
    )
}

fn delivery_gap(dossier: &EvidenceSet, id: SubscriptionId, rows: &[&DeliveryRow]) -> RankedCause {
    let number = |state: DeliveryState| rows.iter().filter(|row| row.state == state).count();
    let states = [DeliveryState::Missed, DeliveryState::Exhausted, DeliveryState::OnHold];
    let counts: Vec<String> = states
        .into_iter()
        .filter(|state| number(*state) > 0)
        .map(|state| format!("{} {}", number(state), delivery(state)))
        .collect();
    let since = rows.iter().map(|row| row.created_utc).min().unwrap_or_default();
    let until = rows.iter().map(|row| row.created_utc).max().unwrap_or_default().plus(Duration::from_millis(1));
    let mut ids: Vec<i64> = rows.iter().map(|row| row.event_id.0).collect();
    ids.sort_unstable();
    let shown: Vec<String> = ids.iter().take(10).map(ToString::to_string).collect();
    let evidence = vec![
        dossier.undelivered.evidence(
            &format!("subscription {id}: undelivered, by state"),
            counts.join(", "),
            Some("0"),
        ),
        dossier.undelivered.evidence(
            &format!("subscription {id}: ids of the first 10 missed events"),
            shown.join(", "),
            None,
        ),
        dossier.undelivered.evidence(&format!("subscription {id}: period"), format!("{since} \u{2026} {until}"), None),
    ];
    let title = format!(
        "subscription {id} missed {} that polling returned ({})",
        count(rows.len(), "event"),
        counts.join(", ")
    );
    let weighed = ranked_cause(
        capped_weight(2_000, rows.len()),
        "channel-gap",
        title,
        evidence,
        "Replay this period. A dry run shows the counts first, and receivers drop duplicates by event id.",
    );
    with_offers(
        weighed,
        [RemediationAction::Replay(MissedRange { subscription: id, since_utc: since, until_utc: until })],
    )
}
