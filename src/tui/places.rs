//! Places: what is selected in each pane, by id, so that a new picture cannot move the cursor onto another thing.

use super::panes::Pane;
use crate::api::overview::Overview;
use crate::domain::ids::{AttemptId, KeyId, SubscriptionId, TripId};
use crate::domain::window::Bucket;

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
}

/// The rows of a pane, in its order.
#[must_use]
pub fn items(overview: &Overview, pane: Pane) -> Vec<Item> {
    match pane {
        Pane::Keys => overview.keys.items.iter().map(|row| Item::Key(row.id)).collect(),
        Pane::Subscriptions => {
            overview.subscriptions.items.iter().map(|row| Item::Subscription(row.subscription.id)).collect()
        }
        Pane::Deliveries => overview.attempts.items.iter().map(|row| Item::Attempt(row.id)).collect(),
        Pane::Limits => overview.limits.items.iter().map(|row| Item::Window(row.key_id, row.bucket)).collect(),
        Pane::Trips => overview.trips.items.iter().map(|row| Item::Trip(row.id)).collect(),
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

/// Whether the newest delivery stays selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Following {
    /// It does.
    #[default]
    Newest,
    /// The selection stays where it is.
    Nothing,
}

/// The cursors of all panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    places: [Place; Pane::ALL.len()],
    /// What the cursor of the deliveries does when new ones come.
    pub following: Following,
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

    /// Finds every selected row in a new picture; names the panes whose row vanished.
    pub fn settle(&mut self, overview: &Overview) -> Vec<Pane> {
        let mut moved = Vec::new();
        for pane in Pane::ALL {
            let items = items(overview, pane);
            if pane == Pane::Deliveries && self.following == Following::Newest {
                self.of_mut(pane).put(0, &items);
            } else if self.of_mut(pane).settle(&items) == Settled::Moved {
                moved.push(pane);
            }
        }
        moved
    }
}
