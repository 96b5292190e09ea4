//! What can be done with a thing, what will come of it, and why not what cannot be done.

use super::super::app::App;
use super::super::console::Access;
use super::super::effect::{Act, Found};
use super::super::format;
use super::super::panes::{deliveries, events, keys};
use super::super::places::Item;
use super::confirm::{Question, Was};
use super::detail::Fetched;
use super::{Layer, grants};
use crate::api::keys::KeyRow;
use crate::api::subscriptions::{ReplayChoice, SubscriptionRow};
use crate::domain::event::EventType;
use crate::domain::ids::{KeyId, SubscriptionId};
use crate::domain::text::Untrusted;

/// Said of everything in a console that may only look.
pub(in crate::tui) const READ_ONLY: &str = "read-only: start with --allow-actions";

/// The acts on a thing, in the order of the menu.
pub(in crate::tui) fn acts(app: &App, item: Item) -> Vec<Act> {
    let Some(view) = app.view() else { return Vec::new() };
    match item {
        Item::Subscription(id) => {
            let enable = |replay| Act::Enable(id, replay);
            vec![Act::Test(id), enable(ReplayChoice::None), enable(ReplayChoice::Skipped), Act::Disable(id)]
        }
        Item::Key(id) => vec![Act::Revoke(id)],
        Item::Attempt(id) => {
            let delivery = deliveries::find(&view, id).and_then(|row| row.delivery_id);
            delivery.map(Act::Resend).into_iter().collect()
        }
        Item::Event(id) => {
            let row = events::find(&view, id);
            let named = row.and_then(|row| Some(Act::Emit(row.company_id, EventType::named(row.kind.raw())?)));
            named.into_iter().collect()
        }
        Item::Window(..) | Item::Trip(_) | Item::Request(_) => Vec::new(),
    }
}

/// What an act is called in the menu.
pub(super) const fn label(act: &Act) -> &'static str {
    match act {
        Act::Test(_) => "Send test",
        Act::Enable(_, ReplayChoice::None) => "Enable",
        Act::Enable(_, ReplayChoice::Skipped) => "Enable and replay what was missed",
        Act::Disable(_) => "Disable",
        Act::RollBack(..) => "Bring this configuration back",
        Act::Replay(..) => "Replay deliveries",
        Act::Turn(..) => "Pause, go on or give up",
        Act::Limit(..) => "Set limits",
        Act::CreateCompany(_) => "Create a company",
        Act::CreateKey(_) => "Create a key",
        Act::CreateOperator(_) => "Create an operator",
        Act::RevokeOperator(_) => "Revoke the operator, for good",
        Act::Resend(_) => "Send this delivery once more",
        Act::Revoke(_) => "Revoke, for good",
        Act::Emit(..) => "Emit a sample event of this type",
    }
}

/// The subscription in the newest picture.
pub(super) fn subscription(app: &App, id: SubscriptionId) -> Result<&SubscriptionRow, String> {
    let rows = app.picture.overview.as_ref().map(|overview| &overview.subscriptions.items);
    rows.and_then(|rows| rows.iter().find(|row| row.subscription.id == id))
        .ok_or_else(|| format!("subscription {id} is not in the picture"))
}

/// Whether a subscription is off.
pub(in crate::tui) fn is_off(app: &App, id: SubscriptionId) -> bool {
    subscription(app, id).is_ok_and(|row| !row.subscription.is_enabled)
}

pub(super) fn key(app: &App, id: KeyId) -> Result<&KeyRow, String> {
    let rows = app.picture.overview.as_ref().map(|overview| &overview.keys.items);
    rows.and_then(|rows| rows.iter().find(|row| row.id == id)).ok_or_else(|| format!("key {id} is not in the picture"))
}

