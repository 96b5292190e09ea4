//! Pane 7: trips of the circuit breaker, with causes, duration and missed events.

use super::view::{LogRows, PaneData};
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::{SubscriptionId, TripId};
use crate::domain::time::Timestamp;
use crate::tui::chart;
use crate::tui::format;
use crate::tui::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::tui::theme::{self, StyleRole};
use crate::wire::trips::TripRow;
use ratatui::text::{Line, Span};
use std::time::Duration;

/// Columns of the trip list.
pub(super) const COLUMNS: [TableColumn; 7] = [
    words("STATE", 5, 5, 0),
    words("TIME UTC", 8, 8, 1),
    numbers("ID", 5, 4),
    words("TARGET", 14, 44, 0),
    words("CAUSES", 19, 40, 0),
    words("OFF FOR", 9, 9, 2),
    numbers("MISSED", 7, 3),
];

pub(super) const EMPTY: [&str; 2] = [
    "No trips.",
    "After 20 failures in a row a subscription is disabled until it is enabled again; each trip is listed here.",
];

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: TripId) -> Option<&'a TripRow> {
    // The snapshot has the newer state of a trip that ended.
    let shown = view.overview.trips.items.iter().find(|row| row.id == id);
    shown.or_else(|| view.logs.trips.window.find(id.0))
}

/// Rows of the trip log, which is paged only where the snapshot does not hold all trips.
pub(super) fn rows<'a>(view: &PaneData<'a>) -> LogRows<'a, TripRow> {
    LogRows::of(&view.logs.trips.window, &view.overview.trips.items)
}

/// Results of the last 20 attempts before a trip: `500 x18, timeout x2`.
pub(super) fn causes(row: &TripRow) -> String {
    row.causes.iter().map(|cause| format!("{} ×{}", cause.cause.sanitized(), cause.n)).collect::<Vec<_>>().join(", ")
}

/// Time for which the subscription was or has been disabled.
fn off_for(view: &PaneData<'_>, row: &TripRow) -> String {
    format::age(row.enabled_utc.unwrap_or(view.now).since(row.tripped_utc))
}

pub(super) fn named_health(view: &PaneData<'_>, row: &TripRow) -> (String, HealthAssessment<String>) {
    let off = off_for(view, row);
    let judgement = match row.enabled_utc {
        None if view.has_no_portal() => HealthAssessment {
            status: HealthStatus::Tripped,
            reason: format!("seen off for {off}; cause and missed events not available"),
        },
        Some(_) if view.has_no_portal() => HealthAssessment {
            status: HealthStatus::Healthy,
            reason: format!("seen on again after {off}; missed events not available"),
        },
        None => HealthAssessment {
            status: HealthStatus::Tripped,
            reason: format!("off for {off} after {}; missed {}", causes(row), format::plural(row.n_missed, "event")),
        },
        Some(_) => HealthAssessment {
            status: HealthStatus::Healthy,
            reason: format!("enabled again after {off}; missed {}", format::plural(row.n_missed, "event")),
        },
    };
    (format::target(&row.target_url), judgement)
}

pub(super) fn summary(view: &PaneData<'_>) -> String {
    let trips = &view.overview.trips;
    let n_off = trips.items.iter().filter(|row| row.enabled_utc.is_none()).count();
    let n_shown = trips.items.len();
    let day = format!("{n_off} off   {} in 24 h", format::number(view.overview.pipeline.n_trips_24h));
    if (n_shown as u64) < trips.total {
        return format!("{day}   {n_shown} of {} shown", format::number(trips.total));
    }
    day
}

