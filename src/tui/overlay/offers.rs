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
use crate::api::subscriptions::{ReplayChoice, SubscriptionRow};
use crate::domain::alert::Subject;
use crate::domain::delivery::Kind;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::standing::{Disabled, Standing};
use crate::domain::text::Untrusted;

/// Message for every change in a read-only console.
pub(in crate::tui) const READ_ONLY: &str = "read-only: start with --allow-actions";

/// Changes available on an item, in the order of the menu.
pub(in crate::tui) fn acts(app: &App, item: Item) -> Vec<Act> {
    let Some(view) = app.view() else { return Vec::new() };
    match item {
        Item::Subscription(id) => {
            let enable = |replay| Act::Enable(id, replay);
            let mut acts = vec![Act::Test(id), enable(ReplayChoice::None), enable(ReplayChoice::Skipped)];
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
        Act::Enable(_, ReplayChoice::None) => "Enable",
        Act::Enable(_, ReplayChoice::Skipped) => "Enable and replay what was missed",
        Act::Disable(..) => "Disable",
        Act::Delete(_) => "Delete, for good",
        Act::Intend(..) => "Say why it is off",
        Act::Acknowledge(..) => "Acknowledge",
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

/// Subscription in the newest snapshot, or a reason why it is missing.
pub(super) fn subscription(app: &App, id: SubscriptionId) -> Result<&SubscriptionRow, String> {
    let rows = app.picture.overview.as_ref().map(|overview| &overview.subscriptions.items);
    rows.and_then(|rows| rows.iter().find(|row| row.subscription.id == id))
        .ok_or_else(|| format!("subscription {id} is not in the picture"))
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
    rows.and_then(|rows| rows.iter().find(|row| row.id == id)).ok_or_else(|| format!("key {id} is not in the picture"))
}

/// Key in the newest snapshot, unless it is revoked.
fn active_key(app: &App, id: KeyId) -> Result<&KeyRow, String> {
    let row = key(app, id)?;
    if row.revoked_utc.is_some() { Err("it is revoked".to_owned()) } else { Ok(row) }
}

/// Parts of a confirmation: name of the item, precondition, and effect in words.
pub(super) type About = (Untrusted, Was, String);

/// Builds the confirmation of a change.
///
/// # Errors
/// A one-line reason when the change is not allowed or not possible.
pub(in crate::tui) fn question(app: &App, act: Act) -> Result<Question, String> {
    if app.setting.access == Access::ReadOnly {
        return Err(READ_ONLY.to_owned());
    }
    let (name, was, effect) = match &act {
        Act::Enable(id, _) => {
            let (name, was, effect) = switched(&act, subscription(app, *id)?)?;
            (name, was, format!("{effect} {}", last_test(app, *id)))
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
            let effect = "One more attempt is made now, beside the schedule. It counts for nothing: neither breaker nor success rate. \
                          The receiver may get this event a second time.";
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
        Act::Enable(..) if of.is_enabled => return Err("it is enabled".to_owned()),
        Act::Disable(..) if !of.is_enabled => return Err("it is off".to_owned()),
        Act::Intend(..) if of.disabled_reason != Some(Disabled::Manual) => {
            return Err("it is not off by hand".to_owned());
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
        "A real event with a sample payload, marked as a test in its metadata: it is polled by partners and delivered to {} of the picture.",
        format::plural(n as u64, "enabled subscription")
    );
    (Untrusted::new(kind.name()), Was::Past, effect)
}

fn acknowledged(app: &App, about: (Subject, Standing), note: Option<&str>) -> Result<About, String> {
    let alerts = app.picture.alerts();
    let alert = alerts.iter().find(|alert| alert.subject == about.0).ok_or("this alert is over")?;
    if alert.standing != about.1 {
        return Err("it stands otherwise by now; look at it again".to_owned());
    }
    let said = note.map_or_else(String::new, |note| format!(" Everybody reads: {}", Untrusted::new(note).inert()));
    let effect = format!(
        "Everybody sees that you look after it, and it calls nobody else: for a day, unless it becomes worse or is seen to begin anew. It stands last in the list until it is over.{said}"
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
    let tests = all.filter(|row| row.subscription_id == id && row.kind == Kind::Test);
    match (tests.max_by_key(|row| row.id), app.view()) {
        (Some(test), Some(view)) => {
            let age = format::age(view.now.since(test.started_utc));
            format!("The last test, {age} ago: {}.", test.outcome())
        }
        _ => "No test is at hand: sending one first (x) shows whether the endpoint answers.".to_owned(),
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
        Some(story) if story.callers.is_empty() => "No call came with it today".to_owned(),
        Some(story) => {
            let named = story.callers.iter().map(|caller| {
                format!(
                    "{} at {} ({} today)",
                    caller.user_agent.inert(),
                    caller.address.inert(),
                    format::number(caller.n)
                )
            });
            format!("It cuts off {}", named.collect::<Vec<_>>().join(", "))
        }
        None => "Who calls with it is being asked for".to_owned(),
    };
    let windows = app.picture.overview.iter().flat_map(|overview| &overview.limits.items);
    let n: u64 = windows
        .filter(|window| window.key_id == row.id)
        .flat_map(|window| &window.history)
        .map(|n| u64::from(*n))
        .sum();
    let n = format::plural(n.max(row.usage.n_last_minute), "call");
    format!("The very next call with it fails, and it cannot be undone. {n} in the last hour. {callers}.")
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
        Act::Disable(_, reason) => {
            let n = format::several(health.n_backlog, "delivery waits", "deliveries wait");
            let reason = match reason {
                Some(reason) => format!("Intended: {}", Untrusted::new(reason.as_str()).inert()),
                None => "Without a reason it stands among the alerts.".to_owned(),
            };
            format!("Nothing is delivered any more until it is enabled; {n} meanwhile. {reason}")
        }
        Act::Delete(_) => {
            let n = format::several(health.n_backlog + health.n_parked, "delivery is", "deliveries are");
            let tool = row.subscription.managed_by.as_ref();
            let tool = tool.map_or_else(String::new, |tool| format!(" {} created it and is not told.", tool.inert()));
            format!("Nothing is delivered to it any more, and it cannot be undone: {n} cancelled. Its log stays.{tool}")
        }
        Act::Intend(_, reason) => {
            format!("It stays off, and its alert ends. Everybody reads: {}", Untrusted::new(reason.as_str()).inert())
        }
        Act::RollBack(_, revision) => format!(
            "Target, types and description become those of revision {revision}, as a new revision; what is there now stays in the list."
        ),
        _ => {
            "One sample event is posted to this address now. It does not count for breaker or success rate.".to_owned()
        }
    }
}

/// Name of an item for the heading of the menu.
pub(super) fn name(app: &App, item: Item) -> Option<String> {
    let view = app.view()?;
    match item {
        Item::Subscription(id) => subscription(app, id).ok().map(|row| row.subscription.target_url.inert()),
        Item::Key(id) => keys::find(&view, id).map(|row| row.name.inert()),
        other => view.judged(other).map(|(name, _)| name),
    }
}
