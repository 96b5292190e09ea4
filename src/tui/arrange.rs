//! Actions that change only the view: filters, sort order, marks, notes, time windows. They change nothing on the
//! platform; filters of logs are sent to the platform as far as it supports them.

use super::app::App;
use super::chord::Chord;
use super::copy::Form;
use super::desk::{Direction, Filter, Times};
use super::effect::Effect;
use super::entry::{Edited, FULL};
use super::keymap::Action;
use super::overlay::Layer;
use super::overlay::choice::{Choice, Topic, WINDOWS};
use super::overlay::filter::FilterLine;
use super::overlay::note::NoteLine;
use super::panes::Pane;
use crate::api::log::TripQuery;
use crate::api::row_filters;
use crate::domain::health_status::HealthStatus;
use crate::domain::query::field::Field;
use crate::domain::query::pushdown::{LogKind, RemoteFilter};
use crate::domain::time::Timestamp;

/// Direction of a jump along the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Up,
}

impl App {
    /// Performs an action that changes only the view.
    pub(super) fn arrange(&mut self, action: Action, now: Timestamp) {
        let pane = self.focus;
        match action {
            Action::Filter => self.layers.push(Layer::Filter(FilterLine::new(self, pane))),
            Action::Complete => self.complete(now),
            Action::NextMatch => self.go_to_match(Way::Down, now),
            Action::PreviousMatch => self.go_to_match(Way::Up, now),
            Action::NextTrouble => self.go_to(&[HealthStatus::Tripped, HealthStatus::Failing], Way::Down, now),
            Action::PreviousTrouble => self.go_to(&[HealthStatus::Tripped, HealthStatus::Failing], Way::Up, now),
            Action::NextWarning => self.go_to(&[HealthStatus::Warning], Way::Down, now),
            Action::PreviousWarning => self.go_to(&[HealthStatus::Warning], Way::Up, now),
            Action::Mark => self.mark(now),
            Action::MarkRange => self.mark_range(now),
            Action::Sort => {
                self.desk.sort_by_next(pane);
                self.settle(now);
                let sort = self.desk.of(pane).sort;
                let said = sort.map_or_else(
                    || "default order: worst first".to_owned(),
                    |(field, _)| format!("sorted by {}", field.name()),
                );
                self.say(said, now);
            }
            Action::Reverse => {
                if let Some((_, direction)) = &mut self.desk.of_mut(pane).sort {
                    *direction = if *direction == Direction::Up { Direction::Down } else { Direction::Up };
                }
                self.settle(now);
            }
            Action::Times => {
                self.desk.times = if self.desk.times == Times::Ages { Times::Clock } else { Times::Ages };
            }
            Action::Note => {
                if let Some(item) = self.subjects().last().copied() {
                    let entry = super::entry::Entry::new(self.desk.note(item).unwrap_or_default());
                    self.layers.push(Layer::Note(NoteLine { item, entry }));
                }
            }
            Action::Collect => self.collect(now),
            _ => {}
        }
    }

    /// Passes a key to the text input of the front overlay.
    pub(super) fn type_into(&mut self, chord: Chord, now: Timestamp) -> Edited {
        let edited = match self.layers.last_mut() {
            Some(Layer::Help(finder) | Layer::Palette(finder)) => finder.press(chord),
            Some(Layer::Filter(line)) => line.press(chord),
            Some(Layer::Note(note)) => note.entry.press(chord),
            Some(Layer::Expect(line)) => line.press(chord),
            Some(Layer::Count(count)) => count.entry.press(chord),
            Some(Layer::Form(form)) => form.press(chord),
            _ => Edited::Nothing,
        };
        match edited {
            Edited::Nothing => {}
            Edited::Full => self.say(FULL, now),
            Edited::Text | Edited::Cursor => self.think(now),
        }
        edited
    }

