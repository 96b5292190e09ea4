//! Resends: one more attempt on request, whatever the state of the delivery.

use super::Scene;
use crate::support::platform::Platform;
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::delivery::{AttemptKind, DeliveryState};
use crow::domain::event::EventType;
use crow::domain::ids::{CompanyId, DeliveryId, OperatorId};
use crow::domain::operator::{OperatorAccount, OperatorRole};
use crow::engine::caller::{Actor, Caller};
use crow::engine::events::EventPublication;
use crow::wire::attempts::AttemptRow;
use crow::wire::changes::{self, NoBody};
use crow::wire::subscriptions::DisableSubscription;
use std::pin::pin;
use std::time::Duration;
use tokio::task::JoinSet;

const OK: Behaviour = Behaviour::Status(200);
const BROKEN: Behaviour = Behaviour::Status(500);

impl Scene {
    async fn attempts(&self, of: DeliveryId) -> Vec<AttemptRow> {
        self.platform.operator().delivery(of).await.expect("a delivery").attempts
    }

    /// Resends a delivery and waits until that is written down.
    async fn resent(&self, id: DeliveryId) {
        let n = self.attempts(id).await.len();
        self.platform.operator().change(changes::RESEND_DELIVERY.at(id), &NoBody {}).await.expect("accepted");
        self.platform.until("the resend is written down", async || self.attempts(id).await.len() == n + 1).await;
        assert_eq!(self.attempts(id).await[0].kind, Some(AttemptKind::Resend));
    }
}

