//! Many callers at once on real threads, and restarts in between: what must hold in any order. Seeded dice decide limits, names, bodies and
//! page sizes.

use super::{JSON, LEAD, Partner};
use crow::clock::RuntimeEnv;
use crow::domain::event::EventType;
use crow::domain::scope::KeyScope;
use crow::domain::time::Timestamp;
use crow::domain::window::{RateBucket, RateLimitDecision};
use crow::wire::keys::RequestedLimits;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Callers at once.
const CROWD: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a4_sixty_four_threads_and_restarts_never_exceed_the_rate_limit_of_a_window() {
    for seed in 0..6 {
        let dice = RuntimeEnv::scripted(Timestamp::from_millis(0), seed);
        let mut partner = Partner::start().await;
        let limit = 1 + u32::try_from(dice.random_below(400)).expect("few");
        let limits = RequestedLimits { read: Some(limit), ..RequestedLimits::default() };
        let key = partner.platform.key_with(&partner.company, &[KeyScope::EventsRead], limits).await;
        for window in 0..3 {
            let mut admitted = 0;
            for _ in 0..=dice.random_below(3) {
                let each = 1 + dice.random_below(12);
                let engine = &partner.platform.engine;
                let known = engine.authenticate(key.reveal()).expect("a good key");
                let (known, reset) = (&known, engine.admit_call(&known, RateBucket::Admin).reset_at);
                let answers: Vec<_> = std::thread::scope(|scope| {
                    let threads: Vec<_> = (0..CROWD)
                        .map(|_| {
                            scope.spawn(move || (0..each).map(|_| engine.admit_call(known, RateBucket::Read)).collect())
                        })
                        .collect();
                    threads.into_iter().flat_map(|thread| -> Vec<_> { thread.join().expect("no panic") }).collect()
                });
                let mut left = BTreeSet::new();
                for answer in answers {
                    assert_eq!((answer.limit, answer.reset_at), (limit, reset));
                    if answer.decision == RateLimitDecision::Refused {
                        assert_eq!(answer.remaining, 0);
                    } else {
                        admitted += 1;
                        assert!(left.insert(answer.remaining), "no two callers are told the same number");
                    }
                }
                assert!(admitted <= limit, "seed {seed}, window {window}: {admitted} of {limit}");
                partner.platform = partner.platform.restart().await;
            }
            let tried = partner.platform.engine.authenticate(key.reveal()).expect("a good key");
            let last = partner.platform.engine.admit_call(&tried, RateBucket::Read);
            assert_eq!(
                last.decision == RateLimitDecision::Refused,
                admitted >= limit,
                "seed {seed}: nothing is lost by a restart"
            );
            let wait = last.retry_after_seconds(partner.platform.ambient.now());
            partner.platform.advance(Duration::from_secs(wait.max(1)));
            let waited = partner.platform.engine.admit_call(&tried, RateBucket::Read);
            if last.decision == RateLimitDecision::Refused {
                assert_eq!(
                    (waited.decision != RateLimitDecision::Refused, waited.remaining),
                    (true, limit - 1),
                    "waiting helps"
                );
            }
            partner.platform.advance(Duration::from_secs(61));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b8_sixty_four_callers_with_equal_idempotency_keys_create_one_record_per_key_also_across_restarts() {
    const BODIES: [&str; 2] =
        [LEAD, r#"{"first_name":"Bea","last_name":"Byron","email":"bea@example.com","phone":"555-0100"}"#];
    for seed in 0..3 {
        let dice = RuntimeEnv::scripted(Timestamp::from_millis(0), seed);
        let mut partner = Partner::start().await;
        let mut first: BTreeMap<usize, (usize, Vec<u8>)> = BTreeMap::new();
        for round in 0..3 {
            let shared = Arc::new(partner);
            let mut callers = JoinSet::new();
            for _ in 0..CROWD {
                let (name, body) = (dice.random_below(10), dice.random_below(10) / 9);
                let partner = Arc::clone(&shared);
                callers.spawn(async move {
                    let named = format!("import-{name}");
                    let headers = [JSON, ("x-api-key", partner.key.reveal()), ("idempotency-key", named.as_str())];
                    let path = "/api/v1/integrations/leads";
                    (name, body, partner.platform.call("POST", path, &headers, Some(BODIES[body])).await)
                });
            }
            let answers = callers.join_all().await;
            for (name, body, answer) in answers.iter().filter(|(_, _, answer)| answer.status == 201) {
                let known = first.entry(*name).or_insert_with(|| (*body, answer.body.clone()));
                assert_eq!(known, &(*body, answer.body.clone()), "seed {seed}, round {round}: one answer a name");
            }
            for (name, body, answer) in &answers {
                let expected = if first[name].0 == *body { 201 } else { 409 };
                assert_eq!(answer.status, expected, "seed {seed}, round {round}, name {name}");
            }
            partner = Arc::into_inner(shared).expect("all callers are done");
            let leads = partner.told().await;
            assert_eq!(leads.len(), first.len(), "one event a name");
            partner.platform = partner.platform.restart().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a5_pollers_see_every_event_once_and_in_order_while_writers_write() {
    const WRITERS: usize = 16;
    const EACH: usize = 8;
    /// The event after all others.
    const LAST: u64 = (WRITERS * EACH + 1) as u64;
    let partner = Arc::new(Partner::start().await);
    let dice = RuntimeEnv::scripted(Timestamp::from_millis(0), 5);
    let mut writers = JoinSet::new();
    for n in 0..WRITERS {
        let partner = Arc::clone(&partner);
        writers.spawn(async move {
            for m in 0..EACH {
                let body = json!({"eventType": EventType::ALL[(n + m) % EventType::ALL.len()].name()});
                partner.expect("POST", "/events/test", body, 201).await;
            }
        });
    }
    let mut pollers = JoinSet::new();
    for n in 0..CROWD - WRITERS {
        let (partner, limit) = (Arc::clone(&partner), 1 + dice.random_below(40));
        let filter = ["", "type=lead.created,payment.failed&"][n % 2];
        pollers.spawn(async move {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            while seen.last() != Some(&LAST) {
                let path = format!("/events?{filter}limit={limit}{cursor}");
                let page = partner.expect("GET", &path, Value::Null, 200).await;
                seen.extend(ids(&page, ""));
                cursor = format!("&cursor={}", page["nextCursor"].as_str().expect("a cursor"));
            }
            (filter, seen)
        });
    }
    writers.join_all().await;
    let last = partner.expect("POST", "/events/test", json!({"eventType": "lead.created"}), 201).await;
    assert_eq!(last["id"], LAST);
    let all = partner.expect("GET", "/events?limit=200", Value::Null, 200).await;
    assert_eq!(ids(&all, ""), (1..=LAST).collect::<Vec<_>>());
    for (filter, seen) in pollers.join_all().await {
        assert_eq!(seen, ids(&all, filter), "{filter}");
    }
}

/// Returns the numbers of the events on a page whose type is in a filter; of all events if the filter is empty.
fn ids(page: &Value, filter: &str) -> Vec<u64> {
    let items = page["items"].as_array().expect("a list").iter();
    let wanted = items.filter(|item| filter.is_empty() || filter.contains(item["type"].as_str().expect("a type")));
    wanted.map(|item| item["id"].as_u64().expect("an id")).collect()
}
