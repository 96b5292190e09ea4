//! Field names of `Deserialize` types, found by running a type against a deserializer that records what the type
//! requests and then fails.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Returns the names of the fields that `T` reads; `None` if `T` is not a plain struct and may read any field.
pub(super) fn field_names<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut names = None;
    let _ = T::deserialize(FieldNameRecorder(&mut names));
    names
}

/// Returns the names of the fields of `T` that may be null.
pub(super) fn optional_field_names<T: DeserializeOwned>() -> Vec<&'static str> {
    let is_optional = |name: &&'static str| {
        let mut heard = false;
        let _ = T::deserialize(SingleFieldProbe { name: Some(name), is_optional: &mut heard });
        heard
    };
    field_names::<T>().unwrap_or_default().iter().copied().filter(is_optional).collect()
}

/// Deserializer that offers an object with a single field and records whether the field is optional.
struct SingleFieldProbe<'a> {
    name: Option<&'static str>,
    is_optional: &'a mut bool,
}

impl<'de> Deserializer<'de> for SingleFieldProbe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for SingleFieldProbe<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.name.take() else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(OptionalFieldProbe(self.is_optional))
    }
}

/// Deserializer of a single value that records whether an `Option` was requested.
struct OptionalFieldProbe<'a>(&'a mut bool);

impl<'de> Deserializer<'de> for OptionalFieldProbe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("this deserialiser only listens"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.0 = true;
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct FieldNameRecorder<'a>(&'a mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for FieldNameRecorder<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("this deserialiser only listens"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = Some(fields);
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::events::TestEvent;
    use crate::wire::keys::NewKey;
    use crate::wire::subscriptions::{NewSubscription, SubscriptionPatch};

    #[test]
    fn a_struct_tells_its_fields_and_a_map_has_none_to_tell() {
        assert_eq!(field_names::<TestEvent>(), Some(["eventType", "payload"].as_slice()));
        assert_eq!(field_names::<serde_json::Value>(), None);
    }

    #[test]
    fn optional_fields_are_those_that_may_be_null() {
        assert_eq!(optional_field_names::<TestEvent>(), ["payload"]);
        assert_eq!(optional_field_names::<NewSubscription>(), ["description", "managedBy", "signingSecret"]);
        assert_eq!(
            optional_field_names::<SubscriptionPatch>(),
            ["targetUrl", "eventTypes", "description", "isEnabled"]
        );
        assert_eq!(optional_field_names::<NewKey>(), ["limits"]);
    }
}
