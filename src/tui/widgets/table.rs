//! Tables: columns are dropped by rank, the selected row stays visible, and only visible rows are built.

use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::{format, paint};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Alignment of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnAlign {
    /// Left-aligned, used for words and texts.
    Left,
    /// Right-aligned, used for numbers and counts.
    Right,
}

/// Column of a table on the screen.
#[derive(Debug, Clone, Copy)]
pub struct TableColumn {
    /// Heading above the column's cells.
    pub title: &'static str,
    /// Minimum width, in columns of the terminal.
    pub min: u16,
    /// Maximum width, in columns of the terminal.
    pub max: u16,
    /// Alignment of the column's cells.
    pub align: ColumnAlign,
    /// Rank of the column: the greatest is dropped first when there is no room, and rank 0 is never dropped.
    pub rank: u8,
    /// Member of the row's JSON that the cells come from, where a source may never know it; empty if every source does.
    pub member: &'static str,
}

impl TableColumn {
    /// Returns the column with the member of the row's JSON that its cells come from.
    #[must_use]
    pub const fn of(self, member: &'static str) -> Self {
        Self { member, ..self }
    }
}

/// Creates a left-aligned column between `min` and `max` columns wide.
#[must_use]
pub const fn words(title: &'static str, min: u16, max: u16, rank: u8) -> TableColumn {
    TableColumn { title, min, max, align: ColumnAlign::Left, rank, member: "" }
}

/// Creates a right-aligned column that is `width` columns wide.
#[must_use]
pub const fn numbers(title: &'static str, width: u16, rank: u8) -> TableColumn {
    TableColumn { title, min: width, max: width, align: ColumnAlign::Right, rank, member: "" }
}

/// Content of a cell, and how it is shortened.
#[derive(Debug, Clone)]
enum CellContent {
    /// Text that is clipped at its end.
    Words(String),
    /// Text that is clipped in its middle.
    Ends(String),
    /// Progress bar as wide as the column.
    Bar { part: u64, whole: u64 },
}

/// Cell of a row: content, style and an optional mark.
#[derive(Debug, Clone)]
pub struct TableCell {
    mark: Option<(char, Style)>,
    content: CellContent,
    style: Style,
}

impl TableCell {
    /// Creates a cell with a text that is clipped at its end.
    #[must_use]
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self { mark: None, content: CellContent::Words(text.into()), style }
    }

    /// Creates a cell with a text that is clipped in its middle.
    #[must_use]
    pub fn middle(text: impl Into<String>, style: Style) -> Self {
        Self { mark: None, content: CellContent::Ends(text.into()), style }
    }

    /// Creates a cell with a bar that shows `part` of `whole`.
    #[must_use]
    pub const fn bar(part: u64, whole: u64, style: Style) -> Self {
        Self { mark: None, content: CellContent::Bar { part, whole }, style }
    }

    /// Creates a cell with a mark before its text.
    #[must_use]
    pub fn marked(mark: (char, Style), text: impl Into<String>, style: Style) -> Self {
        Self { mark: Some(mark), ..Self::new(text, style) }
    }

    /// Text of the cell without its mark.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.content {
            CellContent::Words(text) | CellContent::Ends(text) => text.clone(),
            CellContent::Bar { part, whole } => format!("{part}/{whole}"),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, align: ColumnAlign) {
        let mut x = 0;
        if let Some((mark, style)) = self.mark {
            x = paint::text(buffer, area, (0, 0), mark.encode_utf8(&mut [0; 4]), style) + 1;
        }
        let room = usize::from(area.width.saturating_sub(x));
        let text = match &self.content {
            CellContent::Words(text) => format::clip(text, room),
            CellContent::Ends(text) => format::middle(text, room),
            CellContent::Bar { part, whole } => format::bar(*part, *whole, room),
        };
        if align == ColumnAlign::Right {
            x += area.width.saturating_sub(x + paint::columns(&text));
        }
        paint::text(buffer, area, (x, 0), &text, self.style);
    }
}

/// Row of a table: a cell per column, and further lines beneath.
#[derive(Debug, Clone)]
pub struct TableRow {
    /// Cells of the row, one per column.
    pub cells: Vec<TableCell>,
    /// Lines beneath the cells, indented to the second column.
    pub below: Vec<TableCell>,
}

