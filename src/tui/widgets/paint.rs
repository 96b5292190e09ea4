//! Drawing helpers: text, lines, frames and titles, always clipped to their area.

use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget};

/// Writes `text` at column `x` of line `y` of `area`, clipped; returns the column after it.
pub fn text(buffer: &mut Buffer, area: Rect, (x, y): (u16, u16), text: &str, style: Style) -> u16 {
    let area = area.intersection(buffer.area);
    if y >= area.height || x >= area.width {
        return x;
    }
    let (end, _) = buffer.set_stringn(area.x + x, area.y + y, text, usize::from(area.width - x), style);
    end - area.x
}

/// Writes a styled line at line `y` of `area`, clipped.
pub fn line(buffer: &mut Buffer, area: Rect, y: u16, line: &Line<'_>) {
    let mut x = 0;
    for span in line {
        x = text(buffer, area, (x, y), &span.content, line.style.patch(span.style));
    }
}

/// Writes lines from the top of `area`; lines that do not fit are left out.
pub fn lines(buffer: &mut Buffer, area: Rect, lines: &[Line<'_>]) {
    for (y, content) in (0..area.height).zip(lines) {
        line(buffer, area, y, content);
    }
}

/// Draws a frame with a title on the left and a remark on the right; returns the area inside.
pub fn frame(buffer: &mut Buffer, area: Rect, title: &FrameTitle<'_>, theme: Theme) -> Rect {
    let block = Block::bordered().border_style(theme.style(title.edge)).style(theme.ground());
    let inner = block.inner(area);
    block.render(area, buffer);
    let top = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1.min(area.height), ..area };
    titles(buffer, top, title, theme);
    inner
}

/// Title line of a pane or overlay.
#[derive(Debug, Clone, Copy)]
pub struct FrameTitle<'a> {
    /// Name on the left, shortened last.
    pub name: &'a str,
    /// Remark on the right, shortened first; its parts are separated by three spaces.
    pub remark: &'a str,
    /// Style of the edge; the accent marks the focus.
    pub edge: StyleRole,
}

/// Minimum number of columns kept for the name.
const MIN_NAME_COLUMNS: usize = 16;

/// Leading parts of a remark that fit completely; always at least the first.
fn fitting(remark: &str, room: usize) -> String {
    let mut parts: Vec<&str> = remark.split("   ").collect();
    while parts.len() > 1 && format::width(&parts.join("   ")) > room {
        parts.pop();
    }
    parts.join("   ")
}

/// Draws the title and the remark on one line.
pub fn titles(buffer: &mut Buffer, area: Rect, title: &FrameTitle<'_>, theme: Theme) {
    let role = if title.edge == StyleRole::Accent { StyleRole::Accent } else { StyleRole::Strong };
    // The first part of the remark has precedence over the name, except for the name's first columns.
    let first = title.remark.split("   ").next().unwrap_or_default();
    let kept = usize::from(area.width).saturating_sub(format::width(first) + 7).max(MIN_NAME_COLUMNS);
    let end = text(buffer, area, (1, 0), &format!(" {} ", format::clip(title.name, kept)), theme.style(role));
    let room = usize::from(area.width.saturating_sub(end + 2));
    if title.remark.is_empty() || room < 6 {
        return;
    }
    let remark = format!(" {} ", format::clip(&fitting(title.remark, room.saturating_sub(2)), room.saturating_sub(2)));
    let x = area.width.saturating_sub(1 + columns(&remark));
    text(buffer, area, (x, 0), &remark, theme.style(StyleRole::Text));
}

/// Width of a text in columns, saturating at [`u16::MAX`].
#[must_use]
pub fn columns(text: &str) -> u16 {
    u16::try_from(format::width(text)).unwrap_or(u16::MAX)
}

/// Lines of a labelled value: the label dim and 14 columns wide, the value wrapped between words to the rest of
/// `room`.
#[must_use]
pub fn labelled(label: &str, value: &str, room: usize, theme: Theme, style: Style) -> Vec<Line<'static>> {
    const LABEL: usize = 14;
    let pieces = format::wrap_words(value, room.saturating_sub(LABEL));
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    pieces
        .into_iter()
        .zip(labels)
        .map(|(piece, label)| {
            Line::from(vec![
                Span::styled(format!("{label:<LABEL$}"), theme.style(StyleRole::Dim)),
                Span::styled(piece, style),
            ])
        })
        .collect()
}
