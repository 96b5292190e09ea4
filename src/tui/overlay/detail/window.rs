//! Detail view of a rate window: busiest routes, callers that share the key, and refused requests.

use super::super::super::effect::WindowStory;
use super::super::super::places::Item;
use super::super::super::sheet::Sheet;
use super::super::super::trail::Drill;
use super::{Scene, key};
use ratatui::text::Line;

pub(super) fn fill(scene: &Scene<'_>, sheet: &mut Sheet, known: Option<Vec<Line<'static>>>, of: &WindowStory) {
    let theme = scene.view.theme;
    match known {
        Some(lines) => sheet.add(lines),
        None => sheet.none("The rate limit is not in the current data.", theme),
    }
    if let Item::Window(id, _) = scene.detail.item {
        scene.drill(sheet, "requests of this key", Drill::Key(id));
    }
    sheet.head("Busiest routes of this bucket today", theme);
    let (routes, callers) =
        of.detail.as_ref().map(|detail| (&detail.top_routes[..], &detail.callers[..])).unwrap_or_default();
    key::routes(scene, sheet, routes);
    sheet.head("Callers of this key today, all buckets", theme);
    key::callers(scene, sheet, callers);
    sheet.head("Latest requests of this key refused with 429", theme);
    key::requests(scene, sheet, &of.refused);
}
