//! Pane 8: requests of partners to the Integration API with their responses, newest first.

use super::view::{LogRows, PaneData};
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::text::Untrusted;
use crate::tui::format;
use crate::tui::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::tui::theme::{self, StyleRole};
use crate::wire::requests::RequestRow;
use ratatui::text::Line;

/// Columns of the request log.
pub(super) const COLUMNS: [TableColumn; 9] = [
    words("TIME UTC", 12, 12, 1),
    words("STATUS", 6, 6, 0),
    words("CODE", 14, 24, 0),
    words("METHOD", 6, 6, 3),
    words("ROUTE", 18, 52, 0),
    words("LAST4", 5, 5, 2),
    numbers("MS", 6, 4),
    words("REQUEST ID", 14, 32, 5),
    numbers("COMPANY", 7, 6),
];

pub(super) const EMPTY: [&str; 2] = [
    "No requests yet.",
    "Integration API requests and their responses appear here, newest first, without the console's own.",
];

pub(super) fn rows<'a>(view: &PaneData<'a>) -> LogRows<'a, RequestRow> {
    LogRows::of(&view.logs.requests.window, &[])
}

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: i64) -> Option<&'a RequestRow> {
    view.logs.requests.window.find(id)
}

const fn standing(row: &RequestRow) -> HealthStatus {
    match row.status {
        // Status 0 means that no response was sent.
        0 | 500.. => HealthStatus::Failing,
        400..500 => HealthStatus::Warning,
        _ => HealthStatus::Healthy,
    }
}

fn status(row: &RequestRow) -> String {
    if row.status == 0 { "none".to_owned() } else { row.status.to_string() }
}

fn code(row: &RequestRow) -> String {
    row.code.as_ref().map_or_else(String::new, Untrusted::sanitized)
}

pub(super) fn named_health(row: &RequestRow) -> (String, HealthAssessment<String>) {
    let name = format!("{} {}", row.method.sanitized(), row.route.sanitized());
    let why = match (&row.code, &row.detail) {
        (_, Some(detail)) if row.status == 0 => format!("no response: {}", detail.sanitized()),
        (Some(code), Some(detail)) => format!("HTTP {} {}: {}", row.status, code.sanitized(), detail.sanitized()),
        (Some(code), None) => format!("HTTP {} {}", row.status, code.sanitized()),
        (None, Some(detail)) => format!("HTTP {}: {}", row.status, detail.sanitized()),
        (None, None) => format!("HTTP {}", row.status),
    };
    (name, HealthAssessment { status: standing(row), reason: why })
}

/// Responses of the last hour: errors by code, server errors first, then by frequency.
pub(super) fn summary(view: &PaneData<'_>) -> String {
    let held = view.loaded_summary(&rows(view), "request");
    let counts = &view.logs.last_hour;
    let n: u64 = counts.iter().map(|count| count.n).sum();
    let mut errors: Vec<_> = counts.iter().filter(|count| count.status >= 400).collect();
    errors.sort_by_key(|count| (std::cmp::Reverse(count.status / 100), std::cmp::Reverse(count.n)));
    let named = errors.iter().map(|count| match &count.code {
        Some(code) => format!("{} {} {}", format::number(count.n), count.status, code.sanitized()),
        None => format!("{} {}", format::number(count.n), count.status),
    });
    let hour = format!("{} in 1 h", format::number(n));
    named.chain([hour, held]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("   ")
}

/// Last four characters of the key; with a question mark if the platform does not know the key.
fn last4(row: &RequestRow) -> String {
    match (&row.last4, &row.claimed_last4) {
        (Some(last4), _) => last4.sanitized(),
        (None, Some(claimed)) => format!("{}?", claimed.sanitized()),
        (None, None) => "-".to_owned(),
    }
}

pub(super) fn row(view: &PaneData<'_>, row: &RequestRow) -> TableRow {
    let standing = standing(row);
    let mark = (theme::mark(standing), view.theme.style(StyleRole::Mark(standing)));
    TableRow {
        cells: vec![
            view.dim(row.utc.format("%H:%M:%S%.3f")),
            TableCell::marked(mark, status(row), view.theme.style(StyleRole::Word(standing))),
            view.text(code(row)),
            view.text(row.method.sanitized()),
            TableCell::middle(row.route.sanitized(), view.theme.style(StyleRole::Text)),
            view.text(last4(row)),
            view.text(row.elapsed_ms.to_string()),
            TableCell::middle(row.request_id.sanitized(), view.theme.style(StyleRole::Dim)),
            view.dim(row.company_id.map_or_else(|| "-".to_owned(), |id| id.to_string())),
        ],
        below: Vec::new(),
    }
}

pub(in crate::tui) fn details(view: &PaneData<'_>, row: &RequestRow, room: usize) -> Vec<Line<'static>> {
    let (_, judgement) = named_health(row);
    let mut lines = view.judgement_lines(&judgement, room);
    let key = match (row.key_id, &row.last4) {
        (Some(id), Some(last4)) => format!("ID {id}, ends in {}", last4.sanitized()),
        (Some(id), None) => format!("ID {id}"),
        (None, _) => match (&row.claimed_last4, row.claimed_company_id) {
            (Some(last4), Some(company)) => {
                format!("not identified; ends in {}, names company {company}", last4.sanitized())
            }
            (Some(last4), None) => format!("not identified; ends in {}", last4.sanitized()),
            (None, _) => "not identified".to_owned(),
        },
    };
    for (label, value) in [
        ("Request", format!("{} {}", row.method.sanitized(), row.route.sanitized())),
        ("Received", view.moment(row.utc)),
        ("Key", key),
        ("Company", row.company_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string())),
        ("Duration", format!("{} ms", format::number(row.elapsed_ms))),
        ("Request ID", row.request_id.sanitized()),
    ] {
        lines.extend(view.labelled(label, &value, room));
    }
    for (label, value) in [("Query", &row.query), ("Caller", &row.address), ("User agent", &row.user_agent)] {
        if let Some(value) = value {
            lines.extend(view.labelled(label, &value.sanitized(), room));
        }
    }
    lines
}
