//! Pane 7: trips of the circuit breaker, with causes, duration and missed events.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::{CompanyId, SubscriptionId, TripId};
use crate::domain::time::Timestamp;
use crate::text;
use crate::tui::ids::{DrillDown, Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::tui::widgets::{chart, format, theme};
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use crate::wire::trips::TripRow;
use ratatui::text::{Line, Span};
use std::time::Duration;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: TripId) -> Option<&'a TripRow> {
    // The snapshot has the newer state of a trip that ended.
    let shown = view.overview.trips.items.iter().find(|row| row.id == id);
    shown.or_else(|| view.logs.trips.window.find(id.0))
}

/// Results of the last 20 attempts before a trip: `500 x18, timeout x2`.
pub(in crate::tui) fn causes(row: &TripRow) -> String {
    let Some(causes) = &row.causes else { return "?".to_owned() };
    causes.iter().map(|cause| format!("{} ×{}", cause.cause.sanitized(), cause.n)).collect::<Vec<_>>().join(", ")
}

/// Time for which the subscription was or has been disabled.
fn off_for(view: &PaneData<'_>, row: &TripRow) -> String {
    format::age(row.enabled_utc.unwrap_or(view.now).since(row.tripped_utc))
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
            let remark = format!("  {least}{} (now →)", text::count(n, "trip"));
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

impl PaneRow for TripRow {
    const PANE: Pane = Pane::Trips;
    const COLUMNS: &'static [TableColumn] = &[
        words("STATE", 5, 5, 0),
        words("TIME UTC", 8, 8, 1),
        numbers("ID", 5, 4),
        words("TARGET", 14, 44, 0),
        words("CAUSES", 19, 40, 0).of("causes"),
        words("OFF FOR", 9, 9, 2),
        numbers("MISSED", 7, 3).of("nMissed"),
    ];
    const EMPTY: &'static [&'static str] = &[
        "No trips.",
        "After 20 failures in a row a subscription is disabled until it is enabled again; each trip is listed here.",
    ];
    const PATH: &'static str = paths::TRIPS;

    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self> {
        // Rows of the trip log, which is paged only where the snapshot does not hold all trips.
        ReceivedRows::of(&view.logs.trips.window, &view.overview.trips.items)
    }

    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows {
        let window = &view.logs.trips.window;
        if window.has_pages() { window.unreadable() } else { &view.overview.trips.unreadable }
    }

    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self> {
        let RowId::Trip(id) = id else { return None };
        find(view, id)
    }

    fn row_id(&self) -> RowId {
        RowId::Trip(self.id)
    }

    fn company(&self, _view: &PaneData<'_>) -> CompanyId {
        self.company_id
    }

    fn table_row(&self, view: &PaneData<'_>) -> TableRow {
        let (_, judgement) = self.named_health(view);
        let standing = judgement.status;
        let word = if standing == HealthStatus::Tripped { theme::status_code(standing) } else { "ON" };
        let mark = (theme::mark(standing), view.theme.style(StyleRole::Mark(standing)));
        let fresh = view.now.since(self.tripped_utc).as_secs() < 86_400;
        let off = off_for(view, self);
        TableRow {
            cells: vec![
                TableCell::marked(mark, word, view.theme.style(StyleRole::Word(standing))),
                view.text(self.tripped_utc.format(if fresh { "%H:%M:%S" } else { "%m-%d" })),
                view.dim(self.subscription_id.to_string()),
                TableCell::middle(format::target(&self.target_url), view.theme.style(StyleRole::Text)),
                view.text(causes(self)),
                if self.enabled_utc.is_none() { view.text(off) } else { view.dim(format!("was {off}")) },
                view.known_cell(self.n_missed, |n| view.count_cell(n, HealthStatus::Warning)),
            ],
            below: (self.enabled_utc.is_none())
                .then(|| {
                    let rest = self.n_missed.map_or_else(
                        || "missed events not available   x enables".to_owned(),
                        |n| format!("missed {}   R replays", text::count(n, "event")),
                    );
                    let missed = format!("off {}   {rest}", off_for(view, self));
                    TableCell::new(missed, view.theme.style(StyleRole::Word(standing)))
                })
                .into_iter()
                .collect(),
        }
    }

    fn named_health(&self, view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        let off = off_for(view, self);
        let missed = self.n_missed.map(|n| text::count(n, "event"));
        let (status, reason) = match (self.enabled_utc, missed) {
            (None, None) => {
                (HealthStatus::Tripped, format!("seen off for {off}; cause and missed events not available"))
            }
            (Some(_), None) => {
                (HealthStatus::Healthy, format!("seen on again after {off}; missed events not available"))
            }
            (None, Some(missed)) => {
                (HealthStatus::Tripped, format!("off for {off} after {}; missed {missed}", causes(self)))
            }
            (Some(_), Some(missed)) => (HealthStatus::Healthy, format!("enabled again after {off}; missed {missed}")),
        };
        let judgement = HealthAssessment { status, reason };
        (format::target(&self.target_url), judgement)
    }

    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
        let (_, judgement) = self.named_health(view);
        let mut lines = view.judgement_lines(&judgement, room);
        let enabled = match (&self.enabled_utc, &self.enabled_by) {
            (Some(at), Some(who)) => format!("{} by {}", view.moment(*at), who.sanitized()),
            (Some(at), None) => view.moment(*at),
            (None, _) if self.n_missed.is_none() => "not yet; x lists actions".to_owned(),
            (None, _) => "not yet; R enables and replays missed events, x lists more actions".to_owned(),
        };
        for (label, value) in [
            ("Tripped", view.moment(self.tripped_utc)),
            ("Target", self.target_url.sanitized()),
            ("Subscription", format!("{}, company {}", self.subscription_id, self.company_id)),
            (
                "Causes",
                if self.causes.is_some() {
                    format!("{} (of the last 20 attempts)", causes(self))
                } else {
                    "not available".to_owned()
                },
            ),
            ("Off for", off_for(view, self)),
            ("Enabled", enabled),
            ("Missed", self.n_missed.map_or_else(|| "not available".to_owned(), |n| text::count(n, "event"))),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        lines.push(Line::styled("Trips of this subscription", view.theme.style(StyleRole::Dim)));
        lines.extend(timelines(view, Some(self.subscription_id), room));
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        let trips = &view.overview.trips;
        let n_off = trips.items.iter().filter(|row| row.enabled_utc.is_none()).count();
        let n_shown = trips.items.len();
        let in_day = view.overview.pipeline.n_trips_24h.map(|n| format!("   {} in 24 h", text::number(n)));
        let day = format!("{n_off} off{}", in_day.unwrap_or_default());
        if (n_shown as u64) < trips.total {
            return format!("{day}   {n_shown} of {} shown", text::number(trips.total));
        }
        day
    }

    fn drill_down(&self) -> Option<DrillDown> {
        Some(DrillDown::Trip(self.subscription_id, self.tripped_utc))
    }

    fn subject(&self) -> Option<DiagnosisSubject> {
        Some(DiagnosisSubject::Subscription(self.subscription_id))
    }
}