/// The question before an act.
///
/// # Errors
/// Says why the act is not permitted or makes no sense.
pub(in crate::tui) fn question(app: &App, act: Act) -> Result<Question, String> {
    if app.setting.access == Access::ReadOnly {
        return Err(READ_ONLY.to_owned());
    }
    match act {
        Act::Test(id) | Act::Enable(id, _) | Act::Disable(id) | Act::RollBack(id, _) => {
            let row = subscription(app, id)?;
            match act {
                Act::Enable(..) if row.subscription.is_enabled => return Err("it is enabled".to_owned()),
                Act::Disable(_) if !row.subscription.is_enabled => return Err("it is off".to_owned()),
                _ => {}
            }
            let name = row.subscription.target_url.clone();
            let was = Was::Subscription(id, name.clone(), row.subscription.is_enabled);
            let effect = effect(&act, row);
            Ok(Question { act, name, was, effect })
        }
        Act::Revoke(id) => {
            let row = key(app, id)?;
            if row.revoked_utc.is_some() {
                return Err("it is revoked".to_owned());
            }
            Ok(Question { act, name: row.name.clone(), was: Was::ActiveKey(id), effect: revoked(app, row) })
        }
        Act::Resend(id) => {
            let effect = "One more attempt is made now, beside the schedule. It counts for nothing: neither breaker nor success rate. \
                          The receiver may get this event a second time.";
            let name = Untrusted::new(format!("delivery {id}"));
            Ok(Question { act, name, was: Was::Past, effect: effect.to_owned() })
        }
        Act::Emit(company, kind) => {
            let n = app.picture.overview.as_ref().map_or(0, |overview| {
                let wants = |row: &&SubscriptionRow| {
                    let of = &row.subscription;
                    of.company_id == company
                        && of.is_enabled
                        && of.event_types.iter().any(|known| known.raw() == kind.name())
                };
                overview.subscriptions.items.iter().filter(wants).count()
            });
            let effect = format!(
                "A real event with a sample payload, marked as a test in its metadata: it is polled by partners and delivered to {} of the picture.",
                format::plural(n as u64, "enabled subscription")
            );
            Ok(Question { act, name: Untrusted::new(kind.name()), was: Was::Past, effect })
        }
        granted => grants::question(app, granted),
    }
}

/// Who will be cut off, as far as it is at hand.
fn revoked(app: &App, row: &KeyRow) -> String {
    let story = app.layers.iter().rev().find_map(|layer| match layer {
        Layer::Detail(detail) if detail.item == Item::Key(row.id) => match &detail.fetched {
            Fetched::Found(found) => match &**found {
                Found::Key(story) => Some(story),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let callers = match story {
        Some(story) if story.callers.is_empty() => "nobody called with it today".to_owned(),
        Some(story) => {
            let named = story.callers.iter().map(|caller| {
                format!(
                    "{} at {} ({} today)",
                    caller.user_agent.inert(),
                    caller.address.inert(),
                    format::number(caller.n)
                )
            });
            named.collect::<Vec<_>>().join(", ")
        }
        None => "its detail (Enter) says who calls".to_owned(),
    };
    let n = format::plural(row.usage.n_last_minute, "call");
    format!("The very next call with it fails, and it cannot be undone. {n} in the last minute; {callers}.")
}

fn effect(act: &Act, row: &SubscriptionRow) -> String {
    let health = &row.health;
    let parked = format::several(health.n_parked, "parked delivery goes out", "parked deliveries go out");
    let missed = format::plural(health.n_skipped, "event");
    match act {
        Act::Enable(_, ReplayChoice::None) => {
            format!(
                "Deliveries resume one at a time, then two, then four as they succeed; its streak starts at 0, {parked}. {missed} that passed by stay undelivered."
            )
        }
        Act::Enable(_, ReplayChoice::Skipped) => {
            format!(
                "Deliveries resume one at a time, then two, then four as they succeed; its streak starts at 0, {parked}, and {missed} that passed by are sent too."
            )
        }
        Act::Disable(_) => format!(
            "Nothing is delivered any more until it is enabled; {} meanwhile.",
            format::several(health.n_backlog, "delivery waits", "deliveries wait")
        ),
        Act::RollBack(_, revision) => format!(
            "Target, types and description become those of revision {revision}, as a new revision; what is there now stays in the list."
        ),
        _ => {
            "One sample event is posted to this address now. It does not count for breaker or success rate.".to_owned()
        }
    }
}

/// The name of a thing, for the menu.
pub(super) fn name(app: &App, item: Item) -> Option<String> {
    let view = app.view()?;
    match item {
        Item::Subscription(id) => subscription(app, id).ok().map(|row| row.subscription.target_url.inert()),
        Item::Key(id) => keys::find(&view, id).map(|row| row.name.inert()),
        other => view.judged(other).map(|(name, _)| name),
    }
}
