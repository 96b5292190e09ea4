//! Serialisation of times as RFC 3339 in UTC: milliseconds in the Portal API (the default), whole seconds in the
//! Integration API (`with = "seconds"`).

use crate::domain::time::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339_millis())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("must be an RFC 3339 time: 2026-11-23T14:02:31Z"))
    }
}

/// Whole-second times, for fields of the Integration API.
pub mod seconds {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    /// Serialises a time as whole seconds with `Z`.
    ///
    /// # Errors
    /// The serialiser's error, when the output cannot be written.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_seconds())
    }

    /// Deserialises any RFC 3339 time.
    ///
    /// # Errors
    /// The deserialiser's error when the text is not an RFC 3339 time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}

/// Whole-second times that may be null.
pub mod optional_seconds {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    /// Serialises a time as whole seconds with `Z`, or as null.
    ///
    /// # Errors
    /// The serialiser's error, when the output cannot be written.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&time.to_rfc3339_seconds()),
            None => serializer.serialize_none(),
        }
    }

    /// Deserialises any RFC 3339 time, or null.
    ///
    /// # Errors
    /// The deserialiser's error when the value is neither null nor an RFC 3339 time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(deserializer)
    }
}
