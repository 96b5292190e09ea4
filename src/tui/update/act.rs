//! Dispatch of key actions: each action either changes the console's state or becomes an effect.

use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::export::bundle_writer::BundleFormat;
use crate::sync::logs::ConsoleLogs;
use crate::tui::effect::{BackgroundJob, Effect};
use crate::tui::ids::{MainView, Pane};
use crate::tui::keys::action::KeyAction;
use crate::tui::overlays::{availability, targets};
use crate::tui::state::app::{App, FrozenView};
use crate::tui::state::config::ConsoleMode;
use crate::tui::state::dashboard::DashboardPanes;
use crate::tui::state::nav_history::NavHistory;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::action_search::ActionSearch;
use crate::tui::state::overlays::companies::CompanyList;
use crate::tui::update::navigation;
use crate::tui::update::{
    confirm, cursor, details, diagnose_actions, escalate_actions, filters, form_actions, form_stack, lists, paging,
    view_actions,
};

pub(in crate::tui) fn dispatch_action(app: &mut App, action: KeyAction, now: Timestamp) -> Vec<Effect> {
    if matches!(action, KeyAction::Open | KeyAction::Menu) {
        // Opening a row or its menu is about that row, so the cursor stays with it when rows move.
        app.selections.of_mut(app.focus).keep_row();
    }
    match action {
        KeyAction::Quit => return quit_console(app, now),
        KeyAction::Redraw => return vec![Effect::Repaint],
        KeyAction::Suspend => return vec![Effect::Suspend],
        KeyAction::Open => return open_selected(app, now),
        KeyAction::Yes if matches!(app.overlays.last(), Some(Overlay::Escalate)) => {
            return escalate_actions::confirm_in_escalate(app);
        }
        KeyAction::Archive => return escalate_actions::write_bundle(app, BundleFormat::Archive),
        KeyAction::ToggleBodies => return escalate_actions::toggle_bodies(app),
        KeyAction::ToggleReader => return escalate_actions::toggle_reader(app),
        KeyAction::EditReport => escalate_actions::edit_report(app),
        KeyAction::Yes if matches!(app.overlays.last(), Some(Overlay::ConfirmQuit)) => return vec![Effect::Leave],
        KeyAction::Yes => return confirm::confirm_change(app, now),
        KeyAction::TestFirst => return confirm::send_test_first(app, now),
        KeyAction::Close | KeyAction::Back | KeyAction::No if escalate_actions::back_within_pane(app) => {}
        KeyAction::Diagnose => diagnose_actions::open_diagnose(app, action),
        KeyAction::Playbooks => return diagnose_actions::diagnose_item(app),
        KeyAction::Escalate => escalate_actions::escalate(app),
        KeyAction::RunAgain => return diagnose_actions::run_entry_again(app),
        KeyAction::AskUnknownAgain => return diagnose_actions::ask_unknown_again(app),
        KeyAction::ForgetRun => diagnose_actions::forget_run(app, now),
        KeyAction::NextActionLine => diagnose_actions::next_action_line(app),
        KeyAction::Write => escalate_actions::ask_to_write(app),
        KeyAction::Release => escalate_actions::ask_to_release(app, now),
        KeyAction::Close if app.overlays.is_empty() => return quit_console(app, now),
        KeyAction::Close | KeyAction::Back | KeyAction::No => go_up(app, now),
        KeyAction::Retry => return confirm::retry_failed_changes(app),
        KeyAction::Overview => {
            app.overlays.clear();
            show_dashboard(app, now);
        }
        KeyAction::Show(pane) => {
            app.overlays.clear();
            navigation::leave_drill_down(app, now);
            (app.main_view, app.focus) = (MainView::Single, pane);
        }
        KeyAction::DrillDown => {
            if let Some(drill) = targets::drill_down_here(app) {
                navigation::drill_down(app, drill, now);
            }
        }
        KeyAction::Backward => drop(navigation::go_back(app)),
        KeyAction::Forward => drop(navigation::go_forward(app)),
        KeyAction::NextBodyFormat | KeyAction::FoldAll => details::change_body_shape(app, action),
        KeyAction::Companies => {
            app.overlays.push(Overlay::Companies(CompanyList::new(app.company)));
            return vec![Effect::StartJob(BackgroundJob::ListCompanies)];
        }
        KeyAction::FullScreen if app.main_view == MainView::Overview => app.main_view = MainView::Single,
        KeyAction::FullScreen => show_dashboard(app, now),
        KeyAction::NextPane => step_pane(app, 1),
        KeyAction::PreviousPane => step_pane(app, tab_panes(app).len() - 1),
        KeyAction::Move(step) => cursor::move_cursor(app, step, now),
        KeyAction::Menu => {
            if let Ok(menu) = availability::action_menu(app) {
                app.overlays.push(Overlay::Menu(menu));
            }
        }
        KeyAction::SendAgain => return form_actions::send_again(app, now),
        KeyAction::OpenForm(purpose) => return form_stack::open_form(app, purpose, now),
        KeyAction::Replays | KeyAction::Operators => return lists::open_list(app, action),
        KeyAction::NextField | KeyAction::PauseOrResumeReplay | KeyAction::CancelReplay | KeyAction::RevokeOperator => {
            form_actions::next_field_or_ask(app, action, now);
        }
        KeyAction::Copy if matches!(app.overlays.last(), Some(Overlay::SecretReveal(_))) => {
            return form_actions::copy_secret(app);
        }
        KeyAction::Freeze => toggle_freeze(app, now),
        KeyAction::Follow => toggle_follow(app, now),
        action => match view_actions::overlay_for(app, action) {
            Some(overlay) => app.overlays.push(overlay),
            None => view_actions::dispatch_view_action(app, action, now),
        },
    }
    Vec::new()
}

