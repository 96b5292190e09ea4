//! Detail view of a rate window: busiest routes, callers that share the key, and refused requests.

use crate::tui::effect::FetchedWindow;
use crate::tui::ids::{DrillDown, RowId};
use crate::tui::overlays::detail::context::DetailContext;
use crate::tui::overlays::detail::key;
use crate::tui::widgets::detail_lines::DetailLines;
use ratatui::text::Line;

pub(in crate::tui) fn fill(
    scene: &DetailContext<'_>,
    sheet: &mut DetailLines,
    known: Option<Vec<Line<'static>>>,
    of: &FetchedWindow,
) {
    let theme = scene.view.theme;
    match known {
        Some(lines) => sheet.add(lines),
        None => sheet.none("The rate limit is not in the current data.", theme),
    }
    if let RowId::Window(id, _) = scene.detail.item {
        scene.drill(sheet, "requests of this key", DrillDown::Key(id));
    }
    sheet.head("Busiest routes of this bucket today", theme);
    let (routes, callers) = match &of.detail {
        Some(detail) => (detail.top_routes.as_deref(), detail.callers.as_deref()),
        None => (Some(&[][..]), Some(&[][..])),
    };
    key::routes(scene, sheet, routes);
    sheet.head("Callers of this key today, all buckets", theme);
    key::callers(scene, sheet, callers);
    sheet.head("Latest requests of this key refused with 429", theme);
    key::requests(scene, sheet, &of.refused);
}
