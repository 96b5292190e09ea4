//! Subscriptions as partners keep them.

use super::Partner;
use crate::storage::process::lead;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::ids::SubscriptionId;
use crow::domain::scope::KeyScope;
use crow::wire::changes;
use serde_json::{Value, json};

const PLACE: &str = "/webhooks/subscriptions";

impl Partner {
    async fn subscribe(&self, url: &str, managed_by: Option<&str>) -> i64 {
        let body =
            json!({"targetUrl": url, "eventTypes": ["lead.created"], "description": "ours", "managedBy": managed_by});
        self.expect("POST", PLACE, body, 201).await["id"].as_i64().expect("an id")
    }

    async fn lead(&self) {
        let event = lead(self.company.id);
        self.platform.operator().change(&changes::EMIT_EVENT, &event).await.expect("an event");
    }
}

#[tokio::test]
async fn a_patch_keeps_absent_fields_clears_nulls_and_validates_values() {
    let partner = Partner::start().await;
    let id = partner.subscribe("https://hooks.example.com/in", None).await;
    let one = format!("{PLACE}/{id}");
    let unchanged = partner.expect("PATCH", &one, json!({}), 200).await;
    assert_eq!(unchanged["description"], "ours");
    let changed =
        json!({"targetUrl": "https://hooks.example.com/new", "eventTypes": ["client.created", "lead.created"]});
    let after = partner.expect("PATCH", &one, changed, 200).await;
    assert_eq!((&after["targetUrl"], &after["description"]), (&json!("https://hooks.example.com/new"), &json!("ours")));
    assert_eq!(after["eventTypes"], json!(["client.created", "lead.created"]));
    let cleared = partner.expect("PATCH", &one, json!({"description": null}), 200).await;
    assert_eq!(cleared["description"], Value::Null);
    for (field, value) in [
        ("targetUrl", json!("ftp://x")),
        ("targetUrl", Value::Null),
        ("eventTypes", json!([])),
        ("eventTypes", Value::Null),
        ("eventTypes", json!(["lead.created", "lead.created"])),
        ("description", json!("x".repeat(201))),
        ("isEnabled", Value::Null),
        ("isEnabled", json!("yes")),
    ] {
        let refused = partner.expect("PATCH", &one, json!({field: value}), 400).await;
        assert!(refused["errors"][field].is_array(), "{field}: {refused}");
    }
    assert_eq!(partner.expect("GET", &one, Value::Null, 200).await, cleared);
}

#[tokio::test]
async fn a_managed_subscription_can_only_be_enabled_or_disabled_by_other_keys() {
    let partner = Partner::start().await;
    let id = partner.subscribe("https://hooks.example.com/in", Some("Zapier")).await;
    let one = format!("{PLACE}/{id}");
    let other = partner.platform.key(&partner.company, &[KeyScope::WebhooksWrite]).await;
    for (method, body) in [
        ("PATCH", json!({"description": "mine"})),
        ("PATCH", json!({"isEnabled": false, "targetUrl": "https://hooks.example.com/mine"})),
        ("DELETE", Value::Null),
    ] {
        let refused = partner.call_as(&other, method, &one, body).await;
        assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("managed_subscription")));
        assert_eq!(refused.json()["managedBy"], "Zapier");
        assert!(refused.json()["detail"].as_str().is_some_and(|detail| detail.contains("managed by Zapier")));
    }
    let off = partner.call_as(&other, "PATCH", &one, json!({"isEnabled": false})).await;
    assert_eq!((off.status, &off.json()["disabledReason"]), (200, &json!("manual")));
    let own = partner.expect("PATCH", &one, json!({"description": "by its own key"}), 200).await;
    assert_eq!((&own["description"], &own["isEnabled"]), (&json!("by its own key"), &json!(false)));
    partner.expect("DELETE", &one, Value::Null, 204).await;
    partner.expect("DELETE", &one, Value::Null, 404).await;
}

