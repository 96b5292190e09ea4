//! What was seen of a platform: keys, windows, events, subscriptions, and when they were watched.

use super::{History, unreadable};
use crate::api::readable::UnreadableRows;
use crate::client::partner::{Listed, Polled, Unreadable, subscription};
use crate::domain::ids::{CompanyId, SubscriptionId, TripId};
use crate::domain::key::Scopes;
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::Bucket;
use crate::monitor::reach::Riddle;
use crate::sqlite::{Error, Lane};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;

/// Hours of a week.
const WEEK_HOURS: i64 = 7 * 24;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// What is shown of an answer that was not understood.
const SHOWN: usize = 300;
/// A listing of subscriptions that were off at some time is told back to here.
const OUTAGES: i64 = 500;

/// A key as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySeen {
    /// Its name in the profile.
    pub name: String,
    /// Scopes that it has.
    pub held: Scopes,
    /// Scopes that it has not.
    pub lacking: Scopes,
    /// Why the platform does not take it.
    pub refused: Option<Untrusted>,
    /// When a call with it was last answered well.
    pub used_at: Option<Timestamp>,
}

/// A window of a key as answers told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSeen {
    /// Whose.
    pub key: String,
    /// Which.
    pub bucket: Bucket,
    /// When the newest minute that was seen began.
    pub minute_at: Timestamp,
    /// Calls allowed in it.
    pub limit: u32,
    /// Calls made in it.
    pub used: u32,
    /// Calls of ours that were refused in it.
    pub n_refused: u32,
    /// When it ends, if that was told.
    pub reset_at: Option<Timestamp>,
    /// Calls made in each of the 60 minutes before the present one, oldest first; nothing for one that nobody saw.
    pub hour: Vec<Option<u32>>,
    /// The busiest minute of each hour of the last week.
    pub week: Vec<Option<u32>>,
}

/// A subscription that was seen to go off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Its number here.
    pub id: TripId,
    /// Which subscription.
    pub subscription: SubscriptionId,
    /// Whose.
    pub company: CompanyId,
    /// Where it sent to.
    pub target: Untrusted,
    /// When it was last seen on.
    pub after: Timestamp,
    /// When it was first seen off.
    pub before: Timestamp,
    /// When it was seen on again.
    pub on_again_at: Option<Timestamp>,
}

/// All that a picture is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// The keys.
    pub keys: Vec<KeySeen>,
    /// The windows.
    pub windows: Vec<WindowSeen>,
    /// The subscriptions as they were last listed.
    pub subscriptions: Vec<Listed>,
    /// Those that were off at some time, newest first.
    pub outages: Vec<Outage>,
    /// What was not understood.
    pub riddles: Vec<Riddle>,
    /// Items of lists that could not be read, by noun.
    pub unreadable: BTreeMap<String, UnreadableRows>,
    /// Stretches of the last day in which nothing was watched.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// When something that was asked for was last received and understood.
    pub heard_at: Option<Timestamp>,
    /// Grows with everything that is written.
    pub cursor: u64,
    /// What was received by a receiver of ours.
    pub n_receipts: u64,
}

/// The subscriptions of a company, all pages together.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that could be read, with the JSON that they came as.
    pub rows: Vec<(Listed, Box<RawValue>)>,
    /// Those that could not.
    pub unreadable: Vec<Unreadable>,
}

/// What a listing told.
#[derive(Debug, Clone)]
pub struct Told {
    /// What was asked for: consoles take turns at it.
    pub what: String,
    /// When it was received.
    pub at: Timestamp,
    /// Two listings that are no further apart than this have no gap between them.
    pub reach: Duration,
}

