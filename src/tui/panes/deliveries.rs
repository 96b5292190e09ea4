//! Pane 4: delivery attempts, newest first.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::domain::delivery::AttemptKind;
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::ids::{AttemptId, CompanyId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text;
use crate::tui::ids::{DrillDown, Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::tui::widgets::{chart, format, theme};
use crate::wire::attempts::AttemptRow;
use crate::wire::log::AttemptQuery;
use crate::wire::overview::PipelineMinute;
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use ratatui::text::{Line, Span};
use std::time::Duration;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: AttemptId) -> Option<&'a AttemptRow> {
    let paged = view.logs.attempts.window.find(id.0);
    paged.or_else(|| view.overview.attempts.items.iter().find(|row| row.id == id))
}

/// HTTP status, or a word why there is none.
pub(in crate::tui) fn result(row: &AttemptRow) -> String {
    match (row.status_code, &row.cause) {
        (Some(status), _) => status.to_string(),
        (None, Some(cause)) => cause.sanitized(),
        (None, None) => "no answer".to_owned(),
    }
}

/// Number of an attempt, such as `3/11`; alone where the greatest number is not known.
fn count_of_tries(number: u32, of: Option<u32>) -> String {
    of.map_or_else(|| number.to_string(), |of| format!("{number}/{of}"))
}

/// Time at which the outcome was known, which is the order of the log.
fn ended(row: &AttemptRow) -> Timestamp {
    row.started_utc.plus(Duration::from_millis(row.elapsed_ms))
}

/// Short form of the URL that the attempt was sent to, if it is known.
fn target(row: &AttemptRow) -> Option<String> {
    row.target_url.as_ref().map(format::target)
}

fn standing(row: &AttemptRow) -> HealthStatus {
    if row.outcome().is_success() { HealthStatus::Healthy } else { HealthStatus::Failing }
}

/// Whether the log is restricted to a part of the attempts.
fn is_part(view: &PaneData<'_>) -> bool {
    view.company.is_some() || view.logs.attempts.query != AttemptQuery::default()
}

/// Chart of the last hour by the minute: scheduled attempts as columns, with a tick beneath where some failed. Empty
/// where the log is restricted, because the platform counts all attempts together.
pub(in crate::tui) fn chart(view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
    let minutes = &view.overview.minutes;
    if is_part(view) || minutes.is_empty() {
        return Vec::new();
    }
    let total = |minute: &PipelineMinute| u64::from(minute.n_ok) + u64::from(minute.n_failed);
    // Each minute is one to three columns wide, as far as there is room.
    let wide = ((room.saturating_sub(48)) / minutes.len()).clamp(1, 3);
    let counts: Vec<u64> = minutes.iter().flat_map(|minute| std::iter::repeat_n(total(minute), wide)).collect();
    let most = counts.iter().copied().max().unwrap_or(0);
    let style = |role| view.theme.style(role);
    let [peak, span, legend] = remarks(most, room.saturating_sub(counts.len()));
    let remarks = [peak, span];
    let columns = chart::columns(&counts, remarks.len()).into_iter().zip(remarks);
    let mut lines: Vec<Line<'static>> = columns
        .map(|(line, remark)| {
            Line::from(vec![Span::styled(line, style(StyleRole::Text)), Span::styled(remark, style(StyleRole::Dim))])
        })
        .collect();
    let mut ticks: Vec<Span<'static>> = minutes
        .iter()
        .map(|minute| match (minute.n_failed, u64::from(minute.n_failed) * 2 > total(minute)) {
            (0, _) => Span::raw(" ".repeat(wide)),
            (_, false) => Span::styled("^".repeat(wide), style(StyleRole::Word(HealthStatus::Warning))),
            (_, true) => Span::styled("!".repeat(wide), style(StyleRole::Word(HealthStatus::Failing))),
        })
        .collect();
    ticks.push(Span::styled(legend, style(StyleRole::Dim)));
    lines.push(Line::from(ticks));
    lines
}

/// Remarks beside the chart, in a long or short form as there is room: peak, time span, legend of the ticks.
fn remarks(most: u64, room: usize) -> [String; 3] {
    let most = text::number(most);
    let full =
        [format!("  peak {most}/min"), "  last 60 min (now →)".to_owned(), "  ^ some failed  ! most failed".to_owned()];
    let short = [format!("  peak {most}"), "  60 min".to_owned(), "  ^ some ! most".to_owned()];
    let fits = |remarks: &[String; 3]| remarks.iter().all(|remark| format::width(remark) <= room);
    [full, short].into_iter().find(fits).unwrap_or_default()
}

