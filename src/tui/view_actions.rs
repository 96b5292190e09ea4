//! Actions that change only the view: filters, sort order, marks, notes, time windows. They change nothing on the
//! platform; filters of logs are sent to the platform as far as it supports them.

use super::app::App;
use super::chord::KeyChord;
use super::copy::CopyFormat;
use super::effect::Effect;
use super::keymap::KeyAction;
use super::overlay::Overlay;
use super::overlay::action_search::{ActionOrder, ActionSearch};
use super::overlay::alerts::AlertList;
use super::overlay::choice::{ChoiceKind, ChoiceList, TIME_WINDOWS};
use super::overlay::filter::FilterInput;
use super::overlay::note::NoteInput;
use super::overlay::text_list::{TextList, TextListKind};
use super::panes::Pane;
use super::text_input::{EditResult, INPUT_FULL};
use super::view_state::{PaneFilter, SortDirection, TimeDisplay};
use crate::domain::health_status::HealthStatus;
use crate::domain::query::field::Field;
use crate::domain::query::pushdown::{LogKind, RemoteFilter};
use crate::domain::time::Timestamp;
use crate::wire::log::TripQuery;
use crate::wire::row_filters;

/// Direction of a jump along the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JumpDirection {
    Down,
    Up,
}

impl App {
    /// Returns the overlay that an action opens; `None` if the action opens none.
    pub(super) fn overlay_for(&self, action: KeyAction) -> Option<Overlay> {
        let search = |order| ActionSearch::new(self, self.context(), order);
        let choice = |kind| Overlay::Choice(ChoiceList::new(self, kind));
        let list = |kind| Overlay::TextList(TextList { kind, top: 0 });
        Some(match action {
            KeyAction::Alerts => Overlay::Alerts(AlertList::new(self.visible_snapshot().alerts())),
            KeyAction::Help => Overlay::Help(search(ActionOrder::Grouped)),
            KeyAction::Palette => Overlay::Palette(search(ActionOrder::Recent)),
            KeyAction::Copy => choice(ChoiceKind::Copy),
            KeyAction::Columns => choice(ChoiceKind::Columns(self.focus)),
            KeyAction::TimeWindow => choice(ChoiceKind::TimeWindow),
            KeyAction::Log => list(TextListKind::Messages),
            KeyAction::Bundle => list(TextListKind::Bundle),
            _ => return None,
        })
    }

    /// Performs an action that changes only the view.
    pub(super) fn dispatch_view_action(&mut self, action: KeyAction, now: Timestamp) {
        let pane = self.focus;
        match action {
            KeyAction::Filter => self.overlays.push(Overlay::Filter(FilterInput::new(self, pane))),
            KeyAction::Complete => self.complete(now),
            KeyAction::NextMatch => self.jump_to_match(JumpDirection::Down, now),
            KeyAction::PreviousMatch => self.jump_to_match(JumpDirection::Up, now),
            KeyAction::NextTrouble => {
                self.jump_to_status(&[HealthStatus::Tripped, HealthStatus::Failing], JumpDirection::Down, now);
            }
            KeyAction::PreviousTrouble => {
                self.jump_to_status(&[HealthStatus::Tripped, HealthStatus::Failing], JumpDirection::Up, now);
            }
            KeyAction::NextWarning => self.jump_to_status(&[HealthStatus::Warning], JumpDirection::Down, now),
            KeyAction::PreviousWarning => self.jump_to_status(&[HealthStatus::Warning], JumpDirection::Up, now),
            KeyAction::Mark => self.mark(now),
            KeyAction::MarkRange => self.mark_range(now),
            KeyAction::Sort => {
                self.view_state.sort_by_next(pane);
                self.reselect_rows(now);
                let sort = self.view_state.pane(pane).sort;
                let said = sort.map_or_else(
                    || "default order: worst first".to_owned(),
                    |(field, _)| format!("sorted by {}", field.name()),
                );
                self.show_message(said, now);
            }
            KeyAction::Reverse => {
                if let Some((_, direction)) = &mut self.view_state.pane_mut(pane).sort {
                    *direction = if *direction == SortDirection::Ascending {
                        SortDirection::Descending
                    } else {
                        SortDirection::Ascending
                    };
                }
                self.reselect_rows(now);
            }
            KeyAction::Times => {
                self.view_state.time_display = if self.view_state.time_display == TimeDisplay::Ages {
                    TimeDisplay::Clock
                } else {
                    TimeDisplay::Ages
                };
            }
            KeyAction::Note => {
                if let Some(item) = self.target_items().last().copied() {
                    let entry = super::text_input::TextInput::new(self.view_state.note(item).unwrap_or_default());
                    self.overlays.push(Overlay::Note(NoteInput { item, entry }));
                }
            }
            KeyAction::Collect => self.toggle_in_bundle(now),
            _ => {}
        }
    }

