//! Paging of logs: which pages are needed for what is on the screen. Computed after every message; a page in flight
//! is not requested again.

use super::app::{App, Root};
use super::effect::{Effect, Job};
use super::panes::Pane;
use super::places::Following;
use crate::api::log::AttemptQuery;
use crate::monitor::logs::{Ask, Log};
use crate::monitor::stretch::{Numbered, Toward};

/// Rows around the selected one that are fetched ahead of the cursor.
const AHEAD: usize = 100;

/// How the operator looks at a log.
#[derive(Debug, Clone, Copy)]
enum Looking {
    /// Follows the newest row of the log.
    Following,
    /// Reads around the row at this index, with a number of rows to load on each side.
    Around(usize, usize),
    /// Reads around a row while the console is frozen: older rows are loaded, newer ones are not.
    Frozen(usize, usize),
}

impl App {
    /// Requests for the pages needed now; each is noted as in flight.
    pub(super) fn pages_wanted(&mut self) -> Vec<Effect> {
        let mut wanted = Vec::new();
        for (pane, area) in self.panes() {
            if pane.is_log() && self.pages(pane) {
                let looking = self.looking(pane, usize::from(area.height));
                wanted.extend(self.page_wanted(pane, looking));
            }
        }
        wanted.into_iter().map(|ask| Effect::Perform(Job::Page(ask))).collect()
    }

    /// Whether a log is paged in its present place. Events and requests always are. Deliveries are where they are shown
    /// alone, restricted to a company or paged before; trips too, if the snapshot does not hold them all. On the
    /// dashboard the newest rows come with the snapshot.
    fn pages(&self, pane: Pane) -> bool {
        let Some(overview) = self.picture.overview.as_deref() else { return false };
        let is_capped = (overview.trips.items.len() as u64) < overview.trips.total;
        let is_alone = self.root == Root::Single;
        match pane {
            Pane::Deliveries => is_alone || self.company.is_some() || self.logs.attempts.stretch.has_begun(),
            Pane::Trips => is_capped && (is_alone || self.company.is_some() || self.logs.trips.stretch.has_begun()),
            Pane::Events | Pane::Requests => true,
            Pane::Keys | Pane::Subscriptions | Pane::Limits => false,
        }
    }

    fn looking(&self, pane: Pane, height: usize) -> Looking {
        let at = self.places.of(pane).row().unwrap_or(0);
        // In a sparse log no more rows are searched for than the screen shows.
        let is_rare = match pane {
            Pane::Deliveries => is_rare(&self.logs.attempts),
            Pane::Events => is_rare(&self.logs.events),
            Pane::Requests => is_rare(&self.logs.requests),
            _ => is_rare(&self.logs.trips),
        };
        let ahead = if is_rare { height } else { AHEAD };
        match self.places.following(pane) {
            _ if self.frozen.is_some() => Looking::Frozen(at, ahead),
            Following::Newest => Looking::Following,
            Following::Nothing => Looking::Around(at, ahead),
        }
    }

    fn page_wanted(&mut self, pane: Pane, looking: Looking) -> Option<Ask> {
        let logs = &mut self.logs;
        match pane {
            Pane::Deliveries => wanted(&mut logs.attempts, looking, Ask::Attempts),
            Pane::Events => wanted(&mut logs.events, looking, Ask::Events),
            Pane::Requests => wanted(&mut logs.requests, looking, Ask::Requests),
            Pane::Trips => wanted(&mut logs.trips, looking, Ask::Trips),
            Pane::Keys | Pane::Subscriptions | Pane::Limits => None,
        }
    }

    /// Retries pages that failed or were stopped, after a key press.
    pub(super) fn stir_logs(&mut self) {
        self.logs.attempts.stretch.stir();
        self.logs.events.stretch.stir();
        self.logs.requests.stretch.stir();
        self.logs.trips.stretch.stir();
    }

    /// Stops a search in the focused log; returns whether there was one.
    pub(super) fn stop_search(&mut self) -> bool {
        match self.focus {
            Pane::Deliveries => self.logs.attempts.stretch.stop(),
            Pane::Events => self.logs.events.stretch.stop(),
            Pane::Requests => self.logs.requests.stretch.stop(),
            Pane::Trips => self.logs.trips.stretch.stop(),
            Pane::Keys | Pane::Subscriptions | Pane::Limits => false,
        }
    }

    /// Drops the pages of a delivery log that is followed, unfiltered and no longer shown alone: the snapshot has its
    /// newest rows.
    pub(super) fn let_logs_go(&mut self) {
        let is_followed = self.places.following(Pane::Deliveries) == Following::Newest;
        if self.root == Root::Overview && is_followed && self.logs.attempts.query == AttemptQuery::default() {
            self.logs.attempts = Log::default();
        }
    }
}

fn is_rare<Q: PartialEq, T: Numbered>(log: &Log<Q, T>) -> bool {
    log.stretch.is_sparse()
}

fn wanted<Q: Clone + PartialEq, T: Numbered>(
    log: &mut Log<Q, T>,
    looking: Looking,
    ask: impl Fn(Q, Toward) -> Ask,
) -> Option<Ask> {
    let stretch = &mut log.stretch;
    let toward = match looking {
        Looking::Following => stretch.wanted_to_follow().or_else(|| stretch.wanted_around(0, AHEAD)),
        Looking::Around(at, ahead) => stretch.wanted_around(at, ahead),
        Looking::Frozen(at, ahead) => stretch.wanted_behind(at, ahead),
    };
    toward.map(|toward| ask(log.query.clone(), toward))
}
