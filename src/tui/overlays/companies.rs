//! Drawing of the list of companies, to restrict all panes to one of them.

use crate::domain::text::Untrusted;
use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::state::overlays::companies::{CompanyList, CompanyListState};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the list in the middle of `area`, scrolled to the selected entry.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, list: &CompanyList) {
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
    let each = companies.iter().map(|company| {
        let name = company.name.as_ref().map_or_else(String::new, Untrusted::sanitized);
        (Some(company.id), format!("{:>6}  {name}", company.id.to_string()))
    });
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