    /// Passes a key to the text input of the front overlay.
    pub(super) fn type_into(&mut self, chord: KeyChord, now: Timestamp) -> EditResult {
        let edited = match self.overlays.last_mut() {
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
            EditResult::Full => self.show_message(INPUT_FULL, now),
            EditResult::Text | EditResult::Cursor => self.on_text_changed(now),
        }
        edited
    }

    /// Pastes text into the text input of the front overlay. Without a text input, and where a typed confirmation is
    /// required, the text is refused with a message.
    pub(super) fn paste(&mut self, text: &str, now: Timestamp) {
        self.status_message = None;
        let pasted = match self.overlays.last_mut() {
            Some(Overlay::Help(finder) | Overlay::Palette(finder)) => finder.paste(text),
            Some(Overlay::Filter(line)) => line.entry.paste(text),
            Some(Overlay::Note(note)) => note.entry.paste(text),
            Some(Overlay::Form(form)) => form.paste(text),
            Some(Overlay::SignatureInput(line)) => line.paste(text),
            Some(Overlay::TypedConfirm(_)) => Err("a confirmation is typed, not pasted".to_owned()),
            _ => Err("paste works in text fields only: / : ? m".to_owned()),
        };
        match pasted {
            Ok(()) => self.on_text_changed(now),
            Err(why) => self.show_message(why, now),
        }
    }

    /// Updates what depends on the text being typed: search results, or the filtered rows and their completions.
    fn on_text_changed(&mut self, now: Timestamp) {
        match self.overlays.pop() {
            Some(Overlay::Help(mut finder)) => {
                finder.search(&self.config.keymap, &self.view_state.recent_actions);
                self.overlays.push(Overlay::Help(finder));
            }
            Some(Overlay::Palette(mut finder)) => {
                finder.search(&self.config.keymap, &self.view_state.recent_actions);
                self.overlays.push(Overlay::Palette(finder));
            }
            Some(Overlay::Filter(mut line)) => {
                self.view_state.pane_mut(line.pane).filter = line.filter_so_far();
                self.reselect_rows(now);
                line.update_completion(self);
                self.overlays.push(Overlay::Filter(line));
            }
            other => self.overlays.extend(other),
        }
    }

    fn complete(&mut self, now: Timestamp) {
        if let Some(Overlay::Filter(line)) = self.overlays.last_mut() {
            line.complete();
        }
        self.on_text_changed(now);
    }

    /// Applies the filter that was typed, unless it cannot be parsed.
    pub(super) fn keep_filter(&mut self, now: Timestamp) {
        let Some(Overlay::Filter(line)) = self.overlays.last_mut() else { return };
        match line.read() {
            Err(fault) => self.show_message(format!("{fault}; Esc restores the previous filter"), now),
            Ok(filter) => {
                let pane = line.pane;
                self.overlays.pop();
                self.view_state.pane_mut(pane).filter = filter;
                self.apply_filters(now);
            }
        }
    }

    /// Sends the filters of all logs to the platform and reselects each pane's row.
    pub(super) fn apply_filters(&mut self, now: Timestamp) {
        self.reselect_rows(now);
        let Some(view) = self.view() else { return };
        let now = view.now;
        let company = self.company.map(|id| RemoteFilter::Number(Field::Company, id.0));
        let asked = |pane: Pane, log: LogKind| {
            let filter: Option<&PaneFilter> = self.view_state.pane(pane).filter.as_ref();
            let mut asked = filter.map_or_else(Vec::new, |filter| filter.query.split_for(log, now).remote);
            let since = asked.iter().position(|asked| matches!(asked, RemoteFilter::Time(Field::Since, _)));
            // A second `since` is not needed: the filter's own beginning is asked for, and rows outside the time
            // window are hidden by the console.
            if let (Some(window), None) = (self.view_state.log_window, since) {
                asked.push(RemoteFilter::Time(Field::Since, now.minus(window)));
            }
            if let Some(company) = &company {
                asked.retain(|asked| !matches!(asked, RemoteFilter::Number(Field::Company, _)));
                asked.push(company.clone());
            }
            asked
        };
        let mut attempts = row_filters::attempt_query(&asked(Pane::Deliveries, LogKind::Attempts));
        let events = row_filters::event_query(&asked(Pane::Events, LogKind::Events));
        let mut requests = row_filters::request_query(&asked(Pane::Requests, LogKind::Requests));
        if let Some(drill) = self.history.drill {
            drill.restrict(&mut attempts, &mut requests);
        }
        self.logs.attempts.set_query(attempts);
        self.logs.events.set_query(events);
        self.logs.requests.set_query(requests);
        self.logs.trips.set_query(TripQuery { company: self.company.map(|id| id.0), subscription: None });
    }

