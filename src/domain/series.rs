//! Range of a time series for charts: which points it has, and how many it may have.

use super::field_error::FieldError;
use super::time::{MINUTE_MS, Timestamp};
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

/// Points of a time series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesRange {
    /// Start of the first point, a multiple of the width.
    pub start: Timestamp,
    /// End of the series, within the last point.
    pub end: Timestamp,
    /// Width of each point in milliseconds.
    pub width_ms: i64,
    /// Number of points; at least one.
    pub n_points: usize,
}

impl SeriesRange {
    /// Range from `since` to `until`; without a start 60 points, without an end up to `now`.
    ///
    /// # Errors
    /// [`FieldError`] of `since` when the end is before the start or the range has too many points.
    pub fn new(
        resolution: SeriesResolution,
        (since, until): (Option<Timestamp>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Self, FieldError> {
        let width_ms = resolution.millis();
        let end = until.unwrap_or(now);
        let default = Duration::from_millis((DEFAULT_POINTS - 1) * width_ms.unsigned_abs());
        let start = since.unwrap_or_else(|| end.minus(default)).floor_to(width_ms);
        let n_after_first = (i128::from(end.millis()) - i128::from(start.millis())) / i128::from(width_ms);
        match usize::try_from(n_after_first) {
            Ok(n) if n_after_first < i128::from(resolution.max_points()) => {
                Ok(Self { start, end, width_ms, n_points: n + 1 })
            }
            _ => {
                let text = format!("must be before until, by at most {} points", resolution.max_points());
                Err(FieldError::new("since", text))
            }
        }
    }
}
