//! Confirmation of changes, and the run of confirmed ones, one at a time.

use crate::domain::time::Timestamp;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::ids::RowId;
use crate::tui::overlays::item_actions;
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::bulk::{BulkRun, TypedConfirmation};
use crate::tui::state::overlays::confirm::ConfirmPrompt;
use crate::tui::state::overlays::detail::DetailFetchState;
use crate::tui::update::{answers, form_stack, message};

/// Asks for confirmation: y or n for a single change on an ordinary platform, a typed count or pledge in every
/// other case.
pub(in crate::tui) fn ask_confirmation(app: &mut App, mut questions: Vec<ConfirmPrompt>) {
    use crate::tui::state::config::TargetEnvironment;
    let layer = match (questions.pop(), app.config.identity.environment) {
        (Some(question), TargetEnvironment::Ordinary)
            if questions.is_empty() && question.act.n_things() == 1 && question.pledge.is_none() =>
        {
            Overlay::Confirm(question)
        }
        (last, _) => {
            questions.extend(last);
            Overlay::TypedConfirm(TypedConfirmation::new(questions))
        }
    };
    app.overlays.push(layer);
}

/// Sends the confirmed change, unless its precondition no longer holds.
pub(in crate::tui) fn confirm_change(app: &mut App, now: Timestamp) -> Vec<Effect> {
    // The newest snapshot decides, not the frozen one on the screen.
    let Some(Overlay::Confirm(question)) = app.overlays.pop() else { return Vec::new() };
    if let Err(why) = question.check_precondition(&app.snapshot) {
        message::show_error(app, why, now);
        return Vec::new();
    }
    form_stack::close_menu(app);
    form_stack::note_form_sent(app, &question.act);
    app.show_message(format!("request sent: {}", question.act.description()), now);
    vec![Effect::StartJob(BackgroundJob::Change(question.act))]
}

/// Sends a test to the subscription that is about to be enabled; the confirmation stays open and shows the result.
pub(in crate::tui) fn send_test_first(app: &mut App, now: Timestamp) -> Vec<Effect> {
    let Some(Overlay::Confirm(question)) = app.overlays.last() else { return Vec::new() };
    let Some(id) = question.enables() else { return Vec::new() };
    if let Err(why) = question.check_precondition(&app.snapshot) {
        message::show_error(app, why, now);
        return Vec::new();
    }
    let act = PlatformChange::SendTest(id);
    app.show_message(format!("asked the platform to {}", act.description()), now);
    vec![Effect::StartJob(BackgroundJob::Change(act))]
}

/// Starts the changes whose count was typed. Changes whose precondition no longer holds are listed as failed at
/// once.
pub(in crate::tui) fn confirm_many(app: &mut App, now: Timestamp) -> Vec<Effect> {
    let Some(Overlay::TypedConfirm(count)) = app.overlays.last() else { return Vec::new() };
    if !count.is_answered() {
        app.show_message(format!("type {} to confirm; Esc cancels", count.expected_text()), now);
        return Vec::new();
    }
    let mut acts = Vec::new();
    let mut failed = Vec::new();
    for question in &count.questions {
        match question.check_precondition(&app.snapshot) {
            Ok(()) => acts.push(question.act.clone()),
            Err(why) => failed.push((question.act.clone(), why)),
        }
    }
    if let (true, [act]) = (failed.is_empty(), acts.as_slice()) {
        // One change on many things, or on a production platform: there is nothing to count.
        let act = act.clone();
        app.overlays.pop();
        form_stack::close_menu(app);
        form_stack::note_form_sent(app, &act);
        app.show_message(format!("request sent: {}", act.description()), now);
        return vec![Effect::StartJob(BackgroundJob::Change(act))];
    }
    app.overlays.retain(|layer| !matches!(layer, Overlay::TypedConfirm(_) | Overlay::Menu(_) | Overlay::Form(_)));
    app.overlays.push(Overlay::BulkRun(BulkRun { failed, ..BulkRun::new(acts) }));
    start_next_change(app)
}

pub(in crate::tui) fn retry_failed_changes(app: &mut App) -> Vec<Effect> {
    if let Some(Overlay::BulkRun(run)) = app.overlays.last_mut() {
        *run = BulkRun::new(std::mem::take(&mut run.failed).into_iter().map(|(act, _)| act));
    }
    start_next_change(app)
}

pub(in crate::tui) fn bulk_run(app: &mut App) -> Option<&mut BulkRun> {
    app.overlays.iter_mut().find_map(|layer| match layer {
        Overlay::BulkRun(run) => Some(run),
        _ => None,
    })
}

/// Starts the next change of a bulk run if none is in flight.
pub(in crate::tui) fn start_next_change(app: &mut App) -> Vec<Effect> {
    let Some(run) = bulk_run(app).filter(|run| run.in_flight.is_none()) else { return Vec::new() };
    run.in_flight = run.pending.pop_front();
    run.in_flight.clone().map(|act| Effect::StartJob(BackgroundJob::Change(act))).into_iter().collect()
}

/// Records the result of a change: counted in its bulk run, or shown as a message if it belongs to none.
pub(in crate::tui) fn on_change_finished(
    app: &mut App,
    act: &PlatformChange,
    came: Result<String, String>,
    now: Timestamp,
) -> Vec<Effect> {
    let Some(run) = bulk_run(app).filter(|run| run.in_flight.as_ref() == Some(act)) else {
        let effects = answers::on_change_answered(app, act, &came);
        match came {
            Ok(what) => app.show_message(what, now),
            Err(why) => message::show_error(app, why, now),
        }
        return effects;
    };
    run.in_flight = None;
    match came {
        Ok(_) => run.n_done += 1,
        Err(why) => run.failed.push((act.clone(), why)),
    }
    if run.is_over() {
        let tally = run.progress_text();
        app.show_message(tally, now);
    }
    start_next_change(app)
}

/// Returns a request for the callers of a key whose revocation is being confirmed, once per key.
pub(in crate::tui) fn request_callers(app: &mut App) -> Option<Effect> {
    let Some(Overlay::TypedConfirm(count)) = app.overlays.last_mut() else { return None };
    let PlatformChange::RevokeKey(id) = count.only()?.act else { return None };
    if count.asked.replace(id) == Some(id) {
        return None;
    }
    Some(Effect::StartJob(BackgroundJob::FetchDetail(RowId::Key(id))))
}

/// Adds the fetched callers of a key to the open confirmation.
pub(in crate::tui) fn add_callers_to_prompt(app: &mut App, item: RowId, fetched: &DetailFetchState) {
    let RowId::Key(id) = item else { return };
    let (Ok(row), Some(story)) = (item_actions::key(app, id), item_actions::fetched_key(fetched)) else { return };
    let effect = item_actions::revoke_effect_text(app, row, Some(story));
    for layer in &mut app.overlays {
        if let Overlay::TypedConfirm(count) = layer
            && count.asked == Some(id)
            && let [question] = count.questions.as_mut_slice()
        {
            question.effect.clone_from(&effect);
        }
    }
}
