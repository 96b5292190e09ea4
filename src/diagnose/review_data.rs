//! Collection of the data for a review, with read-only calls. What could not be read is listed in the review.

use super::review::{
    ActionCount, DisabledSubscription, IdleScopes, KeyAge, PlatformReview, ROTATION_DAYS, ReviewDay, ReviewHeader,
    ReviewPeriod, SecretAge, SubscriptionSuccess,
};
use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::health_status::DORMANT_DAYS;
use crate::domain::ids::SubscriptionId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::or_unknown;
use crate::wire::audit::AuditRow;
use crate::wire::coverage::{CoverageExtent, PlatformCoverage};
use crate::wire::keys::KeyRow;
use crate::wire::limits::KeyUsage;
use crate::wire::log::{AuditQuery, LogPage, TripQuery};
use crate::wire::paths;
use crate::wire::stats::TimeSeries;
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum number of days for which hourly statistics are requested at once.
const MAX_DAYS_PER_CALL: u64 = 30;
/// Rows per page, and maximum number of pages read from a log.
const PAGE_ROWS: u32 = 200;
const MAX_LOG_PAGES: usize = 50;

const DAY: Duration = Duration::from_secs(86_400);
const DAY_MS: i64 = 86_400_000;

/// Collects a review of the platform. `last` is the earlier review to compare with.
///
/// # Errors
///
/// [`Error`] when the overview, the keys or the subscriptions cannot be read.
pub async fn collect_review(
    client: &PlatformClient,
    period: ReviewPeriod,
    last: Option<&PlatformReview>,
) -> Result<PlatformReview, Error> {
    let overview = client.overview(1).await?;
    let until = overview.server_utc;
    let since = until.minus(DAY * u32::try_from(period.days()).unwrap_or(u32::MAX));
    let mut unknown: Vec<String> = overview.coverage.iter().flat_map(uncovered).collect();
    let is_health_known = overview.coverage.is_none();
    let keys = client.keys().await?;
    let remarks = [keys.unreadable.summary_line(), keys.cut_line()];
    unknown.extend(remarks.into_iter().flatten().map(|remark| format!("keys: {remark}")));
    let keys: Vec<KeyRow> = keys.items.into_iter().filter(|key| key.is_active != Some(false)).collect();
    let subscriptions = client.subscription_rows().await?;
    let remarks = [subscriptions.unreadable.summary_line(), subscriptions.cut_line()];
    unknown.extend(remarks.into_iter().flatten().map(|remark| format!("subscriptions: {remark}")));
    let subscriptions = subscriptions.items;
    let desk = ReviewCollector { client, since, until };
    let frame = ReviewHeader {
        platform: client.base().to_owned(),
        crow: env!("CARGO_PKG_VERSION").to_owned(),
        period,
        since_utc: since,
        until_utc: until,
        last_utc: last.map(|last| last.frame.until_utc),
    };
    let mut review = PlatformReview {
        frame,
        n_keys: keys.len() as u64,
        n_subscriptions: subscriptions.len() as u64,
        unused: keys_older_than(&keys, DORMANT_DAYS, until, |key| key.last_used_utc.or(key.created_utc)),
        idle_scopes: if is_health_known { desk.idle_scopes(&keys, &mut unknown).await } else { Vec::new() },
        success: if is_health_known { desk.success(&subscriptions, &mut unknown).await } else { Vec::new() },
        trips: desk.trips(&mut unknown).await,
        off: subscriptions.iter().filter_map(disabled_row).collect(),
        due_keys: keys_older_than(&keys, ROTATION_DAYS, until, |key| key.created_utc),
        secrets: secret_ages(&subscriptions, until),
        days: desk.days(&mut unknown).await,
        acted: desk.audit_counts(&mut unknown).await,
        changes: Vec::new(),
        unknown,
    };
    review.changes = last.map(|last| review.differences_from(last)).unwrap_or_default();
    Ok(review)
}

/// Lists what an observer does not know of a platform.
fn uncovered(coverage: &PlatformCoverage) -> impl Iterator<Item = String> {
    coverage
        .nouns
        .iter()
        .filter(|of| of.extent != CoverageExtent::Full)
        .map(|of| format!("{}: {}", of.noun.name(), of.summary_line()))
}

