//! Form and menu on the stack of overlays: opened, rejected, sent and closed.

use crate::domain::time::Timestamp;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::ids::FormPurpose;
use crate::tui::overlays::item_actions::READ_ONLY_REASON;
use crate::tui::state::app::App;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::form::ChangeForm;
use crate::tui::state::overlays::form::FormResult;

/// Opens a form; refused in a read-only console.
pub(in crate::tui) fn open_form(app: &mut App, purpose: FormPurpose, now: Timestamp) -> Vec<Effect> {
    if app.config.access == ConsoleAccess::ReadOnly {
        app.show_message(READ_ONLY_REASON, now);
        return Vec::new();
    }
    app.overlays.push(Overlay::Form(ChangeForm::new(app, purpose)));
    match purpose {
        FormPurpose::Key | FormPurpose::Event => vec![Effect::StartJob(BackgroundJob::ListCompanies)],
        _ => Vec::new(),
    }
}

pub(in crate::tui) fn open_form_on_top(app: &mut App) -> Option<&mut ChangeForm> {
    app.overlays.iter_mut().rev().find_map(|layer| match layer {
        Overlay::Form(form) => Some(form),
        _ => None,
    })
}

pub(in crate::tui) fn reject_form(app: &mut App, why: String) {
    if let Some(form) = open_form_on_top(app) {
        form.refuse(why);
    }
}

/// Notes in the front form that its change is in flight.
pub(in crate::tui) fn note_form_sent(app: &mut App, act: &PlatformChange) {
    if let Some(Overlay::Form(form)) = app.overlays.last_mut() {
        form.sent = Some(FormResult::Changes(vec![act.clone()]));
    }
}

/// Closes the action menu if it is the front overlay.
pub(in crate::tui) fn close_menu(app: &mut App) {
    if matches!(app.overlays.last(), Some(Overlay::Menu(_))) {
        app.overlays.pop();
    }
}
