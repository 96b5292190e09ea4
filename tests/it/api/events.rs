//! Polling events: filters, pages, cursors.

use super::Partner;
use crate::storage::process::lead;
use crow::clock::RuntimeEnv;
use crow::domain::event::EventType;
use crow::domain::time::Timestamp;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use serde_json::{Value, json};
use std::time::Duration;

impl Partner {
    async fn emit(&self, kind: EventType) -> i64 {
        let event = NewEvent { company_id: self.company.id, kind, payload: None, metadata: None };
        self.platform.operator().change(&changes::EMIT_EVENT, &event).await.expect("an event").id.0
    }

    /// The ids on a page, and the page.
    async fn page(&self, query: &str) -> (Vec<i64>, Value) {
        let page = self.expect("GET", &format!("/events{query}"), Value::Null, 200).await;
        let items = page["items"].as_array().expect("a list");
        (items.iter().map(|item| item["id"].as_i64().expect("an id")).collect(), page)
    }
}

#[tokio::test]
async fn events_are_filtered_by_type_and_time_and_unknown_parameters_are_ignored() {
    let partner = Partner::start().await;
    let begin = partner.platform.ambient.now();
    let lead = partner.emit(EventType::LeadCreated).await;
    partner.platform.advance(Duration::from_secs(10));
    let paid = partner.emit(EventType::PaymentSucceeded).await;
    partner.platform.advance(Duration::from_secs(10));
    let signed = partner.emit(EventType::AgreementSigned).await;
    let at = |seconds: u64| begin.whole_second().plus(Duration::from_secs(seconds)).to_rfc3339_seconds();
    let (ten, twenty) = (at(10), at(20));
    let cases = [
        (String::new(), vec![lead, paid, signed]),
        ("?type=lead.created".to_owned(), vec![lead]),
        ("?type=lead.created&type=agreement.signed".to_owned(), vec![lead, signed]),
        ("?type=agreement.signed,lead.created".to_owned(), vec![lead, signed]),
        (format!("?since={ten}"), vec![paid, signed]),
        (format!("?until={ten}"), vec![lead]),
        (format!("?since={ten}&until={twenty}"), vec![paid]),
        (format!("?since={ten}&type=agreement.signed&unknown=1"), vec![signed]),
        ("?type=client.created".to_owned(), vec![]),
    ];
    for (query, expected) in cases {
        let (ids, page) = partner.page(&query).await;
        assert_eq!(ids, expected, "{query}");
        assert_eq!(page["hasMore"], false);
        assert!(page["nextCursor"].as_str().is_some_and(|cursor| !cursor.is_empty()), "{query}");
    }
    let unknown = partner.expect("GET", "/events?type=lead.created,nothing", Value::Null, 400).await;
    assert!(unknown["errors"]["type"].is_array());
}

#[tokio::test]
async fn a_cursor_is_bound_to_its_filters_and_survives_a_restart() {
    let mut partner = Partner::start().await;
    partner.emit(EventType::LeadCreated).await;
    let (_, page) = partner.page("?type=lead.created,client.created").await;
    let cursor = page["nextCursor"].as_str().expect("a cursor").to_owned();
    for query in ["", "?type=lead.created", "?type=lead.created,client.created&since=2026-01-01T00:00:00Z"] {
        let joint = if query.is_empty() { "?" } else { "&" };
        let refused = partner.expect("GET", &format!("/events{query}{joint}cursor={cursor}"), Value::Null, 400).await;
        assert_eq!(refused["code"], "invalid_cursor", "{query}");
    }
    partner.platform = partner.platform.restart().await;
    let next = partner.emit(EventType::ClientCreated).await;
    partner.emit(EventType::PaymentFailed).await;
    // The same filters in another spelling and order are the same filters.
    let query = format!("?type=client.created&type=lead.created&cursor={cursor}");
    assert_eq!(partner.page(&query).await.0, vec![next]);
}

#[tokio::test]
async fn events_of_other_companies_are_not_listed() {
    let partner = Partner::start().await;
    let other = partner.platform.company("Globex").await;
    partner.platform.operator().change(&changes::EMIT_EVENT, &lead(other.id)).await.expect("an event");
    assert_eq!(partner.page("").await.0, Vec::<i64>::new());
    assert_eq!(partner.page("?type=lead.created").await.0, Vec::<i64>::new());
}

