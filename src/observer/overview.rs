//! Overview of an observed platform, built from the history. A value that is not known is null there; the coverage says
//! why.

use super::coverage::{ObservationContext, build_coverage};
use crate::client::integration::partner::read_subscription;
use crate::domain::alert::{AlertCondition, AlertSubject};
use crate::domain::event_gap::EventGap;
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::{KeyId, SubscriptionId};
use crate::domain::reason::Reason;
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use crate::history::keys::KeyName;
use crate::history::latest_events::LatestEvents;
use crate::history::observations::{PlatformObservations, StoredSubscription, SubscriptionOutage};
use crate::history::pages::outage_as_trip;
use crate::history::receipt_health::ReceiptHealth;
use crate::history::seen_windows::ObservedWindow;
use crate::wire::alerts::{AcknowledgementRow, ConditionRow};
use crate::wire::keys::{KeyRow, RateLimits};
use crate::wire::limits::LimitRow;
use crate::wire::overview::{PipelineCounts, PlatformOverview};
use crate::wire::page::CappedList;
use crate::wire::subscriptions::{DeliveryHealth, Subscription, SubscriptionRow};
use crate::wire::trips::TripRow;
use serde_json::value::RawValue;
use std::time::Duration;

/// Period over which trips are counted.
const TRIP_PERIOD: Duration = Duration::from_secs(86_400);

/// Returns the number of a key: its position among the names, from 1.
#[must_use]
pub fn key_number(keys: &[KeyName], name: &str) -> Option<KeyId> {
    let place = keys.iter().position(|key| key.name == name)?;
    i64::try_from(place + 1).ok().map(KeyId)
}

/// Builds the overview at `now`, on this machine's clock, with all rows of every list.
#[must_use]
pub fn build_overview(seen: &PlatformObservations, frame: &ObservationContext, now: Timestamp) -> PlatformOverview {
    let trips: Vec<TripRow> = seen.outages.iter().map(outage_as_trip).collect();
    let n_trips_24h = trips.iter().filter(|trip| now.since(trip.tripped_utc) < TRIP_PERIOD).count();
    let mut keys: Vec<KeyRow> =
        frame.keys.iter().filter_map(|key| Some(key_row(key, key_number(&frame.keys, &key.name)?, seen))).collect();
    let mut subscriptions: Vec<SubscriptionRow> =
        seen.subscriptions.iter().filter_map(|of| Some(subscription_row(read_stored(of)?, seen))).collect();
    let mut limits: Vec<LimitRow> = seen.windows.iter().filter_map(|window| limit_row(window, frame, now)).collect();
    keys.sort_by_key(|row| (row.assess(now).status, row.id));
    subscriptions.sort_by_key(|row| (row.assess().status, row.subscription.id));
    limits.sort_by_key(|row| (permille_left(row), row.key_id, row.bucket));
    let n_alarming = |statuses: Vec<HealthStatus>| statuses.into_iter().filter(|status| status.needs_action()).count();
    let n_open = trips.iter().filter(|trip| trip.enabled_utc.is_none()).count();
    let n_subscriptions = |company| n_known(company, &subscriptions);
    PlatformOverview {
        server_utc: platform_time(now, frame.source.skew_ms),
        pipeline: PipelineCounts { n_trips_24h: Some(n_trips_24h as u64), ..PipelineCounts::default() },
        coverage: Some(build_coverage(seen, frame, &n_subscriptions, now)),
        keys: listing(n_alarming(keys.iter().map(|row| row.assess(now).status).collect()), keys),
        limits: listing(n_alarming(limits.iter().map(|row| row.assess().status).collect()), limits),
        attempts: CappedList::new(frame.receipts.clone(), seen.receipts_1h.0, seen.receipts_1h.1),
        trips: listing(n_open, trips),
        conditions: missing_events(seen).into_iter().map(ConditionRow::from).collect::<Vec<_>>().into(),
        refused_deliveries: seen.refusals.clone(),
        acknowledgements: seen.acknowledgements.iter().map(AcknowledgementRow::from).collect::<Vec<_>>().into(),
        subscriptions: listing(
            n_alarming(subscriptions.iter().map(|row| row.assess().status).collect()),
            subscriptions,
        ),
        ..PlatformOverview::default()
    }
}

/// Returns the time of the platform's clock, which is ahead of this machine's by `skew_ms`.
#[must_use]
pub const fn platform_time(now: Timestamp, skew_ms: i64) -> Timestamp {
    Timestamp::from_millis(now.millis() + skew_ms)
}

fn listing<T>(n_alarming: usize, items: Vec<T>) -> CappedList<T> {
    let total = items.len() as u64;
    CappedList::new(items, total, n_alarming as u64)
}

fn n_known(company: crate::domain::ids::CompanyId, rows: &[SubscriptionRow]) -> usize {
    rows.iter().filter(|row| row.subscription.company_id == company).count()
}

/// Remaining share of a window in permille; windows of which it is not known come last.
fn permille_left(row: &LimitRow) -> u64 {
    let left = row.remaining.map(|left| u64::from(left) * 1_000);
    left.map_or(u64::MAX, |left| left.checked_div(u64::from(row.limit)).unwrap_or(0))
}

/// Reads a stored subscription; `None` if it cannot be read.
fn read_stored(of: &StoredSubscription) -> Option<Subscription> {
    let raw: &RawValue = serde_json::from_str(&of.document).ok()?;
    read_subscription(raw, of.company).ok()
}

