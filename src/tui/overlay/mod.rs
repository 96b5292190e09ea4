//! Overlays above the main view: lists, details, text inputs, forms and confirmations. The front overlay receives the
//! keys.

pub mod action_search;
mod admin_confirmations;
pub mod alerts;
pub mod async_list;
pub mod bulk;
pub mod choice;
pub mod companies;
pub mod confirm;
pub mod detail;
pub mod filter;
pub mod form;
pub mod item_actions;
pub mod leave;
pub mod menu;
pub mod note;
pub mod secret_reveal;
pub mod signature_input;
pub mod text_list;

use super::app::App;
use super::detail_lines::DetailLine;
use super::paint::{self, FrameTitle};
use super::panes::{self, diagnose, escalate};
use super::theme::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

/// Overlay above the main view, with its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// All actions with their keys, grouped by purpose.
    Help(action_search::ActionSearch),
    /// Command palette: all actions, found by typing.
    Palette(action_search::ActionSearch),
    /// List of the active alerts.
    Alerts(alerts::AlertList),
    /// Detail view of one item.
    Detail(detail::DetailView),
    /// Menu of actions on an item.
    Menu(menu::ActionMenu),
    /// Confirmation of a single change, answered with y or n.
    Confirm(confirm::ConfirmPrompt),
    /// Confirmation that wants a count typed.
    TypedConfirm(bulk::TypedConfirmation),
    /// Progress of a bulk run of changes.
    BulkRun(bulk::BulkRun),
    /// Text input for a filter.
    Filter(filter::FilterInput),
    /// Short list to choose from.
    Choice(choice::ChoiceList),
    /// Companies, to restrict all panes to one.
    Companies(companies::CompanyList),
    /// Text input for a note.
    Note(note::NoteInput),
    /// Form with the details of a change.
    Form(form::ChangeForm),
    /// List of replays with their progress.
    Replays(async_list::ReplayList),
    /// List of operators and their roles.
    Operators(async_list::OperatorList),
    /// Secret that is shown once.
    SecretReveal(secret_reveal::SecretReveal),
    /// Confirmation before quitting, where that stops the platform.
    ConfirmQuit,
    /// Input for what a receiver computed, or for its secret.
    SignatureInput(signature_input::SignatureInput),
    /// Read-only text list, such as the message log.
    TextList(text_list::TextList),
    /// Pane 9, with playbooks and results.
    Diagnose,
    /// Pane 0, with the escalation bundle.
    Escalate,
}

/// Number of lines of the front overlay, or 0 if it does not scroll by lines.
#[must_use]
pub fn n_lines(app: &App) -> usize {
    let room = text_width(app.screen().body);
    match app.overlays.last() {
        Some(Overlay::TextList(sheet)) => text_list::lines(app, sheet.kind).len(),
        Some(Overlay::Detail(detail)) => detail::detail_lines(app, detail, room).0.len(),
        Some(Overlay::Diagnose) => diagnose::sheet(app, room).0.len(),
        Some(Overlay::Escalate) => escalate::lines(app, room).len(),
        _ => 0,
    }
}

/// Width for the text of an overlay that covers `area`, in columns.
pub(super) fn text_width(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(4))
}

/// Area without its first and last column.
fn padded(area: Rect) -> Rect {
    Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(2), ..area }
}