    /// Pastes text into the text input of the front overlay. Without a text input, and where a typed confirmation is
    /// required, the text is refused with a message.
    pub(super) fn paste(&mut self, text: &str, now: Timestamp) {
        self.notice = None;
        let pasted = match self.layers.last_mut() {
            Some(Layer::Help(finder) | Layer::Palette(finder)) => finder.paste(text),
            Some(Layer::Filter(line)) => line.entry.paste(text),
            Some(Layer::Note(note)) => note.entry.paste(text),
            Some(Layer::Form(form)) => form.paste(text),
            Some(Layer::Expect(line)) => line.paste(text),
            Some(Layer::Count(_)) => Err("a confirmation is typed, not pasted".to_owned()),
            _ => Err("paste works in text fields only: / : ? m".to_owned()),
        };
        match pasted {
            Ok(()) => self.think(now),
            Err(why) => self.say(why, now),
        }
    }

    /// Updates what depends on the text being typed: search results, or the filtered rows and their completions.
    fn think(&mut self, now: Timestamp) {
        match self.layers.pop() {
            Some(Layer::Help(mut finder)) => {
                finder.search(&self.setting.keymap, &self.desk.recent);
                self.layers.push(Layer::Help(finder));
            }
            Some(Layer::Palette(mut finder)) => {
                finder.search(&self.setting.keymap, &self.desk.recent);
                self.layers.push(Layer::Palette(finder));
            }
            Some(Layer::Filter(mut line)) => {
                self.desk.of_mut(line.pane).filter = line.live();
                self.settle(now);
                line.think(self);
                self.layers.push(Layer::Filter(line));
            }
            other => self.layers.extend(other),
        }
    }

    fn complete(&mut self, now: Timestamp) {
        if let Some(Layer::Filter(line)) = self.layers.last_mut() {
            line.complete();
        }
        self.think(now);
    }

    /// Applies the filter that was typed, unless it cannot be parsed.
    pub(super) fn keep_filter(&mut self, now: Timestamp) {
        let Some(Layer::Filter(line)) = self.layers.last_mut() else { return };
        match line.read() {
            Err(fault) => self.say(format!("{fault}; Esc restores the previous filter"), now),
            Ok(filter) => {
                let pane = line.pane;
                self.layers.pop();
                self.desk.of_mut(pane).filter = filter;
                self.sift(now);
            }
        }
    }

