//! Retention: what is old and over goes, what can still be delivered stays, and the counters stay true.

use super::Scene;
use crate::support::platform::Platform;
use crate::support::receiver::{Behaviour, Receiver};
use crow::client::Error;
use crow::domain::delivery::DeliveryState;
use crow::domain::event::EventType;
use crow::domain::ids::{AttemptId, CompanyId, EventId};
use crow::domain::scope::KeyScope;
use crow::wire::changes::{self, NoBody};
use crow::wire::events::NewEvent;
use crow::wire::problem::ProblemCode;
use crow::wire::subscriptions::DisableSubscription;
use serde_json::value::RawValue;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn retention_deletes_old_finished_deliveries_and_keeps_waiting_ones() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::keeping(&receiver, 30 * DAY).await;
    let old = scene.emit().await;
    scene.stands(old, DeliveryState::Succeeded).await;
    scene
        .platform
        .operator()
        .change(changes::DISABLE_SUBSCRIPTION.at(scene.subscription), &DisableSubscription::default())
        .await
        .expect("disabled");
    let missed = scene.emit().await;
    scene.platform.advance(29 * DAY);
    let young = scene.emit().await;
    let database = scene.platform.database();
    let count = |table: &str, event: i64| -> i64 {
        let column = if table == "events" { "id" } else { "event_id" };
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
        database.query_row(&sql, [event], |row| row.get(0)).expect("a count")
    };
    assert_eq!((count("events", old), count("deliveries", old), count("attempts", old)), (1, 1, 1), "not yet");
    scene.platform.advance(2 * DAY);
    let is_gone = async || {
        scene.platform.advance(Duration::from_secs(1));
        count("events", old) == 0
    };
    scene.platform.until("it is forgotten", is_gone).await;
    assert_eq!((count("deliveries", old), count("attempts", old)), (0, 0));
    assert_eq!((count("events", missed), count("deliveries", missed)), (1, 1), "it can still be delivered");
    assert_eq!((count("events", young), count("deliveries", young)), (1, 1));
    let hours = "SELECT sum(n_ok) FROM attempt_rollups WHERE width_ms = 3600000";
    assert_eq!(database.query_row(hours, [], |row| row.get::<_, i64>(0)).expect("a sum"), 1, "counters stay");
    scene
        .platform
        .operator()
        .change(changes::DELETE_SUBSCRIPTION.at(scene.subscription), &NoBody {})
        .await
        .expect("deleted");
    let is_gone = async || {
        scene.platform.advance(Duration::from_secs(60));
        count("events", missed) == 0
    };
    scene.platform.until("nothing can deliver it any more", is_gone).await;
    assert_eq!((count("deliveries", missed), count("events", young)), (0, 1));
}

/// Attempts with full bodies that the quota of the test has room for, about.
const FULL: i64 = 20;

#[tokio::test]
async fn f1_a_log_beyond_its_quota_drops_its_oldest_bodies_and_leaves_other_companies_alone() {
    let receiver = Receiver::start(&[Behaviour::Large(16_384, 3)]).await;
    let platform = Platform::with_log_quota(FULL.unsigned_abs() * 20_000).await;
    let scene = Scene::upon(platform, &receiver.url).await;
    let other = scene.platform.company("Beta").await;
    scene.platform.subscribe(&other, &receiver.url).await;
    let of_other = scene.platform.emit(other.id).await;
    for _ in 0..3 * FULL {
        scene.emit().await;
    }
    let last = scene.emit().await;
    scene.stands(of_other.0, DeliveryState::Succeeded).await;
    scene.stands(last, DeliveryState::Succeeded).await;
    let database = scene.platform.database();
    let ask = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let n_full = || ask("SELECT count(*) FROM attempts WHERE company_id = 1 AND stripped_at IS NULL");
    let is_within = async || {
        scene.platform.advance(Duration::from_secs(1));
        n_full() <= FULL && ask("SELECT n_bytes FROM company_log_sizes WHERE company_id = 1") <= FULL * 20_000
    };
    scene.platform.until("the log fits", is_within).await;
    assert!(n_full() > 0, "the newest are whole");
    let operator = scene.platform.operator();
    let detail = async |which: &str| {
        let id = ask(&format!("SELECT {which}(id) FROM attempts WHERE company_id = 1"));
        operator.attempt(AttemptId(id)).await.expect("a detail")
    };
    let (oldest, newest) = (detail("min").await, detail("max").await);
    assert!(oldest.shed_utc.is_some() && oldest.response_headers.is_empty() && oldest.request_headers.is_empty());
    assert_eq!(
        (oldest.response_body.n_bytes, oldest.response_body.truncated),
        (16_384, true),
        "the row says how much there was"
    );
    assert!(oldest.response_body.base64.is_empty());
    assert_eq!((oldest.row.status_code, newest.shed_utc), (Some(200), None));
    assert_eq!(newest.response_body.text.expect("text").raw().len(), 16_384);
    assert_eq!(ask("SELECT count(*) FROM attempts WHERE company_id = 2 AND stripped_at IS NULL"), 1);
}

