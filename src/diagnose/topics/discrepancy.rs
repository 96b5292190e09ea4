//! Playbook for events that happened and that webhooks did not deliver, per subscription, with a replay as remedy.

use super::calls::detail;
use crate::diagnose::call_count::{call_count, event_count, of_class};
use crate::diagnose::cause_subject::CauseSubject;
use crate::diagnose::evidence_set::{CallGroup, EvidenceSet};
use crate::diagnose::finding::{CauseFinding, ExplainedUnit, Occurrence};
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::remedy::{MissedRange, RemediationAction};
use crate::domain::cause::CauseKind;
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::SubscriptionId;
use crate::text::delivery;
use crate::wire::deliveries::DeliveryRow;
use crate::wire::paths;
use std::collections::BTreeMap;
use std::time::Duration;

/// Checks, in order: what polls returned, what was delivered, whether the platform sends.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Discrepancy,
    checks: &[
        PlaybookCheck { id: "events-polled", text: "Is the number of polled events known?", check: polled },
        PlaybookCheck { id: "delivered", text: "Was no delivery missed, given up or put on hold?", check: delivered },
        PlaybookCheck {
            id: "dispatching",
            text: "Does the platform send deliveries in time?",
            check: super::platform::dispatching,
        },
    ],
};

fn polled(set: &EvidenceSet) -> CheckResult {
    let (served, events) = match (set.served.result(), set.events.result()) {
        (Ok(served), Ok(events)) => (served, events),
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    if events.is_empty() {
        return CheckResult::unknown("no events in the period, nothing to compare");
    }
    let polls = served.iter().filter(|group| group.newest.route.raw() == paths::EVENTS);
    let mut evidence = vec![event_count(set, "events published", None, events.len())];
    let groups: Vec<&CallGroup> = polls.clone().collect();
    evidence.push(call_count(set, &set.served, "polls of events", &groups, of_class("2xx")));
    let latest = polls.map(|group| &group.newest).max_by_key(|row| row.utc);
    let returned = latest.and_then(|row| detail(row).split(';').find_map(|part| part.strip_prefix("n=")));
    evidence.extend(returned.map(|n| set.served.evidence("returned by the latest poll", format!("{n} events"), None)));
    CheckResult::pass(evidence)
}

fn delivered(set: &EvidenceSet) -> CheckResult {
    let rows = match (set.subscriptions.result(), set.undelivered.result()) {
        (Ok(_), Ok(rows)) => rows,
        (Err(why), _) | (_, Err(why)) => return CheckResult::unknown(why),
    };
    if EvidenceSet::rows(&set.subscriptions).is_empty() && rows.is_empty() {
        return CheckResult::unknown("no subscription exists");
    }
    if set.events.found.as_ref().is_ok_and(Vec::is_empty) && rows.is_empty() {
        return CheckResult::unknown("no events in the period, nothing to compare");
    }
    let mut by_subscription: BTreeMap<SubscriptionId, Vec<&DeliveryRow>> = BTreeMap::new();
    for row in rows {
        by_subscription.entry(row.subscription_id).or_default().push(row);
    }
    let findings = by_subscription.iter().map(|(id, rows)| delivery_gap(set, *id, rows)).collect();
    let n = rows.len().to_string();
    let evidence = vec![set.undelivered.evidence("deliveries missed, given up or on hold", n, Some("0"))];
    CheckResult::from_rows(&set.undelivered, findings, evidence)
}

fn delivery_gap(set: &EvidenceSet, id: SubscriptionId, rows: &[&DeliveryRow]) -> CauseFinding {
    let number = |state: DeliveryState| rows.iter().filter(|row| row.state == state).count();
    let states = [DeliveryState::Missed, DeliveryState::Exhausted, DeliveryState::OnHold];
    let counts: Vec<String> = states
        .into_iter()
        .filter(|state| number(*state) > 0)
        .map(|state| format!("{} {}", number(state), delivery(state)))
        .collect();
    let since = rows.iter().map(|row| row.created_utc).min().unwrap_or_default();
    let last = rows.iter().map(|row| row.created_utc).max().unwrap_or_default();
    let until = last.plus(Duration::from_millis(1));
    let mut ids: Vec<i64> = rows.iter().map(|row| row.event_id.0).collect();
    ids.sort_unstable();
    let shown: Vec<String> = ids.iter().take(10).map(ToString::to_string).collect();
    let name = format!("subscription {id}");
    let log = &set.undelivered;
    let evidence = vec![
        log.evidence(&format!("{name}: undelivered, by state"), counts.join(", "), Some("0")),
        log.evidence(&format!("{name}: ids of the first 10 undelivered events"), shown.join(", "), None),
        log.evidence(&format!("{name}: period"), format!("{since} \u{2026} {until}"), None),
    ];
    let occurrence = Occurrence {
        last: Some(last),
        is_at_least: log.is_incomplete,
        ..Occurrence::lasting(rows.len() as u64, ExplainedUnit::Events, Some(since))
    };
    let finding = CauseFinding::new(CauseKind::ChannelGap, CauseSubject::Subscription(id), name, occurrence);
    // A subscription that is off is enabled first, and that offers the replay.
    let is_off = set.subscription(id).is_some_and(|row| !row.subscription.is_enabled);
    let replay = RemediationAction::Replay(MissedRange { subscription: id, since_utc: since, until_utc: until });
    finding.detail(counts.join(", ")).evidence(evidence).offers(Some(replay).filter(|_| !is_off))
}