/// Finds the current outage of a subscription, if it was seen to go off.
fn current_outage(of: SubscriptionId, seen: &PlatformObservations) -> Option<&SubscriptionOutage> {
    seen.outages.iter().find(|outage| outage.subscription == of && outage.on_again_at.is_none())
}

/// Finds companies without an event for much longer than usual, up to the last successful poll of their events.
fn missing_events(seen: &PlatformObservations) -> Vec<AlertCondition> {
    let condition = |of: &LatestEvents| {
        let gap = EventGap::detect(&of.times, of.polled_at)?;
        Some(AlertCondition {
            subject: AlertSubject::Events(of.company),
            name: format!("company {}", of.company),
            judgement: HealthAssessment {
                status: HealthStatus::Warning,
                reason: Reason::EventsMissing { since_last: of.polled_at.since(gap.last_at), usual_gap: gap.usual_gap },
            },
            began_at: Some(gap.began_at()),
        })
    };
    seen.latest_events.iter().filter_map(condition).collect()
}

fn key_row(key: &KeyName, id: KeyId, seen: &PlatformObservations) -> KeyRow {
    let known = seen.keys.iter().find(|known| known.name == key.name);
    let refusal = known.and_then(|known| known.refused.clone());
    let used_at = known.and_then(|known| known.used_at);
    let limit = |bucket| {
        let window = seen.windows.iter().find(|window| window.key == key.name && window.bucket == bucket);
        window.map(|window| window.limit)
    };
    let limits = limit(RateBucket::Read).zip(limit(RateBucket::Write)).zip(limit(RateBucket::Admin));
    KeyRow {
        id,
        company_id: key.company,
        name: Untrusted::new(key.name.as_str()),
        last4: Untrusted::new(key.last4.as_str()),
        scopes: known.map(|known| known.held.iter().collect()).unwrap_or_default(),
        missing_scopes: Some(known.map(|known| known.lacking.iter().collect()).unwrap_or_default()),
        is_active: if refusal.is_some() { Some(false) } else { used_at.map(|_| true) },
        refusal,
        created_utc: None,
        last_used_utc: used_at,
        revoked_utc: None,
        limits: limits.map(|((read, write), admin)| RateLimits { read, write, admin }),
        usage: None,
    }
}

fn subscription_row(mut subscription: Subscription, seen: &PlatformObservations) -> SubscriptionRow {
    let outage = current_outage(subscription.id, seen).filter(|_| !subscription.is_enabled);
    if let Some(outage) = outage {
        subscription.disabled_utc = subscription.disabled_utc.or(Some(outage.before));
    }
    let received = seen.receipt_health.get(&subscription.id);
    if let Some(of) = received {
        add_received(&mut subscription, of);
    }
    let note = seen.disable_reasons.get(&subscription.id).filter(|_| !subscription.is_enabled);
    SubscriptionRow {
        disabled_note: note.map(|reason| Untrusted::new(reason.as_str())),
        disabled_after_utc: outage.map(|outage| outage.after),
        health: received.map(health_of),
        subscription,
    }
}

/// Adds what listeners saw of a subscription's attempts, where that is newer than what the platform lists.
fn add_received(subscription: &mut Subscription, of: &ReceiptHealth) {
    let is_newer = subscription.last_attempt_utc.is_none_or(|at| of.last_at > at);
    let listed = subscription.consecutive_failures.filter(|_| !is_newer);
    subscription.consecutive_failures = listed.or(Some(of.streak));
    subscription.last_attempt_utc = subscription.last_attempt_utc.max(Some(of.last_at));
    subscription.last_success_utc = subscription.last_success_utc.max(of.last_success_at);
}

/// Health as listeners saw it. Deliveries that wait, and events that were missed, reach no listener.
fn health_of(of: &ReceiptHealth) -> DeliveryHealth {
    let [last_5m, last_1h, last_24h] = of.windows;
    DeliveryHealth {
        last_5m,
        last_1h,
        last_24h,
        streak_began_utc: of.streak_span.map(|(first, _)| first),
        streak_latest_utc: of.streak_span.map(|(_, latest)| latest),
        ..DeliveryHealth::default()
    }
}

fn limit_row(window: &ObservedWindow, frame: &ObservationContext, now: Timestamp) -> Option<LimitRow> {
    let id = key_number(&frame.keys, &window.key)?;
    let key = frame.keys.iter().find(|key| key.name == window.key)?;
    let reset_utc =
        window.reset_at.unwrap_or_else(|| window.minute_at.plus(Duration::from_millis(MINUTE_MS.unsigned_abs())));
    // Of a window that has ended nothing is known; its successor was not seen yet.
    let used = Some(window.used).filter(|_| reset_utc > now);
    Some(LimitRow {
        key_id: id,
        company_id: key.company,
        key_name: Untrusted::new(key.name.as_str()),
        last4: Untrusted::new(key.last4.as_str()),
        bucket: window.bucket,
        limit: window.limit,
        used,
        remaining: used.map(|used| window.limit.saturating_sub(used)),
        n_refused: used.map(|_| u64::from(window.n_refused)).filter(|n| *n > 0),
        window_utc: window.minute_at,
        reset_utc,
        history: window.hour.clone(),
        week: Some(window.week.clone()),
        own_use: frame.own_use.get(&(id, window.bucket)).copied(),
    })
}
