//! Pane 6: rate limits of each key, with the calls left, the time of the reset, and a forecast of the first refused
//! call.

use crate::domain::health_status::{ExhaustionForecast, HealthAssessment, HealthStatus};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::window::RateBucket;
use crate::text;
use crate::text::health::worded;
use crate::tui::ids::{Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::wire::limits::{LimitRow, OwnUse};
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use ratatui::text::Line;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: KeyId, bucket: RateBucket) -> Option<&'a LimitRow> {
    view.overview.limits.items.iter().find(|row| row.key_id == id && row.bucket == bucket)
}

/// Time until the window resets, as a countdown; a dash for an unused window.
fn resets(view: &PaneData<'_>, row: &LimitRow) -> String {
    match row.used {
        Some(0) => "-".to_owned(),
        _ if row.reset_utc <= view.now => "ended".to_owned(),
        _ => format::countdown(row.reset_utc.since(view.now)),
    }
}

/// Forecast of the first refused call: refused already, in this time, not before the reset, or no forecast.
fn first_429(view: &PaneData<'_>, row: &LimitRow) -> String {
    if let Some(n) = row.n_refused.filter(|n| *n > 0) {
        return format!("{} so far", format::count(n));
    }
    if row.used == Some(0) {
        return "-".to_owned();
    }
    if row.reset_utc <= view.now {
        return "window ended".to_owned();
    }
    match row.forecast(view.now) {
        ExhaustionForecast::Unknown => "-".to_owned(),
        ExhaustionForecast::ResetsFirst => "resets first".to_owned(),
        ExhaustionForecast::ExhaustedAfter(after) => format!("in ~{}", format::age(after)),
    }
}

/// Last week by the hour; a question mark marks hours that were not observed.
fn week(view: &PaneData<'_>, week: &[Option<u32>], room: usize) -> Vec<Line<'static>> {
    let strip = format::gapped_sparkline(week);
    let n_seen = week.iter().flatten().count();
    let about = format!("busiest minute of each hour; {n_seen} of {} hours observed", week.len());
    let mut lines = Vec::new();
    lines.extend(view.labelled("7 days", &about, room));
    let style = view.theme.style(StyleRole::Text);
    lines.extend(format::wrap(&strip, room).into_iter().map(|line| Line::styled(line, style)));
    lines
}

impl PaneRow for LimitRow {
    const PANE: Pane = Pane::Limits;
    const COLUMNS: &'static [TableColumn] = &[
        words("STATE", 5, 5, 0),
        words("KEY", 12, 26, 0),
        words("LAST4", 5, 5, 6),
        words("BUCKET", 6, 6, 0),
        words("USED", 8, 26, 3),
        numbers("LEFT", 4, 1),
        numbers("REMAINING", 10, 5),
        numbers("RESETS", 6, 4),
        words("429", 12, 12, 2),
        words("LAST 60 MIN", 60, 60, 7),
    ];
    const EMPTY: &'static [&'static str] = &[
        "No rate limits yet.",
        "Rate-limit usage of each active key (read, write, admin) appears here, tightest first.",
    ];
    const PATH: &'static str = paths::LIMITS;

    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self> {
        ReceivedRows::Snapshot(&view.overview.limits.items)
    }

    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows {
        &view.overview.limits.unreadable
    }

    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self> {
        let RowId::Window(id, bucket) = id else { return None };
        find(view, id, bucket)
    }

    fn row_id(&self) -> RowId {
        RowId::Window(self.key_id, self.bucket)
    }

    fn company(&self, _view: &PaneData<'_>) -> CompanyId {
        self.company_id
    }

    fn table_row(&self, view: &PaneData<'_>) -> TableRow {
        let (_, judgement) = self.named_health(view);
        let standing = judgement.status;
        let tint = if self.used.is_none_or(|used| used == 0) { StyleRole::Dim } else { StyleRole::Word(standing) };
        let forecast = if standing == HealthStatus::Healthy
            && !matches!(self.forecast(view.now), ExhaustionForecast::ExhaustedAfter(_))
        {
            view.dim(first_429(view, self))
        } else {
            view.text(first_429(view, self))
        };
        TableRow {
            cells: vec![
                view.state(standing),
                view.text(self.key_name.sanitized()),
                view.dim(self.last4.sanitized()),
                view.text(self.bucket.name()),
                view.known_cell(self.used, |used| {
                    TableCell::bar(u64::from(used), u64::from(self.limit), view.theme.style(tint))
                }),
                view.known_cell(self.percent_left(), |percent| {
                    TableCell::new(format!("{percent}%"), view.theme.style(tint))
                }),
                view.known_cell(self.remaining, |left| view.dim(format!("{left} of {}", self.limit))),
                view.dim(resets(view, self)),
                forecast,
                view.dim(format::gapped_sparkline(&self.history)),
            ],
            below: Vec::new(),
        }
    }

    fn named_health(&self, _view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        (format!("{} {}", self.key_name.sanitized(), self.bucket), worded(&self.assess()))
    }

    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
        let (_, judgement) = self.named_health(view);
        let most = self.history.iter().flatten().max().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let mut lines = view.judgement_lines(&judgement, room);
        let window = if self.used == Some(0) { "no calls yet".to_owned() } else { resets(view, self) };
        for (label, value) in [
            ("Key", format!("{}, ID {}, ends in {}", self.key_name.sanitized(), self.key_id, self.last4.sanitized())),
            ("Bucket", format!("{}, {} calls per minute, company {}", self.bucket, self.limit, self.company_id)),
            (
                "Remaining",
                text::or_unknown(
                    self.remaining
                        .zip(self.percent_left())
                        .map(|(left, percent)| format!("{left} of {} calls, {percent}%", self.limit)),
                ),
            ),
            (
                "Used",
                text::or_unknown(
                    self.used.map(|used| format!("{} {used}", format::bar(u64::from(used), u64::from(self.limit), 42))),
                ),
            ),
            (
                "Refused",
                format!("{} answered 429 in this window", text::maybe_several(self.n_refused, "call", "calls")),
            ),
            ("429", first_429(view, self)),
            ("Window start", view.moment(self.window_utc)),
            ("Resets in", window),
            ("Last 60 min", format!("calls admitted per minute, oldest first; peak {most}")),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        if let Some(OwnUse { n_calls, allowance }) = self.own_use {
            let own = format!("{n_calls} calls in the last minute, {allowance} allowed at the current load");
            lines.extend(view.labelled("crow's own", &own, room));
        }
        lines.extend(self.week.as_ref().map(|hours| week(view, hours, room)).unwrap_or_default());
        let spark = format::gapped_sparkline(&self.history);
        let style = view.theme.style(StyleRole::Text);
        lines.extend(format::wrap(&spark, room).into_iter().map(|line| Line::styled(line, style)));
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        view.health_summary(&view.overview.limits, |row| (row.company_id, row.assess().status))
    }
}
