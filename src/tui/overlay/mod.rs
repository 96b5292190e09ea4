//! What lies over the root: help, alerts, details, the menu of actions, and the question before one. The front layer hears first.

pub mod alerts;
pub mod confirm;
pub mod detail;
pub mod help;
pub mod menu;

use super::app::App;
use super::paint::{self, Title};
use super::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// The keys.
    Help(help::Help),
    /// The alerts.
    Alerts(alerts::AlertList),
    /// One thing in full.
    Detail(detail::Detail),
    /// What can be done.
    Menu(menu::Menu),
    /// Whether it should be.
    Confirm(confirm::Question),
}

/// The lines of the front layer, if it is one that scrolls.
#[must_use]
pub fn n_lines(app: &App) -> usize {
    let room = usize::from(app.screen().body.width.saturating_sub(2));
    match app.layers.last() {
        Some(Layer::Help(help)) => help::lines(app, help).len(),
        Some(Layer::Detail(detail)) => detail::lines(app, detail, room).len(),
        _ => 0,
    }
}

/// Draws all layers over `area`, the front one last.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App) {
    for layer in &app.layers {
        match layer {
            Layer::Help(help) => sheet(buffer, area, app, "Help", &help::lines(app, help), help.top),
            Layer::Detail(detail) => {
                let room = usize::from(area.width.saturating_sub(2));
                sheet(buffer, area, app, &detail::title(detail), &detail::lines(app, detail, room), detail.top);
            }
            Layer::Alerts(list) => alerts::draw(buffer, area, app, Some(list)),
            Layer::Menu(menu) => menu::draw(buffer, area, app, menu),
            Layer::Confirm(question) => confirm::draw(buffer, area, app, question),
        }
    }
}

/// A layer that covers all of `area` and scrolls.
fn sheet(buffer: &mut Buffer, area: Rect, app: &App, title: &str, lines: &[Line<'_>], top: usize) {
    Clear.render(area, buffer);
    let height = usize::from(area.height.saturating_sub(2));
    let top = top.min(lines.len().saturating_sub(height));
    let end = (top + height).min(lines.len());
    let remark =
        if lines.len() > height { format!("lines {}-{} of {}", top + 1, end, lines.len()) } else { String::new() };
    let title = Title { name: title, remark: &remark, edge: Role::Accent };
    let inner = paint::frame(buffer, area, &title, app.theme());
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
    let inner = paint::frame(buffer, place, &title, app.theme());
    let inner = Rect { x: inner.x + 1.min(inner.width), width: inner.width.saturating_sub(2), ..inner };
    paint::lines(buffer, inner, lines);
}
