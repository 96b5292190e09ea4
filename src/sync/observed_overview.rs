//! Overview of an observed platform, built from the history. A value that is not known is empty there; the findings
//! beside the overview say that it is unknown.

use super::history::observations::{ObservedKey, ObservedWindow, PlatformObservations, SubscriptionOutage};
use super::visibility::{KeyFinding, ObservedFindings, PlatformVisibility, WindowFinding};
use crate::client::integration::partner::ListedSubscription;
use crate::domain::health_status::{HealthAssessment, HealthStatus, ListingFacts as Told, assess_window};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use crate::wire::attempts::AttemptRow;
use crate::wire::keys::{KeyRow, RateLimits, RecentKeyUsage};
use crate::wire::limits::LimitRow;
use crate::wire::overview::{PipelineCounts, PlatformOverview};
use crate::wire::page::CappedList;
use crate::wire::subscriptions::{DeliveryHealth, SubscriptionRow};
use crate::wire::trips::TripRow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Key of the profile, as far as it is known without a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName {
    /// Name of the key in the profile.
    pub name: String,
    /// Last four characters of the key.
    pub last4: String,
    /// Number of the company, which is part of the key.
    pub company: CompanyId,
}

/// Inputs of an overview beside the observations.
#[derive(Debug, Clone)]
pub struct OverviewContext {
    /// Keys of the profile, by name.
    pub keys: Vec<KeyName>,
    /// Time by which the platform's clock is ahead, in milliseconds.
    pub skew_ms: i64,
    /// Interval at which the platform is polled.
    pub poll_interval: Duration,
    /// Share of each rate limit that may be used, in percent.
    pub percent: u8,
    /// Own use of each window: calls in the last minute, and calls allowed.
    pub own_use: BTreeMap<(KeyId, RateBucket), (u32, u32)>,
    /// Newest deliveries that `crow listen` received.
    pub receipts: Vec<AttemptRow>,
}

/// Returns the number of a key: its position among the names, from 1.
#[must_use]
pub fn key_number(keys: &[KeyName], name: &str) -> Option<KeyId> {
    let place = keys.iter().position(|key| key.name == name)?;
    i64::try_from(place + 1).ok().map(KeyId)
}

/// Builds the overview at `now`, on this machine's clock.
#[must_use]
pub fn build_overview(
    seen: &PlatformObservations,
    frame: &OverviewContext,
    now: Timestamp,
) -> (PlatformOverview, PlatformVisibility) {
    let findings = build_findings(seen, frame);
    let reach = PlatformVisibility::Keys(Box::new(findings));
    let trips: Vec<TripRow> = seen.outages.iter().map(outage_as_trip).collect();
    let n_trips_24h = trips.iter().filter(|trip| now.since(trip.tripped_utc) < Duration::from_secs(86_400)).count();
    let mut keys: Vec<KeyRow> =
        frame.keys.iter().filter_map(|key| Some(key_row(key, key_number(&frame.keys, &key.name)?, seen))).collect();
    let mut subscriptions: Vec<SubscriptionRow> =
        seen.subscriptions.iter().map(|of| subscription_row(of, seen)).collect();
    let mut limits: Vec<LimitRow> =
        seen.windows.iter().filter_map(|window| limit_row(window, &frame.keys, now)).collect();
    let standing =
        |judgement: Option<HealthAssessment>| judgement.map_or(HealthStatus::Unknown, |judgement| judgement.status);
    keys.sort_by_key(|row| (standing(reach.judge_key(row.id)), row.id));
    subscriptions.sort_by_key(|row| (standing(reach.judge_subscription(row.subscription.id)), row.subscription.id));
    limits.sort_by_key(|row| {
        let left = (u64::from(row.remaining) * 1_000).checked_div(u64::from(row.limit)).unwrap_or(0);
        (left, row.key_id, row.bucket)
    });
    let alarming = |standing: HealthStatus| {
        matches!(standing, HealthStatus::Tripped | HealthStatus::Failing | HealthStatus::Warning)
    };
    let n = |standings: Vec<HealthStatus>| standings.into_iter().filter(|standing| alarming(*standing)).count() as u64;
    let overview = PlatformOverview {
        server_utc: Timestamp::from_millis(now.millis() + frame.skew_ms),
        cursor: seen.cursor,
        pipeline: PipelineCounts { n_trips_24h: n_trips_24h as u64, ..PipelineCounts::default() },
        keys: listing(n(keys.iter().map(|row| standing(reach.judge_key(row.id))).collect()), keys),
        subscriptions: listing(
            n(subscriptions.iter().map(|row| standing(reach.judge_subscription(row.subscription.id))).collect()),
            subscriptions,
        ),
        attempts: CappedList::new(frame.receipts.clone(), seen.n_receipts, 0),
        limits: listing(n(limits.iter().map(|row| assess_window(&row.facts()).status).collect()), limits),
        trips: listing(trips.iter().filter(|trip| trip.enabled_utc.is_none()).count() as u64, trips),
        ..PlatformOverview::default()
    };
    (overview, reach)
}

fn listing<T>(n_alarming: u64, items: Vec<T>) -> CappedList<T> {
    let total = items.len() as u64;
    CappedList::new(items, total, n_alarming)
}