fn days(of: Duration) -> u64 {
    of.as_secs() / 86_400
}

/// Returns the keys that are at least `least` days old since a known time, oldest first.
fn keys_older_than(
    keys: &[KeyRow],
    least: u64,
    now: Timestamp,
    since: impl Fn(&KeyRow) -> Option<Timestamp>,
) -> Vec<KeyAge> {
    let mut aged: Vec<KeyAge> = keys
        .iter()
        .filter_map(|key| {
            Some(KeyAge {
                id: key.id,
                company_id: key.company_id,
                name: key.name.clone(),
                last4: key.last4.clone(),
                last_used_utc: key.last_used_utc,
                days: days(now.since(since(key)?)),
            })
        })
        .filter(|key| key.days >= least)
        .collect();
    aged.sort_by_key(|key| (Reverse(key.days), key.id));
    aged
}

fn disabled_row(row: &SubscriptionRow) -> Option<DisabledSubscription> {
    let of = &row.subscription;
    (!of.is_enabled).then(|| DisabledSubscription {
        id: of.id,
        company_id: of.company_id,
        target_url: of.target_url.clone(),
        reason: or_unknown(of.disabled_reason.map(DisabledReason::name)),
        note: row.disabled_note.clone(),
        since_utc: of.disabled_utc,
        n_skipped: row.health.and_then(|health| health.n_skipped),
    })
}

fn secret_ages(rows: &[SubscriptionRow], now: Timestamp) -> Vec<SecretAge> {
    let age = |row: &SubscriptionRow| {
        Some(SecretAge {
            id: row.subscription.id,
            target_url: row.subscription.target_url.clone(),
            days: days(now.since(row.subscription.created_utc?)),
        })
    };
    let mut secrets: Vec<SecretAge> = rows.iter().filter_map(age).collect();
    secrets.sort_by_key(|secret| (Reverse(secret.days), secret.id));
    secrets
}

/// Collector of a review: the client and the period.
struct ReviewCollector<'a> {
    client: &'a PlatformClient,
    since: Timestamp,
    until: Timestamp,
}

