//! Time series for charts, read from counters.

use super::error::Error;
use super::handle::Engine;
use crate::domain::ids::SubscriptionId;
use crate::domain::series::{SeriesRange, SeriesResolution};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::series::{AttemptSlotCounts, RequestSlotCounts};
use std::time::Duration;

/// Query of the time series of attempts and requests.
#[derive(Debug, Clone, Copy)]
pub struct TimeSeriesQuery {
    /// Width of each point in time.
    pub resolution: SeriesResolution,
    /// Subscription whose attempts are counted; all subscriptions if absent. Requests are always counted in total.
    pub subscription: Option<SubscriptionId>,
    /// Start of the series; 60 points before the end if absent.
    pub since: Option<Timestamp>,
    /// End of the series; the present if absent.
    pub until: Option<Timestamp>,
}

/// One point of the time series.
#[derive(Debug, Clone, Copy)]
pub struct StatsPoint {
    /// Start of the point's time slot.
    pub at: Timestamp,
    /// Scheduled attempts within the slot.
    pub attempts: AttemptSlotCounts,
    /// API requests within the slot.
    pub requests: RequestSlotCounts,
}

impl Engine {
    /// Reads the time series of attempts and requests, oldest first; slots without data are zero.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the end is before the start or the range has too many points; [`Error`] when the
    /// database cannot be read.
    pub async fn time_series(&self, wanted: TimeSeriesQuery) -> Result<Vec<StatsPoint>, Error> {
        let now = self.shared.ambient.now();
        let range = SeriesRange::new(wanted.resolution, (wanted.since, wanted.until), now)
            .map_err(|error| Error::Invalid(vec![error]))?;
        let SeriesRange { start, end, width_ms: width, n_points } = range;
        let (attempts, requests) = self
            .shared
            .store
            .read(move |connection| {
                let range = (start, end.plus(Duration::from_millis(1)));
                let attempts = match wanted.subscription {
                    Some(id) => store::series::subscription(connection, id, width, range)?,
                    None => store::series::pipeline(connection, width, range)?,
                };
                Ok::<_, store::Error>((attempts, store::series::requests(connection, width, range)?))
            })
            .await?;
        let points = (0_i64..).take(n_points).map(|point| Timestamp::from_millis(start.millis() + point * width));
        Ok(points
            .map(|at| StatsPoint {
                at,
                attempts: attempts.get(&at).copied().unwrap_or_default(),
                requests: requests.get(&at).copied().unwrap_or_default(),
            })
            .collect())
    }
}
