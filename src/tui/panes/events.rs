//! Pane 5: events of the companies, of all types, newest first.

use super::view::{LogRows, PaneData};
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::EventId;
use crate::tui::format;
use crate::tui::table::{TableColumn, TableRow, numbers, words};
use crate::wire::deliveries::EventRow;
use ratatui::text::Line;

/// Columns of the event log.
pub(super) const COLUMNS: [TableColumn; 6] = [
    words("TIME UTC", 19, 19, 1),
    numbers("EVENT ID", 11, 0),
    words("TYPE", 14, 24, 0),
    numbers("COMPANY", 7, 3),
    numbers("DELIVERIES", 10, 2),
    numbers("BYTES", 9, 4),
];

pub(super) const EMPTY: [&str; 2] = [
    "No events yet.",
    "Events of the companies appear here, newest first. Integration API activity creates them, and so does M (sample event).",
];

pub(super) fn rows<'a>(view: &PaneData<'a>) -> LogRows<'a, EventRow> {
    LogRows::of(&view.logs.events.window, &[])
}

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: EventId) -> Option<&'a EventRow> {
    view.logs.events.window.find(id.0)
}

pub(super) fn named_health(view: &PaneData<'_>, row: &EventRow) -> (String, HealthAssessment<String>) {
    let why = match row.n_deliveries {
        _ if view.has_no_portal() => "polled; recipients not available".to_owned(),
        0 => "no subscription of the company matched; Enter shows why".to_owned(),
        n => format!("created {}", format::plural_irregular(u64::from(n), "delivery", "deliveries")),
    };
    (row.kind.sanitized(), HealthAssessment { status: HealthStatus::Healthy, reason: why })
}

pub(super) fn summary(view: &PaneData<'_>) -> String {
    view.loaded_summary(&rows(view), "event")
}

pub(super) fn row(view: &PaneData<'_>, row: &EventRow) -> TableRow {
    let deliveries = format::count(u64::from(row.n_deliveries));
    TableRow {
        cells: vec![
            view.dim(row.created_utc.format("%Y-%m-%d %H:%M:%S")),
            view.text(format::number(row.id.0)),
            view.text(row.kind.sanitized()),
            view.dim(row.company_id.to_string()),
            if view.has_no_portal() {
                view.unknown_cell()
            } else if row.n_deliveries == 0 {
                view.dim("none")
            } else {
                view.text(deliveries)
            },
            view.dim(format::number(row.n_bytes)),
        ],
        below: Vec::new(),
    }
}

pub(in crate::tui) fn details(view: &PaneData<'_>, row: &EventRow, room: usize) -> Vec<Line<'static>> {
    let (_, judgement) = named_health(view, row);
    let mut lines = view.judgement_lines(&judgement, room);
    for (label, value) in [
        ("Type", row.kind.sanitized()),
        ("Occurred", view.moment(row.created_utc)),
        ("Company", row.company_id.to_string()),
        ("Envelope", format::plural(row.n_bytes, "byte")),
        (
            "Deliveries",
            if view.has_no_portal() { "not available".to_owned() } else { format::number(i64::from(row.n_deliveries)) },
        ),
    ] {
        lines.extend(view.labelled(label, &value, room));
    }
    lines
}