impl History {
    /// The keys.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keys(&self) -> Result<Vec<KeySeen>, Error> {
        self.database.read(Lane::Common, keys).await
    }

    /// Remembers events that were polled, and where polling goes on. Those that are known already are left as they are.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_events(
        &self,
        told: Told,
        events: Vec<Polled>,
        unreadable: Vec<Unreadable>,
        next: Option<Vec<(String, String)>>,
    ) -> Result<(), Error> {
        self.write(move |connection| {
            let mut insert = connection.prepare_cached(
                "INSERT OR IGNORE INTO events (id, company, type, created, seen, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for event in &events {
                insert.execute(params![
                    event.id.0,
                    event.company.0,
                    event.kind.raw(),
                    event.created_at.millis(),
                    told.at.millis(),
                    event.envelope
                ])?;
            }
            unreadable::note(connection, &told.what, told.at, &unreadable)?;
            let newest = events.iter().map(|event| event.created_at).max();
            // Without a cursor polling goes on at the time of the newest event, which is asked for again and known.
            let place = next.or_else(|| newest.map(|at| vec![("since".to_owned(), at.to_rfc3339_seconds())]));
            if let Some(place) = place {
                let place = serde_json::to_string(&place).unwrap_or_default();
                connection
                    .prepare_cached(
                        "INSERT INTO turns (what, place) VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET place = excluded.place",
                    )?
                    .execute([&told.what, &place])?;
            }
            done(connection, &told)
        })
        .await
    }

    /// Remembers a whole listing of a company's subscriptions; who was on and is off has gone off in between. One that could not be read is
    /// kept as it was known before.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_subscriptions(
        &self,
        told: Told,
        company: CompanyId,
        Listing { rows, unreadable }: Listing,
    ) -> Result<(), Error> {
        self.write(move |connection| {
            for (listed, raw) in &rows {
                note_subscription(connection, &told, listed, raw)?;
            }
            unreadable::clear(connection, &told.what)?;
            unreadable::note(connection, &told.what, told.at, &unreadable)?;
            if unreadable.iter().any(|item| item.number.is_none()) {
                // Which one it is cannot be told: none is gone for certain.
                return done(connection, &told);
            }
            let numbers = unreadable.iter().filter_map(|item| item.number);
            let ids: Vec<i64> = rows.iter().map(|(listed, _)| listed.subscription.id.0).chain(numbers).collect();
            connection
                .prepare_cached(
                    "DELETE FROM subscriptions WHERE company = ?1 AND id NOT IN (SELECT value FROM json_each(?2))",
                )?
                .execute(params![company.0, serde_json::to_string(&ids).unwrap_or_default()])?;
            done(connection, &told)
        })
        .await
    }

    /// Remembers that an answer was not understood.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_riddle(&self, what: String, at: Timestamp, why: String, answer: Vec<u8>) -> Result<(), Error> {
        self.write(move |connection| {
            let text: String = String::from_utf8_lossy(&answer).chars().take(SHOWN).collect();
            connection
                .prepare_cached("INSERT OR REPLACE INTO riddles (what, at, why, answer) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![what, at.millis(), why, text])?;
            Ok(())
        })
        .await
    }

    /// Whose a subscription is, if it was listed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn owner(&self, id: SubscriptionId) -> Result<Option<CompanyId>, Error> {
        self.database
            .read(Lane::Common, move |connection| {
                let mut statement = connection.prepare_cached("SELECT company FROM subscriptions WHERE id = ?1")?;
                Ok(statement.query_row([id.0], |row| row.get(0)).optional()?.map(CompanyId))
            })
            .await
    }

    /// All that a picture is made of, at `now`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn seen(&self, now: Timestamp) -> Result<Seen, Error> {
        self.database.read(Lane::Common, move |connection| seen(connection, now)).await
    }
}

/// Something was received and understood: it is told when, how far the watch reaches, and that nothing is a riddle any more.
fn done(connection: &Connection, told: &Told) -> Result<(), Error> {
    let at = told.at.millis();
    connection
        .prepare_cached(
            "INSERT INTO turns (what, done) VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET done = excluded.done",
        )?
        .execute(params![told.what, at])?;
    let earliest = told.at.minus(told.reach).millis();
    let n = connection
        .prepare_cached("UPDATE watches SET until = ?2 WHERE what = ?1 AND until >= ?3 AND until <= ?2")?
        .execute(params![told.what, at, earliest])?;
    if n == 0 {
        connection
            .prepare_cached("INSERT INTO watches (what, since, until) VALUES (?1, ?2, ?2)")?
            .execute(params![told.what, at])?;
    }
    let what = told.what.split(':').next().unwrap_or_default();
    connection.prepare_cached("DELETE FROM riddles WHERE what = ?1")?.execute([what])?;
    Ok(())
}