/// Quits the console. Asks first where quitting stops the platform or would lose a secret that is on the screen;
/// asking a second time quits.
fn quit_console(app: &mut App, now: Timestamp) -> Vec<Effect> {
    if let Some(Overlay::SecretReveal(shown)) = app.overlays.last_mut()
        && let Err(why) = shown.close()
    {
        app.show_message(why, now);
        return Vec::new();
    }
    let is_asked = matches!(app.overlays.last(), Some(Overlay::ConfirmQuit));
    if is_asked || app.config.identity.mode == ConsoleMode::Remote {
        return vec![Effect::Leave];
    }
    app.overlays.push(Overlay::ConfirmQuit);
    Vec::new()
}

/// Closes the front overlay or undoes one navigation step; shows the dashboard when there is nothing left to
/// close.
fn go_up(app: &mut App, now: Timestamp) {
    if let Some(Overlay::SecretReveal(shown)) = app.overlays.last_mut()
        && let Err(why) = shown.close()
    {
        return app.show_message(why, now);
    }
    if let Some(Overlay::BulkRun(run)) = app.overlays.last_mut()
        && !run.is_over()
    {
        run.stop();
        return app.show_message("stopped; waiting for the action in progress", now);
    }
    match app.overlays.pop() {
        Some(Overlay::Confirm(_) | Overlay::TypedConfirm(_)) => {
            app.show_message("cancelled; nothing was changed", now);
        }
        Some(Overlay::SecretReveal(_)) => app.show_message("the secret is no longer shown", now),
        Some(Overlay::Filter(line)) => {
            app.view_state.pane_mut(line.pane).filter = line.before;
            filters::apply_filters(app, now);
        }
        Some(_) => {}
        None if app.history.drill.is_some() && navigation::go_back(app) => {}
        None if paging::stop_search(app) => app.show_message("search stopped; scrolling down resumes it", now),
        None if !app.view_state.marks.is_empty() => app.view_state.marks.clear(),
        None => show_dashboard(app, now),
    }
}

/// Moves the focus `by` panes on among those that Tab cycles through.
fn step_pane(app: &mut App, by: usize) {
    app.focus = app.focus.stepped(by, &tab_panes(app));
}

/// Panes that Tab cycles through in the present main view.
fn tab_panes(app: &App) -> Vec<Pane> {
    match app.main_view {
        MainView::Overview => DashboardPanes::on_screen(app).panes(),
        MainView::Single => Pane::ALL.to_vec(),
    }
}

