//! Drawing of a pane: title, remarks, chart, placeholder and rows.

use crate::domain::text::Untrusted;
use crate::sync::visibility::limitations;
use crate::text;
use crate::tui::ids::{MainView, Pane};
use crate::tui::panes::data::PaneData;
use crate::tui::panes::{deliveries, rows_of, trips};
use crate::tui::state::app::App;
use crate::tui::state::dashboard::DashboardPanes;
use crate::tui::state::selection::FollowMode;
use crate::tui::state::view_state::SortDirection;
use crate::tui::widgets::format;
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::TableView;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::fmt::Write as _;

/// Minimum height of a pane that shows a chart, in lines.
const MIN_CHART_HEIGHT: u16 = 18;

/// Draws a pane's chart above its rows if there is room for both; returns the area left.
fn draw_chart(buffer: &mut Buffer, area: Rect, view: &PaneData<'_>, pane: Pane) -> Rect {
    if area.height < MIN_CHART_HEIGHT {
        return area;
    }
    let room = usize::from(area.width.saturating_sub(2));
    let lines = match pane {
        Pane::Deliveries => deliveries::chart(view, room),
        Pane::Trips => trips::timelines(view, None, room),
        _ => return area,
    };
    let n = u16::try_from(lines.len()).unwrap_or(0);
    paint::lines(buffer, Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: n, ..area }, &lines);
    Rect { y: area.y + n, height: area.height - n, ..area }
}

/// Draws the limitations of a pane and its unreadable rows above the rows, if there is room for both; returns the
/// area left.
fn draw_remarks(buffer: &mut Buffer, area: Rect, view: &PaneData<'_>, pane: Pane, focused: bool) -> Rect {
    let mut remarks = limitations(view.overview.coverage.as_ref(), pane.noun());
    // The first remark, a known limitation, is dim; the following ones are warnings.
    let n_known = remarks.len().min(1);
    remarks.extend(rows_of(pane).unreadable(view).summary_line());
    let room = usize::from(area.width.saturating_sub(2));
    let flowed = remarks.iter().enumerate().flat_map(|(place, text)| {
        let role = if place < n_known { StyleRole::Dim } else { StyleRole::Warning };
        let style = view.theme.style(role);
        format::wrap_words(text, room).into_iter().map(move |line| Line::styled(format!(" {line}"), style))
    });
    // A known limitation alone is shown in the focused pane only; with a warning, both are shown in every pane. Where
    // nothing is known, it takes the place of the rows.
    let is_uncovered = view.is_uncovered(pane);
    let mut lines: Vec<_> =
        if focused || is_uncovered || remarks.len() > n_known { flowed.collect() } else { Vec::new() };
    let most = if is_uncovered { area.height } else { area.height.saturating_sub(4) / 2 };
    let n = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(most);
    let is_cut = lines.len() > usize::from(n);
    lines.truncate(usize::from(n));
    if let Some(last) = lines.last_mut().filter(|_| is_cut) {
        last.push_span("…");
    }
    paint::lines(buffer, Rect { height: n, ..area }, &lines);
    Rect { y: area.y + n, height: area.height - n, ..area }
}

