//! Actions with more steps than a confirmation: forms that are submitted, replays that are counted first, changes of
//! the listed replays and operators, and secrets that are shown once.

use crate::diagnose::incident::IncidentScope;
use crate::domain::ids::SubscriptionId;
use crate::domain::replay::ReplayState;
use crate::domain::time::Timestamp;
use crate::sync::platform_change::PlatformChange;
use crate::text;
use crate::tui::effect::{BackgroundJob, CopyOutcome, Effect};
use crate::tui::ids::FormPurpose;
use crate::tui::keys::action::KeyAction;
use crate::tui::overlays::availability;
use crate::tui::overlays::item_actions::confirm_prompt;
use crate::tui::overlays::menu::questions;
use crate::tui::state::app::App;
use crate::tui::state::issued_secret::IssuedSecret;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::async_list::ReplayList;
use crate::tui::state::overlays::form::{FormResult, FormSubject};
use crate::tui::state::overlays::secret_reveal::{SecretCopyState, SecretReveal};
use crate::tui::update::{confirm, escalate_actions, form_stack, message};
use crate::wire::replays::{NewReplay, ReplayPlan};

/// Asks whether to send again. For a subscription that is enabled, opens the replay form instead.
pub(in crate::tui) fn send_again(app: &mut App, now: Timestamp) -> Vec<Effect> {
    let Ok(acts) = availability::send_again_changes(app) else { return Vec::new() };
    match (questions(app, &acts), acts.as_slice()) {
        (Ok(questions), _) => confirm::ask_confirmation(app, questions),
        (Err(_), [PlatformChange::Enable(id, _)]) => return form_stack::open_form(app, FormPurpose::Replay(*id), now),
        (Err(why), _) => app.show_message(why, now),
    }
    Vec::new()
}

/// Submits the front form: a change asks for confirmation, a replay is counted first, a ticket is collected.
pub(in crate::tui) fn submit(app: &mut App, now: Timestamp) -> Vec<Effect> {
    // A ticket can be collected while the platform does not answer.
    let platform_now = app.view().map(|view| view.now);
    let Some(form) = form_stack::open_form_on_top(app) else { return Vec::new() };
    let Some(platform_now) = platform_now.or_else(|| (form.purpose == FormPurpose::Ticket).then_some(now)) else {
        return Vec::new();
    };
    if form.sent.is_some() {
        app.show_message("already waiting for the platform", now);
        return Vec::new();
    }
    match form.read(platform_now) {
        Some(FormResult::Changes(acts)) => match acts.as_slice() {
            // For a single change the reason is shown as it is.
            [act] => match confirm_prompt(app, act.clone()) {
                Ok(question) => confirm::ask_confirmation(app, vec![question]),
                Err(why) => form_stack::reject_form(app, why),
            },
            acts => match questions(app, acts) {
                Ok(questions) => confirm::ask_confirmation(app, questions),
                Err(why) => form_stack::reject_form(app, why),
            },
        },
        Some(FormResult::Replay(id, wish)) => {
            form.sent = Some(FormResult::Replay(id, wish.clone()));
            return vec![Effect::StartJob(BackgroundJob::CountReplay(id, wish))];
        }
        Some(FormResult::Ticket(reporter, reader)) => {
            if let FormSubject::Ticket(scope) = form.about.clone() {
                return escalate_actions::collect_ticket(app, IncidentScope { reporter, reader, ..*scope });
            }
        }
        None => {}
    }
    Vec::new()
}

/// Asks for confirmation of a replay with the number that was counted, or shows in the form why it cannot be
/// replayed. Results for an abandoned form are ignored.
pub(in crate::tui) fn on_replay_counted(
    app: &mut App,
    id: SubscriptionId,
    wish: NewReplay,
    came: Result<Box<ReplayPlan>, String>,
    now: Timestamp,
) {
    // The form may have been closed, changed or covered since the count was requested.
    let is_awaited =
        form_stack::open_form_on_top(app).is_some_and(|form| form.sent == Some(FormResult::Replay(id, wish.clone())));
    if !is_awaited || !matches!(app.overlays.last(), Some(Overlay::Form(_))) {
        return;
    }
    if let Some(form) = form_stack::open_form_on_top(app) {
        form.sent = None;
    }
    let plan = match came {
        Ok(plan) => plan,
        Err(why) => return form_stack::reject_form(app, why),
    };
    if plan.n_selected == 0 {
        return form_stack::reject_form(app, "no deliveries in these states in this time range".to_owned());
    }
    let counts = plan.counts.iter().filter(|count| count.n > 0);
    let counts = counts.map(|count| format!("{} {}", text::number(count.n), text::delivery(count.state)));
    let counts = counts.collect::<Vec<_>>().join(", ");
    match confirm_prompt(app, PlatformChange::Replay(id, wish, plan.n_selected)) {
        Ok(mut question) => {
            question.effect = format!("Found: {counts}. {}", question.effect);
            confirm::ask_confirmation(app, vec![question]);
        }
        Err(why) => message::show_error(app, why, now),
    }
}

/// Shows a secret that was just issued until its overlay is closed.
pub(in crate::tui) fn on_secret_issued(
    app: &mut App,
    act: &PlatformChange,
    issued: IssuedSecret,
    now: Timestamp,
) -> Vec<Effect> {
    let effects = confirm::on_change_finished(app, act, Ok(format!("{} created", issued.name)), now);
    app.overlays.push(Overlay::SecretReveal(SecretReveal::new(issued)));
    effects
}

pub(in crate::tui) fn copy_secret(app: &App) -> Vec<Effect> {
    match app.overlays.last() {
        Some(Overlay::SecretReveal(shown)) => vec![Effect::CopySecret(shown.issued.clone())],
        _ => Vec::new(),
    }
}

/// Shows beside a secret whether it was copied, for as long as the secret is on the screen.
pub(in crate::tui) fn on_secret_copied(
    app: &mut App,
    issued: &IssuedSecret,
    came: Result<CopyOutcome, String>,
    now: Timestamp,
) {
    let shown = app.overlays.iter_mut().find_map(|layer| match layer {
        Overlay::SecretReveal(shown) if shown.issued == *issued => Some(shown),
        _ => None,
    });
    match (shown, came) {
        (Some(shown), came) => {
            shown.copy_state = came.map_or_else(SecretCopyState::Failed, SecretCopyState::Copied);
        }
        (None, Ok(copied)) => app.show_message(copied.line(), now),
        (None, Err(why)) => message::show_error(app, why, now),
    }
}

/// Moves to the next field of a form, or asks for confirmation of a change to the selected replay or operator.
pub(in crate::tui) fn next_field_or_ask(app: &mut App, action: KeyAction, now: Timestamp) {
    let act = match action {
        KeyAction::PauseOrResumeReplay => availability::replay_list(app)
            .and_then(ReplayList::next_state)
            .map(|(id, phase)| PlatformChange::SetReplayState(id, phase)),
        KeyAction::CancelReplay => availability::replay_list(app)
            .and_then(ReplayList::cancellable)
            .map(|id| PlatformChange::SetReplayState(id, ReplayState::Cancelled)),
        KeyAction::RevokeOperator => availability::revocable(app).map(PlatformChange::RevokeOperator),
        _ => {
            if let Some(form) = form_stack::open_form_on_top(app) {
                form.next();
            }
            return;
        }
    };
    match act.and_then(|act| confirm_prompt(app, act)) {
        Ok(question) => confirm::ask_confirmation(app, vec![question]),
        Err(why) => app.show_message(why, now),
    }
}
