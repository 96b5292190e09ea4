//! The picture: what was received last, when, and how much it can be trusted. Good news replaces it, bad news ages it.

use super::alerts::{Alert, Alerts};
use super::link::Link;
use super::reach::Reach;
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
    /// How far the console sees.
    pub reach: Arc<Reach>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            overview: None,
            heard_at: None,
            changed_at: None,
            link: Link::Connecting,
            alerts: Alerts::default(),
            reach: Arc::default(),
        }
    }
}

impl Snapshot {
    /// The picture after an overview was received at `now`.
    #[must_use]
    pub fn after_overview(&self, overview: Overview, now: Timestamp) -> Self {
        let alerts = self.alerts.after(&overview, &Reach::Portal, now);
        let changed = self.overview.as_ref().is_none_or(|before| !before.shows_same(&overview));
        Self {
            overview: Some(Arc::new(overview)),
            heard_at: Some(now),
            changed_at: if changed { Some(now) } else { self.changed_at },
            link: Link::Live,
            alerts,
            reach: Arc::default(),
        }
    }

    /// The picture after a look at what is remembered of a platform without a Portal, which was last heard at `heard_at` and is asked `every`
    /// so often. Before it was ever heard there is none.
    #[must_use]
    pub fn after_look(
        &self,
        (overview, reach): (Overview, Reach),
        heard_at: Option<Timestamp>,
        every: Duration,
        now: Timestamp,
    ) -> Self {
        let link = heard_at.map_or(Link::Connecting, |at| Link::heard_every(every, now.since(at)));
        let shows_same = |before: &Arc<Overview>| before.shows_same(&overview) && before.cursor == overview.cursor;
        let changed_at = if self.overview.as_ref().is_some_and(shows_same) { self.changed_at } else { Some(now) };
        // The picture itself stays only where nothing at all is other, also of what is not shown.
        let is_same = |before: &&Arc<Overview>| shows_same(before) && before.limits == overview.limits;
        let same = self.overview.as_ref().filter(is_same).map(Arc::clone);
        let alerts = self.alerts.after(&overview, &reach, now);
        let overview = same.unwrap_or_else(|| Arc::new(overview));
        let overview = heard_at.is_some().then_some(overview);
        let reach = if *self.reach == reach { Arc::clone(&self.reach) } else { Arc::new(reach) };
        Self { overview, heard_at, changed_at, link, alerts, reach }
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
