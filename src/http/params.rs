//! Deserialisation of a query string into a type, with error texts that name the parameter. An empty value counts as
//! absent.

use super::problem::ProblemResponse;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// Parses a query string into its name-value pairs, in order and without empty values.
pub fn parse_pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(_, value)| !value.is_empty()).collect()
}

/// Reads a query string into `T`; unknown parameters are ignored.
///
/// # Errors
/// [`ProblemResponse`] that names the first parameter that cannot be read.
pub fn deserialize_query<T: DeserializeOwned>(query: &str) -> Result<T, ProblemResponse> {
    let parameters = QueryDeserializer { pairs: parse_pairs(query).into_iter(), pending: None };
    T::deserialize(parameters).map_err(|QueryReadError { name, text }| {
        ProblemResponse::unreadable_field(name.as_deref().unwrap_or("query"), &text)
    })
}

/// Reason why a query cannot be read, with the parameter's name.
#[derive(Debug)]
struct QueryReadError {
    name: Option<String>,
    text: String,
}

impl QueryReadError {
    fn new(text: impl Into<String>) -> Self {
        Self { name: None, text: text.into() }
    }
}

impl fmt::Display for QueryReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for QueryReadError {}

impl serde::de::Error for QueryReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self::new("is out of range")
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("must be one of {}", known.join(", ")))
    }

    fn missing_field(name: &'static str) -> Self {
        Self { name: Some(name.to_owned()), text: "must be given".to_owned() }
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self { name: Some(name.to_owned()), text: "must be given once".to_owned() }
    }
}

struct QueryDeserializer {
    pairs: std::vec::IntoIter<(String, String)>,
    pending: Option<(String, String)>,
}

impl<'de> Deserializer<'de> for QueryDeserializer {
    type Error = QueryReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryReadError> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for QueryDeserializer {
    type Error = QueryReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, QueryReadError> {
        self.pending = self.pairs.next();
        let Some((name, _)) = &self.pending else { return Ok(None) };
        let name: StrDeserializer<'_, QueryReadError> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, QueryReadError> {
        let (name, value) = self.pending.take().unwrap_or_default();
        seed.deserialize(QueryValueDeserializer(&value)).map_err(|wrong| QueryReadError { name: Some(name), ..wrong })
    }
}

/// Deserializer of one value, which is text unless the type requests another kind.
struct QueryValueDeserializer<'a>(&'a str);

macro_rules! numbers {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryReadError> {
            match self.0.parse::<i64>() {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(QueryReadError::new("must be a whole number")),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for QueryValueDeserializer<'_> {
    type Error = QueryReadError;

    numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryReadError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryReadError> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(QueryReadError::new("must be true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, QueryReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryReadError> {
        let text: StrDeserializer<'_, QueryReadError> = self.0.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::log::RequestQuery;
    use serde_json::json;

    #[test]
    fn what_cannot_be_read_is_named_and_said_in_words() {
        for (query, name, text) in [
            ("company=acme", "company", "must be a whole number"),
            ("company=1.5", "company", "must be a whole number"),
            ("status=70000", "status", "is out of range"),
            ("status=-1", "status", "is out of range"),
            ("since=yesterday", "since", "must be an RFC 3339 time: 2026-11-23T14:02:31Z"),
            ("company=1&company=2", "company", "must be given once"),
        ] {
            let refusal = deserialize_query::<RequestQuery>(query).expect_err(query);
            assert_eq!(refusal.0.extra["errors"], json!({ name: [text] }), "{query}");
        }
    }

    #[test]
    fn an_empty_value_counts_as_none() {
        let query: RequestQuery =
            deserialize_query("company=&key=7&since=&nobody=&company=3&code=a%20b").expect("a query");
        let wanted =
            RequestQuery { company: Some(3), key: Some(7), code: Some("a b".to_owned()), ..RequestQuery::default() };
        assert_eq!(query, wanted);
    }
}
