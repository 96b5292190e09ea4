//! Examples of answers, one per type that partners receive. Each is read into its type and written out again, so
//! that an example which does not fit its type is left out, which a test notices.

use crate::wire::actions::{
    ChangedStatus, CreatedAffiliate, CreatedClient, CreatedNote, SearchResult, UpdatedAffiliate, UpdatedClient,
};
use crate::wire::events::Envelope;
use crate::wire::page::Page;
use crate::wire::subscriptions::{CreatedSubscription, Subscription, TestResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema as _;

const ENVELOPE_EXAMPLE: &str = r#"{"id": 45678, "type": "lead.created", "createdUtc": "2026-11-23T14:02:31Z", "companyId": 92,
    "payload": {"client_id": 1201, "first_name": "Ada", "last_name": "Byron", "email": "ada@example.com", "phone": null, "status": "Lead - New",
    "status_id": 10, "source": "Website", "created_date": "2026-11-23T14:02:31Z"}}"#;

const SUBSCRIPTION_EXAMPLE: &str = r#"{"id": 17, "companyId": 92, "targetUrl": "https://hooks.example.com/in", "eventTypes": ["lead.created"],
    "isEnabled": true, "description": "New leads into the CRM", "managedBy": null, "consecutiveFailures": 0, "disabledReason": null,
    "disabledUtc": null, "lastAttemptUtc": "2026-11-23T14:02:31Z", "lastSuccessUtc": "2026-11-23T14:02:31Z",
    "createdUtc": "2026-10-02T08:15:00Z", "updatedUtc": "2026-10-02T08:15:00Z""#;

const RECORD_EXAMPLE: &str = r#"{"client_id": 1201, "first_name": "Ada", "last_name": "Byron", "full_name": "Ada Byron", "email": "ada@example.com",
    "phone": null, "status": "Lead - New", "status_id": 10, "status_name": "Lead - New", "employee_id": null, "employee_name": null,
    "affiliate_id": 8, "affiliate_name": "Max Rossi", "created_utc": "2026-11-23T14:02:31Z"}"#;

/// Returns the example of the response with this schema name, if there is one.
pub(super) fn of(name: &str) -> Option<Value> {
    let at = r#""2026-11-23T14:02:31Z""#;
    let page = |item: &str| format!(r#"{{"items": [{item}], "nextCursor": "ZXZlbnRzOjQ1Njc4", "hasMore": false}}"#);
    match name {
        "Envelope" => read::<Envelope>(ENVELOPE_EXAMPLE),
        "Page_Envelope" => read::<Page<Envelope>>(&page(ENVELOPE_EXAMPLE)),
        "Subscription" => read::<Subscription>(&format!("{SUBSCRIPTION_EXAMPLE}}}")),
        "Page_Subscription" => read::<Page<Subscription>>(&page(&format!("{SUBSCRIPTION_EXAMPLE}}}"))),
        "CreatedSubscription" => {
            let shown = "once, here: 32 random bytes in Base64";
            read::<CreatedSubscription>(&format!("{SUBSCRIPTION_EXAMPLE}, \"signingSecret\": \"{shown}\"}}"))
        }
        "TestResult" => read::<TestResult>(
            r#"{"success": true, "statusCode": 200, "elapsedMs": 181, "responseBodyTruncated": false, "responseBody": "ok",
                "targetUrlUsed": "https://hooks.example.com/in"}"#,
        ),
        "CreatedClient" => {
            read::<CreatedClient>(&format!(r#"{{"client_id": 1201, "status": "Lead - New", "created_utc": {at}}}"#))
        }
        "UpdatedClient" => {
            read::<UpdatedClient>(&format!(r#"{{"success": true, "updated_utc": {at}, "client_id": 1201}}"#))
        }
        "ChangedStatus" => read::<ChangedStatus>(&format!(
            r#"{{"previous_status": "Lead - New", "new_status": "Lead - Contacted", "updated_utc": {at}}}"#
        )),
        "CreatedNote" => read::<CreatedNote>(&format!(r#"{{"client_note_id": 31, "created_utc": {at}}}"#)),
        "CreatedAffiliate" => read::<CreatedAffiliate>(&format!(r#"{{"affiliate_id": 8, "created_utc": {at}}}"#)),
        "UpdatedAffiliate" => {
            read::<UpdatedAffiliate>(&format!(r#"{{"success": true, "updated_utc": {at}, "affiliate_id": 8}}"#))
        }
        _ if name == SearchResult::name() => read::<SearchResult>(&format!(r#"{{"items": [{RECORD_EXAMPLE}]}}"#)),
        _ => None,
    }
}

fn read<T: DeserializeOwned + Serialize>(text: &str) -> Option<Value> {
    serde_json::from_str::<T>(text).ok().and_then(|value| serde_json::to_value(value).ok())
}
