//! Places: what is selected in each pane, by id, so that a new picture cannot move the cursor onto another thing.

use super::panes::Pane;
use crate::domain::ids::{AttemptId, EventId, KeyId, SubscriptionId, TripId};
use crate::domain::window::Bucket;
use std::fmt;

/// The name of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// A key.
    Key(KeyId),
    /// A subscription.
    Subscription(SubscriptionId),
    /// An attempt.
    Attempt(AttemptId),
    /// A window of a key.
    Window(KeyId, Bucket),
    /// A trip.
    Trip(TripId),
    /// An event.
    Event(EventId),
    /// A request, by its place in the log.
    Request(i64),
}

impl Item {
    /// Its number; a window's is its key's.
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

    /// Reads what [`Display`](fmt::Display) writes; `None` if it is not that.
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
                Self::Window(KeyId(id), Bucket::ALL.into_iter().find(|known| known.name() == bucket)?)
            }
            _ => return None,
        })
    }
}

/// Noun and number: `subscription 17`; a window with its bucket.
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

/// Whether somebody put a cursor where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Hand {
    /// Nobody did: it rests on the first row, where the worst stands.
    #[default]
    Resting,
    /// Somebody did: it stays with its row.
    Placed,
}

/// The cursor of one pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    selected: Option<Item>,
    row: usize,
    hand: Hand,
}

/// What a new picture did to a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is where it was, or had not been anywhere.
    Kept,
    /// Its row vanished; the neighbour was taken.
    Moved,
}

impl Place {
    /// What is selected.
    #[must_use]
    pub const fn selected(&self) -> Option<Item> {
        self.selected
    }

    /// The row that is selected at present.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        self.selected.map(|_| self.row)
    }

    /// Selects a row by hand; the last one if there are fewer.
    pub fn select(&mut self, row: usize, items: &[Item]) {
        self.put(row, items);
        self.hold();
    }

    /// From now on the cursor stays with its row: somebody means it.
    pub fn hold(&mut self) {
        self.hand = Hand::Placed;
    }

    fn put(&mut self, row: usize, items: &[Item]) {
        self.row = row.min(items.len().saturating_sub(1));
        self.selected = items.get(self.row).copied();
    }

    /// Finds the selected row among new ones; a resting cursor goes on resting on the first.
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
    /// It does.
    #[default]
    Newest,
    /// The selection stays where it is.
    Nothing,
}

impl Following {
    /// The other one.
    #[must_use]
    pub const fn switched(self) -> Self {
        match self {
            Self::Newest => Self::Nothing,
            Self::Nothing => Self::Newest,
        }
    }
}

/// The cursors of all panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    places: [Place; Pane::ALL.len()],
    following: [Following; Pane::ALL.len()],
}

impl Places {
    /// A pane's cursor.
    #[must_use]
    pub fn of(&self, pane: Pane) -> &Place {
        &self.places[pane as usize]
    }

    /// A pane's cursor, to be moved.
    pub fn of_mut(&mut self, pane: Pane) -> &mut Place {
        &mut self.places[pane as usize]
    }

    /// What a log's cursor does when new rows come; elsewhere it has no meaning.
    #[must_use]
    pub fn following(&self, pane: Pane) -> Following {
        if pane.is_log() && pane != Pane::Trips { self.following[pane as usize] } else { Following::Nothing }
    }

    /// Lets a log's cursor follow the newest row, or stay.
    pub fn follow(&mut self, pane: Pane, following: Following) {
        self.following[pane as usize] = following;
    }

    /// Finds the selected row of a pane among new rows.
    pub fn settle(&mut self, pane: Pane, items: &[Item]) -> Settled {
        if self.following(pane) == Following::Newest {
            self.of_mut(pane).put(0, items);
            return Settled::Kept;
        }
        self.of_mut(pane).settle(items)
    }
}
