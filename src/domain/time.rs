//! Timestamps: milliseconds since the Unix epoch, written as RFC 3339 in UTC with `Z`.

use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt;
use std::time::Duration;

/// Milliseconds in a minute, the length of a rate limit window.
pub const MINUTE_MS: i64 = 60_000;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a timestamp from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Truncates the milliseconds, to the resolution of the Integration API.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self(self.seconds() * 1_000)
    }

    /// Start of the interval of `width_ms` milliseconds that contains this time.
    #[must_use]
    pub const fn floor_to(self, width_ms: i64) -> Self {
        Self(self.0.div_euclid(width_ms) * width_ms)
    }

    /// Adds a duration; saturates at the range of the type.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Subtracts a duration; saturates at the range of the type.
    #[must_use]
    pub fn minus(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(before.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Duration since `earlier`; zero if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Formats as RFC 3339 in UTC with milliseconds, as in the Portal API: `2026-11-23T14:02:31.114Z`.
    #[must_use]
    pub fn to_rfc3339_millis(self) -> String {
        self.to_datetime().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Formats as RFC 3339 in UTC with whole seconds, as in the Integration API: `2026-11-23T14:02:31Z`.
    #[must_use]
    pub fn to_rfc3339_seconds(self) -> String {
        self.to_datetime().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Formats with strftime codes, for display: `%H:%M:%S`.
    #[must_use]
    pub fn format(self, pattern: &str) -> String {
        self.to_datetime().format(pattern).to_string()
    }

    /// Parses RFC 3339 with any offset and any fraction; `None` if the text is malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp_millis()))
    }

    fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_utc_with_z() {
        let at = Timestamp::parse("2026-11-23T15:02:31.114+01:00").expect("a date");
        assert_eq!(at.to_rfc3339_millis(), "2026-11-23T14:02:31.114Z");
        assert_eq!(at.to_rfc3339_seconds(), "2026-11-23T14:02:31Z");
        assert_eq!(at.whole_second().to_rfc3339_millis(), "2026-11-23T14:02:31.000Z");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::MAX), end);
        assert_eq!(Timestamp::default().since(end), Duration::ZERO);
    }
}
