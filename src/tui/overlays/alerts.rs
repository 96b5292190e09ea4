//! Drawing of the active alerts: what needs attention, why, and since when.

use crate::sync::alerts::{AcknowledgedBy, Alert};
use crate::tui::panes::draw;
use crate::tui::state::app::App;
use crate::tui::state::overlays::alerts::AlertList;
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, TableView, words};
use crate::tui::widgets::{format, theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

/// Columns of a wide list, with the reason on the alert's line.
const WIDE_COLUMNS: [TableColumn; 4] =
    [words("STATE", 5, 5, 0), words("WHAT", 14, 34, 0), words("SINCE", 12, 12, 1), words("WHY", 20, 90, 0)];
/// Columns of a narrow list, with the reason on the lines below.
const NARROW_COLUMNS: [TableColumn; 3] = [words("STATE", 5, 5, 0), words("WHAT", 14, 60, 0), words("SINCE", 12, 12, 1)];

/// Minimum width for the wide list, in columns.
const MIN_WIDE_WIDTH: u16 = 130;

fn row(app: &App, alert: &Alert, columns: &[TableColumn], width: u16) -> TableRow {
    let theme = app.theme();
    // The lines below are indented to the second column and use the rest of the width.
    let room = usize::from(width.saturating_sub(9));
    let why = (columns.len() == NARROW_COLUMNS.len()).then(|| alert.why.clone());
    let said = why.into_iter().chain(alert.acknowledged.as_ref().map(AcknowledgedBy::line));
    let below = said
        .flat_map(|line| format::wrap_words(&line, room))
        .map(|line| TableCell::new(line, theme.style(StyleRole::Dim)))
        .collect();
    let since = format!("{} {}", alert.since.format("%H:%M"), format::age(app.shown_at().since(alert.since)));
    TableRow {
        cells: vec![
            TableCell::marked(
                (theme::mark(alert.standing), theme.style(StyleRole::Mark(alert.standing))),
                theme::status_code(alert.standing),
                theme.style(StyleRole::Word(alert.standing)),
            ),
            TableCell::middle(format::target(&alert.name), theme.style(StyleRole::Text)),
            TableCell::new(since, theme.style(StyleRole::Dim)),
            TableCell::new(alert.why.clone(), theme.style(StyleRole::Text)),
        ],
        below,
    }
}

/// Draws the alerts over `area`: as an overlay if `list` is given, as a part of the overview otherwise.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App, list: Option<&AlertList>) {
    Clear.render(area, buffer);
    let theme = app.theme();
    let alerts = app.visible_snapshot().alerts();
    let n_looked_after = alerts.iter().filter(|alert| alert.acknowledged.is_some()).count();
    let count = match n_looked_after {
        0 => format!("{}, worst first", alerts.len()),
        n => format!("{}, worst first; {n} acknowledged, last", alerts.len()),
    };
    let remark = draw::age_mark(app).map_or_else(|| count.clone(), |age| format!("{age}   {count}"));
    let edge = if list.is_some() { StyleRole::Accent } else { StyleRole::Border };
    let inner = paint::frame(buffer, area, &FrameTitle { name: "Alerts", remark: &remark, edge }, theme);
    if alerts.is_empty() {
        let appear = "Failing and tripped subscriptions, unused and refused keys, rate limits running out and late deliveries appear here, worst first.";
        let room = usize::from(inner.width.saturating_sub(2));
        let lines = ["No alerts.", "", appear].into_iter().flat_map(|text| format::wrap_words(text, room));
        let lines: Vec<_> = lines.map(|line| Line::styled(format!(" {line}"), theme.style(StyleRole::Dim))).collect();
        return paint::lines(buffer, inner, &lines);
    }
    let selected = list.map(|list| list.row(alerts));
    let columns: &[TableColumn] = if inner.width < MIN_WIDE_WIDTH { &NARROW_COLUMNS } else { &WIDE_COLUMNS };
    let table = TableView { columns, n_rows: alerts.len(), selected, marked: &[], hidden: &[], theme };
    table.draw(buffer, inner, &|at| row(app, &alerts[at], columns, inner.width));
}
