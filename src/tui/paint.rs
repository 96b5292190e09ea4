//! Strokes: text, frames and titles put into a buffer, never outside of their area.

use super::format;
use super::theme::{Role, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget};

/// Writes `text` at column `x` of line `y` of `area`, clipped to it; answers the column after it.
pub fn text(buffer: &mut Buffer, area: Rect, (x, y): (u16, u16), text: &str, style: Style) -> u16 {
    let area = area.intersection(buffer.area);
    if y >= area.height || x >= area.width {
        return x;
    }
    let (end, _) = buffer.set_stringn(area.x + x, area.y + y, text, usize::from(area.width - x), style);
    end - area.x
}

/// Writes a styled line at line `y` of `area`, clipped to it.
pub fn line(buffer: &mut Buffer, area: Rect, y: u16, line: &Line<'_>) {
    let mut x = 0;
    for span in line {
        x = text(buffer, area, (x, y), &span.content, line.style.patch(span.style));
    }
}

/// Writes lines from the first line of `area` on; those that do not fit are left out.
pub fn lines(buffer: &mut Buffer, area: Rect, lines: &[Line<'_>]) {
    for (y, content) in (0..area.height).zip(lines) {
        line(buffer, area, y, content);
    }
}

/// A frame with a title on its left and a remark on its right; answers what is inside.
pub fn frame(buffer: &mut Buffer, area: Rect, title: &Title<'_>, theme: Theme) -> Rect {
    let block = Block::bordered().border_style(theme.style(title.edge)).style(theme.ground());
    let inner = block.inner(area);
    block.render(area, buffer);
    let top = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1.min(area.height), ..area };
    titles(buffer, top, title, theme);
    inner
}

/// What stands on the upper edge of a pane.
#[derive(Debug, Clone, Copy)]
pub struct Title<'a> {
    /// On the left.
    pub name: &'a str,
    /// On the right, clipped first.
    pub remark: &'a str,
    /// The edge's own role.
    pub edge: Role,
}

/// Columns that a name has in any case.
const LEAST: usize = 16;

/// The parts of a remark that fit, in whole; the first one in any case.
fn fitting(remark: &str, room: usize) -> String {
    let mut parts: Vec<&str> = remark.split("   ").collect();
    while parts.len() > 1 && format::width(&parts.join("   ")) > room {
        parts.pop();
    }
    parts.join("   ")
}

/// The title and the remark on one line.
pub fn titles(buffer: &mut Buffer, area: Rect, title: &Title<'_>, theme: Theme) {
    let role = if title.edge == Role::Accent { Role::Accent } else { Role::Strong };
    // The first part of the remark stands whole; the name gives way, but for its beginning.
    let first = title.remark.split("   ").next().unwrap_or_default();
    let kept = usize::from(area.width).saturating_sub(format::width(first) + 7).max(LEAST);
    let end = text(buffer, area, (1, 0), &format!(" {} ", format::clip(title.name, kept)), theme.style(role));
    let room = usize::from(area.width.saturating_sub(end + 2));
    if title.remark.is_empty() || room < 6 {
        return;
    }
    let remark = format!(" {} ", format::clip(&fitting(title.remark, room.saturating_sub(2)), room.saturating_sub(2)));
    let x = area.width.saturating_sub(1 + columns(&remark));
    text(buffer, area, (x, 0), &remark, theme.style(Role::Text));
}

/// The columns that a text takes, as the buffer counts them.
#[must_use]
pub fn columns(text: &str) -> u16 {
    u16::try_from(format::width(text)).unwrap_or(u16::MAX)
}

/// A labelled value of a detail: the label dim and 14 columns wide, the value broken between words to the `room` there is.
#[must_use]
pub fn labelled(label: &str, value: &str, room: usize, theme: Theme, style: Style) -> Vec<Line<'static>> {
    const LABEL: usize = 14;
    let pieces = format::flow(value, room.saturating_sub(LABEL));
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    pieces
        .into_iter()
        .zip(labels)
        .map(|(piece, label)| {
            Line::from(vec![
                Span::styled(format!("{label:<LABEL$}"), theme.style(Role::Dim)),
                Span::styled(piece, style),
            ])
        })
        .collect()
}
