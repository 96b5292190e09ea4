//! Changes available on an item, their confirmations with the effect in words, and the reasons why some are not
//! possible.

use crate::domain::alert::AlertSubject;
use crate::domain::delivery::AttemptKind;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event::EventType;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::sync::platform_change::PlatformChange;
use crate::text;
use crate::tui::effect::{FetchedDetail, FetchedKey};
use crate::tui::ids::{FormPurpose, RowId};
use crate::tui::overlays::admin_confirmations;
use crate::tui::panes::{deliveries, events, keys, rows_of};
use crate::tui::state::app::App;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::confirm::{ConfirmParts, ConfirmPrecondition, ConfirmPrompt};
use crate::tui::state::overlays::detail::DetailFetchState;
use crate::tui::widgets::format;
use crate::wire::keys::KeyRow;
use crate::wire::subscriptions::{MissedEventsChoice, SubscriptionRow};

/// Message for every change in a read-only console.
pub(in crate::tui) const READ_ONLY_REASON: &str = "read-only: start with --allow-actions";

/// Changes available on an item, in the order of the menu.
pub(in crate::tui) fn available_changes(app: &App, item: RowId) -> Vec<PlatformChange> {
    let Some(view) = app.view() else { return Vec::new() };
    match item {
        RowId::Subscription(id) => {
            let enable = |replay| PlatformChange::Enable(id, replay);
            let acts =
                [PlatformChange::SendTest(id), enable(MissedEventsChoice::None), enable(MissedEventsChoice::Missed)];
            acts.into_iter().filter(|act| is_possible(app, act)).collect()
        }
        RowId::Key(id) => vec![PlatformChange::RevokeKey(id)],
        RowId::Attempt(id) => {
            let delivery = deliveries::find(&view, id).and_then(|row| row.delivery_id);
            delivery.map(PlatformChange::Resend).into_iter().collect()
        }
        RowId::Event(id) => {
            let row = events::find(&view, id);
            let named = row.and_then(|row| {
                Some(PlatformChange::EmitSampleEvent(row.company_id, EventType::named(row.kind.raw())?))
            });
            named.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Label of a change in the action menu.
pub(in crate::tui) const fn label(act: &PlatformChange) -> &'static str {
    match act {
        PlatformChange::SendTest(_) => "Send test",
        PlatformChange::Enable(_, MissedEventsChoice::None) => "Enable",
        PlatformChange::Enable(_, MissedEventsChoice::Missed) => "Enable and replay missed events",
        PlatformChange::Disable(..) => "Disable",
        PlatformChange::Delete(_) => "Delete permanently",
        PlatformChange::SetDisableReason(..) => "Add a reason",
        PlatformChange::Acknowledge(..) => "Acknowledge",
        PlatformChange::RollBack(..) => "Roll back to this configuration",
        PlatformChange::Replay(..) => "Replay deliveries",
        PlatformChange::SetReplayState(..) => "Pause, resume or cancel",
        PlatformChange::SetLimits(..) => "Set rate limits",
        PlatformChange::CreateCompany(_) => "Create a company",
        PlatformChange::CreateKey(_) => "Create a key",
        PlatformChange::CreateOperator(_) => "Create an operator",
        PlatformChange::RevokeOperator(_) => "Revoke operator permanently",
        PlatformChange::Resend(_) => "Resend this delivery",
        PlatformChange::RevokeKey(_) => "Revoke permanently",
        PlatformChange::EmitSampleEvent(..) => "Emit a sample event of this type",
    }
}

/// Subscription in the newest snapshot, or a reason why it is missing.
pub(in crate::tui) fn subscription(app: &App, id: SubscriptionId) -> Result<&SubscriptionRow, String> {
    let rows = app.snapshot.overview.as_ref().map(|overview| &overview.subscriptions.items);
    rows.and_then(|rows| rows.iter().find(|row| row.subscription.id == id))
        .ok_or_else(|| format!("subscription {id} is not in the current data"))
}

/// Whether the platform answers itself, with its Portal API. An observer answers for one without.
pub(in crate::tui) fn has_portal(app: &App) -> bool {
    app.visible_snapshot().overview.as_ref().is_none_or(|overview| overview.coverage.is_none())
}

/// Message for a change that only a platform with a Portal can make.
pub(in crate::tui) const PORTAL_CHANGE_REASON: &str = "a key cannot do this; use the Admin Portal";

/// Whether the platform can make a change; through an observer only those that keys can make.
fn is_possible(app: &App, act: &PlatformChange) -> bool {
    has_portal(app)
        || matches!(
            act,
            PlatformChange::SendTest(_)
                | PlatformChange::Enable(_, MissedEventsChoice::None)
                | PlatformChange::Disable(..)
                | PlatformChange::Delete(_)
                | PlatformChange::SetDisableReason(..)
                | PlatformChange::Acknowledge(..)
                | PlatformChange::EmitSampleEvent(..)
        )
}

/// Whether the platform can make the change that a form asks about; through an observer only those that keys can make.
pub(in crate::tui) fn is_form_possible(app: &App, purpose: FormPurpose) -> bool {
    has_portal(app)
        || matches!(
            purpose,
            FormPurpose::Disable | FormPurpose::DisableReason(_) | FormPurpose::Acknowledge | FormPurpose::Event
        )
}

/// Ids of the enabled subscriptions among some items.
pub(in crate::tui) fn enabled(app: &App, items: &[RowId]) -> Vec<SubscriptionId> {
    let ids = items.iter().filter_map(|item| match item {
        RowId::Subscription(id) if subscription(app, *id).is_ok_and(|row| row.subscription.is_enabled) => Some(*id),
        _ => None,
    });
    ids.collect()
}

/// Whether a subscription is disabled at present.
pub(in crate::tui) fn is_disabled(app: &App, id: SubscriptionId) -> bool {
    subscription(app, id).is_ok_and(|row| !row.subscription.is_enabled)
}

pub(in crate::tui) fn key(app: &App, id: KeyId) -> Result<&KeyRow, String> {
    let rows = app.snapshot.overview.as_ref().map(|overview| &overview.keys.items);
    rows.and_then(|rows| rows.iter().find(|row| row.id == id))
        .ok_or_else(|| format!("key {id} is not in the current data"))
}

/// Key in the newest snapshot, unless it is revoked.
fn active_key(app: &App, id: KeyId) -> Result<&KeyRow, String> {
    let row = key(app, id)?;
    if row.revoked_utc.is_some() { Err("the key is revoked".to_owned()) } else { Ok(row) }
}

/// Builds the confirmation of a change.
///
/// # Errors
/// A one-line reason when the change is not allowed or not possible.
pub(in crate::tui) fn confirm_prompt(app: &App, act: PlatformChange) -> Result<ConfirmPrompt, String> {
    asked(app, act, None)
}

/// Builds the confirmation for enabling a subscription again, with the result of the test that was sent from it.
///
/// # Errors
/// A one-line reason when the change is no longer allowed or possible.
pub(in crate::tui) fn after_test(app: &App, act: PlatformChange, told: &str) -> Result<ConfirmPrompt, String> {
    asked(app, act, Some(told))
}

fn asked(app: &App, act: PlatformChange, tested: Option<&str>) -> Result<ConfirmPrompt, String> {
    if app.config.access == ConsoleAccess::ReadOnly {
        return Err(READ_ONLY_REASON.to_owned());
    }
    if !is_possible(app, &act) {
        return Err(PORTAL_CHANGE_REASON.to_owned());
    }
    let (name, was, effect) = match &act {
        PlatformChange::Enable(id, _) => {
            let (name, was, effect) = subscription_parts(&act, subscription(app, *id)?)?;
            let tested = tested.map_or_else(|| last_test(app, *id), |told| format!("Just now: {told}."));
            (name, was, format!("{effect} {tested}"))
        }
        PlatformChange::SendTest(id)
        | PlatformChange::Disable(id, _)
        | PlatformChange::Delete(id)
        | PlatformChange::SetDisableReason(id, _)
        | PlatformChange::RollBack(id, _) => subscription_parts(&act, subscription(app, *id)?)?,
        PlatformChange::Replay(id, wish, n) => admin_confirmations::replay(subscription(app, *id)?, wish, *n),
        PlatformChange::SetReplayState(id, wanted) => admin_confirmations::replay_state(*id, *wanted),
        PlatformChange::RevokeKey(id) => {
            let row = active_key(app, *id)?;
            (row.name.clone(), ConfirmPrecondition::ActiveKey(*id), revoked(app, row))
        }
        PlatformChange::SetLimits(id, wish) => {
            let row = active_key(app, *id)?;
            (row.name.clone(), ConfirmPrecondition::ActiveKey(*id), admin_confirmations::limit_changes(row, wish))
        }
        PlatformChange::Resend(id) => {
            let effect = "Sends the delivery once more now, in addition to its schedule. It does not count towards the breaker or the \
                          success rate. The receiver may get this event twice.";
            (Untrusted::new(format!("delivery {id}")), ConfirmPrecondition::None, effect.to_owned())
        }
        PlatformChange::EmitSampleEvent(company, kind) => emitted(app, *company, *kind),
        PlatformChange::Acknowledge(subject, standing, note) => {
            acknowledged(app, (*subject, *standing), note.as_deref())?
        }
        PlatformChange::CreateCompany(new) => admin_confirmations::company(new),
        PlatformChange::CreateKey(new) => admin_confirmations::key(new),
        PlatformChange::CreateOperator(new) => admin_confirmations::operator(new),
        PlatformChange::RevokeOperator(id) => admin_confirmations::revoked_operator(app, *id),
    };
    let pledge = pledge(app, &act, &name);
    Ok(ConfirmPrompt { act, name, precondition: was, effect, pledge })
}

/// Text to be typed before an irreversible change: the last four characters of the key or name.
fn pledge(app: &App, act: &PlatformChange, name: &Untrusted) -> Option<Untrusted> {
    match act {
        PlatformChange::RevokeKey(id) => key(app, *id).ok().map(|row| row.last4.clone()),
        // An operator is confirmed by its name, a subscription by its target URL.
        PlatformChange::RevokeOperator(_) | PlatformChange::Delete(_) => {
            let name: Vec<char> = name.raw().trim_end().chars().collect();
            Some(Untrusted::new(name[name.len().saturating_sub(4)..].iter().collect::<String>()))
        }
        _ => None,
    }
}

/// Parts of the confirmation for a change of a subscription in its present state.
fn subscription_parts(act: &PlatformChange, row: &SubscriptionRow) -> Result<ConfirmParts, String> {
    let of = &row.subscription;
    match act {
        PlatformChange::Enable(..) if of.is_enabled => return Err("already enabled".to_owned()),
        PlatformChange::Disable(..) if !of.is_enabled => return Err("already disabled".to_owned()),
        PlatformChange::SetDisableReason(..)
            if of.is_enabled || of.disabled_reason == Some(DisabledReason::Breaker) =>
        {
            return Err("not disabled by hand".to_owned());
        }
        _ => {}
    }
    let was = ConfirmPrecondition::Subscription(of.id, of.target_url.clone(), of.is_enabled);
    Ok((of.target_url.clone(), was, effect(act, row)))
}

fn emitted(app: &App, company: CompanyId, kind: EventType) -> ConfirmParts {
    let n = app.snapshot.overview.as_ref().map_or(0, |overview| {
        let wants = |row: &&SubscriptionRow| {
            let of = &row.subscription;
            of.company_id == company && of.is_enabled && of.event_types.iter().any(|known| known.raw() == kind.name())
        };
        overview.subscriptions.items.iter().filter(wants).count()
    });
    let effect = format!(
        "Publishes a real event with a sample payload, marked as a test in its metadata. Partners can poll it; it goes to {} in the current data.",
        text::count(n, "enabled subscription")
    );
    (Untrusted::new(kind.name()), ConfirmPrecondition::None, effect)
}

fn acknowledged(app: &App, about: (AlertSubject, HealthStatus), note: Option<&str>) -> Result<ConfirmParts, String> {
    let alerts = app.snapshot.alerts();
    let alert = alerts.iter().find(|alert| alert.subject == about.0).ok_or("the alert is resolved")?;
    if alert.standing != about.1 {
        return Err("the alert changed in the meantime; review and try again".to_owned());
    }
    let said =
        note.map_or_else(String::new, |note| format!(" Visible to everyone: {}", Untrusted::new(note).sanitized()));
    let effect = format!(
        "Everyone sees that you are on it, and no one else is notified for a day, unless the alert gets worse or recurs. Until it is resolved it is listed last.{said}"
    );
    Ok((alert.name.clone(), ConfirmPrecondition::Alert(about.0, about.1), effect))
}

/// Describes the latest test of a subscription among the loaded attempts, or advises to test first.
fn last_test(app: &App, id: SubscriptionId) -> String {
    let fetched = app.overlays.iter().rev().find_map(|layer| match layer {
        Overlay::Detail(detail) if detail.item == RowId::Subscription(id) => match &detail.fetched {
            DetailFetchState::Found(found) => match &**found {
                FetchedDetail::Subscription(known) => Some(known.attempts.as_slice()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let listed = app.snapshot.overview.as_ref().map(|overview| overview.attempts.items.as_slice());
    let all = fetched.into_iter().chain(listed).flatten();
    let tests = all.filter(|row| row.subscription_id == Some(id) && row.kind == Some(AttemptKind::Test));
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
    let story = app.overlays.iter().rev().find_map(|layer| match layer {
        Overlay::Detail(detail) if detail.item == RowId::Key(row.id) => fetched_key(&detail.fetched),
        _ => None,
    });
    revoke_effect_text(app, row, story)
}

pub(in crate::tui) fn fetched_key(fetched: &DetailFetchState) -> Option<&FetchedKey> {
    match fetched {
        DetailFetchState::Found(found) => match &**found {
            FetchedDetail::Key(story) => Some(story),
            _ => None,
        },
        _ => None,
    }
}

/// Effect of revoking a key, with the callers from `story` if they were fetched.
pub(in crate::tui) fn revoke_effect_text(app: &App, row: &KeyRow, story: Option<&FetchedKey>) -> String {
    let callers = match story.map(|story| story.callers.as_deref()) {
        Some(None) => "Its callers are not known".to_owned(),
        Some(Some([])) => "No calls with it today".to_owned(),
        Some(Some(callers)) => {
            let named = callers.iter().map(|caller| {
                format!(
                    "{} at {} ({} today)",
                    caller.user_agent.sanitized(),
                    caller.address.sanitized(),
                    text::number(caller.n)
                )
            });
            format!("Affected callers: {}", named.collect::<Vec<_>>().join(", "))
        }
        None => "Its callers are being loaded".to_owned(),
    };
    let windows = app.snapshot.overview.iter().flat_map(|overview| &overview.limits.items);
    let n: u64 = windows
        .filter(|window| window.key_id == row.id)
        .flat_map(|window| window.history.iter().flatten())
        .map(|n| u64::from(*n))
        .sum();
    let n = text::count(n.max(row.usage.map_or(0, |usage| usage.n_last_minute)), "call");
    format!("Calls with this key fail immediately, and this cannot be undone. {n} in the last hour. {callers}.")
}

fn effect(act: &PlatformChange, row: &SubscriptionRow) -> String {
    let health = row.health.as_ref();
    let parked = health.and_then(|health| health.n_parked);
    let parked = text::maybe_several(parked, "delivery on hold", "deliveries on hold");
    let missed = text::maybe_several(health.and_then(|health| health.n_skipped), "missed event", "missed events");
    match act {
        PlatformChange::Enable(_, MissedEventsChoice::None) => {
            format!(
                "Sends {parked}, one at a time, then two, then four as they succeed. The failure count restarts at 0. Does not send {missed}."
            )
        }
        PlatformChange::Enable(_, MissedEventsChoice::Missed) => {
            format!(
                "Sends {parked} and {missed}, one at a time, then two, then four as they succeed. The failure count restarts at 0."
            )
        }
        PlatformChange::Disable(_, reason) => {
            let n =
                text::maybe_several(health.and_then(|health| health.n_backlog), "delivery waits", "deliveries wait");
            let reason = match reason {
                Some(reason) => format!("Reason: {}", Untrusted::new(reason.as_str()).sanitized()),
                None => "Without a reason, an alert is raised.".to_owned(),
            };
            format!("Nothing is delivered until the subscription is enabled again; {n} until then. {reason}")
        }
        PlatformChange::Delete(_) => {
            let n = health.and_then(crate::wire::subscriptions::DeliveryHealth::n_waiting);
            let n = text::maybe_several(n, "delivery is", "deliveries are");
            let tool = row.subscription.managed_by.as_ref();
            let tool =
                tool.map_or_else(String::new, |tool| format!(" {} created it and is not notified.", tool.sanitized()));
            format!(
                "No more events are delivered to it, and this cannot be undone; {n} cancelled. Its log is kept.{tool}"
            )
        }
        PlatformChange::SetDisableReason(_, reason) => {
            format!(
                "The subscription stays disabled and its alert ends. Visible to everyone: {}",
                Untrusted::new(reason.as_str()).sanitized()
            )
        }
        PlatformChange::RollBack(_, revision) => format!(
            "Restores target, types and description of revision {revision} as a new revision. The current revision stays in the list."
        ),
        _ => "Posts one sample event to this address now. It does not count towards the breaker or the success rate."
            .to_owned(),
    }
}

/// Name of an item for the heading of the menu.
pub(in crate::tui) fn name(app: &App, item: RowId) -> Option<String> {
    let view = app.view()?;
    match item {
        RowId::Subscription(id) => subscription(app, id).ok().map(|row| row.subscription.target_url.sanitized()),
        RowId::Key(id) => keys::find(&view, id).map(|row| row.name.sanitized()),
        other => rows_of(other.pane()).named_health(&view, other).map(|(name, _)| name),
    }
}