impl TableRow {
    fn height(&self) -> u16 {
        1 + u16::try_from(self.below.len()).unwrap_or(0)
    }
}

/// Table with its state for one frame.
#[derive(Debug, Clone, Copy)]
pub struct TableView<'a> {
    /// Columns of the table, in display order.
    pub columns: &'a [TableColumn],
    /// Number of rows in the table.
    pub n_rows: usize,
    /// Index of the selected row, if it is to be highlighted.
    pub selected: Option<usize>,
    /// Indices of the marked rows.
    pub marked: &'a [usize],
    /// Titles of the columns that are hidden.
    pub hidden: &'a [String],
    /// Colour theme that headings and highlights are styled with.
    pub theme: Theme,
}

/// Width of the gutter before each row, which holds the marks of selection and marking.
const GUTTER_WIDTH: u16 = 2;

impl TableView<'_> {
    /// Draws the heading and the rows that fit, the selected one among them. `row` is called for those rows only.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, row: &dyn Fn(usize) -> TableRow) {
        if area.height == 0 || area.width <= GUTTER_WIDTH {
            return;
        }
        let fitted = fit(self.columns, self.hidden, area.width - GUTTER_WIDTH);
        for (column, x, width) in fitted.iter().map(|(position, x, width)| (self.columns[*position], *x, *width)) {
            let head = Rect { x: area.x + GUTTER_WIDTH + x, width, height: 1, ..area };
            TableCell::new(column.title, self.theme.style(StyleRole::Dim)).draw(buffer, head, column.align);
        }
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let mut y = 0;
        for (position, row) in self.window(body.height, row) {
            let height = row.height().min(body.height.saturating_sub(y));
            let place = Rect { y: body.y + y, height, ..body };
            self.draw_row(buffer, place, &row, &fitted);
            if self.selected == Some(position) && height > 0 {
                paint::text(buffer, place, (0, 0), ">", self.theme.style(StyleRole::Accent));
                buffer.set_style(Rect { height: 1, ..place }, self.theme.style(StyleRole::Selected));
            }
            if self.marked.contains(&position) && height > 0 {
                paint::text(buffer, place, (0, 0), "*", self.theme.style(StyleRole::Warning));
            }
            y += height;
        }
    }

    /// Index of the row `line` lines below the headings of a table `height` lines high, if there is one.
    #[must_use]
    pub fn row_at(&self, height: u16, line: u16, row: &dyn Fn(usize) -> TableRow) -> Option<usize> {
        let mut y = 0;
        self.window(height.saturating_sub(1), row).into_iter().find_map(|(position, row)| {
            y += row.height();
            (line < y).then_some(position)
        })
    }

    fn draw_row(&self, buffer: &mut Buffer, place: Rect, row: &TableRow, fitted: &[(usize, u16, u16)]) {
        for (position, x, width) in fitted {
            if let Some(cell) = row.cells.get(*position) {
                let area = Rect { x: place.x + GUTTER_WIDTH + x, width: *width, height: 1.min(place.height), ..place };
                cell.draw(buffer, area, self.columns[*position].align);
            }
        }
        let indent = GUTTER_WIDTH + fitted.get(1).map_or(0, |(_, x, _)| *x);
        for (y, below) in (1..place.height).zip(&row.below) {
            let area =
                Rect { x: place.x + indent, y: place.y + y, width: place.width.saturating_sub(indent), height: 1 };
            below.draw(buffer, area, ColumnAlign::Left);
        }
    }

    /// Visible rows: the selected one near the middle, and no empty lines while there are more rows.
    fn window(&self, height: u16, row: &dyn Fn(usize) -> TableRow) -> Vec<(usize, TableRow)> {
        // Fills half the height above the selected row, then the lines below, then what is left above.
        let Some(last) = self.n_rows.checked_sub(1) else { return Vec::new() };
        let centre = self.selected.unwrap_or(0).min(last);
        let mut rows = std::collections::VecDeque::from([(centre, row(centre))]);
        let mut used = rows[0].1.height();
        let mut first = centre;
        let mut above = 0;
        while first > 0 && used + above < height && above < height / 2 {
            first -= 1;
            rows.push_front((first, row(first)));
            above += rows[0].1.height();
        }
        used += above;
        let mut next = centre + 1;
        while next <= last && used < height {
            let built = row(next);
            used += built.height();
            rows.push_back((next, built));
            next += 1;
        }
        while first > 0 && used < height {
            first -= 1;
            let built = row(first);
            used += built.height();
            rows.push_front((first, built));
        }
        // Rows of two lines can exceed the height by one line; dropping rows above the selected one keeps that one
        // visible.
        while used > height && rows.front().is_some_and(|(position, _)| *position < centre) {
            let Some((_, gone)) = rows.pop_front() else { break };
            used -= gone.height();
        }
        rows.into()
    }
}

