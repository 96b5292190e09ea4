//! Time series for charts, from counters.

use super::{Engine, Error, Fault};
use crate::domain::ids::SubscriptionId;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::store;
use crate::store::series::{Attempts, Requests};
use std::time::Duration;

/// How wide the points of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

/// Points if no beginning was named.
const POINTS: u64 = 60;

/// Which series.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How wide its points are.
    pub width: Width,
    /// Attempts of one subscription, or of all.
    pub subscription: Option<SubscriptionId>,
    /// Where to begin.
    pub since: Option<Timestamp>,
    /// Where to end; now if absent.
    pub until: Option<Timestamp>,
}

/// One point of both series.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// When it began.
    pub at: Timestamp,
    /// Attempts in it.
    pub attempts: Attempts,
    /// Requests in it.
    pub requests: Requests,
}

impl Width {
    const fn millis(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => 60 * MINUTE_MS,
        }
    }

    /// Points at most: a day of minutes, 31 days of hours.
    const fn most(self) -> i64 {
        match self {
            Self::Minute => 24 * 60,
            Self::Hour => 31 * 24,
        }
    }
}

impl Engine {
    /// Both series, oldest first, without holes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time that ends before it begins or has too many points, and those of storage.
    pub async fn stats(&self, wanted: Wanted) -> Result<Vec<Point>, Error> {
        let width = wanted.width.millis();
        let end = wanted.until.unwrap_or_else(|| self.shared.ambient.now());
        let default = Duration::from_millis((POINTS - 1) * width.unsigned_abs());
        let start = wanted.since.unwrap_or_else(|| end.minus(default)).slot(width);
        let n_points = (i128::from(end.millis()) - i128::from(start.millis())) / i128::from(width);
        if n_points < 0 || n_points >= i128::from(wanted.width.most()) {
            let text = format!("must be before until, by at most {} points", wanted.width.most());
            return Err(Error::Invalid(vec![Fault::new("since", text)]));
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
            .map(|at| Point {
                at,
                attempts: attempts.get(&at).copied().unwrap_or_default(),
                requests: requests.get(&at).copied().unwrap_or_default(),
            })
            .collect())
    }
}
