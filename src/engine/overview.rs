//! Overview for the dashboard: the rows of all live panes, read in one transaction and sorted worst first.

use super::alert_counts;
use super::conditions;
use super::error::Error;
use super::handle::Engine;
use crate::domain::alert::{ACKNOWLEDGEMENT_TTL, Acknowledgement, AlertCondition};
use crate::domain::attempt::Attempt;
use crate::domain::health_status::{HealthStatus, SubscriptionFacts, WindowFacts, assess_subscription, assess_window};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::key::ApiKey;
use crate::domain::latency::Histogram;
use crate::domain::poll_watch::StuckPoller;
use crate::domain::subscription::WebhookSubscription;
use crate::domain::success_rate::SuccessCounts;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::trip::Trip;
use crate::domain::window::{RateBucket, RateWindow};
use crate::store;
use crate::store::deliveries::DeliveryBacklog;
use crate::store::requests::KeyRequestCounts;
use crate::store::windows::WindowUsage;
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Scheduled attempts of a subscription within a time window.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttemptRate {
    /// Successes and failures of the attempts.
    pub tally: SuccessCounts,
    /// Durations of the attempts as a histogram.
    pub histogram: Histogram,
}

/// Subscription with its delivery health.
#[derive(Debug, Clone)]
pub struct SubscriptionHealth {
    /// Configuration and state of the subscription.
    pub subscription: WebhookSubscription,
    /// Attempts of the last 5 minutes, 1 hour and 24 hours.
    pub rates: [AttemptRate; 3],
    /// Deliveries that are not finished.
    pub backlog: DeliveryBacklog,
    /// Reason given for disabling the subscription; absent while it is enabled.
    pub note: Option<String>,
}

/// API key with its recent use.
#[derive(Debug, Clone)]
pub struct KeyWithUsage {
    /// Key, without its secret part.
    pub key: Arc<ApiKey>,
    /// Calls of the key in the last minute.
    pub usage: KeyRequestCounts,
}

/// Rate window of a key and bucket with the history of the 60 minutes before.
#[derive(Debug, Clone)]
pub struct WindowWithHistory {
    /// Key that the window belongs to.
    pub key: Arc<ApiKey>,
    /// Bucket that the window counts.
    pub bucket: RateBucket,
    /// State in the current minute.
    pub window: RateWindow,
    /// Calls refused in the current window.
    pub n_refused: u64,
    /// Admitted calls in each of the previous 60 minutes, oldest first.
    pub history: Vec<u32>,
}

/// First rows of a list, with totals of the whole list.
#[derive(Debug, Clone)]
pub struct TopRows<T> {
    /// Rows in list order, worst or newest first.
    pub items: Vec<T>,
    /// Total number of rows in the list.
    pub total: u64,
    /// Number of rows in the list with an alarming health status.
    pub n_alarming: u64,
}

/// Data of an overview, read at one point in time.
#[derive(Debug, Clone)]
pub struct OverviewData {
    /// Time of the platform's clock.
    pub now: Timestamp,
    /// Change cursor, read before all other data so that no later change is missed.
    pub cursor: u64,
    /// API keys, worst health first.
    pub keys: TopRows<KeyWithUsage>,
    /// Subscriptions with their health, worst first.
    pub subscriptions: TopRows<SubscriptionHealth>,
    /// Attempts, newest first; the totals count scheduled attempts of the last hour.
    pub attempts: TopRows<Attempt>,
    /// Rate windows, least headroom first.
    pub windows: TopRows<WindowWithHistory>,
    /// Trips of the breaker, newest first.
    pub trips: TopRows<Trip>,
    /// Number of trips in the last 24 hours.
    pub n_trips_24h: u64,
    /// Sum of the backlogs of all subscriptions.
    pub backlog: DeliveryBacklog,
    /// Deliveries of the last 24 hours that were missed, and that were exhausted.
    pub missed: (u64, u64),
    /// Scheduled attempts per minute over the last 60 minutes, oldest first, the current minute last.
    pub minutes: Vec<SuccessCounts>,
    /// Conditions that need attention and that only the platform can measure.
    pub conditions: Vec<AlertCondition>,
    /// Companies with overdue deliveries, each with its oldest due time; the most overdue first.
    pub overdue: Vec<(CompanyId, Timestamp)>,
    /// Acknowledgements of alerts within the last 24 hours.
    pub acknowledgements: Vec<Acknowledgement>,
}

