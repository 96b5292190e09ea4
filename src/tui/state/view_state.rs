//! State of the view: filter, sort order and hidden columns of each pane, marks, notes, items of the ticket, recent
//! actions and the message log.

use crate::domain::query::FilterQuery;
use crate::domain::query::field::{Field, Sort};
use crate::domain::query::matching::{FieldValue, QueryableRow};
use crate::domain::query::parse::{QueryError, parse};
use crate::domain::time::Timestamp;
use crate::tui::ids::{Pane, RowId};
use std::collections::VecDeque;
use std::time::Duration;

/// Time for which the row order stays pinned after the cursor moved, so that rows do not move beneath it.
pub const ORDER_PIN_DURATION: Duration = Duration::from_secs(3);

/// Maximum number of messages kept in the log.
const MAX_LOGGED_MESSAGES: usize = 200;

/// Maximum number of recent actions that the palette lists first.
const MAX_RECENT_ACTIONS: usize = 5;

/// Filter of a pane, as text and parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneFilter {
    /// Text as the operator typed it, trimmed.
    pub text: String,
    /// Parsed query that rows are matched against.
    pub query: FilterQuery,
}

/// Direction in which rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortDirection {
    /// Ascending: the smallest value first.
    Ascending,
    /// Descending: the greatest value first.
    Descending,
}

/// Filter, sort order and hidden columns of one pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaneSettings {
    /// Filter that rows must match, if there is one.
    pub filter: Option<PaneFilter>,
    /// Sort field and direction; `None` keeps the order of the data.
    pub sort: Option<(Field, SortDirection)>,
    /// Titles of the columns that are hidden.
    pub hidden_columns: Vec<String>,
}

/// Row order that is kept although newer snapshots sort differently.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PinnedOrder {
    pane: Pane,
    items: Vec<RowId>,
    until: Timestamp,
}

/// Format in which past times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeDisplay {
    /// Age of the moment: `9 s ago`.
    #[default]
    Ages,
    /// Clock time in UTC: `14:02:22`.
    Clock,
}

/// Whether the welcome hint with the first keys is shown, which happens on the first start only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WelcomeHint {
    /// Shown on the screen until a key is pressed.
    Shown,
    /// Not shown, or dismissed by a key.
    #[default]
    Seen,
}

/// State of the view: how each pane is arranged, and what the operator marked, noted and collected.
#[derive(Debug, Clone, Default)]
pub struct ViewState {
    panes: [PaneSettings; Pane::ALL.len()],
    pinned_order: Option<PinnedOrder>,
    /// Time window of the logs; `None` shows everything that is kept.
    pub log_window: Option<Duration>,
    /// Format of past times: ages or clock times.
    pub time_display: TimeDisplay,
    /// Marked items, in the order of marking.
    pub marks: Vec<RowId>,
    /// Notes of the operator, with the item each is about.
    pub notes: Vec<(RowId, String)>,
    /// Items put into the bundle, in the order of adding.
    pub bundle: Vec<RowId>,
    /// Names of the actions chosen from palette or help, the latest first.
    pub recent_actions: Vec<String>,
    /// Whether the welcome hint with the first keys is shown.
    pub welcome_hint: WelcomeHint,
    /// Message log with times, the latest message last.
    pub message_log: VecDeque<(Timestamp, String)>,
}

impl PaneFilter {
    /// Parses a filter for rows with these fields; `None` for an empty text.
    ///
    /// # Errors
    /// [`QueryError`] with the position and the reason when the text cannot be parsed.
    pub fn parse(text: &str, fields: &[Field]) -> Result<Option<Self>, QueryError> {
        let query = parse(text, fields)?;
        Ok((!query.is_empty()).then(|| Self { text: text.trim().to_owned(), query }))
    }
}

impl ViewState {
    /// Filter, sort order and hidden columns of a pane.
    #[must_use]
    pub fn pane(&self, pane: Pane) -> &PaneSettings {
        &self.panes[pane as usize]
    }

    /// Mutable settings of a pane. Releases a pinned order, which the change would contradict.
    pub fn pane_mut(&mut self, pane: Pane) -> &mut PaneSettings {
        self.pinned_order = None;
        &mut self.panes[pane as usize]
    }

    /// Whether a row of a pane passes its filter and the time window, at `now` by the platform's clock.
    #[must_use]
    pub fn shows_row(&self, pane: Pane, row: &dyn QueryableRow, now: Timestamp) -> bool {
        let in_window = match (self.log_window, row.at()) {
            (Some(window), Some(at)) => at >= now.minus(window),
            _ => true,
        };
        in_window && self.pane(pane).filter.as_ref().is_none_or(|filter| filter.query.matches(row, now))
    }

