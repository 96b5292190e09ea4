//! Snapshot of the platform: what was received last, when, and how current it is. A success replaces it; a failure
//! only ages it.

use super::alerts::{ActiveAlerts, Alert};
use super::link::LinkState;
use crate::domain::time::Timestamp;
use crate::wire::coverage::SourceFailureKind;
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
    /// Time at which the overview was received, on this machine's clock.
    pub received_at: Timestamp,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            overview: None,
            heard_at: None,
            changed_at: None,
            link: LinkState::Connecting,
            alerts: ActiveAlerts::default(),
            received_at: Timestamp::default(),
        }
    }
}

impl Snapshot {
    /// Returns the snapshot after an overview was received at `now`. Of a platform that its observer never heard there is
    /// no overview.
    #[must_use]
    pub fn after_overview(&self, overview: PlatformOverview, now: Timestamp) -> Self {
        let alerts = self.alerts.updated(&overview, now);
        let changed = self.overview.as_ref().is_none_or(|before| !before.displays_like(&overview));
        let (heard_at, link) = source_link(&overview, now, now);
        Self {
            overview: heard_at.is_some().then(|| Arc::new(overview)),
            heard_at,
            changed_at: if changed { Some(now) } else { self.changed_at },
            link,
            alerts,
            received_at: now,
        }
    }

    /// Returns the snapshot after a heartbeat at `now`, which says that nothing changed.
    #[must_use]
    pub fn after_heartbeat(&self, now: Timestamp) -> Self {
        let Some(overview) = &self.overview else { return self.clone() };
        let (heard_at, link) = source_link(overview, self.received_at, now);
        Self { heard_at, link, ..self.clone() }
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

/// Time at which the platform was last heard, and the state of the link to it, at `now`, as an overview that was
/// received at `received_at` shows them. A platform that answers itself is heard now; an observer knows when it heard
/// the platform.
fn source_link(overview: &PlatformOverview, received_at: Timestamp, now: Timestamp) -> (Option<Timestamp>, LinkState) {
    let Some(source) = overview.coverage.as_ref().and_then(|coverage| coverage.source.as_ref()) else {
        return (Some(now), LinkState::Live);
    };
    let heard_at = source.heard_utc.map(|at| received_at.minus(source.observer_utc.since(at)));
    let link = match &source.failure {
        Some(failure) => {
            let (why, n_tries) = (failure.why.sanitized(), failure.n_tries);
            let retry_at = received_at.plus(failure.retry_utc.since(source.observer_utc));
            match failure.kind {
                SourceFailureKind::Waiting => LinkState::Waiting { why, until: retry_at },
                SourceFailureKind::Failed => LinkState::Offline { why, n_tries, retry_at },
            }
        }
        None => {
            let interval = Duration::from_millis(source.poll_interval_ms);
            heard_at.map_or(LinkState::Connecting, |at| LinkState::at_age_polled_every(interval, now.since(at)))
        }
    };
    (heard_at, link)
}
