//! Whether an action is possible now, or the reason why not, and the menu or the changes that it leads to.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::domain::ids::OperatorId;
use crate::sync::platform_change::PlatformChange;
use crate::tui::ids::{FormPurpose, MainView, Pane, RowId};
use crate::tui::keys::action::{self, KeyAction, KeyBinding, KeyContext};
use crate::tui::overlays::item_actions::{self, PORTAL_CHANGE_REASON, READ_ONLY_REASON};
use crate::tui::overlays::menu::forms;
use crate::tui::overlays::{detail, targets};
use crate::tui::state::app::App;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::diagnose::RunOutcome;
use crate::tui::state::escalate::{BundleStage, NOTHING_TO_RELEASE};
use crate::tui::state::overlays::async_list::ReplayList;
use crate::tui::state::overlays::form_evaluation::PARTNER_SCOPE_REASON;
use crate::tui::state::overlays::menu::ActionMenu;
use crate::tui::state::overlays::{self, Overlay};
use crate::wire::subscriptions::MissedEventsChoice;

/// Menu of actions for the marked or selected items, or for a pane in which something can be created.
///
/// # Errors
/// A one-line reason when no action is possible.
pub(in crate::tui) fn action_menu(app: &App) -> Result<ActionMenu, String> {
    let nothing =
        targets::target_items(app).is_empty() && !forms(app, None, app.focus).is_empty() && app.view().is_some();
    let items = if nothing { Vec::new() } else { targets::change_targets(app)? };
    Ok(ActionMenu::new(items, app.focus))
}

/// Changes that "send again" would make: resending the deliveries of attempts, or enabling subscriptions with a
/// replay of what they missed.
///
/// # Errors
/// A one-line reason when nothing can be sent again.
pub(in crate::tui) fn send_again_changes(app: &App) -> Result<Vec<PlatformChange>, String> {
    let acts: Vec<PlatformChange> = targets::change_targets(app)?
        .into_iter()
        .filter_map(|item| match item {
            RowId::Subscription(id) => Some(PlatformChange::Enable(id, MissedEventsChoice::Missed)),
            RowId::Attempt(_) => item_actions::available_changes(app, item)
                .into_iter()
                .find(|act| matches!(act, PlatformChange::Resend(_))),
            _ => None,
        })
        .collect();
    if acts.is_empty() { Err("nothing to resend or replay here".to_owned()) } else { Ok(acts) }
}

pub(in crate::tui) fn replay_list(app: &App) -> Result<&ReplayList, String> {
    match app.front() {
        Some(Overlay::Replays(list)) => Ok(list),
        _ => Err("open the replays first (r)".to_owned()),
    }
}

/// Checks whether the selected replay can be paused, resumed or cancelled.
///
/// # Errors
/// A one-line reason when it cannot.
pub(in crate::tui) fn check_replay_action_enabled(app: &App, action: KeyAction) -> Result<(), String> {
    let list = replay_list(app)?;
    if action == KeyAction::PauseOrResumeReplay {
        list.next_state().map(|_| ())
    } else {
        list.cancellable().map(|_| ())
    }
}

/// Selected operator, if it can be revoked.
///
/// # Errors
/// A one-line reason when it cannot be revoked.
pub(in crate::tui) fn revocable(app: &App) -> Result<OperatorId, String> {
    match app.front() {
        Some(Overlay::Operators(list)) => list.revocable(),
        _ => Err("open the operators first (o)".to_owned()),
    }
}

/// Subscription of the selected replay, as an item.
pub(in crate::tui) fn listed_replay(app: &App) -> Option<RowId> {
    replay_list(app).ok()?.selected().map(|row| RowId::Subscription(row.subscription_id))
}

/// Whether the front overlay is the list of companies.
pub(in crate::tui) fn lists_companies(app: &App) -> bool {
    matches!(app.front(), Some(Overlay::Companies(_)))
}

/// Checks whether an action of pane 0 is possible at the present stage of the ticket.
///
/// # Errors
/// A one-line reason when the action is not possible.
fn check_escalate_enabled(app: &App, action: KeyAction) -> Result<(), String> {
    let stage = &app.escalate_state.stage;
    let refuse = |why: &str| Err(why.to_owned());
    match (action, stage) {
        (KeyAction::Yes | KeyAction::No, BundleStage::Confirming(_) | BundleStage::Releasing(_))
        | (KeyAction::Archive, BundleStage::Confirming(_)) => Ok(()),
        (
            KeyAction::Write
            | KeyAction::Archive
            | KeyAction::ToggleBodies
            | KeyAction::ToggleReader
            | KeyAction::EditReport,
            BundleStage::Releasing(_),
        ) => refuse("answer first: y or n"),
        (KeyAction::Yes | KeyAction::No | KeyAction::Archive, _) => refuse("press W first"),
        (KeyAction::Write, BundleStage::Ready(_)) => Ok(()),
        (KeyAction::Write, _) => refuse("no ticket to write yet"),
        (KeyAction::ToggleBodies | KeyAction::ToggleReader | KeyAction::EditReport, BundleStage::Collecting) => {
            refuse("the ticket is being collected")
        }
        (KeyAction::ToggleReader, _) if app.escalate_state.scope.subjects.contains(&DiagnosisSubject::All) => {
            refuse(PARTNER_SCOPE_REASON)
        }
        (KeyAction::Release, _) if !stage.has_passages() => refuse(NOTHING_TO_RELEASE),
        _ => Ok(()),
    }
}