fn note_subscription(connection: &Connection, told: &Told, listed: &Listed, raw: &RawValue) -> Result<(), Error> {
    let of = &listed.subscription;
    let before: Option<(bool, i64)> = connection
        .prepare_cached("SELECT is_enabled, seen FROM subscriptions WHERE id = ?1")?
        .query_row([of.id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match before {
        Some((true, seen)) if !of.is_enabled => {
            connection
                .prepare_cached(
                    "INSERT INTO outages (subscription, company, target, after, before) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![of.id.0, of.company_id.0, of.target_url.raw(), seen, told.at.millis()])?;
        }
        Some((false, _)) if of.is_enabled => {
            connection
                .prepare_cached("UPDATE outages SET on_again = ?2 WHERE subscription = ?1 AND on_again IS NULL")?
                .execute(params![of.id.0, told.at.millis()])?;
        }
        _ => {}
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO subscriptions (id, company, is_enabled, listed, seen) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![of.id.0, of.company_id.0, of.is_enabled, raw.get(), told.at.millis()])?;
    Ok(())
}

fn keys(connection: &Connection) -> Result<Vec<KeySeen>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT name, held, lacking, refused, used FROM keys ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok(KeySeen {
            name: row.get("name")?,
            held: Scopes::parse(&row.get::<_, String>("held")?),
            lacking: Scopes::parse(&row.get::<_, String>("lacking")?),
            refused: row.get::<_, Option<String>>("refused")?.map(Untrusted::new),
            used_at: row.get::<_, Option<i64>>("used")?.map(Timestamp::from_millis),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn seen(connection: &Connection, now: Timestamp) -> Result<Seen, Error> {
    let count =
        |sql: &str| -> Result<i64, Error> { Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?) };
    let n_receipts = count("SELECT count(*) FROM receipts")?;
    let calls = count("SELECT coalesce(max(id), 0) FROM calls")?;
    let events = count("SELECT count(*) FROM events")?;
    let heard: Option<i64> =
        connection.prepare_cached("SELECT max(done) FROM turns")?.query_row([], |row| row.get(0))?;
    Ok(Seen {
        keys: keys(connection)?,
        windows: windows(connection, now)?,
        subscriptions: subscriptions(connection)?,
        outages: outages(connection)?,
        riddles: riddles(connection)?,
        unreadable: unreadable::all(connection)?,
        gaps: gaps(connection, now)?,
        heard_at: heard.map(Timestamp::from_millis),
        cursor: u64::try_from(calls + events + n_receipts).unwrap_or(0),
        n_receipts: u64::try_from(n_receipts).unwrap_or(0),
    })
}

fn windows(connection: &Connection, now: Timestamp) -> Result<Vec<WindowSeen>, Error> {
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT w.key, w.bucket, w.minute, w.ceiling, w.used, w.n_refused, w.reset FROM windows w
         JOIN (SELECT key, bucket, max(minute) AS newest FROM windows GROUP BY key, bucket) n
         ON w.key = n.key AND w.bucket = n.bucket AND w.minute = n.newest ORDER BY w.key, w.bucket",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, bucket): (String, String) = (row.get("key")?, row.get("bucket")?);
        let Some(bucket) = Bucket::named(&bucket) else { continue };
        let this = now.slot(MINUTE_MS).millis();
        let hour = slots(connection, &key, bucket, (this - HOUR_MS, MINUTE_MS, 60))?;
        let week_began = now.slot(HOUR_MS).millis() - (WEEK_HOURS - 1) * HOUR_MS;
        let week = slots(connection, &key, bucket, (week_began, HOUR_MS, WEEK_HOURS))?;
        found.push(WindowSeen {
            key,
            bucket,
            minute_at: Timestamp::from_millis(row.get("minute")?),
            limit: row.get("ceiling")?,
            used: row.get("used")?,
            n_refused: row.get("n_refused")?,
            reset_at: row.get::<_, Option<i64>>("reset")?.map(Timestamp::from_millis),
            hour,
            week,
        });
    }
    Ok(found)
}

/// The busiest minute of each of `n` slots of `width` milliseconds from `since` on.
fn slots(
    connection: &Connection,
    key: &str,
    bucket: Bucket,
    (since, width, n): (i64, i64, i64),
) -> Result<Vec<Option<u32>>, Error> {
    let mut slots = vec![None; usize::try_from(n).unwrap_or(0)];
    let mut statement = connection.prepare_cached(
        "SELECT (minute - ?3) / ?4 AS slot, max(used) FROM windows
         WHERE key = ?1 AND bucket = ?2 AND minute >= ?3 AND minute < ?5 GROUP BY slot",
    )?;
    let mut rows = statement.query(params![key, bucket.name(), since, width, since + n * width])?;
    while let Some(row) = rows.next()? {
        let slot: i64 = row.get(0)?;
        if let Some(place) = usize::try_from(slot).ok().and_then(|slot| slots.get_mut(slot)) {
            *place = Some(row.get(1)?);
        }
    }
    Ok(slots)
}

fn subscriptions(connection: &Connection) -> Result<Vec<Listed>, Error> {
    let mut statement = connection.prepare_cached("SELECT company, listed FROM subscriptions ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (company, text): (i64, String) = (row.get("company")?, row.get("listed")?);
        let raw: Option<&RawValue> = serde_json::from_str(&text).ok();
        found.extend(raw.and_then(|raw| subscription(raw, CompanyId(company)).ok()));
    }
    Ok(found)
}

/// Reads an outage.
pub(super) fn outage(row: &rusqlite::Row<'_>) -> rusqlite::Result<Outage> {
    Ok(Outage {
        id: TripId(row.get("id")?),
        subscription: SubscriptionId(row.get("subscription")?),
        company: CompanyId(row.get("company")?),
        target: Untrusted::new(row.get::<_, String>("target")?),
        after: Timestamp::from_millis(row.get("after")?),
        before: Timestamp::from_millis(row.get("before")?),
        on_again_at: row.get::<_, Option<i64>>("on_again")?.map(Timestamp::from_millis),
    })
}

fn outages(connection: &Connection) -> Result<Vec<Outage>, Error> {
    let mut statement = connection.prepare_cached("SELECT * FROM outages ORDER BY id DESC LIMIT ?1")?;
    let rows = statement.query_map([OUTAGES], outage)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn riddles(connection: &Connection) -> Result<Vec<Riddle>, Error> {
    let mut statement = connection.prepare_cached("SELECT what, at, why, answer FROM riddles ORDER BY what")?;
    let rows = statement.query_map([], |row| {
        Ok(Riddle {
            what: row.get("what")?,
            at: Timestamp::from_millis(row.get("at")?),
            why: row.get("why")?,
            answer: Untrusted::new(row.get::<_, String>("answer")?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What the watches of the last day leave open. Before the first watch nobody knew of the platform.
fn gaps(connection: &Connection, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, Error> {
    let since = now.millis() - 24 * HOUR_MS;
    let mut statement = connection.prepare_cached(
        "SELECT since, until FROM watches WHERE what LIKE 'subscriptions:%' AND until >= ?1 ORDER BY since",
    )?;
    let watches: Vec<(i64, i64)> =
        statement.query_map([since], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut gaps = Vec::new();
    let mut covered: Option<i64> = None;
    for (began, ended) in watches {
        if let Some(until) = covered.filter(|until| began > *until) {
            gaps.push((Timestamp::from_millis(until), Timestamp::from_millis(began)));
        }
        covered = Some(covered.map_or(ended, |until| until.max(ended)));
    }
    Ok(gaps)
}
