//! Text inputs and filters: keys and pasted text for the front overlay, filters that are typed, kept and sent to the
//! platform, and jumps between rows.

use crate::domain::health_status::HealthStatus;
use crate::domain::query::field::Field;
use crate::domain::query::parse::QueryError;
use crate::domain::query::pushdown::RemoteFilter;
use crate::domain::time::Timestamp;
use crate::sync::logs::LogName;
use crate::tui::ids::Pane;
use crate::tui::keys::chord::KeyChord;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::view_state::PaneFilter;
use crate::tui::update::cursor;
use crate::tui::widgets::text_input::{EditResult, INPUT_FULL};

/// Direction of a jump along the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum JumpDirection {
    Down,
    Up,
}

/// Passes a key to the text input of the front overlay.
pub(in crate::tui) fn type_into(app: &mut App, chord: KeyChord, now: Timestamp) -> EditResult {
    let edited = match app.overlays.last_mut() {
        Some(Overlay::Help(finder) | Overlay::Palette(finder)) => finder.press(chord),
        Some(Overlay::Filter(line)) => line.press(chord),
        Some(Overlay::Note(note)) => note.entry.press(chord),
        Some(Overlay::SignatureInput(line)) => line.press(chord),
        Some(Overlay::TypedConfirm(count)) => count.entry.press(chord),
        Some(Overlay::Form(form)) => form.press(chord),
        _ => EditResult::Nothing,
    };
    match edited {
        EditResult::Nothing => {}
        EditResult::Full => app.show_message(INPUT_FULL, now),
        EditResult::Text | EditResult::Cursor => on_text_changed(app, now),
    }
    edited
}

/// Pastes text into the text input of the front overlay. Without a text input, and where a typed confirmation is
/// required, the text is refused with a message.
pub(in crate::tui) fn paste(app: &mut App, text: &str, now: Timestamp) {
    app.status_message = None;
    let pasted = match app.overlays.last_mut() {
        Some(Overlay::Help(finder) | Overlay::Palette(finder)) => finder.paste(text),
        Some(Overlay::Filter(line)) => line.entry.paste(text),
        Some(Overlay::Note(note)) => note.entry.paste(text),
        Some(Overlay::Form(form)) => form.paste(text),
        Some(Overlay::SignatureInput(line)) => line.paste(text),
        Some(Overlay::TypedConfirm(_)) => Err("a confirmation is typed, not pasted".to_owned()),
        _ => Err("paste works in text fields only: / : ? m".to_owned()),
    };
    match pasted {
        Ok(()) => on_text_changed(app, now),
        Err(why) => app.show_message(why, now),
    }
}

/// Updates what depends on the text being typed: search results, or the filtered rows and their completions.
pub(in crate::tui) fn on_text_changed(app: &mut App, now: Timestamp) {
    match app.overlays.pop() {
        Some(Overlay::Help(mut finder)) => {
            finder.search(&app.config.keymap, &app.view_state.recent_actions);
            app.overlays.push(Overlay::Help(finder));
        }
        Some(Overlay::Palette(mut finder)) => {
            finder.search(&app.config.keymap, &app.view_state.recent_actions);
            app.overlays.push(Overlay::Palette(finder));
        }
        Some(Overlay::Filter(mut line)) => {
            app.view_state.pane_mut(line.pane).filter = line.filter_so_far();
            cursor::reselect_rows(app, now);
            line.update_completion(app);
            line.fault = line.fault.or_else(|| unknown_term(app, line.pane, line.entry.text()));
            app.overlays.push(Overlay::Filter(line));
        }
        other => app.overlays.extend(other),
    }
}

pub(in crate::tui) fn complete_text(app: &mut App, now: Timestamp) {
    if let Some(Overlay::Filter(line)) = app.overlays.last_mut() {
        line.complete();
    }
    on_text_changed(app, now);
}

/// Fields that a pane can be sorted and filtered by: those whose values the source may know.
pub(in crate::tui) fn known_fields(app: &App, pane: Pane) -> Vec<Field> {
    let view = app.view();
    let may_know = |field: &Field| !view.as_ref().is_some_and(|view| rows_of(pane).is_never_known(view, *field));
    rows_of(pane).fields().iter().copied().filter(may_know).collect()
}

/// Finds the first term of a filter about a value that the source never knows.
fn unknown_term(app: &App, pane: Pane, text: &str) -> Option<QueryError> {
    let filter = PaneFilter::parse(text, rows_of(pane).fields()).ok().flatten()?;
    rows_of(pane).unknown_term(&app.view()?, &filter.query)
}

