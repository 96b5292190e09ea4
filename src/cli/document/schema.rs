//! JSON Schemas of the documents, derived from the types that are written.

use super::configuration::{CONFIGURATION_DOCUMENT, PlatformConfig};
use super::details::{EventStory, KeyDetail, KeyWindows, SubscriptionDetail};
use super::doctor::{DOCTOR_DOCUMENT, DoctorReport};
use crate::cli::document::{
    ATTEMPT_DOCUMENTS, CHANGE_DOCUMENT, CREATED_KEY_DOCUMENT, ChangeResult, DELIVERY_DOCUMENTS, DocumentNames,
    EVENT_DOCUMENTS, KEY_DOCUMENTS, LIMIT_DOCUMENTS, REPLAY_DOCUMENTS, REQUEST_DOCUMENTS, SUBSCRIPTION_DOCUMENTS,
    TRIP_DOCUMENTS,
};
use crate::diagnose::checkup::{CHECK_DOCUMENT, HealthCheckReport};
use crate::diagnose::review::{PlatformReview, REVIEW_DOCUMENT};
use crate::export::briefing_document::{BRIEFING_DOCUMENT, PartnerBriefing};
use crate::sync::notice::{AlertNotification, NOTIFICATION_DOCUMENT};
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::coverage::NounCoverage;
use crate::wire::deliveries::{DeliveryDetail, DeliveryRow, EventRow};
use crate::wire::keys::{CreatedKey, KeyRow};
use crate::wire::limits::LimitDetail;
use crate::wire::replays::ReplayRow;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Whether the rows of a document carry their health status.
#[derive(Clone, Copy)]
enum RowSchemaKind {
    Plain,
    Assessed,
}

/// Returns the JSON Schema of every document, with the document's name.
fn all_schemas() -> Vec<(&'static str, Value)> {
    [
        row_schemas::<KeyRow, KeyDetail>(KEY_DOCUMENTS, RowSchemaKind::Assessed),
        row_schemas::<SubscriptionRow, SubscriptionDetail>(SUBSCRIPTION_DOCUMENTS, RowSchemaKind::Assessed),
        row_schemas::<DeliveryRow, DeliveryDetail>(DELIVERY_DOCUMENTS, RowSchemaKind::Plain),
        row_schemas::<AttemptRow, AttemptDetail>(ATTEMPT_DOCUMENTS, RowSchemaKind::Plain),
        row_schemas::<EventRow, EventStory>(EVENT_DOCUMENTS, RowSchemaKind::Plain),
        row_schemas::<LimitDetail, KeyWindows>(LIMIT_DOCUMENTS, RowSchemaKind::Assessed),
        row_schemas::<TripRow, TripRow>(TRIP_DOCUMENTS, RowSchemaKind::Plain),
        row_schemas::<RequestRow, RequestRow>(REQUEST_DOCUMENTS, RowSchemaKind::Plain),
        row_schemas::<ReplayRow, ReplayRow>(REPLAY_DOCUMENTS, RowSchemaKind::Plain),
        vec![
            object_schema::<ChangeResult>(CHANGE_DOCUMENT),
            object_schema::<CreatedKey>(CREATED_KEY_DOCUMENT),
            object_schema::<HealthCheckReport>(CHECK_DOCUMENT),
            object_schema::<AlertNotification>(NOTIFICATION_DOCUMENT),
            object_schema::<PlatformReview>(REVIEW_DOCUMENT),
            object_schema::<PartnerBriefing>(BRIEFING_DOCUMENT),
            object_schema::<PlatformConfig>(CONFIGURATION_DOCUMENT),
            object_schema::<DoctorReport>(DOCTOR_DOCUMENT),
        ],
    ]
    .concat()
}

/// Returns the file name of a document's schema in `assets/schemas`.
fn schema_file_name(name: &str) -> String {
    format!("{}.json", name.replace('/', "-"))
}

fn row_schemas<R: ToSchema + PartialSchema, D: ToSchema + PartialSchema>(
    names: DocumentNames,
    rows: RowSchemaKind,
) -> Vec<(&'static str, Value)> {
    let judged = json!({"type": "object", "required": ["state", "why"], "properties": {
        "state": {"enum": ["ok", "wrn", "err", "trp", "off", "unk"], "description": "Health status of the row"},
        "why": {"type": "string", "description": "Reason for the health status: rule, value and limit in one line"},
    }});
    let mut row = vec![type_schema::<R>()];
    if matches!(rows, RowSchemaKind::Assessed) {
        row.push(judged);
    }
    let row = json!({ "allOf": row });
    let coverage = json!({
        "anyOf": [{"type": "null"}, {"$ref": "#/$defs/NounCoverage"}],
        "description": "How much is known of the rows; null if everything is, as on a platform with a Portal",
    });
    let list = json!({"type": "object", "required": ["items", "hasMore"], "properties": {
        "items": {"type": "array", "items": row, "description": "Rows of the list"},
        "hasMore": {"type": "boolean", "description": "Whether more rows exist or may exist beyond the limit"},
        "coverage": coverage,
    }});
    let of_coverage = [("NounCoverage".to_owned(), type_schema::<NounCoverage>())];
    let of_list = definitions::<R>().into_iter().chain(definitions::<NounCoverage>()).chain(of_coverage).collect();
    vec![
        (names.list, document_schema(names.list, &list, &of_list)),
        (names.row, document_schema(names.row, &row, &definitions::<R>())),
        object_schema::<D>(names.detail),
    ]
}

fn object_schema<T: ToSchema + PartialSchema>(name: &'static str) -> (&'static str, Value) {
    (name, document_schema(name, &type_schema::<T>(), &definitions::<T>()))
}

fn document_schema(name: &str, content: &Value, definitions: &Map<String, Value>) -> Value {
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

fn type_schema<T: PartialSchema>() -> Value {
    with_local_references(&T::schema())
}

/// Converts a schema so that its references point into the document's own `$defs`.
fn with_local_references(schema: &RefOr<Schema>) -> Value {
    let text = serde_json::to_string(schema).unwrap_or_default();
    serde_json::from_str(&text.replace("#/components/schemas/", "#/$defs/")).unwrap_or_default()
}

fn definitions<T: ToSchema>() -> Map<String, Value> {
    let mut nested = Vec::new();
    T::schemas(&mut nested);
    nested.iter().map(|(name, schema)| (name.clone(), with_local_references(schema))).collect()
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
        let n_kept = std::fs::read_dir(&kept).expect("a folder").count();
        let mut is_same = n_kept == all_schemas().len();
        for (name, schema) in all_schemas() {
            let text = serde_json::to_string_pretty(&schema).expect("plain data") + "\n";
            is_same &= std::fs::read_to_string(kept.join(schema_file_name(name))).unwrap_or_default() == text;
            std::fs::write(fresh.join(schema_file_name(name)), text).expect("written");
        }
        assert!(
            is_same,
            "documents changed: {n_kept} are kept; look at the difference, then\ncp {}/* {}/",
            fresh.display(),
            kept.display()
        );
        std::fs::remove_dir_all(fresh).expect("removed");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        for (name, schema) in all_schemas() {
            let text = schema.to_string();
            for reference in text.split("\"#/$defs/").skip(1) {
                let target = reference.split('"').next().expect("an end");
                assert!(schema["$defs"][target].is_object(), "{name}: {target}");
            }
        }
    }
}
