//! JSON objects that must be written as objects.
//!
//! A serde struct also accepts a JSON array, whose elements are assigned to the fields in declaration order. That
//! order is not part of the API, so bodies are read through [`StrictObject`], which refuses arrays.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Value that was written as a JSON object, not as an array of its fields.
#[derive(Debug)]
pub struct StrictObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for StrictObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StrictObjectVisitor(PhantomData)).map(Self)
    }
}

/// Deserialises a field that is a JSON object or null.
///
/// # Errors
/// The deserialiser's error when the value is neither null nor an object that reads as `T`.
pub fn maybe<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<StrictObject<T>>::deserialize(deserializer)?.map(|object| object.0))
}

struct StrictObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for StrictObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::keys::{NewKey, RequestedLimits};

    #[test]
    fn a_list_is_no_object() {
        let read = |text: &str| serde_json::from_str::<StrictObject<RequestedLimits>>(text).map(|object| object.0.read);
        assert_eq!(read(r#"{"read": 5}"#).unwrap(), Some(5));
        for text in ["[5]", "[]", "null", "5"] {
            assert!(read(text).is_err(), "{text}");
        }
        let key = |limits: &str| serde_json::from_str::<NewKey>(&format!(r#"{{"companyId": 1, "limits": {limits}}}"#));
        assert!(key("null").unwrap().limits.is_none());
        assert_eq!(key(r#"{"admin": 7}"#).unwrap().limits.and_then(|limits| limits.admin), Some(7));
        assert!(key("[1, 2, 3]").is_err());
    }
}