impl PaneRow for AttemptRow {
    const PANE: Pane = Pane::Deliveries;
    const COLUMNS: &'static [TableColumn] = &[
        words("ENDED UTC", 12, 12, 2),
        words("RESULT", 9, 9, 0),
        words("EVENT", 14, 21, 1),
        words("SUBSCRIPTION", 14, 60, 1),
        numbers("MS", 6, 3),
        numbers("TRY", 5, 4),
        numbers("EVENT ID", 11, 5),
        words("KIND", 7, 7, 6).of("kind"),
    ];
    const EMPTY: &'static [&'static str] = &[
        "No delivery attempts yet.",
        "Attempts appear here, newest first, as soon as an event matches an enabled subscription.",
    ];
    const PATH: &'static str = paths::ATTEMPT;

    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self> {
        ReceivedRows::of(&view.logs.attempts.window, &view.overview.attempts.items)
    }

    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows {
        let window = &view.logs.attempts.window;
        if window.has_pages() { window.unreadable() } else { &view.overview.attempts.unreadable }
    }

    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self> {
        let RowId::Attempt(id) = id else { return None };
        find(view, id)
    }

    fn row_id(&self) -> RowId {
        RowId::Attempt(self.id)
    }

    fn company(&self, _view: &PaneData<'_>) -> CompanyId {
        self.company_id.unwrap_or(CompanyId(0))
    }

    fn table_row(&self, view: &PaneData<'_>) -> TableRow {
        let standing = standing(self);
        let mark = (theme::mark(standing), view.theme.style(StyleRole::Mark(standing)));
        let subscription = self.subscription_id.map(|id| id.to_string());
        let subscription = subscription.into_iter().chain(target(self)).collect::<Vec<_>>().join(" ");
        let event = self.event_id.map_or_else(|| "-".to_owned(), |id| text::number(id.0));
        let kind = match self.kind {
            Some(AttemptKind::Scheduled) => "",
            Some(kind) => kind.name(),
            None => "?",
        };
        TableRow {
            cells: vec![
                view.dim(ended(self).format("%H:%M:%S%.3f")),
                TableCell::marked(mark, result(self), view.theme.style(StyleRole::Word(standing))),
                view.text(self.event_type.sanitized()),
                TableCell::middle(subscription, view.theme.style(StyleRole::Text)),
                view.text(self.elapsed_ms.to_string()),
                view.known_cell(self.number, |number| view.dim(count_of_tries(number, self.of))),
                view.dim(event),
                view.dim(kind),
            ],
            below: Vec::new(),
        }
    }

    fn named_health(&self, _view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        let why = match &self.error {
            Some(error) => format!("{}: {}", result(self), error.sanitized()),
            None if self.outcome().is_success() => format!("HTTP {}", result(self)),
            None if self.status_code.is_some() => format!("HTTP {} (needs 2xx within 10 s)", result(self)),
            None => format!("{} (needs 2xx within 10 s)", result(self)),
        };
        (
            match (self.number, target(self)) {
                (Some(number), Some(target)) => format!("attempt {} to {target}", count_of_tries(number, self.of)),
                (None, Some(target)) => format!("attempt to {target}"),
                (_, None) => format!("attempt of {}", self.event_type.sanitized()),
            },
            HealthAssessment { status: standing(self), reason: why },
        )
    }

    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
        let (_, judgement) = self.named_health(view);
        let mut lines = view.judgement_lines(&judgement, room);
        let number = |id: Option<i64>| id.map_or_else(|| "none".to_owned(), text::number);
        for (label, value) in [
            ("Started", view.moment(self.started_utc)),
            ("Target", text::or_unknown(self.target_url.as_ref().map(Untrusted::sanitized))),
            (
                "Subscription",
                format!("{}, company {}", text::or_unknown(self.subscription_id), text::or_unknown(self.company_id)),
            ),
            ("Event", format!("{} {}", self.event_type.sanitized(), number(self.event_id.map(|id| id.0)))),
            (
                "Delivery",
                format!(
                    "{}, attempt {} of {}, {}",
                    number(self.delivery_id.map(|id| id.0)),
                    text::or_unknown(self.number),
                    text::or_unknown(self.of),
                    text::or_unknown(self.kind.map(AttemptKind::name))
                ),
            ),
            ("Duration", format!("{} ms", text::number(self.elapsed_ms))),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        if view.has_no_portal() {
            return format!("{} passed crow listen in 1 h", text::number(view.overview.attempts.total));
        }
        let pipeline = view.overview.pipeline;
        let total = text::number(view.overview.attempts.total);
        let rows = Self::rows(view);
        let held = view.loaded_summary(&rows, "attempt");
        let counted = match rows {
            // The platform counts the last hour over all attempts; for a filtered part, the loaded rows are counted
            // instead.
            ReceivedRows::Paged(stretch) if is_part(view) => {
                let n_failed = stretch.rows().filter(|row| !row.outcome().is_success()).count();
                format!("{} failed", text::number(n_failed))
            }
            _ if is_part(view) => String::new(),
            _ => pipeline
                .n_failed_1h
                .map_or_else(String::new, |n| format!("{} of {total} failed in 1 h", text::number(n))),
        };
        [counted, held].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("   ")
    }

    fn drill_down(&self) -> Option<DrillDown> {
        self.event_id.map(DrillDown::Event)
    }

    fn subject(&self) -> Option<DiagnosisSubject> {
        self.subscription_id.map(DiagnosisSubject::Subscription)
    }
}
