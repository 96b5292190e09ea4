//! Detail view of a subscription: the last hour by the minute, revisions, and latest attempts.

use crate::domain::success_rate::SuccessCounts;
use crate::domain::text::Untrusted;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::FetchedSubscription;
use crate::tui::ids::{DrillDown, Pane, RowId};
use crate::tui::overlays::detail::context::DetailContext;
use crate::tui::panes::PaneRow as _;
use crate::tui::widgets::chart;
use crate::tui::widgets::detail_lines::{DetailLines, LineAction};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::wire::coverage::NounCoverage;
use crate::wire::stats::AttemptPoint;
use crate::wire::subscriptions::RevisionRow;
use ratatui::text::Line;

pub(in crate::tui) fn fill(
    scene: &DetailContext<'_>,
    sheet: &mut DetailLines,
    known: Option<Vec<Line<'static>>>,
    of: &FetchedSubscription,
) {
    let theme = scene.view.theme;
    sheet.add(known.unwrap_or_else(|| of.row.details(&scene.view, scene.room)));
    if let RowId::Subscription(id) = scene.detail.item {
        scene.drill(sheet, "attempts of this subscription", DrillDown::Subscription(id));
    }
    sheet.head("The 60 minutes before opening, oldest first", theme);
    match (of.minutes.as_slice(), why_no_attempts(scene)) {
        ([], Some(why)) => not_known(scene, sheet, &why),
        (known, _) => sheet.add(minutes(scene, known)),
    }
    sheet.head(format!("Configurations ({}), current first", of.revisions.len()), theme);
    for (position, revision) in of.revisions.iter().enumerate() {
        sheet.add(configuration(scene, revision));
        if let (true, RowId::Subscription(id)) = (position > 0, scene.detail.item) {
            let text = format!("→ roll back to revision {}", revision.revision);
            sheet.link(
                scene.styled(text, StyleRole::Accent),
                LineAction::Ask(PlatformChange::RollBack(id, revision.revision)),
            );
        }
    }
    if of.revisions.is_empty() {
        sheet.none("not visible to a key", theme);
    }
    sheet.head(format!("Latest attempts at opening ({})", of.attempts.len()), theme);
    for row in &of.attempts {
        scene.attempt(sheet, row);
    }
    if of.attempts.is_empty() {
        not_known(scene, sheet, &why_no_attempts(scene).unwrap_or_else(|| "none yet".to_owned()));
    }
}

fn not_known(scene: &DetailContext<'_>, sheet: &mut DetailLines, why: &str) {
    sheet.add(format::wrap_words(why, scene.room).into_iter().map(|line| scene.styled(line, StyleRole::Dim)));
}

/// Reason why attempts may be missing here; `None` if all are known.
fn why_no_attempts(scene: &DetailContext<'_>) -> Option<String> {
    scene.view.coverage_of(Pane::Deliveries).map(NounCoverage::summary_line)
}

/// Sparklines of success rate, latency and attempts with their extremes; minutes without attempts are gaps.
fn minutes(scene: &DetailContext<'_>, minutes: &[AttemptPoint]) -> Vec<Line<'static>> {
    let tally = |point: &AttemptPoint| SuccessCounts { n_ok: point.n_ok, n_failed: point.n_failed };
    let success: Vec<Option<u64>> = minutes.iter().map(|point| tally(point).percent()).collect();
    let slow: Vec<Option<u64>> = minutes.iter().map(|point| point.p95_ms.map(u64::from)).collect();
    let many: Vec<Option<u64>> = minutes.iter().map(|point| Some(tally(point).total()).filter(|n| *n > 0)).collect();
    if many.iter().all(Option::is_none) {
        return vec![scene.styled("no scheduled attempts", StyleRole::Dim)];
    }
    let least = success.iter().flatten().min().copied().unwrap_or(0);
    let slowest = slow.iter().flatten().max().copied().unwrap_or(0);
    let most = many.iter().flatten().max().copied().unwrap_or(0);
    [
        ("Success", chart::scaled(&success, 100, scene.charset), format!("0 to 100%; worst minute {least}%")),
        ("p95", chart::spark(&slow, scene.charset), format!("slowest minute ≤{slowest} ms")),
        ("Attempts", chart::spark(&many, scene.charset), format!("busiest minute {most}")),
    ]
    .into_iter()
    .flat_map(|(label, line, remark)| scene.labelled(label, &format!("{line} {remark}")))
    .collect()
}

fn configuration(scene: &DetailContext<'_>, of: &RevisionRow) -> Vec<Line<'static>> {
    let types = of.event_types.iter().map(Untrusted::sanitized).collect::<Vec<_>>().join(" ");
    let owner = of.managed_by.as_ref().map_or_else(String::new, |tool| format!("   managed by {}", tool.sanitized()));
    let about = of.description.as_ref().map_or_else(String::new, |text| format!("   {}", text.sanitized()));
    let since = of.since_utc.format("%Y-%m-%d %H:%M:%S");
    let text = format!("since {since}   {}   {types}{owner}{about}", format::middle(&of.target_url.sanitized(), 60));
    scene.labelled(&format!("Revision {}", of.revision), &text)
}
