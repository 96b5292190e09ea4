//! Drill-down history: from an item to the log rows that belong to it, back, and forward again.

use super::app::{App, Root};
use super::desk::Filter;
use super::overlay::Layer;
use super::panes::Pane;
use super::places::{Following, Item, Place, Places};
use crate::api::log::{AttemptQuery, RequestQuery};
use crate::domain::ids::{EventId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::monitor::logs::ConsoleLogs;
use std::time::Duration;

/// Maximum number of steps kept in each direction.
const MOST: usize = 10;

/// Drill-down to the log rows that belong to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drill {
    /// Requests made with a key.
    Key(KeyId),
    /// Attempts to a subscription's endpoint.
    Subscription(SubscriptionId),
    /// Attempts to a subscription until it tripped at this time.
    Trip(SubscriptionId, Timestamp),
    /// Attempts that deliver an event.
    Event(EventId),
}

impl Drill {
    /// Pane that shows the rows.
    #[must_use]
    pub const fn pane(self) -> Pane {
        match self {
            Self::Key(_) => Pane::Requests,
            Self::Subscription(_) | Self::Trip(..) | Self::Event(_) => Pane::Deliveries,
        }
    }

    /// Restricts a log query to the rows of this drill-down.
    pub fn narrow(self, attempts: &mut AttemptQuery, requests: &mut RequestQuery) {
        match self {
            Self::Key(id) => requests.key = Some(id.0),
            Self::Subscription(id) => attempts.subscription = Some(id.0),
            Self::Trip(id, at) => {
                attempts.subscription = Some(id.0);
                // The attempt that caused the trip began before the trip, so it is included.
                attempts.until = Some(at.plus(Duration::from_millis(1)));
            }
            Self::Event(id) => attempts.event = Some(id.0),
        }
    }

    /// Name of the item that the rows belong to, for titles.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Key(id) => format!("key {id}"),
            Self::Subscription(id) => format!("subscription {id}"),
            Self::Trip(id, at) => format!("subscription {id} until {}", at.format("%m-%d %H:%M:%S")),
            Self::Event(id) => format!("event {}", super::format::number(id.0)),
        }
    }
}

/// Position in the console that the history can return to.
#[derive(Debug, Clone)]
struct Stop {
    root: Root,
    focus: Pane,
    places: Places,
    logs: ConsoleLogs,
    drill: Option<Drill>,
    /// Pane of the drill-down with the filter that was in force there.
    filter: (Pane, Option<Filter>),
}

/// Drill-down history with the positions behind and ahead.
#[derive(Debug, Default)]
pub struct Trail {
    back: Vec<Stop>,
    ahead: Vec<Stop>,
    /// Drill-down that restricts the focused log, if there is one.
    pub drill: Option<Drill>,
}

impl Trail {
    /// Names of the drill-downs that led here, oldest first.
    #[must_use]
    pub fn crumbs(&self) -> Vec<String> {
        let drills = self.back.iter().map(|stop| stop.drill).chain([self.drill]);
        drills.flatten().map(Drill::name).collect()
    }

    /// Whether there is a step back.
    #[must_use]
    pub fn leads_back(&self) -> bool {
        !self.back.is_empty()
    }

    /// Whether there is a step forward.
    #[must_use]
    pub fn leads_on(&self) -> bool {
        !self.ahead.is_empty()
    }
}

impl App {
    /// Drill-down for an item, if a log has rows of it.
    #[must_use]
    pub fn drill_of(&self, item: Item) -> Option<Drill> {
        let view = self.view()?;
        match item {
            Item::Key(id) | Item::Window(id, _) => Some(Drill::Key(id)),
            Item::Subscription(id) => Some(Drill::Subscription(id)),
            Item::Event(id) => Some(Drill::Event(id)),
            Item::Trip(id) => {
                super::panes::trips::find(&view, id).map(|row| Drill::Trip(row.subscription_id, row.tripped_utc))
            }
            Item::Attempt(id) => super::panes::deliveries::find(&view, id)?.event_id.map(Drill::Event),
            Item::Request(id) => super::panes::requests::find(&view, id)?.key_id.map(Drill::Key),
        }
    }

    /// Drill-down for the item in the detail view, otherwise for the selected one.
    pub(super) fn drill_here(&self) -> Option<Drill> {
        let item = match self.front() {
            Some(Layer::Detail(detail)) => Some(detail.item),
            _ => self.selected(),
        };
        self.drill_of(item?)
    }

    /// Shows the rows of a drill-down and remembers the present position. The filter of their pane is suspended until
    /// the operator returns.
    pub(super) fn drill(&mut self, drill: Drill, now: Timestamp) {
        let left = self.leave(ConsoleLogs::default(), Some(drill), (drill.pane(), None));
        self.trail.back.push(left);
        if self.trail.back.len() > MOST {
            self.trail.back.remove(0);
        }
        self.trail.ahead.clear();
        self.layers.clear();
        (self.root, self.focus) = (Root::Single, drill.pane());
        // The attempts up to a trip are in the past, so there is no newest row to follow.
        let is_over = matches!(drill, Drill::Trip(..));
        self.places.follow(self.focus, if is_over { Following::Nothing } else { Following::Newest });
        *self.places.of_mut(self.focus) = Place::default();
        self.sift(now);
    }

    /// Replaces logs, drill-down and filter, and returns the present position for the history.
    fn leave(&mut self, logs: ConsoleLogs, drill: Option<Drill>, (pane, filter): (Pane, Option<Filter>)) -> Stop {
        let mut logs = std::mem::replace(&mut self.logs, logs);
        // Answers to requests in flight would no longer find their log.
        logs.cancel_fetches();
        let drill = std::mem::replace(&mut self.trail.drill, drill);
        let filter = std::mem::replace(&mut self.desk.of_mut(pane).filter, filter);
        Stop { root: self.root, focus: self.focus, places: self.places, logs, drill, filter: (pane, filter) }
    }

    fn arrive(&mut self, stop: Stop) -> Stop {
        let Stop { root, focus, places, logs, drill, filter } = stop;
        let left = self.leave(logs, drill, filter);
        (self.root, self.focus, self.places) = (root, focus, places);
        self.layers.clear();
        // Changes that happened meanwhile are fetched.
        self.logs.mark_stale();
        left
    }

    /// Goes one step back; returns whether there was one.
    pub(super) fn step_back(&mut self) -> bool {
        let Some(stop) = self.trail.back.pop() else { return false };
        let left = self.arrive(stop);
        self.trail.ahead.push(left);
        true
    }

    /// Goes one step forward; returns whether there was one.
    pub(super) fn step_on(&mut self) -> bool {
        let Some(stop) = self.trail.ahead.pop() else { return false };
        let left = self.arrive(stop);
        self.trail.back.push(left);
        true
    }

    /// Ends a drill-down and shows all rows again.
    pub(super) fn undrill(&mut self, now: Timestamp) {
        if self.trail.drill.is_some() {
            self.trail = Trail::default();
            self.logs = ConsoleLogs::default();
            self.sift(now);
        }
    }
}