/// Values read from the database in one transaction.
struct OverviewReading {
    subscriptions: Vec<SubscriptionHealth>,
    usage: HashMap<KeyId, KeyRequestCounts>,
    attempts: Vec<Attempt>,
    windows: Vec<WindowUsage>,
    trips: Vec<Trip>,
    /// Trips of the last 24 hours, of all time, and not yet ended.
    n_trips: (u64, u64, u64),
    missed: (u64, u64),
    minutes: Vec<(Timestamp, SuccessCounts)>,
    conditions: Vec<AlertCondition>,
    acknowledgements: Vec<Acknowledgement>,
}

const HISTORY_MINUTES: usize = 60;

impl Engine {
    /// Reads the overview with at most `rows` rows per list.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn overview(&self, rows: u32) -> Result<OverviewData, Error> {
        let cursor = *self.shared.changes.borrow();
        let now = self.shared.ambient.now();
        let pollers = self.stuck_pollers(now);
        let reading = self.shared.store.read(move |connection| read_overview(connection, rows, now, &pollers)).await?;
        let limit = rows as usize;
        let minutes = fill_minutes(&reading.minutes, now);
        let hour = minutes.iter().fold(SuccessCounts::default(), |sum, minute| SuccessCounts {
            n_ok: sum.n_ok + minute.n_ok,
            n_failed: sum.n_failed + minute.n_failed,
        });
        let (n_trips_24h, n_trips, n_open) = reading.n_trips;
        let keys = self.sorted_keys(&reading.usage, now);
        Ok(OverviewData {
            now,
            cursor,
            windows: top_rows(self.sorted_windows(&reading.windows, now), limit),
            keys: top_rows(keys, limit),
            backlog: total_backlog(&reading.subscriptions),
            overdue: overdue_companies(&reading.subscriptions, now, limit),
            subscriptions: top_rows(sort_worst_first(reading.subscriptions), limit),
            attempts: TopRows { items: reading.attempts, total: hour.total(), n_alarming: hour.n_failed },
            trips: TopRows { items: reading.trips, total: n_trips, n_alarming: n_open },
            n_trips_24h,
            missed: reading.missed,
            minutes,
            conditions: reading.conditions,
            acknowledgements: reading.acknowledgements,
        })
    }

    /// Lists all keys with their calls of the last minute, worst health first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn keys(&self) -> Result<Vec<KeyWithUsage>, Error> {
        let now = self.shared.ambient.now();
        let usage = self.shared.store.read(move |connection| store::requests::last_minute(connection, now)).await?;
        Ok(self.sorted_keys(&usage.into_iter().collect(), now).into_iter().map(|(_, key)| key).collect())
    }

    /// Lists all subscriptions with their health, worst first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn subscriptions_by_health(&self) -> Result<Vec<SubscriptionHealth>, Error> {
        let now = self.shared.ambient.now();
        let patients = self.shared.store.read(move |connection| read_all_health(connection, now)).await?;
        Ok(sort_worst_first(patients).into_iter().map(|(_, patient)| patient).collect())
    }

    /// Reads one subscription with its health.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn subscription_health(&self, id: SubscriptionId) -> Result<SubscriptionHealth, Error> {
        let subscription = self.subscription(id, None).await?;
        let now = self.shared.ambient.now();
        self.shared.store.read(move |connection| read_health(connection, subscription, now)).await.map_err(Error::from)
    }

    /// Lists the rate windows of active keys, least headroom first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn limits(&self) -> Result<Vec<WindowWithHistory>, Error> {
        let now = self.shared.ambient.now();
        let used = self
            .shared
            .store
            .read(move |connection| store::windows::list_since(connection, history_start(now)))
            .await?;
        Ok(self.sorted_windows(&used, now).into_iter().map(|(_, window)| window).collect())
    }

    fn sorted_keys(
        &self,
        usage: &HashMap<KeyId, KeyRequestCounts>,
        now: Timestamp,
    ) -> Vec<(HealthStatus, KeyWithUsage)> {
        let mut keys: Vec<(HealthStatus, KeyWithUsage)> = self
            .shared
            .api_keys
            .all()
            .into_iter()
            .map(|key| {
                let usage = usage.get(&key.id).copied().unwrap_or_default();
                (alert_counts::judge_key(&key, &usage, now).status, KeyWithUsage { key, usage })
            })
            .collect();
        keys.sort_by_key(|(standing, used)| (*standing, used.key.id));
        keys
    }

    pub(super) fn sorted_windows(
        &self,
        used: &[WindowUsage],
        now: Timestamp,
    ) -> Vec<(HealthStatus, WindowWithHistory)> {
        let mut histories: HashMap<(KeyId, RateBucket), Vec<u32>> = HashMap::new();
        let start = history_start(now);
        for used in used {
            let minute =
                usize::try_from((used.window.start.millis() - start.millis()) / MINUTE_MS).unwrap_or(HISTORY_MINUTES);
            if let Some(slot) =
                histories.entry((used.key, used.bucket)).or_insert_with(|| vec![0; HISTORY_MINUTES]).get_mut(minute)
            {
                *slot = used.window.used;
            }
        }
        let mut windows = Vec::new();
        for key in self.shared.api_keys.all().into_iter().filter(|key| key.revoked_at.is_none()) {
            for bucket in RateBucket::ALL.into_iter().filter(|bucket| bucket.is_reachable(key.scopes)) {
                let WindowUsage { window, n_refused, .. } = self.shared.rate_limiter.window_at(key.id, bucket, now);
                let facts = WindowFacts { limit: key.limits.for_bucket(bucket), used: window.used, n_refused };
                let history = histories.remove(&(key.id, bucket)).unwrap_or_else(|| vec![0; HISTORY_MINUTES]);
                windows.push((
                    assess_window(&facts).status,
                    WindowWithHistory { key: Arc::clone(&key), bucket, window, n_refused, history },
                ));
            }
        }
        windows.sort_by_key(|(standing, used)| {
            let limit = u64::from(used.key.limits.for_bucket(used.bucket)).max(1);
            let left = (limit - u64::from(used.window.used).min(limit)) * 1_000 / limit;
            (*standing, left, used.key.id, used.bucket)
        });
        windows
    }
}

