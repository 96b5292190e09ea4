//! Fields of a PATCH body, which are absent (keep), null (clear) or given (set).
//!
//! Such a field carries `#[serde(default, skip_serializing_if = "Patch::is_keep")]`: the attributes, not the type,
//! distinguish an absent field from null.

use crate::domain::patch::FieldPatch;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

impl<T: Serialize> Serialize for FieldPatch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FieldPatch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::actions::ClientPatch;

    #[test]
    fn absent_null_and_given_stay_apart_both_ways() {
        for text in ["{}", r#"{"phone":null}"#, r#"{"phone":"1"}"#] {
            let patch: ClientPatch = serde_json::from_str(text).expect("a patch");
            assert_eq!(serde_json::to_string(&patch).expect("plain data"), text);
        }
    }
}