    /// Sorts a pane's rows by its sort field, then by the pinned order if there is one. Each row comes with its
    /// original position and its id.
    pub fn sort<T: QueryableRow>(&self, pane: Pane, rows: &mut [(usize, RowId, &T)], now: Timestamp) {
        if let Some((field, direction)) = self.pane(pane).sort {
            rows.sort_by_cached_key(|(_, _, row)| SortKey::of(row.values(field, now).first(), direction));
        }
        if let Some(held) = self.pinned_order.as_ref().filter(|held| held.pane == pane) {
            rows.sort_by_cached_key(|(_, item, _)| held.items.iter().position(|old| old == item).unwrap_or(usize::MAX));
        }
    }

    /// Sorts a pane by the next of its rows' fields; after the last field the order of the data returns.
    pub fn sort_by_next(&mut self, pane: Pane, fields: &[Field]) {
        let fields: Vec<Field> = fields.iter().copied().filter(|field| field.sort() != Sort::Moment).collect();
        let arrangement = self.pane_mut(pane);
        let next = match arrangement.sort {
            None => fields.first(),
            Some((field, _)) => fields.iter().skip_while(|other| **other != field).nth(1),
        };
        arrangement.sort = next.map(|field| {
            let direction =
                if field.sort() == Sort::Number { SortDirection::Descending } else { SortDirection::Ascending };
            (*field, direction)
        });
    }

    /// Pins the row order of a pane for [`ORDER_PIN_DURATION`].
    pub fn pin_order(&mut self, pane: Pane, items: Vec<RowId>, now: Timestamp) {
        self.pinned_order = Some(PinnedOrder { pane, items, until: now.plus(ORDER_PIN_DURATION) });
    }

    /// Time at which the pinned order ends, if one is pinned.
    #[must_use]
    pub fn pinned_until(&self) -> Option<Timestamp> {
        self.pinned_order.as_ref().map(|held| held.until)
    }

    /// Whether the row order of a pane is pinned.
    #[must_use]
    pub fn is_order_pinned(&self, pane: Pane) -> bool {
        self.pinned_order.as_ref().is_some_and(|held| held.pane == pane)
    }

    /// Releases a pinned order whose time is over; returns whether there was one.
    pub fn release_expired_order(&mut self, now: Timestamp) -> bool {
        let is_over = self.pinned_until().is_some_and(|until| now >= until);
        if is_over {
            self.pinned_order = None;
        }
        is_over
    }

    /// Marks an item, or removes its mark.
    pub fn toggle_mark(&mut self, item: RowId) {
        match self.marks.iter().position(|marked| *marked == item) {
            Some(at) => drop(self.marks.remove(at)),
            None => self.marks.push(item),
        }
    }

    /// Note of the operator about an item.
    #[must_use]
    pub fn note(&self, item: RowId) -> Option<&str> {
        self.notes.iter().find(|(noted, _)| *noted == item).map(|(_, note)| note.as_str())
    }

    /// Sets the note about an item; a blank text removes it.
    pub fn set_note(&mut self, item: RowId, text: &str) {
        self.notes.retain(|(noted, _)| *noted != item);
        if !text.trim().is_empty() {
            self.notes.push((item, text.trim().to_owned()));
        }
    }

    /// Moves an action to the front of the recent ones.
    pub fn note_recent_action(&mut self, name: &str) {
        self.recent_actions.retain(|other| other != name);
        self.recent_actions.insert(0, name.to_owned());
        self.recent_actions.truncate(MAX_RECENT_ACTIONS);
    }

    /// Adds a message to the log, dropping the oldest beyond the limit.
    pub fn log_message(&mut self, text: &str, now: Timestamp) {
        self.message_log.push_back((now, text.to_owned()));
        if self.message_log.len() > MAX_LOGGED_MESSAGES {
            self.message_log.pop_front();
        }
    }
}

/// Sort key of a row; rows without a value come last in either direction.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Up(i64, String),
    Down(std::cmp::Reverse<(i64, String)>),
    Last,
}

impl SortKey {
    fn of(value: Option<&FieldValue<'_>>, direction: SortDirection) -> Self {
        let (number, text) = match value {
            None => return Self::Last,
            Some(FieldValue::Number(number)) => (*number, String::new()),
            Some(FieldValue::Text(text)) => (0, text.to_ascii_lowercase()),
        };
        match direction {
            SortDirection::Ascending => Self::Up(number, text),
            SortDirection::Descending => Self::Down(std::cmp::Reverse((number, text))),
        }
    }
}
