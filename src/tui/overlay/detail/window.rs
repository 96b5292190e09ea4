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
        None => sheet.none("It is not in the picture.", theme),
    }
    if let Item::Window(id, _) = scene.detail.item {
        scene.drill(sheet, "the requests of its key", Drill::Key(id));
    }
    sheet.head("Busiest routes of this bucket today", theme);
    let (routes, callers) =
        of.detail.as_ref().map(|detail| (&detail.top_routes[..], &detail.callers[..])).unwrap_or_default();
    key::routes(scene, sheet, routes);
    sheet.head("Callers that share the key today, in whichever bucket", theme);
    key::callers(scene, sheet, callers);
    sheet.head("Latest requests of the key that were refused with 429", theme);
    key::requests(scene, sheet, &of.refused);
}
