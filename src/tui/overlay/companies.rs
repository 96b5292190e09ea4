//! List of companies, to restrict all panes to one of them.

use super::super::app::App;
use super::super::format;
use super::super::keymap::CursorMotion;
use super::super::press::moved_row;
use super::super::theme::StyleRole;
use super::dialog;
use crate::domain::ids::CompanyId;
use crate::wire::keys::CompanyRow;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Fetch state of the companies.
#[derive(Debug, Clone, PartialEq)]
enum CompanyListState {
    Waiting,
    Came(Vec<CompanyRow>),
    Failed(String),
}

/// List of companies, with "all companies" as its first entry.
#[derive(Debug, Clone, PartialEq)]
pub struct CompanyList {
    known: CompanyListState,
    selected: Option<CompanyId>,
}

impl CompanyList {
    /// Creates a list whose companies are being fetched, with the present company selected.
    #[must_use]
    pub const fn new(selected: Option<CompanyId>) -> Self {
        Self { known: CompanyListState::Waiting, selected }
    }

    /// Takes the fetched companies, or the reason why there are none.
    pub fn take(&mut self, came: Result<Vec<CompanyRow>, String>) {
        self.known = came.map_or_else(CompanyListState::Failed, CompanyListState::Came);
    }

    fn ids(&self) -> Vec<Option<CompanyId>> {
        let companies = match &self.known {
            CompanyListState::Came(companies) => &companies[..],
            CompanyListState::Waiting | CompanyListState::Failed(_) => &[],
        };
        std::iter::once(None).chain(companies.iter().map(|company| Some(company.id))).collect()
    }

    /// Moves the selection up or down.
    pub fn step(&mut self, step: CursorMotion) {
        let ids = self.ids();
        let at = ids.iter().position(|id| *id == self.selected).unwrap_or(0);
        self.selected = ids.get(moved_row(step, at, ids.len(), 10)).copied().flatten();
    }

    /// Chosen company, with `None` inside for all companies; nothing until the companies were fetched.
    #[must_use]
    pub fn chosen(&self) -> Option<Option<CompanyId>> {
        matches!(self.known, CompanyListState::Came(_)).then_some(self.selected)
    }
}

/// Draws the list in the middle of `area`, scrolled to the selected entry.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, list: &CompanyList) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(60);
    let companies = match &list.known {
        CompanyListState::Waiting => {
            return dialog(buffer, area, app, "Companies", &[Line::styled("loading …", theme.style(StyleRole::Dim))]);
        }
        CompanyListState::Failed(why) => {
            let lines = format::wrap_words(&format!("could not load: {why}"), room);
            let lines: Vec<Line<'_>> =
                lines.into_iter().map(|line| Line::styled(line, theme.style(StyleRole::Trouble))).collect();
            return dialog(buffer, area, app, "Companies", &lines);
        }
        CompanyListState::Came(companies) => companies,
    };
    let all = std::iter::once((None, "all companies".to_owned()));
    let each = companies
        .iter()
        .map(|company| (Some(company.id), format!("{:>6}  {}", company.id.to_string(), company.name.sanitized())));
    let rows: Vec<_> = all.chain(each).collect();
    let at = rows.iter().position(|(id, _)| *id == list.selected).unwrap_or(0);
    let height = usize::from(area.height.saturating_sub(4)).max(1);
    let first = at.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    let lines: Vec<Line<'_>> = rows
        .into_iter()
        .enumerate()
        .skip(first)
        .take(height)
        .map(|(position, (_, text))| {
            let style = if position == at { theme.style(StyleRole::Selected) } else { theme.style(StyleRole::Text) };
            let gutter = if position == at { "> " } else { "  " };
            Line::from(vec![
                Span::styled(gutter, theme.style(StyleRole::Accent)),
                Span::styled(format!("{:<width$}", format::clip(&text, room), width = room.min(40)), style),
            ])
        })
        .collect();
    dialog(buffer, area, app, "Companies", &lines);
}
