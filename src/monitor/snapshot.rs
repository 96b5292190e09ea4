//! The picture: what was received last, when, and how much it can be trusted. Good news replaces it, bad news ages it.

use super::alerts::{Alert, Alerts};
use super::link::Link;
use crate::api::overview::Overview;
use crate::domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What the console shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The last overview, however old; `None` before the first.
    pub overview: Option<Arc<Overview>>,
    /// When the platform was last heard, by this machine's clock.
    pub heard_at: Option<Timestamp>,
    /// When what is shown last changed, by this machine's clock.
    pub changed_at: Option<Timestamp>,
    /// The state of the link.
    pub link: Link,
    /// What needs somebody, worst first.
    pub alerts: Alerts,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { overview: None, heard_at: None, changed_at: None, link: Link::Connecting, alerts: Alerts::default() }
    }
}

impl Snapshot {
    /// The picture after an overview was received at `now`.
    #[must_use]
    pub fn after_overview(&self, overview: Overview, now: Timestamp) -> Self {
        let alerts = self.alerts.after(&overview, now);
        let changed = self.overview.as_ref().is_none_or(|before| !before.shows_same(&overview));
        Self {
            overview: Some(Arc::new(overview)),
            heard_at: Some(now),
            changed_at: if changed { Some(now) } else { self.changed_at },
            link: Link::Live,
            alerts,
        }
    }

    /// The picture after the platform said at `now` that nothing changed.
    #[must_use]
    pub fn after_beat(&self, now: Timestamp) -> Self {
        Self { heard_at: Some(now), link: Link::Live, ..self.clone() }
    }

    /// The picture after the platform has been silent for `silence`.
    #[must_use]
    pub fn after_silence(&self, silence: Duration) -> Self {
        let link = match &self.link {
            Link::Live | Link::Lagging | Link::Stale => Link::heard(silence),
            link => link.clone(),
        };
        Self { link, ..self.clone() }
    }

    /// The picture after a call failed at `now`.
    #[must_use]
    pub fn after_failure(&self, why: String, now: Timestamp) -> Self {
        Self { link: self.link.failed(why, now), ..self.clone() }
    }

    /// The alerts, worst first.
    #[must_use]
    pub fn alerts(&self) -> &[Alert] {
        self.alerts.list()
    }
}