#[tokio::test]
async fn a_succeeded_delivery_is_resent_and_a_failed_resend_changes_nothing() {
    let receiver = Receiver::start(&[OK, BROKEN]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    let id = scene.stands(event, DeliveryState::Succeeded).await;
    scene.resent(id).await;
    assert_eq!(scene.delivery(event).await.1, DeliveryState::Succeeded);
    let row = scene.row().await;
    assert_eq!(
        (row.subscription.consecutive_failures, row.health.expect("its health").last_1h.n_failed),
        (Some(0), 0),
        "it counts for nothing"
    );
    assert_eq!(receiver.ledger()[0].body, receiver.ledger()[1].body);
    assert_eq!(receiver.ledger()[1].header("x-wlcro-attempt"), "2");
    let audit = scene.platform.database();
    let n: i64 = audit
        .query_row("SELECT count(*) FROM audit WHERE action = 'resend delivery' AND before = 'succeeded'", [], |row| {
            row.get(0)
        })
        .expect("a count");
    assert_eq!(n, 1);
}

#[tokio::test]
async fn a_resend_of_a_pending_delivery_keeps_its_due_time_and_retries() {
    let receiver = Receiver::start(&[BROKEN, BROKEN, BROKEN, OK]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    receiver.received(1).await;
    let id = scene.stands(event, DeliveryState::Pending).await;
    let due = scene.row().await.health.expect("its health").next_due_utc;
    scene.resent(id).await;
    let row = scene.row().await;
    assert_eq!((row.health.expect("its health").next_due_utc, row.subscription.consecutive_failures), (due, Some(1)));
    // The second attempt by the schedule: the wait after it is twice the base, as if there had been no resend.
    scene.platform.advance(due.expect("planned").since(scene.platform.ambient.now()));
    receiver.received(3).await;
    scene.stands(event, DeliveryState::Pending).await;
    let wait = scene
        .row()
        .await
        .health
        .expect("its health")
        .next_due_utc
        .expect("planned")
        .since(scene.platform.ambient.now());
    assert!((48..=72).contains(&wait.as_secs()), "60 s ± 20 %: {wait:?}");
    scene.resent(id).await;
    assert_eq!(scene.delivery(event).await.1, DeliveryState::Succeeded, "there is nothing left to do");
    assert_eq!(scene.row().await.health.expect("its health").n_backlog, Some(0));
    let numbers: Vec<u32> = scene.attempts(id).await.iter().filter_map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
}

#[tokio::test]
async fn missed_deliveries_and_deliveries_on_hold_are_sent_although_the_subscription_is_off() {
    let receiver = Receiver::start(&[BROKEN, BROKEN, OK]).await;
    let scene = Scene::with(&receiver).await;
    let operator = scene.platform.operator();
    let on_hold = scene.emit().await;
    receiver.received(1).await;
    scene.stands(on_hold, DeliveryState::Pending).await;
    operator
        .change(changes::DISABLE_SUBSCRIPTION.at(scene.subscription), &DisableSubscription::default())
        .await
        .expect("disabled");
    let id = scene.stands(on_hold, DeliveryState::OnHold).await;
    scene.resent(id).await;
    assert_eq!(scene.delivery(on_hold).await.1, DeliveryState::OnHold, "it failed, so it waits on");
    let missed = scene.emit().await;
    let id = scene.stands(missed, DeliveryState::Missed).await;
    scene.resent(id).await;
    assert_eq!(scene.delivery(missed).await.1, DeliveryState::Succeeded);
    let row = scene.row().await;
    assert_eq!((row.subscription.is_enabled, row.health.expect("its health").n_parked), (false, Some(1)));
}

#[tokio::test]
async fn an_exhausted_delivery_can_succeed_by_a_resend() {
    let receiver = Receiver::start(&[BROKEN, BROKEN, OK]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    receiver.received(1).await;
    let id = scene.stands(event, DeliveryState::Pending).await;
    let give_up = "UPDATE deliveries SET state = 'exhausted', due_at = NULL WHERE id = ?1";
    assert_eq!(scene.platform.database().execute(give_up, [id.0]).expect("written"), 1);
    scene.resent(id).await;
    assert_eq!(scene.delivery(event).await.1, DeliveryState::Exhausted);
    scene.resent(id).await;
    assert_eq!(scene.delivery(event).await.1, DeliveryState::Succeeded);
}

#[tokio::test]
async fn a_delivery_in_flight_is_resent_afterwards_and_two_requests_resend_once() {
    let receiver = Receiver::start(&[Behaviour::Hang, OK]).await;
    let scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    receiver.received(1).await;
    let id = scene.stands(event, DeliveryState::InFlight).await;
    let operator = scene.platform.operator();
    operator.change(changes::RESEND_DELIVERY.at(id), &NoBody {}).await.expect("accepted");
    operator.change(changes::RESEND_DELIVERY.at(id), &NoBody {}).await.expect("accepted");
    assert_eq!(receiver.ledger().len(), 1, "never two at once");
    scene.platform.advance(Duration::from_secs(10));
    scene.stands(event, DeliveryState::Succeeded).await;
    let kinds: Vec<AttemptKind> = scene.attempts(id).await.iter().filter_map(|attempt| attempt.kind).collect();
    assert_eq!(kinds, [AttemptKind::Resend, AttemptKind::Scheduled]);
    assert_eq!(receiver.ledger().len(), 2);
}

#[tokio::test]
async fn a_resend_survives_a_restart_but_not_the_deletion_of_its_subscription() {
    let receiver = Receiver::start(&[BROKEN, Behaviour::Hang, OK]).await;
    let mut scene = Scene::with(&receiver).await;
    let event = scene.emit().await;
    receiver.received(1).await;
    let id = scene.stands(event, DeliveryState::Pending).await;
    scene.platform.operator().change(changes::RESEND_DELIVERY.at(id), &NoBody {}).await.expect("accepted");
    receiver.received(2).await;
    let ambient = scene.platform.ambient.clone();
    let mut restarting = pin!(scene.platform.restart());
    // The attempt under way is waited for, so it is given up by the clock.
    scene.platform = loop {
        tokio::select! {
            platform = &mut restarting => break platform,
            () = tokio::task::yield_now() => ambient.advance(Duration::from_millis(100)),
        }
    };
    scene.platform.advance_until("the retry", async || receiver.ledger().len() == 3).await;
    scene.stands(event, DeliveryState::Succeeded).await;

    let stuck = "UPDATE subscriptions SET deleted_at = 1 WHERE id = ?1";
    assert_eq!(scene.platform.database().execute(stuck, [scene.subscription.0]).expect("written"), 1);
    let refused =
        scene.platform.operator().change(changes::RESEND_DELIVERY.at(id), &NoBody {}).await.expect_err("refused");
    assert!(refused.to_string().contains("of this delivery"), "{refused}");
    let unknown = scene
        .platform
        .operator()
        .change(changes::RESEND_DELIVERY.at(DeliveryId(999)), &NoBody {})
        .await
        .expect_err("refused");
    assert!(unknown.to_string().contains("delivery 999 does not exist"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b5_a_thousand_resends_race_with_attempts_and_no_delivery_is_in_flight_twice() {
    const RACES: usize = 1_000;
    let script: Vec<Behaviour> = (0..4 * RACES).map(|n| if n % 3 == 0 { BROKEN } else { OK }).collect();
    let receiver = Receiver::start(&script).await;
    let platform = Platform::lively().await;
    let company = platform.company("Acme").await;
    platform.subscribe(&company, &receiver.url).await;
    let mut races = JoinSet::new();
    for n in 0..RACES {
        if races.len() == 16 {
            races.join_next().await.expect("one").expect("no panic");
        }
        races.spawn(race(platform.engine.clone(), company.id, n));
    }
    races.join_all().await;
    let database = platform.database();
    let count = |sql: &str| -> i64 { database.query_row(sql, [], |row| row.get(0)).expect("a count") };
    let open = "SELECT count(*) FROM deliveries WHERE state <> 'succeeded'";
    let waiting = "SELECT count(*) FROM resends";
    platform.until("everything is delivered", async || count(open) == 0 && count(waiting) == 0).await;
    assert_eq!(receiver.n_overlaps(), 0);
    assert_eq!(count("SELECT count(*) FROM attempts WHERE kind = 'resend'"), i64::try_from(RACES).expect("few"));
    let attempts = count("SELECT count(*) FROM attempts");
    assert_eq!(
        usize::try_from(attempts).expect("few"),
        receiver.ledger().len(),
        "each request is in the log, and no other"
    );
    assert_eq!(count("SELECT count(*) FROM deliveries WHERE n_uncounted <> 1"), 0, "each was resent once");
}

/// Publishes an event and resends its delivery while its first attempt is made.
async fn race(engine: crow::engine::handle::Engine, company: CompanyId, n: usize) {
    let operator = OperatorAccount { id: OperatorId(0), name: "racer".to_owned(), role: OperatorRole::Admin };
    let caller = Caller::new(Actor::Operator(operator), format!("race-{n}"), engine.audit_key());
    let news = EventPublication { company, kind: EventType::LeadCreated, payload: None, metadata: None };
    let event = engine.publish(caller.clone(), news).await.expect("published");
    for _ in 0..n % 7 {
        tokio::task::yield_now().await;
    }
    // There is one subscription, so deliveries are numbered like their events.
    engine.resend(caller, DeliveryId(event.id.0)).await.expect("accepted");
}
