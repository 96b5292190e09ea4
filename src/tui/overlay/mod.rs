//! What lies over the root: lists, details, lines that are typed into, and the questions before an action. The front layer hears first.

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

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// All actions with their keys, by what they are for.
    Help(finder::Finder),
    /// All actions, by what is typed.
    Palette(finder::Finder),
    /// The alerts.
    Alerts(alerts::AlertList),
    /// One thing in full.
    Detail(detail::Detail),
    /// What can be done.
    Menu(menu::Menu),
    /// Whether it should be.
    Confirm(confirm::Question),
    /// Whether many things should be done.
    Count(bulk::Count),
    /// Many things being done.
    Run(bulk::Run),
    /// A filter being written.
    Filter(filter::FilterLine),
    /// A short list to choose from.
    Choice(choice::Choice),
    /// The companies, to look at one alone.
    Companies(companies::Companies),
    /// A note being written.
    Note(note::NoteLine),
    /// What an act has to be told, being filled in.
    Form(form::Form),
    /// The replays.
    Replays(roll::Replays),
    /// The operators.
    Operators(roll::Operators),
    /// A secret that is shown once.
    Once(once::Shown),
    /// Whether to quit, where that stops the platform.
    Leave,
    /// What a receiver computed, being written.
    Expect(expect::ExpectLine),
    /// A list that only tells.
    Sheet(sheets::Sheet),
    /// The playbooks.
    Diagnose,
    /// The bundle.
    Escalate,
}

/// The lines of the front layer, if it is one that scrolls.
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

/// Columns for the text of a layer that covers `area`.
pub(super) fn room(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(4))
}

/// The area without its first and last column.
fn padded(area: Rect) -> Rect {
    Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(2), ..area }
}

/// Draws all layers over `area`, the front one last. A question stands in for the menu that led to it.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    for (position, layer) in app.layers.iter().enumerate() {
        match layer {
            Layer::Menu(_) | Layer::Form(_) if is_asked_about(app.layers.get(position + 1)) => {}
            Layer::Help(finder) | Layer::Palette(finder) => finder::draw(buffer, area, app, finder),
            Layer::Sheet(of) => {
                sheet(buffer, area, app, (of.told.title(), None), &sheets::lines(app, of.told), of.top);
            }
            // A detail behind another layer that covers everything is not seen.
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

/// Whether a question, or a form, stands in for the menu or form behind it.
const fn is_asked_about(next: Option<&Layer>) -> bool {
    matches!(next, Some(Layer::Confirm(_) | Layer::Count(_) | Layer::Form(_)))
}

/// Whether nothing behind a layer is seen.
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

/// A detail with the line that Enter is about; its title names what it was opened from.
fn draw_detail(buffer: &mut Buffer, area: Rect, app: &App, detail: &detail::Detail, position: usize) {
    let entries = detail::sheet(app, detail, room(area)).0;
    let titles = app.layers[..=position].iter().filter_map(|layer| match layer {
        Layer::Detail(detail) => Some(detail::title(detail)),
        _ => None,
    });
    let title = titles.collect::<Vec<_>>().join(" › ");
    entry_sheet(buffer, area, app, (&title, panes::age_mark(app)), entries, detail.at);
}

/// A layer of lines some of which do something, with the cursor on one of them.
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

/// A layer that covers all of `area` and scrolls, with its title and how old it is, if that matters.
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

/// A box in the middle of `area`, as large as its lines; cleared and framed.
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
