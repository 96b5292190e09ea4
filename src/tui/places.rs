//! Selection in each pane, by id, so that a new snapshot cannot move the cursor to another item.

use super::panes::Pane;
use crate::domain::ids::{AttemptId, EventId, KeyId, SubscriptionId, TripId};
use crate::domain::window::RateBucket;
use std::fmt;

/// Id of a row in any pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Key, by its number on the platform.
    Key(KeyId),
    /// Subscription, by its number on the platform.
    Subscription(SubscriptionId),
    /// Attempt, by its number on the platform.
    Attempt(AttemptId),
    /// Rate window of a key's bucket.
    Window(KeyId, RateBucket),
    /// Trip, by its number on the platform.
    Trip(TripId),
    /// Event, by its number on the platform.
    Event(EventId),
    /// Request, by its position in the request log.
    Request(i64),
}

impl Item {
    /// Number of the item; for a window, the number of its key.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Key(KeyId(id)) | Self::Window(KeyId(id), _) => id,
            Self::Subscription(SubscriptionId(id)) => id,
            Self::Attempt(AttemptId(id)) => id,
            Self::Trip(TripId(id)) => id,
            Self::Event(EventId(id)) => id,
            Self::Request(id) => id,
        }
    }

    /// Parses what [`Display`](fmt::Display) writes; `None` for any other text.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut words = name.split(' ');
        let (noun, id) = (words.next()?, words.next()?.parse().ok()?);
        Some(match noun {
            "key" => Self::Key(KeyId(id)),
            "subscription" => Self::Subscription(SubscriptionId(id)),
            "attempt" => Self::Attempt(AttemptId(id)),
            "trip" => Self::Trip(TripId(id)),
            "event" => Self::Event(EventId(id)),
            "request" => Self::Request(id),
            "window" => {
                let bucket = words.next()?;
                Self::Window(KeyId(id), RateBucket::ALL.into_iter().find(|known| known.name() == bucket)?)
            }
            _ => return None,
        })
    }
}

/// Kind and number, such as `subscription 17`; for a window also its bucket.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = match self {
            Self::Key(_) => "key",
            Self::Subscription(_) => "subscription",
            Self::Attempt(_) => "attempt",
            Self::Window(..) => "window",
            Self::Trip(_) => "trip",
            Self::Event(_) => "event",
            Self::Request(_) => "request",
        };
        let text = match self {
            Self::Window(_, bucket) => format!("{noun} {} {bucket}", self.number()),
            _ => format!("{noun} {}", self.number()),
        };
        f.pad(&text)
    }
}

/// Whether the operator placed a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Hand {
    /// Cursor rests on the first row, the worst one.
    #[default]
    Resting,
    /// Operator placed the cursor: it stays with its row.
    Placed,
}

/// Selected row of one pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    selected: Option<Item>,
    row: usize,
    hand: Hand,
}

/// Effect of new rows on a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Selection is unchanged, or there was none.
    Kept,
    /// Selected row disappeared, and its neighbour was selected.
    Moved,
}

impl Place {
    /// Id of the selected row.
    #[must_use]
    pub const fn selected(&self) -> Option<Item> {
        self.selected
    }

    /// Present index of the selected row.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        self.selected.map(|_| self.row)
    }

    /// Selects a row by its index, or the last row if there are fewer.
    pub fn select(&mut self, row: usize, items: &[Item]) {
        self.put(row, items);
        self.hold();
    }

    /// Marks the cursor as placed by the operator, so that it stays with its row.
    pub fn hold(&mut self) {
        self.hand = Hand::Placed;
    }

    fn put(&mut self, row: usize, items: &[Item]) {
        self.row = row.min(items.len().saturating_sub(1));
        self.selected = items.get(self.row).copied();
    }

    /// Finds the selected row among new ones; a resting cursor stays on the first row.
    pub fn settle(&mut self, items: &[Item]) -> Settled {
        let (Some(selected), Hand::Placed) = (self.selected, self.hand) else {
            self.put(0, items);
            return Settled::Kept;
        };
        if let Some(row) = items.iter().position(|item| *item == selected) {
            self.row = row;
            return Settled::Kept;
        }
        self.put(self.row, items);
        Settled::Moved
    }
}

/// Whether the newest row of a log stays selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Following {
    /// Newest row is selected whenever rows arrive.
    #[default]
    Newest,
    /// Selection stays with its row.
    Nothing,
}

impl Following {
    /// Opposite of this follow mode.
    #[must_use]
    pub const fn switched(self) -> Self {
        match self {
            Self::Newest => Self::Nothing,
            Self::Nothing => Self::Newest,
        }
    }
}

/// Selections and follow modes of all panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    places: [Place; Pane::ALL.len()],
    following: [Following; Pane::ALL.len()],
}

impl Places {
    /// Selected row of one pane.
    #[must_use]
    pub fn of(&self, pane: Pane) -> &Place {
        &self.places[pane as usize]
    }

    /// Selection of a pane, to be changed.
    pub fn of_mut(&mut self, pane: Pane) -> &mut Place {
        &mut self.places[pane as usize]
    }

    /// Follow mode of a pane. Only the logs of deliveries, events and requests can follow.
    #[must_use]
    pub fn following(&self, pane: Pane) -> Following {
        if pane.is_log() && pane != Pane::Trips { self.following[pane as usize] } else { Following::Nothing }
    }

    /// Sets the follow mode of a log.
    pub fn follow(&mut self, pane: Pane, following: Following) {
        self.following[pane as usize] = following;
    }

    /// Finds the selected row of a pane among new rows, or selects the newest one if the pane follows.
    pub fn settle(&mut self, pane: Pane, items: &[Item]) -> Settled {
        if self.following(pane) == Following::Newest {
            self.of_mut(pane).put(0, items);
            return Settled::Kept;
        }
        self.of_mut(pane).settle(items)
    }
}