fn build_findings(seen: &PlatformObservations, frame: &OverviewContext) -> ObservedFindings {
    let keys =
        seen.keys.iter().filter_map(|key| Some((key_number(&frame.keys, &key.name)?, key_finding(key)))).collect();
    let subscriptions = seen.subscriptions.iter().map(|of| (of.subscription.id, listed_facts(of, seen))).collect();
    let windows = seen.windows.iter().filter_map(|window| {
        let id = key_number(&frame.keys, &window.key)?;
        let (n_own, allowance) = frame.own_use.get(&(id, window.bucket)).copied().unwrap_or_default();
        let unseen =
            window.hour.iter().enumerate().filter(|(_, used)| used.is_none()).map(|(place, _)| place).collect();
        Some(((id, window.bucket), WindowFinding { n_own, allowance, unseen, week: window.week.clone() }))
    });
    ObservedFindings {
        keys,
        subscriptions,
        windows: windows.collect(),
        unreadable_answers: seen.unreadable_answers.clone(),
        unreadable: seen.unreadable.clone(),
        unfinished: seen.unfinished.iter().map(|company| (*company, n_known(*company, seen))).collect(),
        gaps: seen.gaps.clone(),
        n_receipts: seen.n_receipts,
        poll_interval: frame.poll_interval,
    }
}

fn n_known(company: CompanyId, seen: &PlatformObservations) -> usize {
    seen.subscriptions.iter().filter(|of| of.subscription.company_id == company).count()
}

fn key_finding(key: &ObservedKey) -> KeyFinding {
    KeyFinding {
        held: key.held.iter().collect(),
        lacking: key.lacking.iter().collect(),
        refused: key.refused.clone(),
        used_at: key.used_at,
    }
}

/// Finds the current outage of a subscription, if it was seen to go off.
fn current_outage(of: SubscriptionId, seen: &PlatformObservations) -> Option<&SubscriptionOutage> {
    seen.outages.iter().find(|outage| outage.subscription == of && outage.on_again_at.is_none())
}

fn listed_facts(of: &ListedSubscription, seen: &PlatformObservations) -> Told {
    let subscription = &of.subscription;
    let went_off = current_outage(subscription.id, seen).map(|outage| (outage.after, outage.before));
    Told {
        is_enabled: subscription.is_enabled,
        reason: subscription.disabled_reason,
        streak: of.streak,
        disabled_between: went_off.filter(|_| !subscription.is_enabled),
    }
}

fn key_row(key: &KeyName, id: KeyId, seen: &PlatformObservations) -> KeyRow {
    let known = seen.keys.iter().find(|known| known.name == key.name);
    let limit = |bucket: RateBucket| {
        let window = seen.windows.iter().find(|window| window.key == key.name && window.bucket == bucket);
        window.map_or(bucket.default_limit(), |window| window.limit)
    };
    KeyRow {
        id,
        company_id: key.company,
        name: Untrusted::new(key.name.as_str()),
        last4: Untrusted::new(key.last4.as_str()),
        scopes: known.map(|known| known.held.iter().collect()).unwrap_or_default(),
        is_active: known.is_none_or(|known| known.refused.is_none()),
        created_utc: Timestamp::from_millis(0),
        last_used_utc: known.and_then(|known| known.used_at),
        revoked_utc: None,
        limits: RateLimits {
            read: limit(RateBucket::Read),
            write: limit(RateBucket::Write),
            admin: limit(RateBucket::Admin),
        },
        usage: RecentKeyUsage::default(),
    }
}

fn subscription_row(of: &ListedSubscription, seen: &PlatformObservations) -> SubscriptionRow {
    let mut subscription = of.subscription.clone();
    if !subscription.is_enabled && subscription.disabled_utc.is_none() {
        subscription.disabled_utc = current_outage(subscription.id, seen).map(|outage| outage.before);
    }
    SubscriptionRow { subscription, health: DeliveryHealth::default(), disabled_note: None }
}

fn limit_row(window: &ObservedWindow, keys: &[KeyName], now: Timestamp) -> Option<LimitRow> {
    let id = key_number(keys, &window.key)?;
    let key = keys.iter().find(|key| key.name == window.key)?;
    let reset_utc =
        window.reset_at.unwrap_or_else(|| window.minute_at.plus(Duration::from_millis(MINUTE_MS.unsigned_abs())));
    // Of a window that has ended nothing is known to be used; its successor was not seen yet.
    let is_open = reset_utc > now;
    let used = if is_open { window.used } else { 0 };
    Some(LimitRow {
        key_id: id,
        company_id: key.company,
        key_name: Untrusted::new(key.name.as_str()),
        last4: Untrusted::new(key.last4.as_str()),
        bucket: window.bucket,
        limit: window.limit,
        used,
        remaining: window.limit.saturating_sub(used),
        n_refused: if is_open { u64::from(window.n_refused) } else { 0 },
        window_utc: window.minute_at,
        reset_utc,
        history: window.hour.iter().map(|used| used.unwrap_or(0)).collect(),
    })
}

/// Converts an outage to a trip. The causes and the number of missed events are not known.
#[must_use]
pub fn outage_as_trip(of: &SubscriptionOutage) -> TripRow {
    TripRow {
        id: of.id,
        subscription_id: of.subscription,
        company_id: of.company,
        target_url: of.target.clone(),
        tripped_utc: of.before,
        causes: Vec::new(),
        enabled_utc: of.on_again_at,
        enabled_by: None,
        n_missed: 0,
    }
}