#[tokio::test]
async fn enabling_resumes_deliveries_on_hold_and_resets_the_failures_in_a_row() {
    let receiver = Receiver::start(&[Behaviour::Status(500), Behaviour::Status(200)]).await;
    let partner = Partner::start().await;
    let id = partner.subscribe(&receiver.url, None).await;
    let one = format!("{PLACE}/{id}");
    partner.lead().await;
    let row = async || partner.expect("GET", &one, Value::Null, 200).await;
    partner.platform.until("one failure", async || row().await["consecutiveFailures"] == 1).await;
    let off = partner.expect("PATCH", &one, json!({"isEnabled": false}), 200).await;
    assert_eq!((&off["isEnabled"], &off["disabledReason"]), (&json!(false), &json!("manual")));
    let on = partner.expect("PATCH", &one, json!({"isEnabled": true}), 200).await;
    assert_eq!(
        (&on["isEnabled"], &on["consecutiveFailures"], &on["disabledUtc"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    assert_eq!(receiver.received(2).await.len(), 2, "deliveries on hold are due at once");
}

#[tokio::test]
async fn deleting_a_subscription_cancels_waiting_deliveries_and_keeps_the_log() {
    let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
    let partner = Partner::start().await;
    let id = partner.subscribe(&receiver.url, None).await;
    let one = format!("{PLACE}/{id}");
    partner.lead().await;
    let row = async || partner.expect("GET", &one, Value::Null, 200).await;
    partner.platform.until("one failure", async || row().await["consecutiveFailures"] == 1).await;
    partner.expect("DELETE", &one, Value::Null, 204).await;
    partner.expect("GET", &one, Value::Null, 404).await;
    partner.expect("PATCH", &one, json!({"isEnabled": true}), 404).await;
    assert_eq!(partner.expect("GET", PLACE, Value::Null, 200).await["items"], json!([]));
    partner.lead().await;
    partner.platform.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let log = partner.platform.operator().attempts(Some(SubscriptionId(id)), 10).await.expect("its log").items;
    assert_eq!((log.len(), receiver.ledger().len()), (1, 1));
    let states = "SELECT group_concat(state) FROM deliveries";
    let states: String = partner.platform.database().query_row(states, [], |row| row.get(0)).expect("a row");
    assert_eq!(states, "cancelled");
    let later = partner.subscribe(&receiver.url, None).await;
    assert!(later > id, "a number is never given twice");
}

#[tokio::test]
async fn lists_of_subscriptions_are_paged_and_filtered() {
    let partner = Partner::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(partner.subscribe(&format!("https://hooks.example.com/{n}"), None).await);
    }
    for id in &ids[..2] {
        partner.expect("PATCH", &format!("{PLACE}/{id}"), json!({"isEnabled": false}), 200).await;
    }
    let list = async |query: &str| {
        let page = partner.expect("GET", &format!("{PLACE}{query}"), Value::Null, 200).await;
        let items = page["items"].as_array().expect("a list").iter().map(|item| item["id"].as_i64().expect("an id"));
        (items.collect::<Vec<_>>(), page["nextCursor"].as_str().expect("a cursor").to_owned(), page["hasMore"] == true)
    };
    assert_eq!(list("").await.0, ids);
    assert_eq!(list("?isEnabled=false").await.0, ids[..2]);
    let (first, cursor, has_more) = list("?isEnabled=true&limit=2").await;
    assert_eq!((first.as_slice(), has_more), (&ids[2..4], true));
    let (rest, cursor, has_more) = list(&format!("?isEnabled=true&limit=2&cursor={cursor}")).await;
    assert_eq!((rest.as_slice(), has_more), (&ids[4..], false));
    let (none, same, _) = list(&format!("?isEnabled=true&cursor={cursor}")).await;
    assert_eq!((none.len(), &same), (0, &cursor));
    let refused = partner.expect("GET", &format!("{PLACE}?cursor={cursor}"), Value::Null, 400).await;
    assert_eq!(refused["code"], "invalid_cursor");
}

#[tokio::test]
async fn a_test_delivery_reports_its_result_and_does_not_count() {
    let receiver = Receiver::start(&[Behaviour::Status(503), Behaviour::Status(200)]).await;
    let partner = Partner::start().await;
    let id = partner.subscribe(&receiver.url, None).await;
    let one = format!("{PLACE}/{id}");
    partner.expect("PATCH", &one, json!({"isEnabled": false}), 200).await;
    let failed = partner.expect("POST", &format!("{one}/test"), json!({}), 200).await;
    assert_eq!(
        (&failed["success"], &failed["statusCode"], &failed["targetUrlUsed"]),
        (&json!(false), &json!(503), &json!(receiver.url))
    );
    let wish = json!({"eventType": "payment.failed", "useSamplePayload": true, "samplePayload": {"a": 1.50}, "statusOverride": "Paid"});
    let passed = partner.expect("POST", &format!("{one}/test"), wish, 200).await;
    assert_eq!(
        (&passed["success"], &passed["statusCode"], &passed["responseBody"]),
        (&json!(true), &json!(200), &json!("seen"))
    );
    assert_eq!(passed["responseBodyTruncated"], false);
    partner.expect("POST", &format!("{one}/test"), json!({"useSamplePayload": false}), 200).await;
    let ledger = receiver.ledger();
    let sent: Vec<Value> =
        ledger.iter().map(|received| serde_json::from_slice(&received.body).expect("JSON")).collect();
    assert_eq!((&sent[0]["type"], &sent[0]["metadata"]), (&json!("lead.created"), &json!({"test": true})));
    assert_eq!(
        (&sent[1]["type"], &sent[1]["metadata"]),
        (&json!("payment.failed"), &json!({"test": true, "statusOverride": "Paid"}))
    );
    assert_eq!((&sent[1]["payload"], &sent[2]["payload"]), (&json!({"a": 1.50}), &json!({})));
    let row = partner.expect("GET", &one, Value::Null, 200).await;
    assert_eq!(
        (&row["consecutiveFailures"], &row["isEnabled"], &row["lastAttemptUtc"]),
        (&json!(0), &json!(false), &Value::Null)
    );
    drop(receiver);
    let gone = partner.expect("POST", &format!("{one}/test"), json!({}), 200).await;
    assert_eq!((&gone["success"], &gone["statusCode"]), (&json!(false), &Value::Null));
    assert!(gone["error"].is_string());
    let stranger = partner.platform.company("Globex").await;
    let foreign = partner.platform.key(&stranger, &[KeyScope::WebhooksWrite]).await;
    let refused = partner.call_as(&foreign, "POST", &format!("{one}/test"), json!({})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("other_company")));
}