    /// Sends the filters of all logs to the platform and reselects each pane's row.
    pub(super) fn sift(&mut self, now: Timestamp) {
        self.settle(now);
        let Some(view) = self.view() else { return };
        let now = view.now;
        let company = self.company.map(|id| RemoteFilter::Number(Field::Company, id.0));
        let asked = |pane: Pane, log: LogKind| {
            let filter: Option<&Filter> = self.desk.of(pane).filter.as_ref();
            let mut asked = filter.map_or_else(Vec::new, |filter| filter.query.split_for(log, now).remote);
            let since = asked.iter().position(|asked| matches!(asked, RemoteFilter::Time(Field::Since, _)));
            // A second `since` is not needed: the filter's own beginning is asked for, and rows outside the time
            // window are hidden by the console.
            if let (Some(window), None) = (self.desk.window, since) {
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
        if let Some(drill) = self.trail.drill {
            drill.narrow(&mut attempts, &mut requests);
        }
        self.logs.attempts.set_query(attempts);
        self.logs.events.set_query(events);
        self.logs.requests.set_query(requests);
        self.logs.trips.set_query(TripQuery { company: self.company.map(|id| id.0), subscription: None });
    }

    /// Moves to the next row in the given direction, wrapping around the end.
    fn go_to_match(&mut self, way: Way, now: Timestamp) {
        let Some(items) = self.items().filter(|items| !items.is_empty()) else {
            return self.say("no row matches the filter", now);
        };
        let at = self.places.of(self.focus).row().unwrap_or(0);
        let row = match way {
            Way::Down => (at + 1) % items.len(),
            Way::Up => at.checked_sub(1).unwrap_or(items.len() - 1),
        };
        self.put_cursor(row, &items, now);
        self.say(format!("match {} of {}", row + 1, items.len()), now);
    }

    /// Moves to the next row whose health status is one of `standings`, without wrapping.
    fn go_to(&mut self, standings: &[HealthStatus], way: Way, now: Timestamp) {
        let Some(view) = self.view() else { return self.say("still loading", now) };
        let items = view.order(self.focus).items;
        let at = self.places.of(self.focus).row().unwrap_or(0);
        let fits = |row: &usize| {
            let judged = items.get(*row).and_then(|item| view.judged(*item));
            judged.is_some_and(|(_, judgement)| standings.contains(&judgement.status))
        };
        let row = match way {
            Way::Down => (at + 1..items.len()).find(fits),
            Way::Up => (0..at).rev().find(fits),
        };
        match row {
            Some(row) => self.put_cursor(row, &items, now),
            None => {
                let what = if standings.contains(&HealthStatus::Warning) { "warning" } else { "failing row" };
                let side = if way == Way::Down { "below" } else { "above" };
                self.say(format!("no {what} {side}"), now);
            }
        }
    }

    /// Toggles the mark of the selected row and moves to the next row.
    fn mark(&mut self, now: Timestamp) {
        let Some(item) = self.selected() else { return };
        self.desk.mark(item);
        let Some(items) = self.items() else { return };
        let row = self.places.of(self.focus).row().unwrap_or(0);
        self.put_cursor((row + 1).min(items.len().saturating_sub(1)), &items, now);
        self.say_marks(now);
    }

    /// Marks all rows from the last mark in this pane to the cursor.
    fn mark_range(&mut self, now: Timestamp) {
        let Some(items) = self.items().filter(|items| !items.is_empty()) else { return };
        let to = self.places.of(self.focus).row().unwrap_or(0);
        let last = self.desk.marks.iter().rev().find_map(|mark| items.iter().position(|item| item == mark));
        let from = last.unwrap_or(to);
        for item in &items[from.min(to)..=from.max(to).min(items.len().saturating_sub(1))] {
            if !self.desk.marks.contains(item) {
                self.desk.marks.push(*item);
            }
        }
        self.put_cursor(to, &items, now);
        self.say_marks(now);
    }

    fn say_marks(&mut self, now: Timestamp) {
        let n = self.desk.marks.len();
        let rows = super::format::plural(n as u64, "row");
        self.say(format!("{rows} marked; Esc clears all marks"), now);
    }

    /// Adds the target rows to the bundle, or removes them if all of them are in it already.
    fn collect(&mut self, now: Timestamp) {
        let items = self.subjects();
        let bundle = &mut self.desk.bundle;
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
        self.say(format!("{what} {said} the ticket ({})", super::format::plural(n as u64, "item")), now);
    }

    /// Applies the selected entry of a choice list.
    pub(super) fn choose(&mut self, choice: Choice, now: Timestamp) -> Vec<Effect> {
        match choice.topic {
            Topic::Columns(pane) => {
                let Some(column) = pane.columns().get(choice.selected) else { return Vec::new() };
                let hidden = &mut self.desk.of_mut(pane).hidden;
                match hidden.iter().position(|title| title == column.title) {
                    Some(at) => drop(hidden.remove(at)),
                    None if column.rank == 0 => {
                        self.say(format!("{} cannot be hidden", column.title), now);
                    }
                    None => hidden.push(column.title.to_owned()),
                }
            }
            Topic::TimeWindow => {
                self.layers.pop();
                self.desk.window = WINDOWS.get(choice.selected).and_then(|(_, window)| *window);
                self.sift(now);
            }
            Topic::Copy => {
                self.layers.pop();
                let Some(form) = Form::ALL.get(choice.selected) else { return Vec::new() };
                let text = self.copied(&self.subjects(), *form);
                if text.is_empty() {
                    self.say("nothing to copy: the row is no longer loaded", now);
                    return Vec::new();
                }
                return vec![Effect::Copy(text)];
            }
        }
        Vec::new()
    }

    /// Releases the pinned row order once its time is over.
    pub(super) fn let_order_go(&mut self, now: Timestamp) {
        if self.desk.let_go(now) && self.frozen.is_none() {
            self.settle(now);
        }
    }
}
