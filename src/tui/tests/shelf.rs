//! Logs as a platform would page through them: 678 attempts, 45,678 events and 9,000 requests, or as many as a test wants.

use super::fixture::{ago, attempt};
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, EventId, KeyId};
use crate::sync::log_window::{LOG_PAGE_ROWS, PageDirection};
use crate::sync::logs::{LogPageRequest, LogPageResult};
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::EventRow;
use crate::wire::log::LogPage;
use crate::wire::readable::UnreadableRows;
use crate::wire::requests::{ProblemCodeCount, RequestRow};
use crate::wire::trips::TripRow;

/// Logs of a platform, given by their numbers of rows.
pub(super) struct FakeLogs {
    pub(super) n_attempts: i64,
    pub(super) n_events: i64,
    pub(super) n_requests: i64,
}

impl Default for FakeLogs {
    fn default() -> Self {
        Self { n_attempts: 678, n_events: 45_678, n_requests: 9_000 }
    }
}

impl FakeLogs {
    /// Answers a page request as a platform would. Only filters by company are applied.
    pub(super) fn page(&self, ask: &LogPageRequest) -> LogPageResult {
        match ask {
            LogPageRequest::Attempts(query, toward) => {
                let wanted = |id: &i64| {
                    query.subscription.is_none_or(|wanted| row(*id).subscription_id.is_some_and(|id| id.0 == wanted))
                };
                LogPageResult::Attempts(page(self.n_attempts, toward, wanted, row))
            }
            LogPageRequest::Events(_, toward) => LogPageResult::Events(page(self.n_events, toward, |_| true, event)),
            LogPageRequest::Requests(_, toward) => {
                LogPageResult::Requests(page(self.n_requests, toward, |_| true, request), last_hour())
            }
            LogPageRequest::Trips(_, toward) => {
                let none = |_: i64| -> TripRow { unreachable!("no trips here") };
                LogPageResult::Trips(page(0, toward, |_| true, none))
            }
        }
    }
}

fn row(id: i64) -> AttemptRow {
    let age = u64::try_from((678 - id).max(0)).unwrap_or(0) * 2 + 1;
    match id % 5 {
        2 => attempt(id, age, None, Some("timeout")),
        0 => attempt(id, age, Some(503), None),
        _ => attempt(id, age, Some(200), None),
    }
}

pub(super) fn event(id: i64) -> EventRow {
    let n = usize::try_from(id).unwrap_or(0);
    EventRow {
        id: EventId(id),
        company_id: CompanyId(92),
        kind: EventType::ALL[n % 10].name().into(),
        created_utc: ago(u64::try_from((45_678 - id).max(0)).unwrap_or(0) * 3),
        n_bytes: 180 + (n as u64 % 70),
        n_deliveries: Some(u32::try_from(n % 3).unwrap_or(0)),
    }
}

pub(super) fn request(id: i64) -> RequestRow {
    let (status, code) = match id % 11 {
        3 => (429, Some("rate_limited")),
        5 => (401, Some("revoked_key")),
        7 => (500, Some("internal")),
        _ => (200, None),
    };
    let (method, route) = match id % 3 {
        0 => ("GET", "/api/v1/events"),
        1 => ("POST", "/api/v1/integrations/leads"),
        _ => ("PATCH", "/api/v1/integrations/clients/{id}/status"),
    };
    let known = status != 401;
    RequestRow {
        id,
        utc: ago(u64::try_from((9_000 - id).max(0)).unwrap_or(0)),
        key_id: known.then_some(KeyId(1)),
        company_id: known.then_some(CompanyId(92)),
        last4: known.then(|| "aZ3k".into()),
        claimed_company_id: (!known).then_some(CompanyId(92)),
        claimed_last4: (!known).then(|| "0000".into()),
        method: method.into(),
        route: route.into(),
        status: Some(status),
        code: code.map(Into::into),
        detail: code.map(|code| format!("{code}: in words\u{1b}[2J").into()),
        reason: None,
        query: (id % 3 == 0).then(|| "type=lead.created&limit=50".into()),
        address: Some("203.0.113.7".into()),
        user_agent: Some("axios/1.12.0\u{1b}[2J".into()),
        answer_headers: None,
        problem: None,
        own_call: None,
        caller_name: None,
        request_id: Some(format!("req_01JD{id:022}").into()),
        elapsed_ms: u64::try_from(id % 17).unwrap_or(0),
    }
}

fn last_hour() -> Vec<ProblemCodeCount> {
    let count = |status, code: Option<&str>, n| ProblemCodeCount { status, code: code.map(Into::into), n };
    vec![
        count(Some(200), None, 2_600),
        count(Some(429), Some("rate_limited"), 61),
        count(Some(401), Some("revoked_key"), 4),
        count(Some(500), Some("internal"), 1),
    ]
}

/// A page of the numbers 1 to `newest`; cursors are numbers.
fn page<T>(newest: i64, toward: &PageDirection, wanted: impl Fn(&i64) -> bool, row: impl Fn(i64) -> T) -> LogPage<T> {
    let number = |cursor: &str| cursor.parse::<i64>().expect("a cursor of this shelf");
    let most = LOG_PAGE_ROWS as usize;
    if let PageDirection::Newer(cursor) = toward {
        let above = number(cursor);
        let mut ids: Vec<i64> = (above + 1..=newest).filter(wanted).take(most + 1).collect();
        let has_more = ids.len() > most;
        ids.truncate(most);
        let reached = ids.last().copied().unwrap_or(above);
        let items = ids.into_iter().rev().map(row).collect();
        let previous_cursor = Some(reached.to_string());
        return LogPage {
            items,
            next_cursor: Some((above + 1).to_string()),
            previous_cursor,
            has_more,
            unreadable: UnreadableRows::default(),
        };
    }
    let below = toward.cursor().map_or(newest + 1, number);
    let mut ids: Vec<i64> = (1..below).rev().filter(wanted).take(most + 1).collect();
    let has_more = ids.len() > most;
    ids.truncate(most);
    let next_cursor = ids.last().filter(|_| has_more).map(ToString::to_string);
    LogPage {
        items: ids.into_iter().map(row).collect(),
        next_cursor,
        previous_cursor: Some((below - 1).to_string()),
        has_more,
        unreadable: UnreadableRows::default(),
    }
}
