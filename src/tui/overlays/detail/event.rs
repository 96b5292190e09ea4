//! Detail view of an event: its outcome for every subscription of the company, and its envelope.

use crate::domain::text::Untrusted;
use crate::tui::effect::FetchedEvent;
use crate::tui::ids::{DrillDown, RowId};
use crate::tui::overlays::detail::context::DetailContext;
use crate::tui::panes::PaneRow as _;
use crate::tui::widgets::detail_lines::{BodySide, DetailLines, LineAction};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::wire::deliveries::TraceVerdict;

pub(in crate::tui) fn fill(scene: &DetailContext<'_>, sheet: &mut DetailLines, of: &FetchedEvent) {
    let row = &of.event.row;
    sheet.add(row.details(&scene.view, scene.room));
    if of.event.redacted {
        sheet.add(scene.labelled("Redacted", "some values are hidden: this operator is not an admin"));
    }
    scene.drill(sheet, "attempts of this event", DrillDown::Event(row.id));
    trace(scene, sheet, of);
    scene.body(sheet, "Envelope", BodySide::Sent, &of.event.envelope, None);
}

/// Adds every subscription of the company, with its delivery or the reason why there is none.
fn trace(scene: &DetailContext<'_>, sheet: &mut DetailLines, of: &FetchedEvent) {
    let rows = &of.trace.subscriptions;
    let more = if of.trace.has_more { ", and more that are not shown" } else { "" };
    sheet.head(format!("Subscriptions of the company ({}{more})", rows.len()), scene.view.theme);
    for row in rows {
        let (role, state) = match &row.delivery {
            Some(delivery) => (StyleRole::Text, crate::text::delivery(delivery.state)),
            None if row.verdict == TraceVerdict::Unknown => (StyleRole::Dim, "unknown"),
            None => (StyleRole::Dim, "none"),
        };
        let target = format::middle(&format::target(&row.target_url), 44);
        let why = Untrusted::new(row.why.as_str()).sanitized();
        let text = format::clip(&format!("{:>5}  {state:<9}  {target}: {why}", row.subscription_id), scene.room);
        sheet.link(scene.styled(text, role), LineAction::Open(RowId::Subscription(row.subscription_id)));
    }
    if rows.is_empty() {
        sheet.none("none", scene.view.theme);
    }
}