/// Checks whether an action is possible in the context `about`.
///
/// # Errors
/// A one-line reason when the action is not possible there.
pub fn check_enabled_in(app: &App, binding: &KeyBinding, about: KeyContext) -> Result<(), String> {
    if binding.contexts.contains(&about) {
        return check_enabled(app, binding.action);
    }
    Err(format!("only in {}", action::context_names(binding.contexts)))
}

/// Checks whether an action is possible now.
///
/// # Errors
/// A one-line reason when the action is not possible.
pub fn check_enabled(app: &App, action: KeyAction) -> Result<(), String> {
    let refuse = |why: &str| Err(why.to_owned());
    let context = overlays::key_context(app.front());
    let key = |action| app.config.keymap.key(action);
    match action {
        KeyAction::Write
        | KeyAction::Archive
        | KeyAction::ToggleBodies
        | KeyAction::ToggleReader
        | KeyAction::EditReport
        | KeyAction::Release => check_escalate_enabled(app, action),
        KeyAction::Yes | KeyAction::No if context == KeyContext::Escalate => check_escalate_enabled(app, action),
        KeyAction::RunAgain | KeyAction::AskUnknownAgain | KeyAction::ForgetRun | KeyAction::NextActionLine => {
            check_diagnose_enabled(app, action)
        }
        KeyAction::Playbooks if targets::alert_subject(app).is_none() && targets::target_items(app).is_empty() => {
            refuse("nothing selected; 9 shows all playbooks")
        }
        KeyAction::Open => check_open_enabled(app, context),
        KeyAction::DrillDown if targets::drill_down_here(app).is_none() => {
            refuse("no attempts or requests belong to it")
        }
        KeyAction::Backward if !app.history.can_go_back() => refuse("nothing to go back to"),
        KeyAction::Forward if !app.history.can_go_forward() => refuse("nothing to go forward to"),
        KeyAction::NextBodyFormat | KeyAction::FoldAll if !has_bodies(app) => refuse("no body to show here"),
        KeyAction::Menu
        | KeyAction::TestFirst
        | KeyAction::SendAgain
        | KeyAction::OpenForm(_)
        | KeyAction::PauseOrResumeReplay
        | KeyAction::CancelReplay
        | KeyAction::RevokeOperator => check_change_enabled(app, action, context),
        KeyAction::Follow if !app.focus.is_log() || app.focus == Pane::Trips => {
            refuse("follow works in deliveries (4), events (5) and requests (8)")
        }
        KeyAction::Freeze if app.snapshot.overview.is_none() => refuse("nothing to pause: still loading"),
        KeyAction::Back if has_nothing_behind(app) => {
            Err(format!("this is the top level; {} quits", key(KeyAction::Close)))
        }
        KeyAction::Help if context == KeyContext::Confirm => refuse("answer first: y or n"),
        KeyAction::Filter if app.view().is_none() => refuse("nothing to filter: still loading"),
        KeyAction::NextMatch | KeyAction::PreviousMatch if app.view_state.pane(app.focus).filter.is_none() => {
            Err(format!("no filter set; {} sets one", key(KeyAction::Filter)))
        }
        KeyAction::Sort | KeyAction::Reverse if app.focus.is_log() => refuse("logs are always in time order"),
        KeyAction::Reverse if app.view_state.pane(app.focus).sort.is_none() => {
            Err(format!("default order (worst first); {} sorts", key(KeyAction::Sort)))
        }
        KeyAction::Mark | KeyAction::MarkRange if app.selected().is_none() => refuse("nothing selected: no rows"),
        KeyAction::Copy if context == KeyContext::SecretReveal => Ok(()),
        KeyAction::Copy | KeyAction::Collect | KeyAction::Note if targets::target_items(app).is_empty() => {
            refuse("nothing selected: no rows")
        }
        KeyAction::Retry => check_retry_enabled(app),
        _ => Ok(()),
    }
}

