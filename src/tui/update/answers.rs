//! Answers of the platform to a change: what the operator sees next.

use crate::domain::ids::SubscriptionId;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::Effect;
use crate::tui::ids::RowId;
use crate::tui::keys::action::KeyAction;
use crate::tui::overlays::item_actions;
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::form::FormResult;
use crate::tui::state::overlays::menu::ActionMenu;
use crate::tui::update::{form_stack, lists};

/// Handles the result of a change: closes its form, or shows the error in the form. After the test of a disabled
/// subscription, offers to enable it.
pub(in crate::tui) fn on_change_answered(
    app: &mut App,
    act: &PlatformChange,
    came: &Result<String, String>,
) -> Vec<Effect> {
    let is_awaited = form_stack::open_form_on_top(app)
        .is_some_and(|form| form.sent.as_ref() == Some(&FormResult::Changes(vec![act.clone()])));
    match came {
        Ok(_) if is_awaited => {
            app.overlays.retain(|layer| !matches!(layer, Overlay::Form(_)));
            form_stack::close_menu(app);
        }
        Err(why) if is_awaited => form_stack::reject_form(app, why.clone()),
        _ => {}
    }
    match (act, came) {
        (PlatformChange::SendTest(id), _) => {
            record_test(app, *id, came);
            offer_enable_after_test(app, *id, came);
        }
        (PlatformChange::Replay(..), Ok(_)) if is_awaited => return lists::open_list(app, KeyAction::Replays),
        _ => {}
    }
    lists::refetch_open_lists(app)
}

/// Shows the result of a test in the open confirmation for enabling the tested subscription.
pub(in crate::tui) fn record_test(app: &mut App, id: SubscriptionId, came: &Result<String, String>) {
    let (Ok(told) | Err(told)) = came;
    let Some(Overlay::Confirm(asked)) = app.overlays.last() else { return };
    if asked.enables() == Some(id)
        && let Ok(question) = item_actions::after_test(app, asked.act.clone(), told)
        && let Some(Overlay::Confirm(asked)) = app.overlays.last_mut()
    {
        *asked = question;
    }
}

pub(in crate::tui) fn offer_enable_after_test(app: &mut App, id: SubscriptionId, came: &Result<String, String>) {
    let is_off = item_actions::is_disabled(app, id);
    let is_at_hand = matches!(app.overlays.last(), None | Some(Overlay::Detail(_)));
    if is_off && is_at_hand {
        let (Ok(told) | Err(told)) = came;
        app.overlays.push(Overlay::Menu(ActionMenu::follow_up(told.clone(), RowId::Subscription(id), app.focus)));
    }
}
