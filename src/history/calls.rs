//! Own calls of a console: permits, the remaining budget of each window, and the outcome of each call. Consoles that
//! share a history share permits and budget, because both are decided in one transaction here.

use super::budget::{WindowBudget, allowance};
use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use crate::wire::requests::OwnCallKind;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::time::Duration;

/// Period over which the use of a window by other callers is examined; the busiest minute counts.
const BUSY_LOOKBACK_MS: i64 = 10 * MINUTE_MS;

/// Call that a console wants to make.
#[derive(Debug, Clone)]
pub struct CallIntent {
    /// Purpose of the call; consoles that share a history take turns by purpose.
    pub purpose: String,
    /// Kind of the call, as the request log shows it.
    pub kind: OwnCallKind,
    /// Name of the key that the call uses.
    pub key: String,
    /// Bucket in which the platform counts the call.
    pub bucket: RateBucket,
    /// HTTP method of the call.
    pub method: &'static str,
    /// Path of the call, with placeholders.
    pub route: &'static str,
    /// Minimum time since the last permit for the same purpose; zero for a call that an operator asked for.
    pub interval: Duration,
    /// Minimum time since the last permit if its call brought no result.
    pub retry_interval: Duration,
    /// Share of the rate limit that may be used, in percent.
    pub percent: u8,
}

/// Decision whether a call may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallPermit {
    /// The call was recorded under this number and may be made.
    Granted(i64),
    /// The call may not be made before this time.
    Wait(Timestamp),
}

/// Outcome of a call that was made.
#[derive(Debug, Clone, Default)]
pub struct CallOutcome {
    /// Status code of the answer; `None` if no answer arrived.
    pub status: Option<u16>,
    /// Whether the answer was a success.
    pub is_success: bool,
    /// Whether the rate limit rejected the call.
    pub is_rate_limited: bool,
    /// Whether the platform may have counted the call in a window.
    pub was_counted: bool,
    /// Problem code, if the call was refused.
    pub code: Option<Untrusted>,
    /// Detail of the refusal, or why no answer arrived.
    pub detail: Option<Untrusted>,
    /// Request id in the answer.
    pub request_id: Option<Untrusted>,
    /// Duration of the call, from request to answer.
    pub elapsed: Duration,
    /// Rate limit headers of the answer: calls allowed, calls remaining, time of the reset.
    pub window: Option<(u32, u32, Option<Timestamp>)>,
    /// Time before which no further call may be made.
    pub blocked_until: Option<Timestamp>,
}

impl PlatformHistory {
    /// Grants a permit for a call if its interval has passed and the window has room in the budget; the call is
    /// recorded at once.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn acquire_permit(&self, wish: CallIntent, now: Timestamp) -> Result<CallPermit, HistoryError> {
        self.write(move |connection| grant_or_wait(connection, &wish, now)).await
    }

    /// Records the outcome of a call that was granted.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_outcome(
        &self,
        id: i64,
        wish: CallIntent,
        outcome: CallOutcome,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        self.write(move |connection| write_outcome(connection, id, &wish, &outcome, now)).await
    }

    /// Returns the state of a key's window at `now`.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn window(&self, key: String, bucket: RateBucket, now: Timestamp) -> Result<WindowBudget, HistoryError> {
        self.database.read(JobPriority::Low, move |connection| read_window(connection, &key, bucket, now)).await
    }
}

fn pause_name(key: &str, bucket: RateBucket) -> String {
    format!("pause:{key}:{bucket}")
}

