//! Detail view of a key: unused scopes, calls per route, callers, and latest requests.

use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::effect::FetchedKey;
use crate::tui::ids::{DrillDown, Pane, RowId};
use crate::tui::overlays::detail::context::DetailContext;
use crate::tui::widgets::detail_lines::{DetailLines, LineAction};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::wire::coverage::NounCoverage;
use crate::wire::limits::{CallerUsageRow, RouteUsageRow};
use crate::wire::requests::RequestRow;
use ratatui::text::Line;

pub(in crate::tui) fn fill(
    scene: &DetailContext<'_>,
    sheet: &mut DetailLines,
    known: Option<Vec<Line<'static>>>,
    of: &FetchedKey,
) {
    match known {
        Some(lines) => sheet.add(lines),
        None => sheet.none("The key is not in the current data.", scene.view.theme),
    }
    let never = match of.usage.never_used.as_deref() {
        None => "unknown: a key cannot see the use of its scopes".to_owned(),
        Some([]) => "none: all scopes are used".to_owned(),
        Some(scopes) => scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" "),
    };
    sheet.add(scene.labelled("Never used", &never));
    if let RowId::Key(id) = scene.detail.item {
        scene.drill(sheet, "requests of this key", DrillDown::Key(id));
    }
    let since = match of.usage.since_utc {
        Some(at) => format!("Requests by route since {}", at.format("%Y-%m-%d")),
        None => "Requests by route".to_owned(),
    };
    sheet.head(since, scene.view.theme);
    routes(scene, sheet, of.usage.routes.as_deref());
    sheet.head("Callers today", scene.view.theme);
    callers(scene, sheet, of.callers.as_deref());
    sheet.head("Latest requests at opening", scene.view.theme);
    requests(scene, sheet, &of.requests);
}

/// Adds why the calls of a key are not counted by route or caller: not all of them are known.
fn not_counted(scene: &DetailContext<'_>, sheet: &mut DetailLines) {
    let known = scene.view.coverage_of(Pane::Requests).map(NounCoverage::summary_line);
    let text = known.map_or_else(|| "not counted".to_owned(), |known| format!("not counted; known: {known}"));
    sheet.add(format::wrap_words(&text, scene.room).into_iter().map(|line| scene.styled(line, StyleRole::Dim)));
}

/// Adds the routes as a bar chart, busiest first.
pub(in crate::tui) fn routes(scene: &DetailContext<'_>, sheet: &mut DetailLines, routes: Option<&[RouteUsageRow]>) {
    let Some(routes) = routes else { return not_counted(scene, sheet) };
    let most = routes.iter().map(|route| route.n).max().unwrap_or(0);
    for route in routes {
        let name = format::middle(&format!("{} {}", route.method.sanitized(), route.route.sanitized()), 48);
        let bar = format::bar(route.n, most, 22);
        let text = format::clip(&format!("{:>9}  {bar}  {name}", text::number(route.n)), scene.room);
        sheet.add([scene.styled(text, StyleRole::Text)]);
    }
    if routes.is_empty() {
        sheet.none("none", scene.view.theme);
    }
}

/// Adds the callers, busiest first.
pub(in crate::tui) fn callers(scene: &DetailContext<'_>, sheet: &mut DetailLines, callers: Option<&[CallerUsageRow]>) {
    let Some(callers) = callers else { return not_counted(scene, sheet) };
    for caller in callers {
        let text = format!(
            "{:>9}  {:<21}  {}  last {}",
            text::number(caller.n),
            caller.address.sanitized(),
            caller.user_agent.sanitized(),
            scene.view.moment(caller.last_utc)
        );
        sheet.add(format::wrap_words(&text, scene.room).into_iter().map(|line| scene.styled(line, StyleRole::Text)));
    }
    if callers.is_empty() {
        sheet.none("none", scene.view.theme);
    }
}

/// Adds requests, one line each, linked to their detail views.
pub(in crate::tui) fn requests(scene: &DetailContext<'_>, sheet: &mut DetailLines, requests: &[RequestRow]) {
    for row in requests {
        let role = if row.status.is_some_and(|status| status < 400) { StyleRole::Text } else { StyleRole::Trouble };
        let code = row.code.as_ref().map_or_else(String::new, Untrusted::sanitized);
        let text = format!(
            "{}  {} {code:<14}  {} {}  {}",
            row.utc.format("%m-%d %H:%M:%S%.3f"),
            row.status.map_or_else(|| "---".to_owned(), |status| status.to_string()),
            row.method.sanitized(),
            row.route.sanitized(),
            row.request_id.as_ref().map_or_else(String::new, Untrusted::sanitized)
        );
        sheet.link(scene.styled(format::clip(&text, scene.room), role), LineAction::Open(RowId::Request(row.id)));
    }
    if requests.is_empty() {
        sheet.none("none", scene.view.theme);
    }
}
