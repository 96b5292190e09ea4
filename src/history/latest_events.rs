//! Newest events of each company whose events are polled: what shows that events stay away.

use super::HistoryError;
use crate::domain::event_gap::GAP_SAMPLE_COUNT;
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// Times of the newest events of a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestEvents {
    /// Company that the events belong to.
    pub company: CompanyId,
    /// Time of the last successful poll: nothing is known of the events after it.
    pub polled_at: Timestamp,
    /// Times of the newest events, newest first; at most one more than [`GAP_SAMPLE_COUNT`].
    pub times: Vec<Timestamp>,
}

/// Reads the times of the newest events of each company whose events were polled with success.
pub(super) fn read_latest_events(connection: &Connection) -> Result<Vec<LatestEvents>, HistoryError> {
    let mut polls = connection.prepare_cached(
        "SELECT CAST(substr(task, 8) AS INTEGER), last_success_at FROM poll_state
         WHERE task LIKE 'events:%' AND last_success_at IS NOT NULL ORDER BY 1",
    )?;
    let mut newest = connection
        .prepare_cached("SELECT created_at FROM events WHERE company = ?1 ORDER BY created_at DESC LIMIT ?2")?;
    let polled = polls.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let sample = i64::try_from(GAP_SAMPLE_COUNT + 1).unwrap_or(i64::MAX);
    let mut latest = Vec::new();
    for poll in polled {
        let (company, polled_at) = poll?;
        let rows = newest.query_map(params![company, sample], |row| row.get::<_, i64>(0))?;
        let times = rows.map(|at| Ok(Timestamp::from_millis(at?))).collect::<Result<_, HistoryError>>()?;
        latest.push(LatestEvents { company: CompanyId(company), polled_at: Timestamp::from_millis(polled_at), times });
    }
    Ok(latest)
}
