//! Times on the wire: milliseconds in the Portal (the default), whole seconds in the Integration API (`with = "seconds"`).

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

/// Whole seconds, for fields of the Integration API.
pub mod seconds {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    /// Writes whole seconds with `Z`.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.to_rfc3339_seconds())
    }

    /// Reads any RFC 3339 time.
    ///
    /// # Errors
    /// When it is not one.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}

/// Whole seconds that may be absent.
pub mod optional_seconds {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    /// Writes whole seconds with `Z`, or null.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&time.to_rfc3339_seconds()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads any RFC 3339 time, or null.
    ///
    /// # Errors
    /// When it is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(deserializer)
    }
}