/// Checks whether the selected item or line can be opened.
pub(in crate::tui) fn check_open_enabled(app: &App, context: KeyContext) -> Result<(), String> {
    let why = match context {
        KeyContext::Panes if app.selected().is_none() => "nothing selected: no rows",
        KeyContext::Replays if listed_replay(app).is_none() => "no replay to open",
        _ if alert_has_no_details(app) => "nothing to open here",
        _ if line_does_nothing(app) => "nothing to open on this line",
        KeyContext::Diagnose if answer_does_nothing(app) => "nothing to run on this line; Tab goes to the next action",
        _ => return Ok(()),
    };
    Err(why.to_owned())
}

/// Checks whether an action that leads to a change is possible.
pub(in crate::tui) fn check_change_enabled(app: &App, action: KeyAction, context: KeyContext) -> Result<(), String> {
    match action {
        KeyAction::Menu => action_menu(app).map(|_| ()),
        KeyAction::TestFirst => match app.overlays.last() {
            Some(Overlay::Confirm(asked)) if asked.enables().is_some() => Ok(()),
            _ => Err("t sends a test only in the confirmation that enables one subscription".to_owned()),
        },
        KeyAction::SendAgain => send_again_changes(app).map(|_| ()),
        KeyAction::RevokeOperator => revocable(app).map(|_| ()),
        KeyAction::OpenForm(_) if app.config.access == ConsoleAccess::ReadOnly => Err(READ_ONLY_REASON.to_owned()),
        KeyAction::OpenForm(purpose) if !item_actions::is_form_possible(app, purpose) => {
            Err(PORTAL_CHANGE_REASON.to_owned())
        }
        KeyAction::OpenForm(FormPurpose::Company) if context == KeyContext::Choice && !lists_companies(app) => {
            Err("open the companies first (C)".to_owned())
        }
        KeyAction::OpenForm(FormPurpose::Acknowledge) => check_acknowledge_enabled(app),
        KeyAction::OpenForm(_) => Ok(()),
        _ => check_replay_action_enabled(app, action),
    }
}

/// Checks whether the selected alert can be acknowledged.
pub(in crate::tui) fn check_acknowledge_enabled(app: &App) -> Result<(), String> {
    let alerts = app.visible_snapshot().alerts();
    match app.front() {
        Some(Overlay::Alerts(list)) if list.alert(alerts).is_some() => Ok(()),
        Some(Overlay::Alerts(_)) => Err("no alerts".to_owned()),
        _ => Err("open the alerts first (a)".to_owned()),
    }
}

pub(in crate::tui) fn line_does_nothing(app: &App) -> bool {
    matches!(app.front(), Some(Overlay::Detail(detail)) if detail::line_action(app, detail).is_none())
}

pub(in crate::tui) fn answer_does_nothing(app: &App) -> bool {
    let is_open = matches!(app.front(), Some(Overlay::Diagnose)) && app.diagnose.opened.is_some();
    is_open && targets::result_line_action(app).is_none()
}

pub(in crate::tui) fn check_diagnose_enabled(app: &App, action: KeyAction) -> Result<(), String> {
    let outcome = app.diagnose.selected().and_then(|place| app.diagnose.run_of(place)).map(|run| &run.outcome);
    match action {
        KeyAction::NextActionLine if app.diagnose.opened.is_none() => {
            Err("no result is open; Enter opens one".to_owned())
        }
        _ if outcome == Some(&RunOutcome::Waiting) => Err("still running".to_owned()),
        KeyAction::ForgetRun if outcome.is_none() => Err("not run yet".to_owned()),
        KeyAction::AskUnknownAgain if !targets::has_unknown(app) => {
            Err("no unknown checks; r runs all again".to_owned())
        }
        _ => Ok(()),
    }
}

pub(in crate::tui) fn has_bodies(app: &App) -> bool {
    matches!(app.front(), Some(Overlay::Detail(detail)) if detail.has_bodies())
}

pub(in crate::tui) fn has_nothing_behind(app: &App) -> bool {
    app.overlays.is_empty() && app.view_state.marks.is_empty() && app.main_view == MainView::Overview
}

pub(in crate::tui) fn check_retry_enabled(app: &App) -> Result<(), String> {
    match app.overlays.last() {
        Some(Overlay::BulkRun(run)) if !run.is_over() => Err("still running; Esc stops it".to_owned()),
        Some(Overlay::BulkRun(run)) if run.failed.is_empty() => Err("nothing failed".to_owned()),
        _ => Ok(()),
    }
}

pub(in crate::tui) fn alert_has_no_details(app: &App) -> bool {
    matches!(app.front(), Some(Overlay::Alerts(list)) if list.item(app.visible_snapshot().alerts()).is_none())
}
