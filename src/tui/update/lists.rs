//! Lists of replays and operators: opened, fetched, and fetched again after a change.

use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::keys::action::KeyAction;
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::async_list::{OperatorList, ReplayList};
use crate::wire::operators::OperatorRow;
use crate::wire::page::Page;
use crate::wire::replays::ReplayRow;

/// Opens the list of replays or of operators.
pub(in crate::tui) fn open_list(app: &mut App, action: KeyAction) -> Vec<Effect> {
    let (layer, job) = match action {
        KeyAction::Operators => (Overlay::Operators(OperatorList::fetching()), BackgroundJob::ListOperators),
        _ => (Overlay::Replays(ReplayList::fetching()), BackgroundJob::ListReplays),
    };
    app.overlays.push(layer);
    vec![Effect::StartJob(job)]
}

/// Fetches the open lists of replays and operators again after a change.
pub(in crate::tui) fn refetch_open_lists(app: &mut App) -> Vec<Effect> {
    let jobs = app.overlays.iter_mut().filter_map(|layer| match layer {
        Overlay::Replays(list) => list.request_fetch().then_some(BackgroundJob::ListReplays),
        Overlay::Operators(list) => list.request_fetch().then_some(BackgroundJob::ListOperators),
        _ => None,
    });
    jobs.map(Effect::StartJob).collect()
}

pub(in crate::tui) fn on_replays_fetched(app: &mut App, came: Result<Page<ReplayRow>, String>) -> Vec<Effect> {
    let list = app.overlays.iter_mut().find_map(|layer| match layer {
        Overlay::Replays(list) => Some(list),
        _ => None,
    });
    let is_old = list.is_some_and(|list| list.on_fetched(came));
    if is_old { vec![Effect::StartJob(BackgroundJob::ListReplays)] } else { Vec::new() }
}

pub(in crate::tui) fn on_operators_fetched(app: &mut App, came: Result<Page<OperatorRow>, String>) -> Vec<Effect> {
    let list = app.overlays.iter_mut().find_map(|layer| match layer {
        Overlay::Operators(list) => Some(list),
        _ => None,
    });
    let is_old = list.is_some_and(|list| list.on_fetched(came));
    if is_old { vec![Effect::StartJob(BackgroundJob::ListOperators)] } else { Vec::new() }
}
