//! Overlays above the main view: lists, details, text inputs, forms and confirmations. The front overlay receives the
//! keys.

pub mod alerts;
pub mod bulk;
pub mod choice;
pub mod companies;
pub mod confirm;
pub mod detail;
pub mod expect;
pub mod filter;
pub mod finder;
pub mod form;
mod grants;
pub mod leave;
pub mod menu;
pub mod note;
pub mod offers;
pub mod once;
pub mod roll;
pub mod sheets;

use super::app::App;
use super::paint::{self, Title};
use super::panes::{self, diagnose, escalate};
use super::sheet::Entry;
use super::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

/// Overlay above the main view, with its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// All actions with their keys, grouped by purpose.
    Help(finder::Finder),
    /// Command palette: all actions, found by typing.
    Palette(finder::Finder),
    /// List of the active alerts.
    Alerts(alerts::AlertList),
    /// Detail view of one item.
    Detail(detail::Detail),
    /// Menu of actions on an item.
    Menu(menu::Menu),
    /// Confirmation of a single change, answered with y or n.
    Confirm(confirm::Question),
    /// Confirmation that wants a count typed.
    Count(bulk::Count),
    /// Progress of a bulk run of changes.
    Run(bulk::Run),
    /// Text input for a filter.
    Filter(filter::FilterLine),
    /// Short list to choose from.
    Choice(choice::Choice),
    /// Companies, to restrict all panes to one.
    Companies(companies::Companies),
    /// Text input for a note.
    Note(note::NoteLine),
    /// Form with the details of a change.
    Form(form::Form),
    /// List of replays with their progress.
    Replays(roll::Replays),
    /// List of operators and their roles.
    Operators(roll::Operators),
    /// Secret that is shown once.
    Once(once::Shown),
    /// Confirmation before quitting, where that stops the platform.
    Leave,
    /// Input for what a receiver computed, or for its secret.
    Expect(expect::ExpectLine),
    /// Read-only text list, such as the message log.
    Sheet(sheets::Sheet),
    /// Pane 9, with playbooks and results.
    Diagnose,
    /// Pane 0, with the escalation bundle.
    Escalate,
}

/// Number of lines of the front overlay, or 0 if it does not scroll by lines.
#[must_use]
pub fn n_lines(app: &App) -> usize {
    let room = room(app.screen().body);
    match app.layers.last() {
        Some(Layer::Sheet(sheet)) => sheets::lines(app, sheet.told).len(),
        Some(Layer::Detail(detail)) => detail::sheet(app, detail, room).0.len(),
        Some(Layer::Diagnose) => diagnose::sheet(app, room).0.len(),
        Some(Layer::Escalate) => escalate::lines(app, room).len(),
        _ => 0,
    }
}

/// Width for the text of an overlay that covers `area`, in columns.
pub(super) fn room(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(4))
}

/// Area without its first and last column.
fn padded(area: Rect) -> Rect {
    Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(2), ..area }
}

/// Draws all overlays over `area`, the front one last. A confirmation or form replaces the menu that led to it.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    for (position, layer) in app.layers.iter().enumerate() {
        match layer {
            Layer::Menu(_) | Layer::Form(_) if is_asked_about(app.layers.get(position + 1)) => {}
            Layer::Help(finder) | Layer::Palette(finder) => finder::draw(buffer, area, app, finder),
            Layer::Sheet(of) => {
                sheet(buffer, area, app, (of.told.title(), None), &sheets::lines(app, of.told), of.top);
            }
            // A detail view beneath an overlay that covers everything is not visible.
            Layer::Detail(_) if app.layers[position + 1..].iter().any(covers) => {}
            Layer::Detail(detail) => draw_detail(buffer, area, app, detail, position),
            Layer::Diagnose => {
                let (title, entries) = (diagnose::title(&app.room), diagnose::sheet(app, room(area)).0);
                entry_sheet(buffer, area, app, (&title, None), entries, diagnose::cursor(&app.room));
            }
            Layer::Escalate => {
                let title = escalate::title(&app.escalation);
                sheet(buffer, area, app, (&title, None), &escalate::lines(app, room(area)), app.escalation.top);
            }
            Layer::Alerts(list) => alerts::draw(buffer, area, app, Some(list)),
            Layer::Menu(menu) => menu::draw(buffer, area, app, menu),
            Layer::Confirm(question) => confirm::draw(buffer, area, app, question),
            Layer::Count(count) => bulk::draw_count(buffer, area, app, count),
            Layer::Run(run) => bulk::draw_run(buffer, area, app, run),
            Layer::Filter(line) => filter::draw(buffer, area, app, line),
            Layer::Choice(choice) => choice::draw(buffer, area, app, *choice),
            Layer::Companies(list) => companies::draw(buffer, area, app, list),
            Layer::Note(note) => note::draw(buffer, area, app, note),
            Layer::Form(form) => form::draw::draw(buffer, area, app, form),
            Layer::Replays(list) => roll::draw_replays(buffer, area, app, list),
            Layer::Operators(list) => roll::draw_operators(buffer, area, app, list),
            Layer::Once(shown) => once::draw(buffer, area, app, shown),
            Layer::Leave => leave::draw(buffer, area, app),
            Layer::Expect(line) => expect::draw(buffer, area, app, line),
        }
    }
}

