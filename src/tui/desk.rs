//! The desk: how somebody has arranged each pane (filter, order, columns), what is marked, noted and collected, and what the console said.

use super::panes::Pane;
use super::places::Item;
use crate::api::sift;
use crate::domain::query::Query;
use crate::domain::query::field::{Field, Sort};
use crate::domain::query::parse::{Fault, parse};
use crate::domain::query::sift::{Row, Value};
use crate::domain::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// How long the order of rows is held after the cursor moved (manner 3).
pub const HELD_FOR: Duration = Duration::from_secs(3);
/// Remarks that are kept.
const SAID: usize = 200;
/// Actions that the palette lists first.
const RECENT: usize = 5;

/// What a pane is sifted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// As it was written.
    pub text: String,
    /// What it asks.
    pub query: Query,
}

/// Which way a field is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The least first.
    Up,
    /// The greatest first.
    Down,
}

/// How one pane is arranged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrangement {
    /// What its rows are sifted by.
    pub filter: Option<Filter>,
    /// What they are sorted by; as they come if by nothing.
    pub sort: Option<(Field, Direction)>,
    /// Titles of columns that are left out.
    pub hidden: Vec<String>,
}

/// An order that is held although newer pictures have another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    pane: Pane,
    items: Vec<Item>,
    until: Timestamp,
}

/// How times that passed are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// As ages: `9 s ago`.
    #[default]
    Ages,
    /// As clock times: `14:02:22`.
    Clock,
}

/// Whether who is here for the first time is told the first keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hint {
    /// They are on the screen until a key is pressed.
    Shown,
    /// They were seen.
    #[default]
    Seen,
}

/// The desk.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    arrangements: [Arrangement; Pane::ALL.len()],
    held: Option<Held>,
    /// How far back logs go; all the way if nothing is set.
    pub window: Option<Duration>,
    /// How times are shown.
    pub times: Times,
    /// What is marked, in the order of marking.
    pub marks: Vec<Item>,
    /// What was noted about things.
    pub notes: Vec<(Item, String)>,
    /// What was put into the bundle, in that order.
    pub bundle: Vec<Item>,
    /// Names of the actions that were chosen from palette or help, the latest first.
    pub recent: Vec<String>,
    /// What the first keys are, for who is here for the first time.
    pub hint: Hint,
    /// What the console said, the latest last.
    pub said: VecDeque<(Timestamp, String)>,
}

/// The fields of a pane's rows.
#[must_use]
pub const fn fields(pane: Pane) -> &'static [Field] {
    match pane {
        Pane::Keys => sift::KEYS,
        Pane::Subscriptions => sift::SUBSCRIPTIONS,
        Pane::Deliveries => sift::ATTEMPTS,
        Pane::Events => sift::EVENTS,
        Pane::Limits => sift::LIMITS,
        Pane::Trips => sift::TRIPS,
        Pane::Requests => sift::REQUESTS,
    }
}

impl Filter {
    /// Reads a filter for a pane; `None` if nothing is asked.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(text: &str, pane: Pane) -> Result<Option<Self>, Fault> {
        let query = parse(text, fields(pane))?;
        Ok((!query.is_empty()).then(|| Self { text: text.trim().to_owned(), query }))
    }
}

impl Desk {
    /// How a pane is arranged.
    #[must_use]
    pub fn of(&self, pane: Pane) -> &Arrangement {
        &self.arrangements[pane as usize]
    }

    /// How a pane is arranged, to be changed.
    pub fn of_mut(&mut self, pane: Pane) -> &mut Arrangement {
        self.held = None;
        &mut self.arrangements[pane as usize]
    }

    /// Whether a row of a pane is shown, at `now` by the platform's clock.
    #[must_use]
    pub fn lets_through(&self, pane: Pane, row: &dyn Row, now: Timestamp) -> bool {
        let in_window = match (self.window, row.at()) {
            (Some(window), Some(at)) => at >= now.minus(window),
            _ => true,
        };
        in_window && self.of(pane).filter.as_ref().is_none_or(|filter| filter.query.passes(row, now))
    }