fn grant_or_wait(connection: &Connection, wish: &CallIntent, now: Timestamp) -> Result<CallPermit, HistoryError> {
    let times = |what: &str| -> Result<[Option<i64>; 3], HistoryError> {
        let mut statement = connection
            .prepare_cached("SELECT last_tried_at, blocked_until, last_success_at FROM poll_state WHERE task = ?1")?;
        let found = statement.query_row([what], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).optional()?;
        Ok(found.unwrap_or_default())
    };
    let [taken, blocked, done] = times(&wish.purpose)?;
    let [_, paused, _] = times(&pause_name(&wish.key, wish.bucket))?;
    // A permit taken after the last success brought no result, so the shorter retry interval applies.
    let every = if done < taken { wish.retry_interval } else { wish.interval };
    let due = taken.map(|at| Timestamp::from_millis(at).plus(every)).filter(|_| !wish.interval.is_zero());
    let until = [due, blocked.map(Timestamp::from_millis), paused.map(Timestamp::from_millis)];
    if let Some(until) = until.into_iter().flatten().max().filter(|until| *until > now) {
        return Ok(CallPermit::Wait(until));
    }
    let window = read_window(connection, &wish.key, wish.bucket, now)?;
    if let Some(until) = window.blocked_until(wish.percent, now) {
        return Ok(CallPermit::Wait(until));
    }
    // Recorded before the call is made: a call counts against the budget even if its process ends before the answer.
    connection
        .prepare_cached("INSERT INTO calls (at, key, bucket, method, route, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![now.millis(), wish.key, wish.bucket.name(), wish.method, wish.route, wish.kind.name()])?;
    let id = connection.last_insert_rowid();
    connection
        .prepare_cached(
            "INSERT INTO poll_state (task, last_tried_at) VALUES (?1, ?2) ON CONFLICT (task) DO UPDATE SET last_tried_at = excluded.last_tried_at",
        )?
        .execute(params![wish.purpose, now.millis()])?;
    Ok(CallPermit::Granted(id))
}

/// Reads the state of a window, from the headers of answers and from the own calls of the last minute.
fn read_window(
    connection: &Connection,
    key: &str,
    bucket: RateBucket,
    now: Timestamp,
) -> Result<WindowBudget, HistoryError> {
    let since = now.millis() - MINUTE_MS;
    let (n_own, first_own): (u32, Option<i64>) = connection
        .prepare_cached(
            "SELECT count(*), min(at) FROM calls WHERE key = ?1 AND bucket = ?2 AND at > ?3 AND is_counted",
        )?
        .query_row(params![key, bucket.name(), since], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement = connection.prepare_cached(
        "SELECT minute_at, rate_limit, n_used, n_own_calls, reset_at, seen_at FROM rate_windows WHERE key = ?1 AND bucket = ?2 AND minute_at > ?3 ORDER BY minute_at DESC",
    )?;
    let mut rows = statement.query(params![key, bucket.name(), now.millis() - BUSY_LOOKBACK_MS])?;
    let mut window = WindowBudget {
        own_calls: n_own,
        first_own_call_at: first_own.map(Timestamp::from_millis),
        ..WindowBudget::without_answer(bucket)
    };
    let mut is_newest = true;
    while let Some(row) = rows.next()? {
        let (minute, used, own): (i64, u32, u32) = (row.get("minute_at")?, row.get("n_used")?, row.get("n_own_calls")?);
        let seen: i64 = row.get("seen_at")?;
        if is_newest {
            window.limit = row.get("rate_limit")?;
            let reset: Option<i64> = row.get("reset_at")?;
            let ends = reset.unwrap_or(minute + MINUTE_MS);
            if ends > now.millis() {
                window.remaining = Some(window.limit.saturating_sub(used));
                window.resets_at = Some(Timestamp::from_millis(ends));
            }
            is_newest = false;
        }
        window.calls_by_others =
            window.calls_by_others.max(allowance::project_minute(used.saturating_sub(own), seen - minute));
    }
    Ok(window)
}

/// Rate window of a key as the headers of one answer showed it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenWindow<'a> {
    /// Name of the key.
    pub key: &'a str,
    /// Bucket in which the platform counted the call.
    pub bucket: RateBucket,
    /// Calls that the window allows.
    pub limit: u32,
    /// Calls that the window has left.
    pub remaining: u32,
    /// Time at which the window ends; `None` if not stated.
    pub resets_at: Option<Timestamp>,
    /// Whether the rate limit rejected the call.
    pub was_rejected: bool,
    /// Time of the answer.
    pub at: Timestamp,
}

/// Stores what an answer showed of a window.
pub(super) fn store_window(connection: &Connection, of: &SeenWindow<'_>) -> Result<(), HistoryError> {
    // A window with a reset time began one minute before it; without one, the clock minute is assumed.
    let minute =
        of.resets_at.map_or_else(|| of.at.floor_to(MINUTE_MS), |at| Timestamp::from_millis(at.millis() - MINUTE_MS));
    let own: u32 = connection
        .prepare_cached("SELECT count(*) FROM calls WHERE key = ?1 AND bucket = ?2 AND at >= ?3 AND is_counted")?
        .query_row(params![of.key, of.bucket.name(), minute.millis()], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO rate_windows (key, bucket, minute_at, rate_limit, n_used, n_own_calls, reset_at, n_rejected, seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (key, bucket, minute_at) DO UPDATE SET rate_limit = excluded.rate_limit, n_used = max(n_used, excluded.n_used),
             n_own_calls = excluded.n_own_calls, reset_at = excluded.reset_at, n_rejected = n_rejected + excluded.n_rejected,
             seen_at = max(seen_at, excluded.seen_at)",
        )?
        .execute(params![
            of.key,
            of.bucket.name(),
            minute.millis(),
            of.limit,
            of.limit.saturating_sub(of.remaining),
            own,
            of.resets_at.map(Timestamp::millis),
            u32::from(of.was_rejected),
            of.at.millis()
        ])?;
    Ok(())
}

fn write_outcome(
    connection: &Connection,
    id: i64,
    wish: &CallIntent,
    outcome: &CallOutcome,
    now: Timestamp,
) -> Result<(), HistoryError> {
    let raw = |text: &Option<Untrusted>| text.as_ref().map(|text| text.raw().to_owned());
    connection
        .prepare_cached(
            "UPDATE calls SET status = ?2, code = ?3, detail = ?4, request_id = ?5, elapsed_ms = ?6, is_counted = ?7 WHERE id = ?1",
        )?
        .execute(params![
            id,
            outcome.status,
            raw(&outcome.code),
            raw(&outcome.detail),
            raw(&outcome.request_id),
            i64::try_from(outcome.elapsed.as_millis()).unwrap_or(i64::MAX),
            outcome.was_counted
        ])?;
    if outcome.is_success {
        connection
            .prepare_cached("UPDATE keys SET last_used_at = ?2, rejection = NULL WHERE name = ?1")?
            .execute(params![wish.key, now.millis()])?;
    }
    if let Some((limit, remaining, resets_at)) = outcome.window {
        let seen = SeenWindow {
            key: &wish.key,
            bucket: wish.bucket,
            limit,
            remaining,
            resets_at,
            was_rejected: outcome.is_rate_limited,
            at: now,
        };
        store_window(connection, &seen)?;
    }
    if let Some(until) = outcome.blocked_until {
        connection
            .prepare_cached(
                "INSERT INTO poll_state (task, blocked_until) VALUES (?1, ?2)
                 ON CONFLICT (task) DO UPDATE SET blocked_until = excluded.blocked_until",
            )?
            .execute(params![pause_name(&wish.key, wish.bucket), until.millis()])?;
    }
    Ok(())
}