fn read_overview(
    connection: &Connection,
    rows: u32,
    now: Timestamp,
    pollers: &[StuckPoller],
) -> Result<OverviewReading, store::Error> {
    Ok(OverviewReading {
        subscriptions: read_all_health(connection, now)?,
        usage: store::requests::last_minute(connection, now)?.into_iter().collect(),
        attempts: store::attempts::page(connection, None, None, rows)?,
        windows: store::windows::list_since(connection, history_start(now))?,
        trips: store::trips::latest(connection, rows)?,
        n_trips: store::trips::totals(connection, now.minus(Duration::from_secs(86_400)))?,
        missed: store::usage::count_missed(connection, now.minus(Duration::from_secs(86_400)))?,
        minutes: store::attempt_rollups::per_minute(connection, now.minus(Duration::from_secs(3_600)))?,
        conditions: conditions::find(connection, now, pollers)?,
        acknowledgements: store::acknowledgements::list_since(connection, now.minus(ACKNOWLEDGEMENT_TTL))?,
    })
}

fn read_all_health(connection: &Connection, now: Timestamp) -> Result<Vec<SubscriptionHealth>, store::Error> {
    store::subscriptions::all(connection, None)?
        .into_iter()
        .map(|subscription| read_health(connection, subscription, now))
        .collect()
}