/// Draws all overlays over `area`, the front one last. A confirmation or form replaces the menu that led to it.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    for (position, layer) in app.overlays.iter().enumerate() {
        match layer {
            Overlay::Menu(_) | Overlay::Form(_) if is_asked_about(app.overlays.get(position + 1)) => {}
            Overlay::Help(finder) | Overlay::Palette(finder) => action_search::draw(buffer, area, app, finder),
            Overlay::TextList(of) => {
                draw_scrolling(buffer, area, app, (of.kind.title(), None), &text_list::lines(app, of.kind), of.top);
            }
            // A detail view beneath an overlay that covers everything is not visible.
            Overlay::Detail(_) if app.overlays[position + 1..].iter().any(covers) => {}
            Overlay::Detail(detail) => draw_detail(buffer, area, app, detail, position),
            Overlay::Diagnose => {
                let (title, entries) = (diagnose::title(&app.diagnose), diagnose::sheet(app, text_width(area)).0);
                draw_with_cursor(buffer, area, app, (&title, None), entries, diagnose::cursor(&app.diagnose));
            }
            Overlay::Escalate => {
                let title = escalate::title(&app.escalate_state);
                draw_scrolling(
                    buffer,
                    area,
                    app,
                    (&title, None),
                    &escalate::lines(app, text_width(area)),
                    app.escalate_state.top,
                );
            }
            Overlay::Alerts(list) => alerts::draw(buffer, area, app, Some(list)),
            Overlay::Menu(menu) => menu::draw(buffer, area, app, menu),
            Overlay::Confirm(question) => confirm::draw(buffer, area, app, question),
            Overlay::TypedConfirm(count) => bulk::draw_count(buffer, area, app, count),
            Overlay::BulkRun(run) => bulk::draw_run(buffer, area, app, run),
            Overlay::Filter(line) => filter::draw(buffer, area, app, line),
            Overlay::Choice(choice) => choice::draw(buffer, area, app, *choice),
            Overlay::Companies(list) => companies::draw(buffer, area, app, list),
            Overlay::Note(note) => note::draw(buffer, area, app, note),
            Overlay::Form(form) => form::draw::draw(buffer, area, app, form),
            Overlay::Replays(list) => async_list::draw_replays(buffer, area, app, list),
            Overlay::Operators(list) => async_list::draw_operators(buffer, area, app, list),
            Overlay::SecretReveal(shown) => secret_reveal::draw(buffer, area, app, shown),
            Overlay::ConfirmQuit => leave::draw(buffer, area, app),
            Overlay::SignatureInput(line) => signature_input::draw(buffer, area, app, line),
        }
    }
}

/// Whether the overlay above replaces a menu or form.
const fn is_asked_about(next: Option<&Overlay>) -> bool {
    matches!(next, Some(Overlay::Confirm(_) | Overlay::TypedConfirm(_) | Overlay::Form(_)))
}

/// Whether an overlay hides everything beneath it.
const fn covers(layer: &Overlay) -> bool {
    matches!(
        layer,
        Overlay::Help(_)
            | Overlay::Alerts(_)
            | Overlay::Detail(_)
            | Overlay::TextList(_)
            | Overlay::Replays(_)
            | Overlay::Operators(_)
            | Overlay::Diagnose
            | Overlay::Escalate
    )
}

/// Draws a detail view with its cursor. The title names the detail views it was opened from.
fn draw_detail(buffer: &mut Buffer, area: Rect, app: &App, detail: &detail::DetailView, position: usize) {
    let entries = detail::detail_lines(app, detail, text_width(area)).0;
    let titles = app.overlays[..=position].iter().filter_map(|layer| match layer {
        Overlay::Detail(detail) => Some(detail::title(detail)),
        _ => None,
    });
    let title = titles.collect::<Vec<_>>().join(" › ");
    draw_with_cursor(buffer, area, app, (&title, panes::age_mark(app)), entries, detail.cursor_line);
}

/// Draws an overlay of lines with a cursor on one of them; some lines have actions.
fn draw_with_cursor(
    buffer: &mut Buffer,
    area: Rect,
    app: &App,
    title: (&str, Option<String>),
    entries: Vec<DetailLine>,
    at: usize,
) {
    let height = usize::from(area.height.saturating_sub(2));
    let at = at.min(entries.len().saturating_sub(1));
    let top = at.saturating_sub(height / 2).min(entries.len().saturating_sub(height));
    let lines: Vec<Line<'_>> = entries.into_iter().map(|entry| entry.line).collect();
    draw_scrolling(buffer, area, app, title, &lines, top);
    let y = area.y + 1 + u16::try_from(at - top).unwrap_or(0);
    if y + 1 < area.bottom() && !lines.is_empty() {
        let line = Rect { x: area.x + 1, y, width: area.width.saturating_sub(2), height: 1 };
        paint::text(buffer, line, (0, 0), ">", app.theme().style(StyleRole::Accent));
        buffer.set_style(line, app.theme().style(StyleRole::Selected));
    }
}

/// Draws a scrolling overlay that covers `area`, with its title and the age of its data if that matters.
fn draw_scrolling(
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
    let title = FrameTitle { name: title, remark: &remark, edge: StyleRole::Accent };
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
    let title = FrameTitle { name: title, remark: "", edge: StyleRole::Accent };
    let inner = padded(paint::frame(buffer, place, &title, app.theme()));
    paint::lines(buffer, inner, lines);
}
