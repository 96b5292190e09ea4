//! Detail view of an event: its outcome for every subscription of the company, and its envelope.

use super::super::super::effect::Happening;
use super::super::super::panes::events;
use super::super::super::places::Item;
use super::super::super::sheet::{Does, Part, Sheet};
use super::super::super::theme::Role;
use super::super::super::trail::Drill;
use super::{Scene, format};
use crate::domain::text::Untrusted;

pub(super) fn fill(scene: &Scene<'_>, sheet: &mut Sheet, of: &Happening) {
    let row = &of.event.row;
    sheet.add(events::details(&scene.view, row, scene.room));
    if of.event.redacted {
        sheet.add(scene.labelled("Redacted", "some values are hidden: this operator is not an admin"));
    }
    scene.drill(sheet, "attempts of this event", Drill::Event(row.id));
    trace(scene, sheet, of);
    scene.body(sheet, "Envelope", Part::Sent, &of.event.envelope, None);
}

/// Adds every subscription of the company, with its delivery or the reason why there is none.
fn trace(scene: &Scene<'_>, sheet: &mut Sheet, of: &Happening) {
    if scene.view.is_partial() {
        return sheet.none("Recipients unknown: the Integration API does not report them.", scene.view.theme);
    }
    let rows = &of.trace.subscriptions;
    let more = if of.trace.has_more { ", and more that are not shown" } else { "" };
    sheet.head(format!("Subscriptions of the company ({}{more})", rows.len()), scene.view.theme);
    for row in rows {
        let (role, state) = match &row.delivery {
            Some(delivery) => (Role::Text, format::delivery_state(delivery.state)),
            None => (Role::Dim, "none"),
        };
        let target = format::middle(&format::target(&row.target_url), 44);
        let why = Untrusted::new(row.why.as_str()).sanitized();
        let text = format::clip(&format!("{:>5}  {state:<9}  {target}: {why}", row.subscription_id), scene.room);
        sheet.link(scene.styled(text, role), Does::Open(Item::Subscription(row.subscription_id)));
    }
    if rows.is_empty() {
        sheet.none("none", scene.view.theme);
    }
}