/// Text in place of rows: what will appear, what is being fetched, or what hides the rows. Where nothing is known, the
/// remarks above say why.
fn placeholder(view: &PaneData<'_>, pane: Pane) -> Vec<String> {
    if view.is_uncovered(pane) {
        return Vec::new();
    }
    let filter = view.view_state.pane(pane).filter.as_ref();
    if let Some(unknown) = filter.and_then(|filter| rows_of(pane).unknown_term(view, &filter.query)) {
        return vec![format!("No match: {}. Press / to change the filter.", unknown.problem)];
    }
    // The snapshot has rows of the dashboard's panes only.
    let awaited = pane.log().filter(|_| !Pane::DASHBOARD.contains(&pane)).map(|log| view.logs.log(log));
    if filter.is_some() && rows_of(pane).n_rows(view) > 0 {
        return vec![format!(
            "No match in {}. Press / to change the filter.",
            text::count(rows_of(pane).n_rows(view), "row")
        )];
    }
    match (awaited, view.company) {
        (Some(log), _) if !log.has_pages() => match log.failure() {
            Some(why) => vec![format!("could not load: {why}")],
            None => vec!["loading …".to_owned()],
        },
        (_, Some(company)) => vec![format!("Nothing for company {company}. Press C to switch company.")],
        (_, None) if view.has_no_portal() => vec![nothing_seen(view, pane)],
        (_, None) => rows_of(pane).empty().iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// Text in place of the rows of which an observer has seen none.
fn nothing_seen(view: &PaneData<'_>, pane: Pane) -> String {
    match view.coverage_of(pane).and_then(|of| of.since_utc) {
        Some(at) => format!("None seen since {} UTC.", at.format("%Y-%m-%d %H:%M:%S")),
        None => "None seen yet.".to_owned(),
    }
}

/// Titles of the columns that are not shown: those that the operator hid, and those that are never known here.
fn hidden_columns(view: &PaneData<'_>, pane: Pane) -> Vec<String> {
    let unknown = rows_of(pane).unknown_columns(view).into_iter().map(str::to_owned);
    unknown.chain(view.view_state.pane(pane).hidden_columns.iter().cloned()).collect()
}

/// Whether a pane in this area has a frame.
const fn is_framed(area: Rect) -> bool {
    area.height > 7
}

/// Index of the row at a line of the screen, for a pane drawn in `area`.
#[must_use]
pub fn row_at(app: &App, view: &PaneData<'_>, pane: Pane, area: Rect, line: u16) -> Option<usize> {
    let edge = u16::from(is_framed(area));
    let first = area.y + 1 + 1;
    let height = area.height.saturating_sub(1 + edge);
    let order = rows_of(pane).order(view);
    let selected = app.selections.of(pane).row().filter(|_| app.focus == pane);
    let (n_rows, hidden) = (order.items.len(), &hidden_columns(view, pane));
    let table =
        TableView { columns: rows_of(pane).columns(), n_rows, selected, marked: &[], hidden, theme: view.theme };
    table.row_at(height, line.checked_sub(first)?, &|at| rows_of(pane).row(view, &order, at))
}

/// Title of a pane with its drill-down, filter, time window and sort order, so that hidden rows are never a surprise.
fn titled(app: &App, view: &PaneData<'_>, pane: Pane) -> String {
    let mut name = pane.title().to_owned();
    let replaced = DashboardPanes::on_screen(app).replaced_by(pane).filter(|_| app.main_view == MainView::Overview);
    if let Some(replaced) = replaced {
        let _ = write!(name, "  in place of {}", replaced.title());
    }
    if app.history.drill.is_some_and(|drill| drill.pane() == pane) {
        for crumb in app.history.breadcrumbs() {
            let _ = write!(name, " › {crumb}");
        }
    }
    let arrangement = view.view_state.pane(pane);
    if let Some(filter) = &arrangement.filter {
        let _ = write!(name, "  / {}", Untrusted::new(filter.text.as_str()).sanitized());
    }
    if let Some(window) = view.view_state.log_window.filter(|_| pane.is_log()) {
        let _ = write!(name, "  last {}", format::age(window));
    }
    if let Some((field, direction)) = arrangement.sort {
        let way = match direction {
            _ if rows_of(pane).is_never_known(view, field) => ", which is never known here",
            SortDirection::Ascending => "",
            SortDirection::Descending => ", descending",
        };
        let _ = write!(name, "  by {}{way}", field.name());
    }
    if view.view_state.is_order_pinned(pane) {
        name.push_str("  order held");
    }
    name
}

/// Draws a pane into `area`: framed if there is room, with the time of its data if the link is not live.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App, view: &PaneData<'_>, pane: Pane) {
    let focused = app.focus == pane;
    let mut remark = rows_of(pane).summary(view);
    let is_followed = pane.is_log() && app.selections.follow_mode(pane) == FollowMode::Newest;
    if is_followed && app.frozen.is_none() && !view.is_uncovered(pane) {
        remark = format!("follow ON   {remark}");
    }
    if let Some(age) = age_mark(app) {
        remark = format!("{age}   {remark}");
    }
    let edge = if focused { StyleRole::Accent } else { StyleRole::Border };
    let name = titled(app, view, pane);
    let title = FrameTitle { name: &name, remark: &remark, edge };
    let inner = if is_framed(area) {
        paint::frame(buffer, area, &title, view.theme)
    } else {
        paint::titles(buffer, area, &title, view.theme);
        Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area }
    };
    let inner = if app.main_view == MainView::Single { draw_chart(buffer, inner, view, pane) } else { inner };
    let inner = draw_remarks(buffer, inner, view, pane, focused);
    let order = rows_of(pane).order(view);
    let n_rows = order.items.len();
    if n_rows == 0 {
        let style = view.theme.style(StyleRole::Dim);
        let room = usize::from(inner.width.saturating_sub(2));
        let lines = placeholder(view, pane).into_iter().flat_map(|text| format::wrap_words(&text, room));
        let lines: Vec<_> = lines.map(|line| Line::styled(format!(" {line}"), style)).collect();
        return paint::lines(buffer, inner, &lines);
    }
    let selected = app.selections.of(pane).row().filter(|_| focused);
    let marked: Vec<usize> =
        app.view_state.marks.iter().filter_map(|mark| order.items.iter().position(|i| i == mark)).collect();
    let hidden = &hidden_columns(view, pane);
    let table =
        TableView { columns: rows_of(pane).columns(), n_rows, selected, marked: &marked, hidden, theme: view.theme };
    table.draw(buffer, inner, &|at| rows_of(pane).row(view, &order, at));
}

/// Time of the data, such as `as of 14:02:31?`; `None` while the link is live.
#[must_use]
pub fn age_mark(app: &App) -> Option<String> {
    use crate::sync::link::LinkState;
    match app.visible_snapshot().link {
        LinkState::Stale | LinkState::Waiting { .. } | LinkState::Offline { .. } => {
            app.visible_snapshot().heard_at.map(|at| format!("as of {}?", at.format("%H:%M:%S")))
        }
        LinkState::Connecting | LinkState::Live | LinkState::Lagging => None,
    }
}
