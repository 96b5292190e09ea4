//! What lies over the root: lists, details, lines that are typed into, and the questions before an action. The front layer hears first.

pub mod alerts;
pub mod bulk;
pub mod choice;
pub mod confirm;
pub mod detail;
pub mod filter;
pub mod finder;
pub mod menu;
pub mod note;
pub mod sheets;

use super::app::App;
use super::paint::{self, Title};
use super::panes;
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
    /// A note being written.
    Note(note::NoteLine),
    /// A list that only tells.
    Sheet(sheets::Sheet),
}

/// The lines of the front layer, if it is one that scrolls.
#[must_use]
pub fn n_lines(app: &App) -> usize {
    let room = room(app.screen().body);
    match app.layers.last() {
        Some(Layer::Sheet(sheet)) => sheets::lines(app, sheet.told).len(),
        Some(Layer::Detail(detail)) => detail::lines(app, detail, room).len(),
        _ => 0,
    }
}

/// Columns for the text of a layer that covers `area`.
fn room(area: Rect) -> usize {
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
            Layer::Menu(_) if matches!(app.layers.get(position + 1), Some(Layer::Confirm(_) | Layer::Count(_))) => {}
            Layer::Help(finder) | Layer::Palette(finder) => finder::draw(buffer, area, app, finder),
            Layer::Sheet(of) => {
                sheet(buffer, area, app, (of.told.title(), None), &sheets::lines(app, of.told), of.top);
            }
            Layer::Detail(detail) => {
                let lines = detail::lines(app, detail, room(area));
                let title = detail::title(detail);
                sheet(buffer, area, app, (&title, panes::age_mark(app)), &lines, detail.top);
            }
            Layer::Alerts(list) => alerts::draw(buffer, area, app, Some(list)),
            Layer::Menu(menu) => menu::draw(buffer, area, app, menu),
            Layer::Confirm(question) => confirm::draw(buffer, area, app, question),
            Layer::Count(count) => bulk::draw_count(buffer, area, app, count),
            Layer::Run(run) => bulk::draw_run(buffer, area, app, run),
            Layer::Filter(line) => filter::draw(buffer, area, app, line),
            Layer::Choice(choice) => choice::draw(buffer, area, app, *choice),
            Layer::Note(note) => note::draw(buffer, area, app, note),
        }
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
