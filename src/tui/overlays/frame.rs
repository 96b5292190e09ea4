//! Frames of overlays: a dialog in the middle of an area, and scrolling lines that cover it.

use crate::tui::state::app::App;
use crate::tui::widgets::detail_lines::DetailLine;
use crate::tui::widgets::paint::{self, FrameTitle};
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

/// Width for the text of an overlay that covers `area`, in columns.
pub(in crate::tui) fn text_width(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(4))
}

/// Area without its first and last column.
pub(in crate::tui) fn padded(area: Rect) -> Rect {
    Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(2), ..area }
}

/// Draws an overlay of lines with a cursor on one of them; some lines have actions.
pub(in crate::tui) fn draw_with_cursor(
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
pub(in crate::tui) fn draw_scrolling(
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
pub(in crate::tui) fn dialog(buffer: &mut Buffer, area: Rect, app: &App, title: &str, lines: &[Line<'_>]) {
    let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(title.len() + 4);
    let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buffer);
    let title = FrameTitle { name: title, remark: "", edge: StyleRole::Accent };
    let inner = padded(paint::frame(buffer, place, &title, app.theme()));
    paint::lines(buffer, inner, lines);
}
