//! Detail views: opened, filled, folded, and the actions of their lines.

use crate::domain::time::Timestamp;
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::ids::RowId;
use crate::tui::keys::action::KeyAction;
use crate::tui::overlays::{detail, item_actions};
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::detail::{DetailFetchState, DetailView};
use crate::tui::update::confirm;
use crate::tui::update::navigation;
use crate::tui::widgets::detail_lines::LineAction;

pub(in crate::tui) fn open_detail(app: &mut App, item: RowId) -> Vec<Effect> {
    let has_more = matches!(
        item,
        RowId::Key(_) | RowId::Subscription(_) | RowId::Window(..) | RowId::Attempt(_) | RowId::Event(_)
    );
    if !has_more {
        app.overlays.push(Overlay::Detail(DetailView::new(item, DetailFetchState::NotNeeded)));
        return Vec::new();
    }
    app.overlays.push(Overlay::Detail(DetailView::new(item, DetailFetchState::InFlight)));
    vec![Effect::StartJob(BackgroundJob::FetchDetail(item))]
}

/// Performs what Enter means on the selected line of a detail view.
pub(in crate::tui) fn run_detail_line(app: &mut App, now: Timestamp) -> Vec<Effect> {
    let Some(Overlay::Detail(detail)) = app.overlays.last() else { return Vec::new() };
    match detail::line_action(app, detail) {
        Some(LineAction::Open(item)) => return open_detail(app, item),
        Some(LineAction::Drill(drill)) => navigation::drill_down(app, drill, now),
        Some(LineAction::Ask(act)) => match item_actions::confirm_prompt(app, act) {
            Ok(question) => confirm::ask_confirmation(app, vec![question]),
            Err(why) => app.show_message(why, now),
        },
        Some(LineAction::Fold(node)) => {
            if let Some(Overlay::Detail(detail)) = app.overlays.last_mut() {
                detail.toggle(node);
            }
        }
        Some(
            LineAction::Remediate(_)
            | LineAction::AskComputedSignature(_)
            | LineAction::AskReceiverSecret(_)
            | LineAction::Escalate
            | LineAction::Copy(_),
        )
        | None => {}
    }
    Vec::new()
}

/// Folds or unfolds all bodies of the open detail view, or switches their format.
pub(in crate::tui) fn change_body_shape(app: &mut App, action: KeyAction) {
    if let Some(Overlay::Detail(detail)) = app.overlays.last_mut() {
        match action {
            KeyAction::FoldAll => detail.toggle_all(),
            _ => detail.mode = detail.mode.next(),
        }
    }
}

pub(in crate::tui) fn on_detail_fetched(app: &mut App, item: RowId, fetched: &DetailFetchState) {
    confirm::add_callers_to_prompt(app, item, fetched);
    for layer in &mut app.overlays {
        if let Overlay::Detail(detail) = layer
            && detail.item == item
        {
            detail.fetched = fetched.clone();
        }
    }
}
