//! Actions that change only the view: sort order, columns, marks, notes, time windows, items of the ticket, and the
//! overlays that they open. They change nothing on the platform.

use crate::domain::health_status::HealthStatus;
use crate::domain::time::Timestamp;
use crate::text;
use crate::tui::effect::Effect;
use crate::tui::ids::Pane;
use crate::tui::keys::action::KeyAction;
use crate::tui::overlays::targets;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::action_search::{ActionOrder, ActionSearch};
use crate::tui::state::overlays::alerts::AlertList;
use crate::tui::state::overlays::choice::CopyFormat;
use crate::tui::state::overlays::choice::{ChoiceKind, ChoiceList, TIME_WINDOWS};
use crate::tui::state::overlays::filter::FilterInput;
use crate::tui::state::overlays::note::NoteInput;
use crate::tui::state::overlays::text_list::{TextList, TextListKind};
use crate::tui::state::view_state::{SortDirection, TimeDisplay};
use crate::tui::update::copy;
use crate::tui::update::filters::JumpDirection;
use crate::tui::update::{cursor, filters};

/// Returns the overlay that an action opens; `None` if the action opens none.
pub(in crate::tui) fn overlay_for(app: &App, action: KeyAction) -> Option<Overlay> {
    let search = |order| ActionSearch::new(app, app.context(), order);
    let choice = |kind| Overlay::Choice(ChoiceList::new(app, kind));
    let list = |kind| Overlay::TextList(TextList { kind, top: 0 });
    Some(match action {
        KeyAction::Alerts => Overlay::Alerts(AlertList::new(app.visible_snapshot().alerts())),
        KeyAction::Help => Overlay::Help(search(ActionOrder::Grouped)),
        KeyAction::Palette => Overlay::Palette(search(ActionOrder::Recent)),
        KeyAction::Copy => choice(ChoiceKind::Copy),
        KeyAction::Columns => choice(ChoiceKind::Columns(app.focus)),
        KeyAction::TimeWindow => choice(ChoiceKind::TimeWindow),
        KeyAction::Log => list(TextListKind::Messages),
        KeyAction::Bundle => list(TextListKind::Bundle),
        _ => return None,
    })
}

/// Performs an action that changes only the view.
pub(in crate::tui) fn dispatch_view_action(app: &mut App, action: KeyAction, now: Timestamp) {
    let pane = app.focus;
    match action {
        KeyAction::Filter => app.overlays.push(Overlay::Filter(FilterInput::new(app, pane))),
        KeyAction::Complete => filters::complete_text(app, now),
        KeyAction::NextMatch => filters::jump_to_match(app, JumpDirection::Down, now),
        KeyAction::PreviousMatch => filters::jump_to_match(app, JumpDirection::Up, now),
        KeyAction::NextTrouble => {
            filters::jump_to_status(app, &[HealthStatus::Tripped, HealthStatus::Failing], JumpDirection::Down, now);
        }
        KeyAction::PreviousTrouble => {
            filters::jump_to_status(app, &[HealthStatus::Tripped, HealthStatus::Failing], JumpDirection::Up, now);
        }
        KeyAction::NextWarning => filters::jump_to_status(app, &[HealthStatus::Warning], JumpDirection::Down, now),
        KeyAction::PreviousWarning => filters::jump_to_status(app, &[HealthStatus::Warning], JumpDirection::Up, now),
        KeyAction::Mark => toggle_mark(app, now),
        KeyAction::MarkRange => mark_range(app, now),
        KeyAction::Sort => {
            let fields = filters::known_fields(app, pane);
            app.view_state.sort_by_next(pane, &fields);
            cursor::reselect_rows(app, now);
            let sort = app.view_state.pane(pane).sort;
            let said = sort.map_or_else(
                || "default order: worst first".to_owned(),
                |(field, _)| format!("sorted by {}", field.name()),
            );
            app.show_message(said, now);
        }
        KeyAction::Reverse => {
            if let Some((_, direction)) = &mut app.view_state.pane_mut(pane).sort {
                *direction = if *direction == SortDirection::Ascending {
                    SortDirection::Descending
                } else {
                    SortDirection::Ascending
                };
            }
            cursor::reselect_rows(app, now);
        }
        KeyAction::Times => {
            app.view_state.time_display =
                if app.view_state.time_display == TimeDisplay::Ages { TimeDisplay::Clock } else { TimeDisplay::Ages };
        }
        KeyAction::Note => {
            if let Some(item) = targets::target_items(app).last().copied() {
                let entry =
                    crate::tui::widgets::text_input::TextInput::new(app.view_state.note(item).unwrap_or_default());
                app.overlays.push(Overlay::Note(NoteInput { item, entry }));
            }
        }
        KeyAction::Collect => toggle_in_bundle(app, now),
        _ => {}
    }
}

