//! Drawing of the lists of replays, with their progress, and of operators.

use crate::domain::replay::ReplayState;
use crate::domain::time::Timestamp;
use crate::text;
use crate::tui::state::app::App;
use crate::tui::state::overlays::async_list::{AsyncList, IdentifiedRow, OperatorList, ReplayList};
use crate::tui::widgets::format;
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, TableView, numbers, words};
use crate::wire::operators::OperatorRow;
use crate::wire::replays::ReplayRow;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};
use std::time::Duration;

const REPLAY_COLUMNS: [TableColumn; 8] = [
    numbers("REPLAY", 6, 0),
    numbers("SUB", 5, 1),
    words("PHASE", 9, 9, 0),
    words("PROGRESS", 14, 40, 0),
    numbers("DONE", 13, 2),
    numbers("DELIVERED", 9, 3),
    numbers("FAILED", 8, 4),
    words("LEFT", 8, 30, 5),
];

const OPERATOR_COLUMNS: [TableColumn; 5] = [
    numbers("ID", 4, 0),
    words("STATE", 7, 7, 0),
    words("NAME", 14, 40, 0),
    words("ROLE", 8, 8, 0),
    words("CREATED UTC", 19, 19, 1),
];

/// Remaining work of a replay in words: the time at its rate, or the number of deliveries.
fn left(row: &ReplayRow) -> String {
    let done = row.progress.n_taken + row.progress.n_passed;
    let n = row.progress.n_selected.saturating_sub(done);
    match row.phase {
        ReplayState::Running => {
            let seconds = n.div_ceil(u64::from(row.rate_per_second.max(1)));
            format!("~{} at {}/s", format::age(Duration::from_secs(seconds)), row.rate_per_second)
        }
        ReplayState::Paused => format!("{} waiting", text::number(n)),
        ReplayState::Cancelled => format!("{} not sent", text::number(n)),
        ReplayState::Finished => row.ended_utc.map_or_else(String::new, |at: Timestamp| at.format("%H:%M:%S")),
    }
}

fn replay(app: &App, row: &ReplayRow) -> TableRow {
    let theme = app.theme();
    let style = |role| theme.style(role);
    let progress = row.progress;
    let done = progress.n_taken + progress.n_passed;
    let role =
        if matches!(row.phase, ReplayState::Running | ReplayState::Paused) { StyleRole::Text } else { StyleRole::Dim };
    let given_up = if progress.n_exhausted > 0 { StyleRole::Trouble } else { StyleRole::Dim };
    TableRow {
        cells: vec![
            TableCell::new(row.id.to_string(), style(role)),
            TableCell::new(row.subscription_id.to_string(), style(role)),
            TableCell::new(row.phase.name(), style(role)),
            TableCell::bar(done, progress.n_selected, style(role)),
            TableCell::new(format!("{}/{}", format::count(done), format::count(progress.n_selected)), style(role)),
            TableCell::new(format::count(progress.n_succeeded), style(role)),
            TableCell::new(format::count(progress.n_exhausted), style(given_up)),
            TableCell::new(left(row), style(StyleRole::Dim)),
        ],
        below: Vec::new(),
    }
}

fn operator(app: &App, row: &OperatorRow) -> TableRow {
    let theme = app.theme();
    let (state, role) = if row.is_active { ("active", StyleRole::Text) } else { ("revoked", StyleRole::Dim) };
    TableRow {
        cells: vec![
            TableCell::new(row.id.to_string(), theme.style(role)),
            TableCell::new(state, theme.style(role)),
            TableCell::new(row.name.sanitized(), theme.style(role)),
            TableCell::new(row.role.name(), theme.style(role)),
            TableCell::new(row.created_utc.format("%Y-%m-%d %H:%M:%S"), theme.style(StyleRole::Dim)),
        ],
        below: Vec::new(),
    }
}

/// Draws the replays over `area`.
pub(in crate::tui) fn draw_replays(buffer: &mut Buffer, area: Rect, app: &App, list: &ReplayList) {
    let empty = [
        "No replays yet.",
        "Replays and their progress appear here. Press x on a subscription to start one, or enable it with replay.",
    ];
    draw(
        buffer,
        area,
        app,
        list,
        &ListHeading { name: "Replays", order: "newest first", columns: &REPLAY_COLUMNS, empty },
        &|row| replay(app, row),
    );
}

/// Draws the operators over `area`.
pub(in crate::tui) fn draw_operators(buffer: &mut Buffer, area: Rect, app: &App, list: &OperatorList) {
    let empty = ["No operators except this console's own.", "Press N to create one; its token is shown once."];
    draw(
        buffer,
        area,
        app,
        list,
        &ListHeading { name: "Operators", order: "oldest first", columns: &OPERATOR_COLUMNS, empty },
        &|row| operator(app, row),
    );
}

/// Labels and columns of a list.
struct ListHeading<'a> {
    name: &'a str,
    order: &'a str,
    columns: &'a [TableColumn],
    empty: [&'a str; 2],
}

fn draw<T: IdentifiedRow>(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    list: &AsyncList<T>,
    about: &ListHeading<'_>,
    row: &dyn Fn(&T) -> TableRow,
) {
    Clear.render(area, buffer);
    let theme = app.theme();
    let rows = list.rows();
    let remark = match (&list.failure, &list.rows) {
        (Some(why), Some(_)) => format!("refresh failed: {why}"),
        (_, Some(rows)) if list.is_cut => format!("at least {}, {}", rows.len(), about.order),
        (_, Some(rows)) => format!("{}, {}", rows.len(), about.order),
        _ => String::new(),
    };
    let inner =
        paint::frame(buffer, area, &FrameTitle { name: about.name, remark: &remark, edge: StyleRole::Accent }, theme);
    let said: Vec<String> = match (&list.rows, &list.failure) {
        (None, None) => vec!["loading …".to_owned()],
        (None, Some(why)) => vec![format!("could not load: {why}")],
        (Some(rows), _) if rows.is_empty() => about.empty.map(str::to_owned).to_vec(),
        _ => Vec::new(),
    };
    if !said.is_empty() {
        let room = usize::from(inner.width.saturating_sub(2));
        let lines = said.into_iter().flat_map(|text| format::wrap_words(&text, room));
        let lines: Vec<_> = lines.map(|line| Line::styled(format!(" {line}"), theme.style(StyleRole::Dim))).collect();
        return paint::lines(buffer, inner, &lines);
    }
    let columns = about.columns;
    let table = TableView { columns, n_rows: rows.len(), selected: Some(list.at()), marked: &[], hidden: &[], theme };
    table.draw(buffer, inner, &|at| row(&rows[at]));
}