    /// Puts rows into the pane's order. Each comes with where it stands and its name.
    pub fn sort<T: Row>(&self, pane: Pane, rows: &mut [(usize, Item, &T)], now: Timestamp) {
        if let Some((field, direction)) = self.of(pane).sort {
            rows.sort_by_cached_key(|(_, _, row)| Rank::of(row.values(field, now).first(), direction));
        }
        if let Some(held) = self.held.as_ref().filter(|held| held.pane == pane) {
            rows.sort_by_cached_key(|(_, item, _)| held.items.iter().position(|old| old == item).unwrap_or(usize::MAX));
        }
    }

    /// Sorts by the pane's next field, after the last one as rows come.
    pub fn sort_by_next(&mut self, pane: Pane) {
        let fields: Vec<Field> = fields(pane).iter().copied().filter(|field| field.sort() != Sort::Moment).collect();
        let arrangement = self.of_mut(pane);
        let next = match arrangement.sort {
            None => fields.first(),
            Some((field, _)) => fields.iter().skip_while(|other| **other != field).nth(1),
        };
        arrangement.sort = next.map(|field| {
            let direction = if field.sort() == Sort::Number { Direction::Down } else { Direction::Up };
            (*field, direction)
        });
    }

    /// From now on the rows of a pane stay in this order for a while.
    pub fn hold(&mut self, pane: Pane, items: Vec<Item>, now: Timestamp) {
        self.held = Some(Held { pane, items, until: now.plus(HELD_FOR) });
    }

    /// Until when an order is held.
    #[must_use]
    pub fn held_until(&self) -> Option<Timestamp> {
        self.held.as_ref().map(|held| held.until)
    }

    /// Whether the order of a pane is held.
    #[must_use]
    pub fn holds(&self, pane: Pane) -> bool {
        self.held.as_ref().is_some_and(|held| held.pane == pane)
    }

    /// Lets a held order go when its time is over; whether one was.
    pub fn let_go(&mut self, now: Timestamp) -> bool {
        let is_over = self.held_until().is_some_and(|until| now >= until);
        if is_over {
            self.held = None;
        }
        is_over
    }

    /// Marks a thing, or takes its mark away.
    pub fn mark(&mut self, item: Item) {
        match self.marks.iter().position(|marked| *marked == item) {
            Some(at) => drop(self.marks.remove(at)),
            None => self.marks.push(item),
        }
    }

    /// What was noted about a thing.
    #[must_use]
    pub fn note(&self, item: Item) -> Option<&str> {
        self.notes.iter().find(|(noted, _)| *noted == item).map(|(_, note)| note.as_str())
    }

    /// Notes something about a thing; an empty text takes the note away.
    pub fn set_note(&mut self, item: Item, text: &str) {
        self.notes.retain(|(noted, _)| *noted != item);
        if !text.trim().is_empty() {
            self.notes.push((item, text.trim().to_owned()));
        }
    }

    /// Remembers that an action was chosen.
    pub fn chose(&mut self, name: &str) {
        self.recent.retain(|other| other != name);
        self.recent.insert(0, name.to_owned());
        self.recent.truncate(RECENT);
    }

    /// Remembers what was said.
    pub fn heard(&mut self, text: &str, now: Timestamp) {
        self.said.push_back((now, text.to_owned()));
        if self.said.len() > SAID {
            self.said.pop_front();
        }
    }
}

/// A value's place in an order; rows without one come last, whichever the direction.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Up(i64, String),
    Down(std::cmp::Reverse<(i64, String)>),
    Last,
}

impl Rank {
    fn of(value: Option<&Value<'_>>, direction: Direction) -> Self {
        let (number, text) = match value {
            None => return Self::Last,
            Some(Value::Number(number)) => (*number, String::new()),
            Some(Value::Text(text)) => (0, text.to_ascii_lowercase()),
        };
        match direction {
            Direction::Up => Self::Up(number, text),
            Direction::Down => Self::Down(std::cmp::Reverse((number, text))),
        }
    }
}