#[tokio::test]
async fn f1_a_log_of_small_answers_beyond_its_quota_loses_its_oldest_attempts() {
    const QUOTA: i64 = 16_000;
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let platform = Platform::with_log_quota(QUOTA.unsigned_abs()).await;
    let scene = Scene::upon(platform, &receiver.url).await;
    let first = scene.emit().await;
    for _ in 0..100 {
        scene.emit().await;
    }
    let last = scene.emit().await;
    scene.stands(first, DeliveryState::Succeeded).await;
    scene.stands(last, DeliveryState::Succeeded).await;
    let database = scene.platform.database();
    let ask = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let is_within = async || {
        scene.platform.advance(Duration::from_secs(1));
        ask("SELECT n_bytes FROM company_log_sizes") <= QUOTA
    };
    scene.platform.until("the log fits", is_within).await;
    let n = |event: i64| ask(&format!("SELECT count(*) FROM attempts WHERE event_id = {event}"));
    assert_eq!((n(first), n(last)), (0, 1));
    assert_eq!(scene.delivery(first).await.1, DeliveryState::Succeeded, "what became of it is still known");
}

#[tokio::test]
async fn f1_the_stored_head_of_an_answer_is_bounded() {
    let receiver = Receiver::start(&[Behaviour::Large(0, 60)]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    scene.stands(event, DeliveryState::Succeeded).await;
    let stored = "SELECT octet_length(response_headers) FROM attempts";
    let n_bytes: i64 = scene.platform.database().query_row(stored, [], |row| row.get(0)).expect("a number");
    assert!((7_000..=8_192 + 1_024).contains(&n_bytes), "{n_bytes}");
}

/// An event with an envelope of some 10,000 bytes.
async fn emit_large(platform: &Platform, company: CompanyId) -> Result<EventId, Error> {
    let note = "x".repeat(9_800);
    let payload = RawValue::from_string(format!(r#"{{"note":"{note}"}}"#)).expect("JSON");
    let event = NewEvent { company_id: company, kind: EventType::LeadCreated, payload: Some(payload), metadata: None };
    platform.operator().change(&changes::EMIT_EVENT, &event).await.map(|event| event.id)
}

/// Publishes events until one is refused for the quota; returns their ids.
async fn fill(platform: &Platform, company: CompanyId) -> Vec<EventId> {
    let mut ids = Vec::new();
    loop {
        match emit_large(platform, company).await {
            Ok(id) => ids.push(id),
            Err(Error::Refused { problem }) => {
                assert_eq!((problem.status, problem.code), (409, ProblemCode::QuotaReached), "{problem:?}");
                assert!(problem.detail.contains("200000 bytes, the maximum"), "{problem:?}");
                return ids;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Creates leads, which publish events of some hundred bytes, until one is refused for the quota; returns their number.
async fn fill_with_leads(scene: &Scene) -> i64 {
    let key = scene.platform.key(&scene.company, &KeyScope::ALL).await;
    let headers = [("content-type", "application/json"), ("x-api-key", key.reveal())];
    let lead = r#"{"first_name":"Ada","last_name":"Byron","email":"ada@example.com"}"#;
    let mut n = 0;
    loop {
        let answer = scene.platform.call("POST", "/api/v1/integrations/leads", &headers, Some(lead)).await;
        if answer.status != 201 {
            let problem = answer.json();
            assert_eq!(
                (&problem["code"], &problem["limit"]),
                (&"quota_reached".into(), &EVENT_QUOTA.into()),
                "{problem}"
            );
            return n;
        }
        n += 1;
    }
}

/// Lets two seconds pass, after which the quota is looked at; a call over a socket leaves it the time for that.
async fn pass(platform: &Platform) {
    platform.advance(Duration::from_secs(2));
    platform.operator().keys().await.expect("an answer");
}

const EVENT_QUOTA: u64 = 200_000;
const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn f1_stored_events_near_their_quota_give_up_the_oldest_that_ended_and_take_nothing_from_other_companies() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::upon(Platform::with_event_quota(EVENT_QUOTA).await, &receiver.url).await;
    let other = scene.platform.company("Beta").await;
    let of_other = emit_large(&scene.platform, other.id).await.expect("an event");
    let ids = fill(&scene.platform, scene.company.id).await;
    assert!((19..=20).contains(&ids.len()), "{}", ids.len());
    let next = emit_large(&scene.platform, other.id).await.expect("another company has room");
    assert_eq!(next.0, ids.last().expect("ids").0 + 1, "what was refused used no number");
    let database = scene.platform.database();
    let ask = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let n_leads = fill_with_leads(&scene).await;
    assert_eq!(ask("SELECT count(*) FROM clients"), n_leads, "what was refused is not there");
    scene.stands(ids.last().expect("ids").0, DeliveryState::Succeeded).await;
    let n_bytes = || ask("SELECT n_bytes FROM company_event_sizes WHERE company_id = 1").unsigned_abs();
    for _ in 0..45 {
        pass(&scene.platform).await;
        assert_eq!(ask("SELECT min(id) FROM events WHERE company_id = 1"), ids[0].0, "an hour is left to read them");
    }
    scene.platform.advance(HOUR);
    let is_less = async || {
        scene.platform.advance(Duration::from_secs(1));
        n_bytes() <= EVENT_QUOTA / 8 * 7
    };
    scene.platform.until("there is room", is_less).await;
    let first_left = ask("SELECT min(id) FROM events WHERE company_id = 1");
    assert!((ids[1].0..ids[5].0).contains(&first_left), "no more than needed: {first_left}");
    let orphans =
        |table: &str| ask(&format!("SELECT count(*) FROM {table} WHERE event_id < {first_left} AND company_id = 1"));
    assert_eq!((orphans("deliveries"), orphans("attempts")), (0, 0));
    assert_eq!(ask(&format!("SELECT count(*) FROM events WHERE id = {}", of_other.0)), 1);
    emit_large(&scene.platform, scene.company.id).await.expect("there is room");
}

#[tokio::test]
async fn f1_stored_events_that_can_still_be_delivered_stay_and_what_is_beyond_the_quota_is_refused() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::upon(Platform::with_event_quota(EVENT_QUOTA).await, &receiver.url).await;
    let operator = scene.platform.operator();
    operator
        .change(changes::DISABLE_SUBSCRIPTION.at(scene.subscription), &DisableSubscription::default())
        .await
        .expect("disabled");
    let ids = fill(&scene.platform, scene.company.id).await;
    let database = scene.platform.database();
    let n = || -> i64 { database.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).expect("a count") };
    scene.platform.advance(2 * HOUR);
    for _ in 0..65 {
        pass(&scene.platform).await;
        assert_eq!(n(), i64::try_from(ids.len()).expect("few"), "missed events can be replayed");
    }
    assert_eq!(fill(&scene.platform, scene.company.id).await, []);
    operator.change(changes::DELETE_SUBSCRIPTION.at(scene.subscription), &NoBody {}).await.expect("deleted");
    let has_room = async || {
        scene.platform.advance(Duration::from_secs(1));
        emit_large(&scene.platform, scene.company.id).await.is_ok()
    };
    scene.platform.until("there is room", has_room).await;
}
