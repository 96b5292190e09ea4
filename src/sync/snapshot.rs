//! Snapshot of the platform: what was received last, when, and how current it is. A success replaces it; a failure
//! only ages it.

use super::alerts::{ActiveAlerts, Alert};
use super::link::LinkState;
use super::visibility::PlatformVisibility;
use crate::domain::time::Timestamp;
use crate::wire::overview::PlatformOverview;
use std::sync::Arc;
use std::time::Duration;

/// Immutable state that the console shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Last overview, however old; `None` before the first.
    pub overview: Option<Arc<PlatformOverview>>,
    /// Time at which the platform was last heard, on this machine's clock.
    pub heard_at: Option<Timestamp>,
    /// Time at which the data last changed, on this machine's clock.
    pub changed_at: Option<Timestamp>,
    /// State of the link to the platform.
    pub link: LinkState,
    /// Alerts, unacknowledged ones first, then worst first.
    pub alerts: ActiveAlerts,
    /// Visibility of this platform to the console.
    pub reach: Arc<PlatformVisibility>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            overview: None,
            heard_at: None,
            changed_at: None,
            link: LinkState::Connecting,
            alerts: ActiveAlerts::default(),
            reach: Arc::default(),
        }
    }
}

impl Snapshot {
    /// Returns the snapshot after an overview was received at `now`.
    #[must_use]
    pub fn after_overview(&self, overview: PlatformOverview, now: Timestamp) -> Self {
        let alerts = self.alerts.updated(&overview, &PlatformVisibility::Portal, now);
        let changed = self.overview.as_ref().is_none_or(|before| !before.displays_like(&overview));
        Self {
            overview: Some(Arc::new(overview)),
            heard_at: Some(now),
            changed_at: if changed { Some(now) } else { self.changed_at },
            link: LinkState::Live,
            alerts,
            reach: Arc::default(),
        }
    }

    /// Returns the snapshot after the history of a platform without a Portal was read. The platform was last heard at
    /// `heard_at`, and is polled at the interval `every`. Before it was first heard there is no overview.
    #[must_use]
    pub fn after_history(
        &self,
        (overview, reach): (PlatformOverview, PlatformVisibility),
        heard_at: Option<Timestamp>,
        every: Duration,
        now: Timestamp,
    ) -> Self {
        let link = heard_at.map_or(LinkState::Connecting, |at| LinkState::at_age_polled_every(every, now.since(at)));
        let shows_same =
            |before: &Arc<PlatformOverview>| before.displays_like(&overview) && before.cursor == overview.cursor;
        let changed_at = if self.overview.as_ref().is_some_and(shows_same) { self.changed_at } else { Some(now) };
        // The overview is replaced unless it equals the new one, also in limits, which `shows_same` does not compare.
        let is_same = |before: &&Arc<PlatformOverview>| shows_same(before) && before.limits == overview.limits;
        let same = self.overview.as_ref().filter(is_same).map(Arc::clone);
        let alerts = self.alerts.updated(&overview, &reach, now);
        let overview = same.unwrap_or_else(|| Arc::new(overview));
        let overview = heard_at.is_some().then_some(overview);
        let reach = if *self.reach == reach { Arc::clone(&self.reach) } else { Arc::new(reach) };
        Self { overview, heard_at, changed_at, link, alerts, reach }
    }

    /// Returns the snapshot after a heartbeat at `now`, which says that nothing changed.
    #[must_use]
    pub fn after_heartbeat(&self, now: Timestamp) -> Self {
        Self { heard_at: Some(now), link: LinkState::Live, ..self.clone() }
    }

    /// Returns the snapshot after the platform has been silent for `silence`.
    #[must_use]
    pub fn after_silence(&self, silence: Duration) -> Self {
        let link = match &self.link {
            LinkState::Live | LinkState::Lagging | LinkState::Stale => LinkState::at_age(silence),
            link => link.clone(),
        };
        Self { link, ..self.clone() }
    }

    /// Returns the snapshot after a call failed at `now`.
    #[must_use]
    pub fn after_failure(&self, why: String, now: Timestamp) -> Self {
        Self { link: self.link.after_failure(why, now), ..self.clone() }
    }

    /// Returns the alerts, unacknowledged ones first, then worst first.
    #[must_use]
    pub fn alerts(&self) -> &[Alert] {
        self.alerts.list()
    }
}