    /// Moves to the next row in the given direction, wrapping around the end.
    fn jump_to_match(&mut self, way: JumpDirection, now: Timestamp) {
        let Some(items) = self.items().filter(|items| !items.is_empty()) else {
            return self.show_message("no row matches the filter", now);
        };
        let at = self.selections.of(self.focus).row().unwrap_or(0);
        let row = match way {
            JumpDirection::Down => (at + 1) % items.len(),
            JumpDirection::Up => at.checked_sub(1).unwrap_or(items.len() - 1),
        };
        self.put_cursor(row, &items, now);
        self.show_message(format!("match {} of {}", row + 1, items.len()), now);
    }

    /// Moves to the next row whose health status is one of `standings`, without wrapping.
    fn jump_to_status(&mut self, standings: &[HealthStatus], way: JumpDirection, now: Timestamp) {
        let Some(view) = self.view() else { return self.show_message("still loading", now) };
        let items = view.order(self.focus).items;
        let at = self.selections.of(self.focus).row().unwrap_or(0);
        let fits = |row: &usize| {
            let judged = items.get(*row).and_then(|item| view.named_health(*item));
            judged.is_some_and(|(_, judgement)| standings.contains(&judgement.status))
        };
        let row = match way {
            JumpDirection::Down => (at + 1..items.len()).find(fits),
            JumpDirection::Up => (0..at).rev().find(fits),
        };
        match row {
            Some(row) => self.put_cursor(row, &items, now),
            None => {
                let what = if standings.contains(&HealthStatus::Warning) { "warning" } else { "failing row" };
                let side = if way == JumpDirection::Down { "below" } else { "above" };
                self.show_message(format!("no {what} {side}"), now);
            }
        }
    }

    /// Toggles the mark of the selected row and moves to the next row.
    fn mark(&mut self, now: Timestamp) {
        let Some(item) = self.selected() else { return };
        self.view_state.toggle_mark(item);
        let Some(items) = self.items() else { return };
        let row = self.selections.of(self.focus).row().unwrap_or(0);
        self.put_cursor((row + 1).min(items.len().saturating_sub(1)), &items, now);
        self.say_marks(now);
    }

    /// Marks all rows from the last mark in this pane to the cursor.
    fn mark_range(&mut self, now: Timestamp) {
        let Some(items) = self.items().filter(|items| !items.is_empty()) else { return };
        let to = self.selections.of(self.focus).row().unwrap_or(0);
        let last = self.view_state.marks.iter().rev().find_map(|mark| items.iter().position(|item| item == mark));
        let from = last.unwrap_or(to);
        for item in &items[from.min(to)..=from.max(to).min(items.len().saturating_sub(1))] {
            if !self.view_state.marks.contains(item) {
                self.view_state.marks.push(*item);
            }
        }
        self.put_cursor(to, &items, now);
        self.say_marks(now);
    }

    fn say_marks(&mut self, now: Timestamp) {
        let n = self.view_state.marks.len();
        let rows = super::format::plural(n as u64, "row");
        self.show_message(format!("{rows} marked; Esc clears all marks"), now);
    }

    /// Adds the target rows to the bundle, or removes them if all of them are in it already.
    fn toggle_in_bundle(&mut self, now: Timestamp) {
        let items = self.target_items();
        let bundle = &mut self.view_state.bundle;
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
            items => super::format::plural(items.len() as u64, "row"),
        };
        self.show_message(format!("{what} {said} the ticket ({})", super::format::plural(n as u64, "item")), now);
    }

    /// Applies the selected entry of a choice list.
    pub(super) fn choose(&mut self, choice: ChoiceList, now: Timestamp) -> Vec<Effect> {
        match choice.topic {
            ChoiceKind::Columns(pane) => {
                let Some(column) = pane.columns().get(choice.selected) else { return Vec::new() };
                let hidden = &mut self.view_state.pane_mut(pane).hidden_columns;
                match hidden.iter().position(|title| title == column.title) {
                    Some(at) => drop(hidden.remove(at)),
                    None if column.rank == 0 => {
                        self.show_message(format!("{} cannot be hidden", column.title), now);
                    }
                    None => hidden.push(column.title.to_owned()),
                }
            }
            ChoiceKind::TimeWindow => {
                self.overlays.pop();
                self.view_state.log_window = TIME_WINDOWS.get(choice.selected).and_then(|(_, window)| *window);
                self.apply_filters(now);
            }
            ChoiceKind::Copy => {
                self.overlays.pop();
                let Some(form) = CopyFormat::ALL.get(choice.selected) else { return Vec::new() };
                let text = self.copy_text(&self.target_items(), *form);
                if text.is_empty() {
                    self.show_message("nothing to copy: the row is no longer loaded", now);
                    return Vec::new();
                }
                return vec![Effect::Copy(text)];
            }
        }
        Vec::new()
    }

    /// Releases the pinned row order once its time is over.
    pub(super) fn release_pinned_order(&mut self, now: Timestamp) {
        if self.view_state.release_expired_order(now) && self.frozen.is_none() {
            self.reselect_rows(now);
        }
    }
}