/// Timelines of trips in the last day and the last 30 days: `#` for one trip, a digit for two to nine, `+` for more,
/// `.` for none, `?` where the loaded trips do not reach back.
pub(in crate::tui) fn timelines(view: &PaneData<'_>, of: Option<SubscriptionId>, room: usize) -> Vec<Line<'static>> {
    const REMARK: usize = 40;
    let listing = &view.overview.trips;
    let is_shown = |row: &&TripRow| {
        of.is_none_or(|id| id == row.subscription_id) && view.company.is_none_or(|id| id == row.company_id)
    };
    let times: Vec<Timestamp> = listing.items.iter().filter(is_shown).map(|row| row.tripped_utc).collect();
    let reach =
        listing.items.last().filter(|_| (listing.items.len() as u64) < listing.total).map(|row| row.tripped_utc);
    let wide = room.saturating_sub(TIMELINE_LABEL_WIDTH + REMARK).clamp(12, 60);
    [("24 hours", 24), ("30 days", 30 * 24)]
        .into_iter()
        .map(|(label, hours)| {
            let length = Duration::from_secs(hours * 3_600);
            let since = view.now.minus(length);
            let counts = chart::histogram(times.iter().copied(), since, view.now, wide);
            let n: u64 = counts.iter().sum();
            let cell = |(position, n): (usize, &u64)| {
                let end =
                    since.plus(length / u32::try_from(wide).unwrap_or(1) * u32::try_from(position + 1).unwrap_or(1));
                match n {
                    0 if reach.is_some_and(|reach| end < reach) => '?',
                    0 => '.',
                    1 => '#',
                    2..=9 => char::from_digit(u32::try_from(*n).unwrap_or(9), 10).unwrap_or('9'),
                    _ => '+',
                }
            };
            let cells: String = counts.iter().enumerate().map(cell).collect();
            let role = if n == 0 { StyleRole::Dim } else { StyleRole::Word(HealthStatus::Tripped) };
            let least = if reach.is_some_and(|reach| since < reach) { "at least " } else { "" };
            let remark = format!("  {least}{} (now →)", format::plural(n, "trip"));
            Line::from(vec![
                Span::styled(format!("{label:<TIMELINE_LABEL_WIDTH$}"), view.theme.style(StyleRole::Dim)),
                Span::styled(cells, view.theme.style(role)),
                Span::styled(remark, view.theme.style(StyleRole::Dim)),
            ])
        })
        .collect()
}

/// Width of the label before a timeline, in columns.
const TIMELINE_LABEL_WIDTH: usize = 14;

pub(super) fn row(view: &PaneData<'_>, row: &TripRow) -> TableRow {
    let (_, judgement) = named_health(view, row);
    let standing = judgement.status;
    let word = if standing == HealthStatus::Tripped { theme::status_code(standing) } else { "ON" };
    let mark = (theme::mark(standing), view.theme.style(StyleRole::Mark(standing)));
    let fresh = view.now.since(row.tripped_utc).as_secs() < 86_400;
    let off = off_for(view, row);
    TableRow {
        cells: vec![
            TableCell::marked(mark, word, view.theme.style(StyleRole::Word(standing))),
            view.text(row.tripped_utc.format(if fresh { "%H:%M:%S" } else { "%m-%d" })),
            view.dim(row.subscription_id.to_string()),
            TableCell::middle(format::target(&row.target_url), view.theme.style(StyleRole::Text)),
            view.text(causes(row)),
            if row.enabled_utc.is_none() { view.text(off) } else { view.dim(format!("was {off}")) },
            if view.has_no_portal() {
                view.unknown_cell()
            } else {
                view.count_cell(row.n_missed, HealthStatus::Warning)
            },
        ],
        below: (row.enabled_utc.is_none())
            .then(|| {
                let missed = format::plural(row.n_missed, "event");
                // Without a Portal the missed events and their replay are unknown.
                let rest = if view.has_no_portal() {
                    "missed events not available   x enables".to_owned()
                } else {
                    format!("missed {missed}   R replays")
                };
                let missed = format!("off {}   {rest}", off_for(view, row));
                TableCell::new(missed, view.theme.style(StyleRole::Word(standing)))
            })
            .into_iter()
            .collect(),
    }
}

pub(super) fn details(view: &PaneData<'_>, row: &TripRow, room: usize) -> Vec<Line<'static>> {
    let (_, judgement) = named_health(view, row);
    let mut lines = view.judgement_lines(&judgement, room);
    let enabled = match (&row.enabled_utc, &row.enabled_by) {
        (Some(at), Some(who)) => format!("{} by {}", view.moment(*at), who.sanitized()),
        (Some(at), None) => view.moment(*at),
        (None, _) => "not yet; R enables and replays missed events, x lists more actions".to_owned(),
    };
    for (label, value) in [
        ("Tripped", view.moment(row.tripped_utc)),
        ("Target", row.target_url.sanitized()),
        ("Subscription", format!("{}, company {}", row.subscription_id, row.company_id)),
        ("Causes", format!("{} (of the last 20 attempts)", causes(row))),
        ("Off for", off_for(view, row)),
        ("Enabled", enabled),
        ("Missed", format::plural(row.n_missed, "event")),
    ] {
        lines.extend(view.labelled(label, &value, room));
    }
    lines.push(Line::styled("Trips of this subscription", view.theme.style(StyleRole::Dim)));
    lines.extend(timelines(view, Some(row.subscription_id), room));
    lines
}
