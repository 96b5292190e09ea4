//! Playbook for events that polling shows and webhooks did not deliver, per subscription, with a replay as remedy.

use super::{cause, detail, offering, weight};
use crate::api::deliveries::DeliveryRow;
use crate::api::paths;
use crate::api::remedy::{MissedRange, RemediationAction};
use crate::api::report::PlaybookTopic;
use crate::diagnose::dossier::Dossier;
use crate::diagnose::playbook::{Answer, Playbook, Question, Source, Weighed, When};
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::SubscriptionId;
use crate::text::{count, delivery};
use std::collections::BTreeMap;
use std::time::Duration;

/// Checks, in order: what polls returned, what was delivered.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::Discrepancy,
    needs: &[Source::Subscriptions, Source::Events, Source::Served, Source::Undelivered],
    questions: &[
        Question {
            id: "events-polled",
            text: "Is the number of polled events known?",
            when: When::Always,
            ask: polled,
        },
        Question {
            id: "delivered",
            text: "Was every event delivered to every matching subscription?",
            when: When::Always,
            ask: delivered,
        },
    ],
};

fn polled(dossier: &Dossier) -> Answer {
    let (served, events) = match (dossier.served.get(), dossier.events.get()) {
        (Ok(served), Ok(events)) => (served, events),
        (Err(why), _) | (_, Err(why)) => return Answer::unknown(why),
    };
    if events.is_empty() {
        return Answer::unknown("no events in the period, nothing to compare");
    }
    let polls = served.iter().filter(|row| row.route.raw() == paths::EVENTS);
    let n: u64 = polls
        .filter_map(|row| detail(row).split(';').find_map(|part| part.strip_prefix("n="))?.parse::<u64>().ok())
        .sum();
    Answer::pass(vec![
        dossier.served.evidence("events returned by polls", n.to_string(), None),
        dossier.events.evidence("events published", events.len().to_string(), None),
    ])
}

fn delivered(dossier: &Dossier) -> Answer {
    let rows = match (dossier.subscriptions.get(), dossier.undelivered.get()) {
        (Ok(_), Ok(rows)) => rows,
        (Err(why), _) | (_, Err(why)) => return Answer::unknown(why),
    };
    if dossier.events.found.as_ref().is_ok_and(Vec::is_empty) && rows.is_empty() {
        return Answer::unknown("no events in the period, nothing to compare");
    }
    let mut by_subscription: BTreeMap<SubscriptionId, Vec<&DeliveryRow>> = BTreeMap::new();
    for row in rows {
        by_subscription.entry(row.subscription_id).or_default().push(row);
    }
    let causes: Vec<Weighed> = by_subscription.iter().map(|(id, rows)| gap(dossier, *id, rows)).collect();
    Answer::of_read(
        &dossier.undelivered,
        causes,
        vec![dossier.undelivered.evidence("deliveries missed, given up or on hold", rows.len().to_string(), Some("0"))],
    )
}

fn gap(dossier: &Dossier, id: SubscriptionId, rows: &[&DeliveryRow]) -> Weighed {
    let number = |state: DeliveryState| rows.iter().filter(|row| row.state == state).count();
    let states = [DeliveryState::Skipped, DeliveryState::Exhausted, DeliveryState::Parked];
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
    let weighed = cause(
        weight(2_000, rows.len()),
        "channel-gap",
        title,
        evidence,
        "Replay this period. A dry run shows the counts first, and receivers drop duplicates by event id.",
    );
    offering(weighed, [RemediationAction::Replay(MissedRange { subscription: id, since_utc: since, until_utc: until })])
}
