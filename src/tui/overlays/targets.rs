//! Items, subjects and drill-downs that an action refers to: in the front overlay, marked, or selected.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::domain::alert::AlertSubject;
use crate::tui::ids::{DrillDown, RowId};
use crate::tui::overlays::frame;
use crate::tui::panes::{deliveries, diagnose, requests, rows_of, trips};
use crate::tui::state::app::App;
use crate::tui::state::diagnose::RunOutcome;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::screen;
use crate::tui::widgets::detail_lines::LineAction;

/// Drill-down for an item, if a log has rows of it.
#[must_use]
pub fn drill_down_of(app: &App, item: RowId) -> Option<DrillDown> {
    let view = app.view()?;
    match item {
        RowId::Key(id) | RowId::Window(id, _) => Some(DrillDown::Key(id)),
        RowId::Subscription(id) => Some(DrillDown::Subscription(id)),
        RowId::Event(id) => Some(DrillDown::Event(id)),
        _ => rows_of(item.pane()).drill_down(&view, item),
    }
}

/// Drill-down for the item in the detail view, otherwise for the selected one.
pub(in crate::tui) fn drill_down_here(app: &App) -> Option<DrillDown> {
    let item = match app.front() {
        Some(Overlay::Detail(detail)) => Some(detail.item),
        _ => app.selected(),
    };
    drill_down_of(app, item?)
}

/// Subject of an item, as narrow as playbooks accept; falls back to the chosen company.
pub(in crate::tui) fn subject_of(app: &App, item: RowId) -> Option<DiagnosisSubject> {
    let whole = app.company.map(DiagnosisSubject::Company);
    let Some(view) = app.view() else { return whole };
    match item {
        RowId::Key(id) | RowId::Window(id, _) => Some(DiagnosisSubject::Key(id)),
        RowId::Subscription(id) => Some(DiagnosisSubject::Subscription(id)),
        RowId::Request(id) => {
            let row = requests::find(&view, id)?;
            let company = row.company_id.or(row.claimed_company_id).map(DiagnosisSubject::Company);
            row.key_id.map(DiagnosisSubject::Key).or(company)
        }
        _ => rows_of(item.pane()).subject(&view, item),
    }
    .or(whole)
}

/// Subject of the selected alert, where the alerts are in front.
pub(in crate::tui) fn alert_subject(app: &App) -> Option<DiagnosisSubject> {
    let Some(Overlay::Alerts(list)) = app.front() else { return None };
    Some(match list.alert(app.visible_snapshot().alerts())?.subject {
        AlertSubject::Subscription(id) => DiagnosisSubject::Subscription(id),
        AlertSubject::Key(id) | AlertSubject::Window(id, _) | AlertSubject::Poller(id) => DiagnosisSubject::Key(id),
        AlertSubject::Events(id) | AlertSubject::Callers(Some(id)) => DiagnosisSubject::Company(id),
        AlertSubject::Callers(None) | AlertSubject::Pipeline | AlertSubject::Clock => DiagnosisSubject::All,
    })
}

/// Whether the selected run has checks with the verdict unknown.
pub(in crate::tui) fn has_unknown(app: &App) -> bool {
    let run = app.diagnose.selected().and_then(|place| app.diagnose.run_of(place));
    matches!(run.map(|run| &run.outcome), Some(RunOutcome::Report(report)) if report.n_unknown() > 0)
}

/// Action of the line under the cursor in an open result.
pub(in crate::tui) fn result_line_action(app: &App) -> Option<LineAction> {
    app.diagnose.opened?;
    let room = frame::text_width(screen::screen_layout(app).body);
    diagnose::sheet(app, room).0.into_iter().nth(app.diagnose.cursor_line)?.action
}

/// Items that viewing and collecting refer to: the item in the detail view, otherwise the marked items, otherwise
/// the selected one.
#[must_use]
pub fn target_items(app: &App) -> Vec<RowId> {
    let opened = app.overlays.iter().rev().find_map(|layer| match layer {
        Overlay::Detail(detail) => Some(detail.item),
        _ => None,
    });
    match opened {
        Some(item) => vec![item],
        None if !app.view_state.marks.is_empty() => app.view_state.marks.clone(),
        None => app.selected().into_iter().collect(),
    }
}

/// Items that changes refer to, all of one kind. A trip refers to its subscription, a window to its key.
pub(in crate::tui) fn change_targets(app: &App) -> Result<Vec<RowId>, String> {
    let view = app.view().ok_or("still loading")?;
    let mut items = Vec::new();
    for subject in target_items(app) {
        let item = match subject {
            RowId::Trip(id) => {
                let trip = trips::find(&view, id).ok_or("the trip is no longer loaded")?;
                RowId::Subscription(trip.subscription_id)
            }
            RowId::Window(id, _) => RowId::Key(id),
            RowId::Attempt(id) => match deliveries::find(&view, id).map(|row| row.delivery_id) {
                Some(None) => return Err("a test has no delivery to resend".to_owned()),
                Some(Some(_)) => subject,
                None => return Err("the attempt is not loaded".to_owned()),
            },
            RowId::Subscription(_) | RowId::Key(_) | RowId::Event(_) => subject,
            _ => return Err(format!("there are no actions on {}s", subject.noun())),
        };
        if !items.contains(&item) {
            items.push(item);
        }
    }
    let first = items.first().ok_or("nothing selected")?;
    if items.iter().any(|item| std::mem::discriminant(item) != std::mem::discriminant(first)) {
        return Err("the marked rows are of different kinds".to_owned());
    }
    Ok(items)
}
