//! Time series for charts, read from counters.

use super::error::Error;
use super::handle::Engine;
use crate::domain::field_error::FieldError;
use crate::domain::ids::SubscriptionId;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::store;
use crate::store::series::{AttemptSlotCounts, RequestSlotCounts};
use std::time::Duration;

/// Resolution of a time series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesResolution {
    /// Points of one minute, up to 24 hours.
    Minute,
    /// Points of one hour, up to 31 days.
    Hour,
}

/// Default number of points when no start is given.
const DEFAULT_POINTS: u64 = 60;

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

impl SeriesResolution {
    const fn millis(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => 60 * MINUTE_MS,
        }
    }

    /// Maximum number of points: a day of minutes or 31 days of hours.
    const fn max_points(self) -> i64 {
        match self {
            Self::Minute => 24 * 60,
            Self::Hour => 31 * 24,
        }
    }
}

impl Engine {
    /// Reads the time series of attempts and requests, oldest first; slots without data are zero.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the end is before the start or the range has too many points; [`Error`] when the
    /// database cannot be read.
    pub async fn time_series(&self, wanted: TimeSeriesQuery) -> Result<Vec<StatsPoint>, Error> {
        let width = wanted.resolution.millis();
        let end = wanted.until.unwrap_or_else(|| self.shared.ambient.now());
        let default = Duration::from_millis((DEFAULT_POINTS - 1) * width.unsigned_abs());
        let start = wanted.since.unwrap_or_else(|| end.minus(default)).floor_to(width);
        let n_points = (i128::from(end.millis()) - i128::from(start.millis())) / i128::from(width);
        if n_points < 0 || n_points >= i128::from(wanted.resolution.max_points()) {
            let text = format!("must be before until, by at most {} points", wanted.resolution.max_points());
            return Err(Error::Invalid(vec![FieldError::new("since", text)]));
        }
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
        let points = (0..).map(|point| Timestamp::from_millis(start.millis() + point * width));
        Ok(points
            .take_while(|at| *at <= end)
            .map(|at| StatsPoint {
                at,
                attempts: attempts.get(&at).copied().unwrap_or_default(),
                requests: requests.get(&at).copied().unwrap_or_default(),
            })
            .collect())
    }
}