#[tokio::test]
async fn test_events_are_published_and_marked_as_tests() {
    let partner = Partner::start().await;
    let body = json!({"eventType": "payment.failed", "payload": {"payment_id": 7}});
    let envelope = partner.expect("POST", "/events/test", body, 201).await;
    assert_eq!((&envelope["metadata"], &envelope["payload"]), (&json!({"test": true}), &json!({"payment_id": 7})));
    assert_eq!(partner.page("?type=payment.failed").await.1["items"][0], envelope);
    let sample = partner.expect("POST", "/events/test", json!({"eventType": "payment.failed"}), 201).await;
    assert!(sample["payload"]["failure_reason"].is_string());
    for payload in [json!([]), json!(1), json!("{}")] {
        let refused = partner
            .expect("POST", "/events/test", json!({"eventType": "payment.failed", "payload": payload}), 400)
            .await;
        assert!(refused["errors"]["payload"].is_array());
    }
}

/// Seeded random numbers choose the events that arrive between two pages, and the sizes of pages.
#[tokio::test]
async fn paging_while_events_arrive_skips_nothing_and_repeats_nothing() {
    const WATCHED: [EventType; 2] = [EventType::LeadCreated, EventType::InvoiceCreated];
    for seed in 0..6 {
        let partner = Partner::start().await;
        let dice = RuntimeEnv::scripted(Timestamp::from_millis(0), seed);
        let filters = ["?type=invoice.created,lead.created&", "?"];
        let (mut all, mut watched) = (Vec::new(), Vec::new());
        let (mut seen, mut cursors) = ([Vec::new(), Vec::new()], [String::new(), String::new()]);
        for round in 0..14 {
            for _ in 0..if round < 10 { dice.random_below(5) } else { 0 } {
                let kind = EventType::ALL[dice.random_below(EventType::ALL.len())];
                // Now and then the clock jumps, back as well: ids keep their order, times do not.
                let jump = [-300, 100, 500][dice.random_below(3)];
                let now = partner.platform.ambient.now().millis() + jump;
                partner.platform.ambient.set_time(Timestamp::from_millis(now));
                let id = partner.emit(kind).await;
                all.push(id);
                if WATCHED.contains(&kind) {
                    watched.push(id);
                }
            }
            for (which, filter) in filters.iter().enumerate() {
                let limit = 1 + dice.random_below(4) + if round > 10 { 100 } else { 0 };
                let (ids, page) = partner.page(&format!("{filter}limit={limit}{}", cursors[which])).await;
                seen[which].extend(ids);
                cursors[which] = format!("&cursor={}", page["nextCursor"].as_str().expect("a cursor"));
            }
        }
        assert_eq!(seen, [watched, all], "seed {seed}");
    }
}

/// Seeded random numbers choose the sizes of events and the limits of pages.
#[tokio::test]
async fn a_page_ends_at_four_mebibytes_and_nothing_is_skipped_or_repeated() {
    const MAX_PAGE: usize = 4 << 20;
    for seed in 0..3 {
        let partner = Partner::start().await;
        let dice = RuntimeEnv::scripted(Timestamp::from_millis(0), seed);
        let (mut all, mut leads) = (Vec::new(), Vec::new());
        for _ in 0..16 {
            let kind = [EventType::LeadCreated, EventType::InvoiceCreated][dice.random_below(2)];
            let length = [10, 300_000, 900_000, 1_040_000][dice.random_below(4)];
            let payload = serde_json::value::to_raw_value(&json!({"client_id": 1, "x": "x".repeat(length)}));
            let event = NewEvent {
                company_id: partner.company.id,
                kind,
                payload: Some(payload.expect("JSON")),
                metadata: None,
            };
            let id = partner.platform.operator().change(&changes::EMIT_EVENT, &event).await.expect("an event").id.0;
            all.push(id);
            if kind == EventType::LeadCreated {
                leads.push(id);
            }
        }
        let newest_first: Vec<i64> = all.iter().rev().copied().collect();
        let lists = [
            ("?", &all),
            ("?type=lead.created&", &leads),
            ("?type=lead.created,invoice.created&", &all),
            ("?type=lead.created,invoice.created&order=desc&", &newest_first),
        ];
        let mut n_short = 0;
        for (filter, wanted) in lists {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let limit = [1, 2, 5, 200, 200][dice.random_below(5)];
                let answer = partner.call("GET", &format!("/events{filter}limit={limit}{cursor}"), Value::Null).await;
                let page = answer.json();
                let ids: Vec<i64> = page["items"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|item| item["id"].as_i64().expect("an id"))
                    .collect();
                assert!(answer.body.len() <= MAX_PAGE + 200, "seed {seed}: {} bytes", answer.body.len());
                assert!(!ids.is_empty() || page["hasMore"] == false, "a page with more behind it has something");
                n_short += usize::from(page["hasMore"] == true && ids.len() < limit);
                seen.extend(ids);
                cursor = format!("&cursor={}", page["nextCursor"].as_str().expect("a cursor"));
                if page["hasMore"] == false {
                    break;
                }
            }
            assert_eq!(&seen, wanted, "seed {seed}, {filter}");
        }
        assert!(n_short > 0, "seed {seed}: bytes ended no page");
    }
}