/// Applies the filter that was typed, unless it cannot be parsed or is about a value that is never known.
pub(in crate::tui) fn keep_filter(app: &mut App, now: Timestamp) {
    let Some(Overlay::Filter(line)) = app.overlays.last() else { return };
    let unknown = unknown_term(app, line.pane, line.entry.text());
    let Some(Overlay::Filter(line)) = app.overlays.last_mut() else { return };
    match line.read().and_then(|filter| unknown.map_or(Ok(filter), Err)) {
        Err(fault) => app.show_message(format!("{fault}; Esc restores the previous filter"), now),
        Ok(filter) => {
            let pane = line.pane;
            app.overlays.pop();
            app.view_state.pane_mut(pane).filter = filter;
            apply_filters(app, now);
        }
    }
}

/// Sends the filters of all logs to the platform and reselects each pane's row.
pub(in crate::tui) fn apply_filters(app: &mut App, now: Timestamp) {
    cursor::reselect_rows(app, now);
    let Some(view) = app.view() else { return };
    let now = view.now;
    let company = app.company.map(|id| RemoteFilter::Number(Field::Company, id.0));
    let remote = |log: LogName| {
        let pane = Pane::ALL.into_iter().find(|pane| pane.log() == Some(log));
        let filter = pane.and_then(|pane| app.view_state.pane(pane).filter.as_ref()).zip(log.filtered_as());
        let mut asked = filter.map_or_else(Vec::new, |(filter, kind)| filter.query.split_for(kind, now).remote);
        let since = asked.iter().position(|asked| matches!(asked, RemoteFilter::Time(Field::Since, _)));
        // A second `since` is not needed: the filter's own beginning is asked for, and rows outside the time
        // window are hidden by the console.
        if let (Some(window), None) = (app.view_state.log_window, since) {
            asked.push(RemoteFilter::Time(Field::Since, now.minus(window)));
        }
        if let Some(company) = &company {
            asked.retain(|asked| !matches!(asked, RemoteFilter::Number(Field::Company, _)));
            asked.push(company.clone());
        }
        asked
    };
    let drill = app.history.drill;
    app.logs.set_queries(app.company, remote, |attempts, requests| {
        if let Some(drill) = drill {
            drill.restrict(attempts, requests);
        }
    });
}

/// Moves to the next row in the given direction, wrapping around the end.
pub(in crate::tui) fn jump_to_match(app: &mut App, way: JumpDirection, now: Timestamp) {
    let Some(items) = cursor::row_items(app).filter(|items| !items.is_empty()) else {
        return app.show_message("no row matches the filter", now);
    };
    let at = app.selections.of(app.focus).row().unwrap_or(0);
    let row = match way {
        JumpDirection::Down => (at + 1) % items.len(),
        JumpDirection::Up => at.checked_sub(1).unwrap_or(items.len() - 1),
    };
    cursor::put_cursor(app, row, &items, now);
    app.show_message(format!("match {} of {}", row + 1, items.len()), now);
}

/// Moves to the next row whose health status is one of `standings`, without wrapping.
pub(in crate::tui) fn jump_to_status(app: &mut App, standings: &[HealthStatus], way: JumpDirection, now: Timestamp) {
    let Some(view) = app.view() else { return app.show_message("still loading", now) };
    let items = rows_of(app.focus).order(&view).items;
    let at = app.selections.of(app.focus).row().unwrap_or(0);
    let fits = |row: &usize| {
        let judged = items.get(*row).and_then(|item| rows_of((*item).pane()).named_health(&view, *item));
        judged.is_some_and(|(_, judgement)| standings.contains(&judgement.status))
    };
    let row = match way {
        JumpDirection::Down => (at + 1..items.len()).find(fits),
        JumpDirection::Up => (0..at).rev().find(fits),
    };
    match row {
        Some(row) => cursor::put_cursor(app, row, &items, now),
        None => {
            let what = if standings.contains(&HealthStatus::Warning) { "warning" } else { "failing row" };
            let side = if way == JumpDirection::Down { "below" } else { "above" };
            app.show_message(format!("no {what} {side}"), now);
        }
    }
}

/// Releases the pinned row order once its time is over.
pub(in crate::tui) fn release_pinned_order(app: &mut App, now: Timestamp) {
    if app.view_state.release_expired_order(now) && app.frozen.is_none() {
        cursor::reselect_rows(app, now);
    }
}
