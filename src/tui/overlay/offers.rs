//! Changes available on an item, their confirmations with the effect in words, and the reasons why some are not
//! possible.

use super::super::app::App;
use super::super::console::Access;
use super::super::effect::{Act, Effect, Found, Job, KeyStory};
use super::super::format;
use super::super::panes::{deliveries, events, keys};
use super::super::places::Item;
use super::confirm::{Question, Was};
use super::detail::Fetched;
use super::{Layer, grants};
use crate::api::keys::KeyRow;
use crate::api::subscriptions::{MissedEventsChoice, SubscriptionRow};
use crate::domain::alert::AlertSubject;
use crate::domain::delivery::AttemptKind;
use crate::domain::event::EventType;
use crate::domain::health_status::{DisabledReason, HealthStatus};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;

/// Message for every change in a read-only console.
pub(in crate::tui) const READ_ONLY: &str = "read-only: start with --allow-actions";

/// Changes available on an item, in the order of the menu.
pub(in crate::tui) fn acts(app: &App, item: Item) -> Vec<Act> {
    let Some(view) = app.view() else { return Vec::new() };
    match item {
        Item::Subscription(id) => {
            let enable = |replay| Act::Enable(id, replay);
            let mut acts = vec![Act::Test(id), enable(MissedEventsChoice::None), enable(MissedEventsChoice::Skipped)];
            // Without a Portal no reason can be stored, so no form asks for one.
            if !has_portal(app) {
                acts.push(Act::Disable(id, None));
            }
            acts
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

/// Label of a change in the action menu.
pub(super) const fn label(act: &Act) -> &'static str {
    match act {
        Act::Test(_) => "Send test",
        Act::Enable(_, MissedEventsChoice::None) => "Enable",
        Act::Enable(_, MissedEventsChoice::Skipped) => "Enable and replay missed events",
        Act::Disable(..) => "Disable",
        Act::Delete(_) => "Delete permanently",
        Act::Intend(..) => "Add a reason",
        Act::Acknowledge(..) => "Acknowledge",
        Act::RollBack(..) => "Roll back to this configuration",
        Act::Replay(..) => "Replay deliveries",
        Act::Turn(..) => "Pause, resume or cancel",
        Act::Limit(..) => "Set rate limits",
        Act::CreateCompany(_) => "Create a company",
        Act::CreateKey(_) => "Create a key",
        Act::CreateOperator(_) => "Create an operator",
        Act::RevokeOperator(_) => "Revoke operator permanently",
        Act::Resend(_) => "Resend this delivery",
        Act::Revoke(_) => "Revoke permanently",
        Act::Emit(..) => "Emit a sample event of this type",
    }
}

/// Subscription in the newest snapshot, or a reason why it is missing.
pub(super) fn subscription(app: &App, id: SubscriptionId) -> Result<&SubscriptionRow, String> {
    let rows = app.picture.overview.as_ref().map(|overview| &overview.subscriptions.items);
    rows.and_then(|rows| rows.iter().find(|row| row.subscription.id == id))
        .ok_or_else(|| format!("subscription {id} is not in the current data"))
}

/// Whether the platform has a Portal API.
pub(in crate::tui) fn has_portal(app: &App) -> bool {
    app.shown().reach.findings().is_none()
}

/// Ids of the enabled subscriptions among some items.
pub(super) fn enabled(app: &App, items: &[Item]) -> Vec<SubscriptionId> {
    let ids = items.iter().filter_map(|item| match item {
        Item::Subscription(id) if subscription(app, *id).is_ok_and(|row| row.subscription.is_enabled) => Some(*id),
        _ => None,
    });
    ids.collect()
}

/// Whether a subscription is disabled at present.
pub(in crate::tui) fn is_off(app: &App, id: SubscriptionId) -> bool {
    subscription(app, id).is_ok_and(|row| !row.subscription.is_enabled)
}

pub(super) fn key(app: &App, id: KeyId) -> Result<&KeyRow, String> {
    let rows = app.picture.overview.as_ref().map(|overview| &overview.keys.items);
    rows.and_then(|rows| rows.iter().find(|row| row.id == id))
        .ok_or_else(|| format!("key {id} is not in the current data"))
}

/// Key in the newest snapshot, unless it is revoked.
fn active_key(app: &App, id: KeyId) -> Result<&KeyRow, String> {
    let row = key(app, id)?;
    if row.revoked_utc.is_some() { Err("the key is revoked".to_owned()) } else { Ok(row) }
}

/// Parts of a confirmation: name of the item, precondition, and effect in words.
pub(super) type About = (Untrusted, Was, String);

/// Builds the confirmation of a change.
///
/// # Errors
/// A one-line reason when the change is not allowed or not possible.
pub(in crate::tui) fn question(app: &App, act: Act) -> Result<Question, String> {
    asked(app, act, None)
}

/// The question before enabling a subscription, with what a test that was sent from it came to.
///
/// # Errors
/// Says why the act is no longer permitted or makes no sense.
pub(in crate::tui) fn after_test(app: &App, act: Act, told: &str) -> Result<Question, String> {
    asked(app, act, Some(told))
}

fn asked(app: &App, act: Act, tested: Option<&str>) -> Result<Question, String> {
    if app.setting.access == Access::ReadOnly {
        return Err(READ_ONLY.to_owned());
    }
    let (name, was, effect) = match &act {
        Act::Enable(id, _) => {
            let (name, was, effect) = switched(&act, subscription(app, *id)?)?;
            let tested = tested.map_or_else(|| last_test(app, *id), |told| format!("Just now: {told}."));
            (name, was, format!("{effect} {tested}"))
        }
        Act::Test(id) | Act::Disable(id, _) | Act::Delete(id) | Act::Intend(id, _) | Act::RollBack(id, _) => {
            switched(&act, subscription(app, *id)?)?
        }
        Act::Replay(id, wish, n) => grants::replay(subscription(app, *id)?, wish, *n),
        Act::Turn(id, wanted) => grants::turn(*id, *wanted),
        Act::Revoke(id) => {
            let row = active_key(app, *id)?;
            (row.name.clone(), Was::ActiveKey(*id), revoked(app, row))
        }
        Act::Limit(id, wish) => {
            let row = active_key(app, *id)?;
            (row.name.clone(), Was::ActiveKey(*id), grants::limited(row, wish))
        }
        Act::Resend(id) => {
            let effect = "Sends the delivery once more now, in addition to its schedule. It does not count towards the breaker or the \
                          success rate. The receiver may get this event twice.";
            (Untrusted::new(format!("delivery {id}")), Was::Past, effect.to_owned())
        }
        Act::Emit(company, kind) => emitted(app, *company, *kind),
        Act::Acknowledge(subject, standing, note) => acknowledged(app, (*subject, *standing), note.as_deref())?,
        Act::CreateCompany(new) => grants::company(new),
        Act::CreateKey(new) => grants::key(new),
        Act::CreateOperator(new) => grants::operator(new),
        Act::RevokeOperator(id) => grants::revoked_operator(app, *id),
    };
    let pledge = pledge(app, &act, &name);
    Ok(Question { act, name, was, effect, pledge })
}

/// Text to be typed before an irreversible change: the last four characters of the key or name.
fn pledge(app: &App, act: &Act, name: &Untrusted) -> Option<Untrusted> {
    match act {
        Act::Revoke(id) => key(app, *id).ok().map(|row| row.last4.clone()),
        // An operator is confirmed by its name, a subscription by its target URL.
        Act::RevokeOperator(_) | Act::Delete(_) => {
            let name: Vec<char> = name.raw().trim_end().chars().collect();
            Some(Untrusted::new(name[name.len().saturating_sub(4)..].iter().collect::<String>()))
        }
        _ => None,
    }
}

/// Parts of the confirmation for a change of a subscription in its present state.
fn switched(act: &Act, row: &SubscriptionRow) -> Result<About, String> {
    let of = &row.subscription;
    match act {
        Act::Enable(..) if of.is_enabled => return Err("already enabled".to_owned()),
        Act::Disable(..) if !of.is_enabled => return Err("already disabled".to_owned()),
        Act::Intend(..) if of.disabled_reason != Some(DisabledReason::Manual) => {
            return Err("not disabled manually".to_owned());
        }
        _ => {}
    }
    let was = Was::Subscription(of.id, of.target_url.clone(), of.is_enabled);
    Ok((of.target_url.clone(), was, effect(act, row)))
}

fn emitted(app: &App, company: CompanyId, kind: EventType) -> About {
    let n = app.picture.overview.as_ref().map_or(0, |overview| {
        let wants = |row: &&SubscriptionRow| {
            let of = &row.subscription;
            of.company_id == company && of.is_enabled && of.event_types.iter().any(|known| known.raw() == kind.name())
        };
        overview.subscriptions.items.iter().filter(wants).count()
    });
    let effect = format!(
        "Publishes a real event with a sample payload, marked as a test in its metadata. Partners can poll it; it goes to {} in the current data.",
        format::plural(n as u64, "enabled subscription")
    );
    (Untrusted::new(kind.name()), Was::Past, effect)
}

fn acknowledged(app: &App, about: (AlertSubject, HealthStatus), note: Option<&str>) -> Result<About, String> {
    let alerts = app.picture.alerts();
    let alert = alerts.iter().find(|alert| alert.subject == about.0).ok_or("the alert is resolved")?;
    if alert.standing != about.1 {
        return Err("the alert changed in the meantime; review and try again".to_owned());
    }
    let said =
        note.map_or_else(String::new, |note| format!(" Visible to everyone: {}", Untrusted::new(note).sanitized()));
    let effect = format!(
        "Everyone sees that you are on it, and no one else is notified for a day, unless the alert gets worse or recurs. Until it is resolved it is listed last.{said}"
    );
    Ok((alert.name.clone(), Was::Alert(about.0, about.1), effect))
}

/// Describes the latest test of a subscription among the loaded attempts, or advises to test first.
fn last_test(app: &App, id: SubscriptionId) -> String {
    let fetched = app.layers.iter().rev().find_map(|layer| match layer {
        Layer::Detail(detail) if detail.item == Item::Subscription(id) => match &detail.fetched {
            Fetched::Found(found) => match &**found {
                Found::Subscription(known) => Some(known.attempts.as_slice()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let listed = app.picture.overview.as_ref().map(|overview| overview.attempts.items.as_slice());
    let all = fetched.into_iter().chain(listed).flatten();
    let tests = all.filter(|row| row.subscription_id == id && row.kind == AttemptKind::Test);
    match (tests.max_by_key(|row| row.id), app.view()) {
        (Some(test), Some(view)) => {
            let age = format::age(view.now.since(test.started_utc));
            format!("Last test {age} ago: {}.", test.outcome())
        }
        _ => "No recent test is loaded. Send one first (t) to see whether the endpoint answers.".to_owned(),
    }
}

/// Effect of revoking a key, with its callers if the open detail view has them.
fn revoked(app: &App, row: &KeyRow) -> String {
    let story = app.layers.iter().rev().find_map(|layer| match layer {
        Layer::Detail(detail) if detail.item == Item::Key(row.id) => story(&detail.fetched),
        _ => None,
    });
    cut_off(app, row, story)
}

fn story(fetched: &Fetched) -> Option<&KeyStory> {
    match fetched {
        Fetched::Found(found) => match &**found {
            Found::Key(story) => Some(story),
            _ => None,
        },
        _ => None,
    }
}

/// Effect of revoking a key, with the callers from `story` if they were fetched.
fn cut_off(app: &App, row: &KeyRow, story: Option<&KeyStory>) -> String {
    let callers = match story {
        Some(story) if story.callers.is_empty() => "No calls with it today".to_owned(),
        Some(story) => {
            let named = story.callers.iter().map(|caller| {
                format!(
                    "{} at {} ({} today)",
                    caller.user_agent.sanitized(),
                    caller.address.sanitized(),
                    format::number(caller.n)
                )
            });
            format!("Affected callers: {}", named.collect::<Vec<_>>().join(", "))
        }
        None => "Its callers are being loaded".to_owned(),
    };
    let windows = app.picture.overview.iter().flat_map(|overview| &overview.limits.items);
    let n: u64 = windows
        .filter(|window| window.key_id == row.id)
        .flat_map(|window| &window.history)
        .map(|n| u64::from(*n))
        .sum();
    let n = format::plural(n.max(row.usage.n_last_minute), "call");
    format!("Calls with this key fail immediately, and this cannot be undone. {n} in the last hour. {callers}.")
}

impl App {
    /// Returns a request for the callers of a key whose revocation is being confirmed, once per key.
    pub(in crate::tui) fn callers_wanted(&mut self) -> Option<Effect> {
        let Some(Layer::Count(count)) = self.layers.last_mut() else { return None };
        let Act::Revoke(id) = count.only()?.act else { return None };
        if count.asked.replace(id) == Some(id) {
            return None;
        }
        Some(Effect::Perform(Job::Fetch(Item::Key(id))))
    }

    /// Adds the fetched callers of a key to the open confirmation.
    pub(in crate::tui) fn tell_callers(&mut self, item: Item, fetched: &Fetched) {
        let Item::Key(id) = item else { return };
        let (Ok(row), Some(story)) = (key(self, id), story(fetched)) else { return };
        let effect = cut_off(self, row, Some(story));
        for layer in &mut self.layers {
            if let Layer::Count(count) = layer
                && count.asked == Some(id)
                && let [question] = count.questions.as_mut_slice()
            {
                question.effect.clone_from(&effect);
            }
        }
    }
}

fn effect(act: &Act, row: &SubscriptionRow) -> String {
    let health = &row.health;
    let parked = format::several(health.n_parked, "delivery on hold", "deliveries on hold");
    let missed = format::plural(health.n_skipped, "missed event");
    match act {
        Act::Enable(_, MissedEventsChoice::None) => {
            format!(
                "Sends {parked}, one at a time, then two, then four as they succeed. The failure count restarts at 0. Does not send {missed}."
            )
        }
        Act::Enable(_, MissedEventsChoice::Skipped) => {
            format!(
                "Sends {parked} and {missed}, one at a time, then two, then four as they succeed. The failure count restarts at 0."
            )
        }
        Act::Disable(_, reason) => {
            let n = format::several(health.n_backlog, "delivery waits", "deliveries wait");
            let reason = match reason {
                Some(reason) => format!("Reason: {}", Untrusted::new(reason.as_str()).sanitized()),
                None => "Without a reason, an alert is raised.".to_owned(),
            };
            format!("Nothing is delivered until the subscription is enabled again; {n} until then. {reason}")
        }
        Act::Delete(_) => {
            let n = format::several(health.n_backlog + health.n_parked, "delivery is", "deliveries are");
            let tool = row.subscription.managed_by.as_ref();
            let tool =
                tool.map_or_else(String::new, |tool| format!(" {} created it and is not notified.", tool.sanitized()));
            format!(
                "No more events are delivered to it, and this cannot be undone; {n} cancelled. Its log is kept.{tool}"
            )
        }
        Act::Intend(_, reason) => {
            format!(
                "The subscription stays disabled and its alert ends. Visible to everyone: {}",
                Untrusted::new(reason.as_str()).sanitized()
            )
        }
        Act::RollBack(_, revision) => format!(
            "Restores target, types and description of revision {revision} as a new revision. The current revision stays in the list."
        ),
        _ => "Posts one sample event to this address now. It does not count towards the breaker or the success rate."
            .to_owned(),
    }
}

/// Name of an item for the heading of the menu.
pub(super) fn name(app: &App, item: Item) -> Option<String> {
    let view = app.view()?;
    match item {
        Item::Subscription(id) => subscription(app, id).ok().map(|row| row.subscription.target_url.sanitized()),
        Item::Key(id) => keys::find(&view, id).map(|row| row.name.sanitized()),
        other => view.judged(other).map(|(name, _)| name),
    }
}