fn read_health(
    connection: &Connection,
    subscription: WebhookSubscription,
    now: Timestamp,
) -> Result<SubscriptionHealth, store::Error> {
    let [minute, hour] = store::attempt_rollups::ROLLUP_WIDTHS_MS;
    let mut rates = [AttemptRate::default(); 3];
    for (rate, (span, seconds)) in rates.iter_mut().zip([(minute, 300), (minute, 3_600), (hour, 86_400)]) {
        let (tally, histogram) = store::attempt_rollups::totals_since(
            connection,
            subscription.id,
            span,
            now.minus(Duration::from_secs(seconds)).plus(Duration::from_millis(1)),
        )?;
        *rate = AttemptRate { tally, histogram };
    }
    let backlog = store::deliveries::backlog(connection, subscription.id)?;
    let note = match subscription.disabled {
        Some(_) => store::subscriptions::note(connection, subscription.id)?,
        None => None,
    };
    Ok(SubscriptionHealth { subscription, rates, backlog, note })
}

fn sort_worst_first(patients: Vec<SubscriptionHealth>) -> Vec<(HealthStatus, SubscriptionHealth)> {
    let mut judged: Vec<(HealthStatus, SubscriptionHealth)> = patients
        .into_iter()
        .map(|patient| {
            let of = &patient.subscription;
            let facts = SubscriptionFacts {
                disabled: of.disabled.map(|(reason, _)| reason),
                disabled_at: of.disabled.map(|(_, at)| at),
                has_reason: patient.note.is_some(),
                streak: of.breaker.failures_in_a_row,
                hour: patient.rates[1].tally,
                last_attempt_at: of.last_attempt_at,
            };
            (assess_subscription(&facts).status, patient)
        })
        .collect();
    judged.sort_by_key(|(standing, patient)| {
        (*standing, std::cmp::Reverse(patient.subscription.breaker.failures_in_a_row), patient.subscription.id)
    });
    judged
}

fn top_rows<T>(judged: Vec<(HealthStatus, T)>, limit: usize) -> TopRows<T> {
    let n_alarming = judged.iter().filter(|(standing, _)| standing.needs_action()).count();
    let total = judged.len();
    let items = judged.into_iter().take(limit).map(|(_, item)| item).collect();
    TopRows {
        items,
        total: total.try_into().unwrap_or(u64::MAX),
        n_alarming: n_alarming.try_into().unwrap_or(u64::MAX),
    }
}

fn total_backlog(patients: &[SubscriptionHealth]) -> DeliveryBacklog {
    let mut total = DeliveryBacklog::default();
    for SubscriptionHealth { subscription, backlog, .. } in patients {
        total.n_pending += backlog.n_pending;
        total.n_in_flight += backlog.n_in_flight;
        total.n_on_hold += backlog.n_on_hold;
        if subscription.disabled.is_none() {
            total.next_due_at = [total.next_due_at, backlog.next_due_at].into_iter().flatten().min();
        }
    }
    total
}

/// Finds at most `limit` companies with overdue deliveries and their oldest due time, the most overdue first.
fn overdue_companies(patients: &[SubscriptionHealth], now: Timestamp, limit: usize) -> Vec<(CompanyId, Timestamp)> {
    let mut first: BTreeMap<CompanyId, Timestamp> = BTreeMap::new();
    for SubscriptionHealth { subscription, backlog, .. } in
        patients.iter().filter(|patient| patient.subscription.disabled.is_none())
    {
        let Some(due) = backlog.next_due_at.filter(|due| *due < now) else { continue };
        first.entry(subscription.company).and_modify(|first| *first = (*first).min(due)).or_insert(due);
    }
    let mut overdue: Vec<(CompanyId, Timestamp)> = first.into_iter().collect();
    overdue.sort_by_key(|(company, due)| (*due, *company));
    overdue.truncate(limit);
    overdue
}

/// Start of the 60 minutes before the current one.
fn history_start(now: Timestamp) -> Timestamp {
    now.floor_to(MINUTE_MS).minus(Duration::from_secs(3_600))
}

fn fill_minutes(known: &[(Timestamp, SuccessCounts)], now: Timestamp) -> Vec<SuccessCounts> {
    let first = now.floor_to(MINUTE_MS).minus(Duration::from_secs(59 * 60));
    let mut minutes = vec![SuccessCounts::default(); HISTORY_MINUTES];
    for (start, tally) in known {
        let position = usize::try_from((start.millis() - first.millis()).div_euclid(MINUTE_MS));
        if let Some(slot) = position.ok().and_then(|position| minutes.get_mut(position)) {
            *slot = *tally;
        }
    }
    minutes
}