/// Columns that fit into `room`, as index, start and width.
fn fit(columns: &[TableColumn], hidden: &[String], room: u16) -> Vec<(usize, u16, u16)> {
    let is_shown = |at: &usize| hidden.iter().all(|title| title != columns[*at].title);
    let mut kept: Vec<usize> = (0..columns.len()).filter(is_shown).collect();
    let needs = |kept: &[usize]| kept.iter().map(|position| columns[*position].min + 1).sum::<u16>().saturating_sub(1);
    while needs(&kept) > room {
        let Some(goes) = kept.iter().copied().filter(|c| columns[*c].rank > 0).max_by_key(|c| columns[*c].rank) else {
            break;
        };
        kept.retain(|position| *position != goes);
    }
    let mut spare = room.saturating_sub(needs(&kept));
    let mut widths: Vec<u16> = kept.iter().map(|position| columns[*position].min).collect();
    while spare > 0 {
        let before = spare;
        for (width, position) in widths.iter_mut().zip(&kept) {
            if spare > 0 && *width < columns[*position].max {
                *width += 1;
                spare -= 1;
            }
        }
        if spare == before {
            break;
        }
    }
    let mut x = 0;
    let mut fitted = Vec::new();
    for (position, width) in kept.into_iter().zip(widths) {
        let width = width.min(room.saturating_sub(x));
        fitted.push((position, x, width));
        x += width + 1;
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: [TableColumn; 4] =
        [words("A", 5, 5, 0), words("B", 8, 30, 0), numbers("C", 6, 2), numbers("D", 6, 1)];

    #[test]
    fn columns_go_by_rank_and_the_rest_share_what_is_left() {
        let kept =
            |room| fit(&COLUMNS, &[], room).iter().map(|(position, _, width)| (*position, *width)).collect::<Vec<_>>();
        assert_eq!(kept(40), [(0, 5), (1, 20), (2, 6), (3, 6)]);
        assert_eq!(kept(25), [(0, 5), (1, 12), (3, 6)]);
        assert_eq!(kept(14), [(0, 5), (1, 8)]);
        assert_eq!(kept(9), [(0, 5), (1, 3)]);
    }

    proptest! {
        #[test]
        fn the_selected_row_is_in_sight_and_no_line_is_wasted(
            n_rows in 1_usize..60, selected in 0_usize..60, height in 2_u16..20, pattern in 0_u64..,
        ) {
            let selected = selected.min(n_rows - 1);
            let style = Style::new();
            let row = |position: usize| TableRow {
                cells: vec![],
                below: (0..(pattern >> (position % 64)) & 3).map(|_| TableCell::new("", style)).collect(),
            };
            let table = TableView {
                columns: &COLUMNS,
                n_rows,
                selected: Some(selected),
                marked: &[],
                hidden: &[],
                theme: Theme::default(),
            };
            let window = table.window(height, &row);
            let place = window.iter().position(|(position, _)| *position == selected);
            prop_assert!(place.is_some());
            let before: u16 = window.iter().take(place.unwrap_or(0)).map(|(_, row)| row.height()).sum();
            prop_assert!(before < height);
            let used: u16 = window.iter().map(|(_, row)| row.height()).sum();
            // The next one may have no room for all of its lines.
            prop_assert!(used + 3 >= height || window.len() == n_rows);
            prop_assert!(window.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
        }
    }
}