fn show_dashboard(app: &mut App, now: Timestamp) {
    navigation::leave_drill_down(app, now);
    app.main_view = MainView::Overview;
    app.focus = DashboardPanes::on_screen(app).nearest(app.focus);
}

fn open_selected(app: &mut App, now: Timestamp) -> Vec<Effect> {
    match app.overlays.last() {
        None => return app.selected().map_or_else(Vec::new, |item| details::open_detail(app, item)),
        Some(Overlay::Menu(menu)) => match (menu.form(app), menu.questions(app)) {
            (Some(purpose), _) => return form_stack::open_form(app, purpose, now),
            (None, Ok(questions)) => confirm::ask_confirmation(app, questions),
            (None, Err(why)) => app.show_message(why, now),
        },
        Some(Overlay::Form(_)) => return form_actions::submit(app, now),
        Some(Overlay::Replays(_)) => {
            return availability::listed_replay(app).map_or_else(Vec::new, |item| details::open_detail(app, item));
        }
        Some(Overlay::Alerts(list)) => {
            if let Some(item) = list.item(app.visible_snapshot().alerts()) {
                return details::open_detail(app, item);
            }
        }
        Some(Overlay::Help(finder) | Overlay::Palette(finder)) => return run_found(app, &finder.clone(), now),
        Some(Overlay::Choice(choice)) => return view_actions::choose_entry(app, *choice, now),
        Some(Overlay::Filter(_)) => filters::keep_filter(app, now),
        Some(Overlay::Note(note)) => {
            let note = note.clone();
            let said = if note.entry.text().is_empty() { "no note" } else { "note added" };
            app.view_state.set_note(note.item, note.entry.text());
            app.overlays.pop();
            app.show_message(said, now);
        }
        Some(Overlay::TypedConfirm(_)) => return confirm::confirm_many(app, now),
        Some(Overlay::Detail(_)) => return details::run_detail_line(app, now),
        Some(Overlay::Companies(list)) => {
            if let Some(company) = list.chosen() {
                app.overlays.pop();
                restrict_to_company(app, company, now);
            }
        }
        Some(Overlay::SignatureInput(line)) => {
            let line = line.clone();
            app.overlays.pop();
            return diagnose_actions::check_signature(app, &line, now);
        }
        Some(Overlay::Diagnose) => return diagnose_actions::run_entry(app, now),
        Some(_) => {}
    }
    Vec::new()
}

/// Runs the action selected in help or in the palette, in the context in which the search was opened.
fn run_found(app: &mut App, finder: &ActionSearch, now: Timestamp) -> Vec<Effect> {
    let Some(binding) = finder.selected(&app.config.keymap).map(|bound| bound.binding) else {
        app.show_message("no matching action", now);
        return Vec::new();
    };
    if let Err(why) = availability::check_enabled_in(app, binding, finder.context) {
        app.show_message(format!("{}: {why}", binding.label), now);
        return Vec::new();
    }
    app.overlays.pop();
    app.view_state.note_recent_action(binding.name);
    dispatch_action(app, binding.action, now)
}

/// Restricts every pane to one company, or shows all companies again with `None`.
fn restrict_to_company(app: &mut App, company: Option<CompanyId>, now: Timestamp) {
    app.history = NavHistory::default();
    app.company = company;
    app.logs = ConsoleLogs::default();
    filters::apply_filters(app, now);
    app.show_message(
        company.map_or_else(|| "showing all companies".to_owned(), |id| format!("showing company {id} only")),
        now,
    );
}

fn toggle_freeze(app: &mut App, now: Timestamp) {
    if app.frozen.take().is_some() {
        app.clock = now;
        cursor::reselect_rows(app, now);
    } else {
        app.frozen = Some(FrozenView { snapshot: app.snapshot.clone(), frozen_at: app.clock, n_missed_snapshots: 0 });
    }
}

fn toggle_follow(app: &mut App, now: Timestamp) {
    app.selections.set_follow_mode(app.focus, app.selections.follow_mode(app.focus).switched());
    if app.frozen.is_none() {
        cursor::reselect_rows(app, now);
    }
}
