//! JSON Schemas of the documents, derived from the types that are written.

use super::details::{EventStory, KeyDetail, KeyWindows, SubscriptionDetail};
use super::{
    ACT, ATTEMPTS, CREATED_KEY, DELIVERIES, Done, EVENTS, KEYS, LIMITS, Names, REPLAYS, REQUESTS, SUBSCRIPTIONS, TRIPS,
};
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::briefing::{BRIEFING, Brief};
use crate::api::checkup::{CHECK, Checkup};
use crate::api::configuration::{CONFIGURATION, Configuration};
use crate::api::deliveries::{DeliveryDetail, DeliveryRow, EventRow};
use crate::api::examination::{DOCTOR, Examination};
use crate::api::keys::{CreatedKey, KeyRow};
use crate::api::limits::LimitDetail;
use crate::api::notice::{NOTICE, Notice};
use crate::api::replays::ReplayRow;
use crate::api::requests::RequestRow;
use crate::api::review::{AUDIT, Review};
use crate::api::subscriptions::SubscriptionRow;
use crate::api::trips::TripRow;
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Whether the rows of a document carry their health status.
#[derive(Clone, Copy)]
enum Rows {
    Plain,
    Judged,
}

/// Returns the JSON Schema of every document, with the document's name.
#[must_use]
pub fn all() -> Vec<(&'static str, Value)> {
    [
        pane::<KeyRow, KeyDetail>(KEYS, Rows::Judged),
        pane::<SubscriptionRow, SubscriptionDetail>(SUBSCRIPTIONS, Rows::Judged),
        pane::<DeliveryRow, DeliveryDetail>(DELIVERIES, Rows::Plain),
        pane::<AttemptRow, AttemptDetail>(ATTEMPTS, Rows::Plain),
        pane::<EventRow, EventStory>(EVENTS, Rows::Plain),
        pane::<LimitDetail, KeyWindows>(LIMITS, Rows::Judged),
        pane::<TripRow, TripRow>(TRIPS, Rows::Plain),
        pane::<RequestRow, RequestRow>(REQUESTS, Rows::Plain),
        pane::<ReplayRow, ReplayRow>(REPLAYS, Rows::Plain),
        vec![
            one::<Done>(ACT),
            one::<CreatedKey>(CREATED_KEY),
            one::<Checkup>(CHECK),
            one::<Notice>(NOTICE),
            one::<Review>(AUDIT),
            one::<Brief>(BRIEFING),
            one::<Configuration>(CONFIGURATION),
            one::<Examination>(DOCTOR),
        ],
    ]
    .concat()
}

/// Returns the file name of a document's schema in `assets/schemas`.
#[must_use]
pub fn file(name: &str) -> String {
    format!("{}.json", name.replace('/', "-"))
}

fn pane<R: ToSchema + PartialSchema, D: ToSchema + PartialSchema>(
    names: Names,
    rows: Rows,
) -> Vec<(&'static str, Value)> {
    let judged = json!({"type": "object", "required": ["state", "why"], "properties": {
        "state": {"enum": ["ok", "wrn", "err", "trp", "off", "unk"], "description": "How it stands"},
        "why": {"type": "string", "description": "Why: rule, value and limit in one line"},
    }});
    let mut row = vec![plain::<R>()];
    if matches!(rows, Rows::Judged) {
        row.push(judged);
    }
    let row = json!({ "allOf": row });
    let list = json!({"type": "object", "required": ["items", "hasMore"], "properties": {
        "items": {"type": "array", "items": row, "description": "The rows"},
        "hasMore": {"type": "boolean", "description": "Whether there are or may be more that were not asked for"},
    }});
    vec![
        (names.list, document(names.list, &list, &definitions::<R>())),
        (names.row, document(names.row, &row, &definitions::<R>())),
        one::<D>(names.detail),
    ]
}

fn one<T: ToSchema + PartialSchema>(name: &'static str) -> (&'static str, Value) {
    (name, document(name, &plain::<T>(), &definitions::<T>()))
}

fn document(name: &str, content: &Value, definitions: &Map<String, Value>) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:crow:{}", name.trim_start_matches("crow.").replace('/', ":")),
        "title": name,
        "type": "object",
        "required": ["schema"],
        "properties": {"schema": {"const": name}},
        "allOf": [content],
        "$defs": definitions,
    })
}

fn plain<T: PartialSchema>() -> Value {
    within(&T::schema())
}

/// Converts a schema so that its references point into the document's own `$defs`.
fn within(schema: &RefOr<Schema>) -> Value {
    let text = serde_json::to_string(schema).unwrap_or_default();
    serde_json::from_str(&text.replace("#/components/schemas/", "#/$defs/")).unwrap_or_default()
}

fn definitions<T: ToSchema>() -> Map<String, Value> {
    let mut nested = Vec::new();
    T::schemas(&mut nested);
    nested.iter().map(|(name, schema)| (name.clone(), within(schema))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn schemas_in_the_repository_are_those_of_the_types() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/schemas");
        let fresh = std::env::temp_dir().join(format!("crow-schemas-{}", std::process::id()));
        std::fs::create_dir_all(&fresh).expect("made");
        let mut is_same = true;
        for (name, schema) in all() {
            let text = serde_json::to_string_pretty(&schema).expect("plain data") + "\n";
            is_same &= std::fs::read_to_string(kept.join(file(name))).unwrap_or_default() == text;
            std::fs::write(fresh.join(file(name)), text).expect("written");
        }
        assert!(
            is_same,
            "documents changed: look at the difference, then\ncp {}/* {}/",
            fresh.display(),
            kept.display()
        );
        std::fs::remove_dir_all(fresh).expect("removed");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        for (name, schema) in all() {
            let text = schema.to_string();
            for reference in text.split("\"#/$defs/").skip(1) {
                let target = reference.split('"').next().expect("an end");
                assert!(schema["$defs"][target].is_object(), "{name}: {target}");
            }
        }
    }
}
