//! Drill-down history: from an item to the log rows that belong to it, back, and forward again.

use super::app::{App, MainView};
use super::overlay::Overlay;
use super::panes::Pane;
use super::selection::{FollowMode, PaneSelection, PaneSelections, RowId};
use super::view_state::PaneFilter;
use crate::domain::ids::{EventId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::sync::logs::ConsoleLogs;
use crate::wire::log::{AttemptQuery, RequestQuery};
use std::time::Duration;

/// Maximum number of steps kept in each direction.
const MAX_HISTORY_STEPS: usize = 10;

/// Drill-down to the log rows that belong to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillDown {
    /// Requests made with a key.
    Key(KeyId),
    /// Attempts to a subscription's endpoint.
    Subscription(SubscriptionId),
    /// Attempts to a subscription until it tripped at this time.
    Trip(SubscriptionId, Timestamp),
    /// Attempts that deliver an event.
    Event(EventId),
}

impl DrillDown {
    /// Pane that shows the rows.
    #[must_use]
    pub const fn pane(self) -> Pane {
        match self {
            Self::Key(_) => Pane::Requests,
            Self::Subscription(_) | Self::Trip(..) | Self::Event(_) => Pane::Deliveries,
        }
    }

    /// Restricts a log query to the rows of this drill-down.
    pub fn restrict(self, attempts: &mut AttemptQuery, requests: &mut RequestQuery) {
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
struct NavEntry {
    root: MainView,
    focus: Pane,
    places: PaneSelections,
    logs: ConsoleLogs,
    drill: Option<DrillDown>,
    /// Pane of the drill-down with the filter that was in force there.
    filter: (Pane, Option<PaneFilter>),
}

/// Drill-down history with the positions behind and ahead.
#[derive(Debug, Default)]
pub struct NavHistory {
    back: Vec<NavEntry>,
    ahead: Vec<NavEntry>,
    /// Drill-down that restricts the focused log, if there is one.
    pub drill: Option<DrillDown>,
}

impl NavHistory {
    /// Names of the drill-downs that led here, oldest first.
    #[must_use]
    pub fn breadcrumbs(&self) -> Vec<String> {
        let drills = self.back.iter().map(|stop| stop.drill).chain([self.drill]);
        drills.flatten().map(DrillDown::name).collect()
    }

    /// Whether there is a step back.
    #[must_use]
    pub fn can_go_back(&self) -> bool {
        !self.back.is_empty()
    }

    /// Whether there is a step forward.
    #[must_use]
    pub fn can_go_forward(&self) -> bool {
        !self.ahead.is_empty()
    }
}

impl App {
    /// Drill-down for an item, if a log has rows of it.
    #[must_use]
    pub fn drill_down_of(&self, item: RowId) -> Option<DrillDown> {
        let view = self.view()?;
        match item {
            RowId::Key(id) | RowId::Window(id, _) => Some(DrillDown::Key(id)),
            RowId::Subscription(id) => Some(DrillDown::Subscription(id)),
            RowId::Event(id) => Some(DrillDown::Event(id)),
            RowId::Trip(id) => {
                super::panes::trips::find(&view, id).map(|row| DrillDown::Trip(row.subscription_id, row.tripped_utc))
            }
            RowId::Attempt(id) => super::panes::deliveries::find(&view, id)?.event_id.map(DrillDown::Event),
            RowId::Request(id) => super::panes::requests::find(&view, id)?.key_id.map(DrillDown::Key),
        }
    }

    /// Drill-down for the item in the detail view, otherwise for the selected one.
    pub(super) fn drill_down_here(&self) -> Option<DrillDown> {
        let item = match self.front() {
            Some(Overlay::Detail(detail)) => Some(detail.item),
            _ => self.selected(),
        };
        self.drill_down_of(item?)
    }

    /// Shows the rows of a drill-down and remembers the present position. The filter of their pane is suspended until
    /// the operator returns.
    pub(super) fn drill_down(&mut self, drill: DrillDown, now: Timestamp) {
        let left = self.swap_position(ConsoleLogs::default(), Some(drill), (drill.pane(), None));
        self.history.back.push(left);
        if self.history.back.len() > MAX_HISTORY_STEPS {
            self.history.back.remove(0);
        }
        self.history.ahead.clear();
        self.overlays.clear();
        (self.main_view, self.focus) = (MainView::Single, drill.pane());
        // The attempts up to a trip are in the past, so there is no newest row to follow.
        let is_over = matches!(drill, DrillDown::Trip(..));
        self.selections.set_follow_mode(self.focus, if is_over { FollowMode::Nothing } else { FollowMode::Newest });
        *self.selections.of_mut(self.focus) = PaneSelection::default();
        self.apply_filters(now);
    }

    /// Replaces logs, drill-down and filter, and returns the present position for the history.
    fn swap_position(
        &mut self,
        logs: ConsoleLogs,
        drill: Option<DrillDown>,
        (pane, filter): (Pane, Option<PaneFilter>),
    ) -> NavEntry {
        let mut logs = std::mem::replace(&mut self.logs, logs);
        // Answers to requests in flight would no longer find their log.
        logs.cancel_fetches();
        let drill = std::mem::replace(&mut self.history.drill, drill);
        let filter = std::mem::replace(&mut self.view_state.pane_mut(pane).filter, filter);
        NavEntry {
            root: self.main_view,
            focus: self.focus,
            places: self.selections,
            logs,
            drill,
            filter: (pane, filter),
        }
    }

    fn go_to_entry(&mut self, stop: NavEntry) -> NavEntry {
        let NavEntry { root, focus, places, logs, drill, filter } = stop;
        let left = self.swap_position(logs, drill, filter);
        (self.main_view, self.focus, self.selections) = (root, focus, places);
        self.overlays.clear();
        // Changes that happened meanwhile are fetched.
        self.logs.mark_stale();
        left
    }

    /// Goes one step back; returns whether there was one.
    pub(super) fn go_back(&mut self) -> bool {
        let Some(stop) = self.history.back.pop() else { return false };
        let left = self.go_to_entry(stop);
        self.history.ahead.push(left);
        true
    }

    /// Goes one step forward; returns whether there was one.
    pub(super) fn go_forward(&mut self) -> bool {
        let Some(stop) = self.history.ahead.pop() else { return false };
        let left = self.go_to_entry(stop);
        self.history.back.push(left);
        true
    }

    /// Ends a drill-down and shows all rows again.
    pub(super) fn leave_drill_down(&mut self, now: Timestamp) {
        if self.history.drill.is_some() {
            self.history = NavHistory::default();
            self.logs = ConsoleLogs::default();
            self.apply_filters(now);
        }
    }
}