/// Whether the overlay above replaces a menu or form.
const fn is_asked_about(next: Option<&Layer>) -> bool {
    matches!(next, Some(Layer::Confirm(_) | Layer::Count(_) | Layer::Form(_)))
}

/// Whether an overlay hides everything beneath it.
const fn covers(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::Help(_)
            | Layer::Alerts(_)
            | Layer::Detail(_)
            | Layer::Sheet(_)
            | Layer::Replays(_)
            | Layer::Operators(_)
            | Layer::Diagnose
            | Layer::Escalate
    )
}

/// Draws a detail view with its cursor. The title names the detail views it was opened from.
fn draw_detail(buffer: &mut Buffer, area: Rect, app: &App, detail: &detail::Detail, position: usize) {
    let entries = detail::sheet(app, detail, room(area)).0;
    let titles = app.layers[..=position].iter().filter_map(|layer| match layer {
        Layer::Detail(detail) => Some(detail::title(detail)),
        _ => None,
    });
    let title = titles.collect::<Vec<_>>().join(" › ");
    entry_sheet(buffer, area, app, (&title, panes::age_mark(app)), entries, detail.at);
}

/// Draws an overlay of lines with a cursor on one of them; some lines have actions.
fn entry_sheet(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    title: (&str, Option<String>),
    entries: Vec<Entry>,
    at: usize,
) {
    let height = usize::from(area.height.saturating_sub(2));
    let at = at.min(entries.len().saturating_sub(1));
    let top = at.saturating_sub(height / 2).min(entries.len().saturating_sub(height));
    let lines: Vec<Line<'_>> = entries.into_iter().map(|entry| entry.line).collect();
    sheet(buffer, area, app, title, &lines, top);
    let y = area.y + 1 + u16::try_from(at - top).unwrap_or(0);
    if y + 1 < area.bottom() && !lines.is_empty() {
        let line = Rect { x: area.x + 1, y, width: area.width.saturating_sub(2), height: 1 };
        paint::text(buffer, line, (0, 0), ">", app.theme().style(Role::Accent));
        buffer.set_style(line, app.theme().style(Role::Selected));
    }
}

/// Draws a scrolling overlay that covers `area`, with its title and the age of its data if that matters.
fn sheet(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    (title, age): (&str, Option<String>),
    lines: &[Line<'_>],
    top: usize,
) {
    Clear.render(area, buffer);
    let height = usize::from(area.height.saturating_sub(2));
    let top = top.min(lines.len().saturating_sub(height));
    let end = (top + height).min(lines.len());
    let part = (lines.len() > height).then(|| format!("lines {}-{} of {}", top + 1, end, lines.len()));
    let remark = age.into_iter().chain(part).collect::<Vec<_>>().join("   ");
    let title = Title { name: title, remark: &remark, edge: Role::Accent };
    let inner = padded(paint::frame(buffer, area, &title, app.theme()));
    paint::lines(buffer, inner, lines.get(top..end).unwrap_or_default());
}

/// Draws a box in the middle of `area`, as large as its lines.
fn dialog(buffer: &mut Buffer, area: Rect, app: &App, title: &str, lines: &[Line<'_>]) {
    let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(title.len() + 4);
    let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buffer);
    let title = Title { name: title, remark: "", edge: Role::Accent };
    let inner = padded(paint::frame(buffer, place, &title, app.theme()));
    paint::lines(buffer, inner, lines);
}