impl ReviewCollector<'_> {
    /// Reads the hourly statistics of attempts and requests, in as many calls as needed.
    async fn hours(&self, subscription: Option<SubscriptionId>) -> Result<Vec<TimeSeries>, Error> {
        let mut all = Vec::new();
        let mut from = self.since;
        while from < self.until {
            let to = from.plus(DAY * u32::try_from(MAX_DAYS_PER_CALL).unwrap_or(1)).min(self.until);
            let mut query = vec![("span", "hour".to_owned()), ("since", from.to_string()), ("until", to.to_string())];
            query.extend(subscription.map(|id| ("subscription", id.to_string())));
            all.push(self.client.get_any::<TimeSeries>(paths::STATS, &query).await?);
            from = to;
        }
        Ok(all)
    }

    async fn idle_scopes(&self, keys: &[KeyRow], unknown: &mut Vec<String>) -> Vec<IdleScopes> {
        let mut idle = Vec::new();
        for key in keys {
            match self.client.key_usage(key.id).await {
                Ok(KeyUsage { never_used: Some(scopes), .. }) if scopes.is_empty() => {}
                Ok(KeyUsage { never_used: Some(scopes), .. }) => idle.push(IdleScopes {
                    id: key.id,
                    name: key.name.clone(),
                    scopes: scopes.iter().map(|scope| scope.name().to_owned()).collect(),
                }),
                Ok(_) => unknown.push(format!("scopes used by key {}: not counted by the platform", key.id)),
                Err(error) => unknown.push(unknown_line(&format!("scopes used by key {}", key.id), &error)),
            }
        }
        idle
    }

    async fn success(&self, rows: &[SubscriptionRow], unknown: &mut Vec<String>) -> Vec<SubscriptionSuccess> {
        let mut success = Vec::new();
        for row in rows {
            let of = &row.subscription;
            match self.hours(Some(of.id)).await {
                Ok(hours) => {
                    let points = || hours.iter().flat_map(|stats| &stats.attempts);
                    let (n_ok, n_failed): (u64, u64) =
                        (points().map(|at| at.n_ok).sum(), points().map(|at| at.n_failed).sum());
                    let percent = (n_ok * 100).checked_div(n_ok + n_failed);
                    let (id, company_id, target_url) = (of.id, of.company_id, of.target_url.clone());
                    success.push(SubscriptionSuccess { id, company_id, target_url, n_ok, n_failed, percent });
                }
                Err(error) => unknown.push(unknown_line(&format!("success of subscription {}", of.id), &error)),
            }
        }
        success.sort_by_key(|of| (of.percent.unwrap_or(u64::MAX), of.id));
        success
    }

    async fn trips(&self, unknown: &mut Vec<String>) -> Vec<TripRow> {
        let query = TripQuery::default();
        let page = async |cursor: Option<&str>| self.client.log_page(&query, cursor, PAGE_ROWS).await;
        self.read_log("trips", unknown, page, |trip| trip.tripped_utc).await
    }

    async fn days(&self, unknown: &mut Vec<String>) -> Vec<ReviewDay> {
        let hours = match self.hours(None).await {
            Ok(hours) => hours,
            Err(error) => {
                unknown.push(unknown_line("daily totals", &error));
                return Vec::new();
            }
        };
        let mut days: BTreeMap<Timestamp, ReviewDay> = BTreeMap::new();
        let empty = |utc| ReviewDay { utc, n_ok: 0, n_failed: 0, n_requests: 0, n_limited: 0, n_server_errors: 0 };
        for stats in &hours {
            for point in &stats.attempts {
                let day = days.entry(point.utc.floor_to(DAY_MS)).or_insert_with_key(|utc| empty(*utc));
                day.n_ok += point.n_ok;
                day.n_failed += point.n_failed;
            }
            for point in &stats.requests {
                let day = days.entry(point.utc.floor_to(DAY_MS)).or_insert_with_key(|utc| empty(*utc));
                day.n_requests += point.n;
                day.n_limited += point.n_limited;
                day.n_server_errors += point.n_server_errors;
            }
        }
        days.into_values().collect()
    }

    async fn audit_counts(&self, unknown: &mut Vec<String>) -> Vec<ActionCount> {
        let query = AuditQuery::default();
        let page = async |cursor: Option<&str>| self.client.log_page(&query, cursor, PAGE_ROWS).await;
        let rows = self.read_log("changes", unknown, page, |row: &AuditRow| row.utc).await;
        let mut counts: BTreeMap<Untrusted, u64> = BTreeMap::new();
        for row in rows {
            *counts.entry(row.action).or_default() += 1;
        }
        let mut acted: Vec<ActionCount> = counts.into_iter().map(|(action, n)| ActionCount { action, n }).collect();
        acted.sort_by_key(|of| Reverse(of.n));
        acted
    }

    /// Reads the rows of a log within the period.
    async fn read_log<T>(
        &self,
        what: &str,
        unknown: &mut Vec<String>,
        page: impl AsyncFn(Option<&str>) -> Result<LogPage<T>, Error>,
        at: impl Fn(&T) -> Timestamp,
    ) -> Vec<T> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_LOG_PAGES {
            match page(cursor.as_deref()).await {
                Ok(came) => {
                    unknown.extend(came.unreadable.summary_line().map(|remark| format!("{what}: {remark}")));
                    let n_came = came.items.len();
                    let before = rows.len();
                    rows.extend(came.items.into_iter().filter(|row| at(row) >= self.since));
                    cursor = came.next_cursor.filter(|_| came.has_more && rows.len() - before == n_came);
                    if cursor.is_none() {
                        return rows;
                    }
                }
                Err(error) => {
                    unknown.push(unknown_line(what, &error));
                    return rows;
                }
            }
        }
        unknown.push(format!("{what} before the newest {}: not read", rows.len()));
        rows
    }
}

fn unknown_line(what: &str, error: &Error) -> String {
    format!("{what}: {}", Untrusted::new(error.to_string()).sanitized())
}
