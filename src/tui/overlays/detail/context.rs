//! Data that the parts of a detail view are drawn from.

use crate::domain::delivery::AttemptKind;
use crate::text::or_unknown;
use crate::tui::ids::{DrillDown, RowId};
use crate::tui::panes::data::PaneData;
use crate::tui::state::overlays::detail::DetailView;
use crate::tui::widgets::detail_lines::{BodySide, DetailLines, LineAction};
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::CharacterSet;
use crate::tui::widgets::{body, format};
use crate::wire::attempts::{AttemptRow, CapturedBody};
use ratatui::text::{Line, Span};

/// Inputs from which the sections of a detail view are built.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct DetailContext<'a> {
    pub(in crate::tui) view: PaneData<'a>,
    pub(in crate::tui) detail: &'a DetailView,
    pub(in crate::tui) room: usize,
    pub(in crate::tui) charset: CharacterSet,
}

impl DetailContext<'_> {
    pub(super) fn styled(&self, text: impl Into<String>, role: StyleRole) -> Line<'static> {
        Line::styled(text.into(), self.view.theme.style(role))
    }

    pub(super) fn labelled(&self, label: &str, value: &str) -> Vec<Line<'static>> {
        self.view.labelled(label, value, self.room)
    }

    /// Adds a body with its heading, behind `bar` if one is given.
    pub(super) fn body(
        &self,
        sheet: &mut DetailLines,
        name: &str,
        part: BodySide,
        body: &CapturedBody,
        bar: Option<&'static str>,
    ) {
        let DetailView { mode, folds, .. } = self.detail;
        sheet.head(body::heading(name, body, *mode), self.view.theme);
        let shown = body::BodyDisplay { mode: *mode, part, folds, bar, room: self.room, theme: self.view.theme };
        sheet.0.extend(body::entries(body, &shown));
    }

    /// Adds a link to the log rows that belong to the item.
    pub(super) fn drill(&self, sheet: &mut DetailLines, text: &str, drill: DrillDown) {
        sheet.link(self.styled(format!("→ {text}"), StyleRole::Accent), LineAction::Drill(drill));
    }

    /// Adds an attempt as a line linked to its detail view.
    pub(super) fn attempt(&self, sheet: &mut DetailLines, row: &AttemptRow) {
        let theme = self.view.theme;
        let role = if row.outcome().is_success() { StyleRole::Text } else { StyleRole::Trouble };
        let result = crate::tui::panes::deliveries::result(row);
        let rest = format!(
            "{:>6} ms  {:>5}  {:<9}  {}",
            row.elapsed_ms,
            row.number.map_or_else(|| "?".to_owned(), |number| format!("{number}/{}", or_unknown(row.of))),
            row.kind.map_or("?", AttemptKind::name),
            row.event_type.sanitized()
        );
        let spans = vec![
            Span::styled(row.started_utc.format("%m-%d %H:%M:%S%.3f  "), theme.style(StyleRole::Dim)),
            Span::styled(format!("{:<9} ", format::clip(&result, 9)), theme.style(role)),
            Span::styled(rest, theme.style(StyleRole::Text)),
        ];
        sheet.link(Line::from(spans), LineAction::Open(RowId::Attempt(row.id)));
    }
}
