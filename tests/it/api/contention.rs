//! A full write queue: partners are told to come back, operators still find a place, and what was accepted is kept.

use super::{JSON, LEAD, Partner};
use crow::domain::event::EventType;
use crow::wire::changes;
use crow::wire::events::NewEvent;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

#[tokio::test]
async fn a_full_queue_refuses_partners_with_503_keeps_places_for_operators_and_loses_nothing() {
    let partner = Partner::start().await;
    let operator = partner.platform.operator();
    let key = partner.key.reveal();
    // Another process holds the database: every write waits.
    let database = partner.platform.database();
    database.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    let headers = [JSON, ("x-api-key", key)];
    // More than the queue takes of partners, fewer than the connections that one key may have.
    let mut calls: FuturesUnordered<_> =
        (0..500).map(|_| partner.platform.call("POST", "/api/v1/integrations/leads", &headers, Some(LEAD))).collect();
    let refused = calls.next().await.expect("an answer");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.json());
    assert_eq!(refused.json()["code"], "contended");
    assert!(refused.json()["detail"].as_str().is_some_and(|detail| detail.contains("not a rate limit")));
    let page = partner.expect("GET", "/events?limit=1", Value::Null, 200).await;
    assert_eq!(page["items"], Value::Array(Vec::new()), "reads go on");
    let new =
        NewEvent { company_id: partner.company.id, kind: EventType::PaymentFailed, payload: None, metadata: None };
    let emitted = operator.change(&changes::EMIT_EVENT, &new);
    let freed = async {
        // While the operator's write waits, partners are refused; then the other process releases the database.
        for _ in 0..20 {
            let refused = partner.platform.call("POST", "/api/v1/integrations/leads", &headers, Some(LEAD)).await;
            assert_eq!(refused.status, 503);
        }
        database.execute_batch("ROLLBACK").expect("released");
    };
    let (emitted, ()) = tokio::join!(emitted, freed);
    emitted.expect("an operator finds a place");
    let mut n_created = 0;
    while let Some(answer) = calls.next().await {
        match answer.status {
            201 => n_created += 1,
            503 => {}
            other => panic!("{other}"),
        }
    }
    assert!(n_created > 400, "those that found a place were kept waiting, not refused: {n_created}");
    let count = "SELECT (SELECT count(*) FROM clients), (SELECT count(*) FROM events WHERE kind = 'lead.created')";
    let counted = database.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("counts");
    assert_eq!(counted, (n_created, n_created), "what was answered with 201 is there, and nothing else");
}