/// Toggles the mark of the selected row and moves to the next row.
fn toggle_mark(app: &mut App, now: Timestamp) {
    let Some(item) = app.selected() else { return };
    app.view_state.toggle_mark(item);
    let Some(items) = cursor::row_items(app) else { return };
    let row = app.selections.of(app.focus).row().unwrap_or(0);
    cursor::put_cursor(app, (row + 1).min(items.len().saturating_sub(1)), &items, now);
    say_marks(app, now);
}

/// Marks all rows from the last mark in this pane to the cursor.
fn mark_range(app: &mut App, now: Timestamp) {
    let Some(items) = cursor::row_items(app).filter(|items| !items.is_empty()) else { return };
    let to = app.selections.of(app.focus).row().unwrap_or(0);
    let last = app.view_state.marks.iter().rev().find_map(|mark| items.iter().position(|item| item == mark));
    let from = last.unwrap_or(to);
    for item in &items[from.min(to)..=from.max(to).min(items.len().saturating_sub(1))] {
        if !app.view_state.marks.contains(item) {
            app.view_state.marks.push(*item);
        }
    }
    cursor::put_cursor(app, to, &items, now);
    say_marks(app, now);
}

fn say_marks(app: &mut App, now: Timestamp) {
    let n = app.view_state.marks.len();
    let rows = text::count(n, "row");
    app.show_message(format!("{rows} marked; Esc clears all marks"), now);
}

/// Adds the target rows to the bundle, or removes them if all of them are in it already.
fn toggle_in_bundle(app: &mut App, now: Timestamp) {
    let items = targets::target_items(app);
    let bundle = &mut app.view_state.bundle;
    let said = if items.iter().all(|item| bundle.contains(item)) {
        bundle.retain(|item| !items.contains(item));
        "removed from"
    } else {
        bundle.extend(items.iter().filter(|item| !bundle.contains(item)).copied().collect::<Vec<_>>());
        "added to"
    };
    let n = bundle.len();
    let what = match items.as_slice() {
        [item] => item.to_string(),
        items => text::count(items.len(), "row"),
    };
    app.show_message(format!("{what} {said} the ticket ({})", text::count(n, "item")), now);
}

/// Explains why a column of a pane is left out; `None` if it is not.
fn why_unknown(app: &App, pane: Pane, title: &str) -> Option<String> {
    let view = app.view()?;
    let of = view.coverage_of(pane).filter(|_| rows_of(pane).unknown_columns(&view).contains(&title))?;
    Some(format!("{title} is never known here: {}", of.summary_line()))
}

/// Applies the selected entry of a choice list.
pub(in crate::tui) fn choose_entry(app: &mut App, choice: ChoiceList, now: Timestamp) -> Vec<Effect> {
    match choice.topic {
        ChoiceKind::Columns(pane) => {
            let Some(column) = rows_of(pane).columns().get(choice.selected) else { return Vec::new() };
            if let Some(why) = why_unknown(app, pane, column.title) {
                app.show_message(why, now);
                return Vec::new();
            }
            let hidden = &mut app.view_state.pane_mut(pane).hidden_columns;
            match hidden.iter().position(|title| title == column.title) {
                Some(at) => drop(hidden.remove(at)),
                None if column.rank == 0 => {
                    app.show_message(format!("{} cannot be hidden", column.title), now);
                }
                None => hidden.push(column.title.to_owned()),
            }
        }
        ChoiceKind::TimeWindow => {
            app.overlays.pop();
            app.view_state.log_window = TIME_WINDOWS.get(choice.selected).and_then(|(_, window)| *window);
            filters::apply_filters(app, now);
        }
        ChoiceKind::Copy => {
            app.overlays.pop();
            let Some(form) = CopyFormat::ALL.get(choice.selected) else { return Vec::new() };
            let text = copy::copy_text(app, &targets::target_items(app), *form);
            if text.is_empty() {
                app.show_message("nothing to copy: the row is no longer loaded", now);
                return Vec::new();
            }
            return vec![Effect::Copy(text)];
        }
    }
    Vec::new()
}
