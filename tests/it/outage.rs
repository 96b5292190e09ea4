//! The story of an outage, from the first failure to the last event made up for, as the console tells it and as the receiver's ledger has it.

use crate::support::console::Console;
use crate::support::platform::{Platform, until};
use crate::support::receiver::{Behaviour, Receiver};
use crow::tui::runtime::console::ExitReason;
use std::collections::BTreeMap;

/// Events that happen while the subscription is off.
const MISSED: usize = 100;

#[tokio::test]
async fn a_receiver_fails_the_breaker_trips_and_every_missed_event_arrives_exactly_once() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let platform = Platform::lively().await;
    let company = platform.company("Acme").await;
    let id = platform.subscribe(&company, &receiver.url).await.subscription.id;
    let console = Console::attach(&platform, 120, 36);
    let before = platform.emit(company.id).await;
    until("a delivery that succeeds", async || console.shows("LIVE") && console.shows(" 0/20")).await;
    receiver.received(1).await;

    // It goes down. Two events fail and are tried again, at growing distances; a third one is the last straw.
    receiver.becomes(&[Behaviour::Status(503)]);
    let mut on_hold = vec![platform.emit(company.id).await, platform.emit(company.id).await];
    until("the fuse and a forecast", async || console.shows("trips in ~") && console.shows("at this pace")).await;
    on_hold.push(platform.emit(company.id).await);
    until("the trip", async || console.shows("TRP") && console.shows("503 ×20")).await;
    let operator = platform.operator();
    let row = async || operator.subscription(id).await.expect("a row");
    until("deliveries in flight are on hold too", async || row().await.health.expect("its health").n_parked == Some(3))
        .await;

    // What happens now is kept, and not sent.
    let n_at_trip = receiver.ledger().len();
    let mut missed = Vec::new();
    for _ in 0..MISSED {
        missed.push(platform.emit(company.id).await);
    }
    until("what was missed", async || console.shows("missed while off: 100 events")).await;
    assert_eq!(receiver.ledger().len(), n_at_trip, "nothing is sent while it is off");

    // It comes back: enabled, with what was missed.
    receiver.becomes(&[Behaviour::Status(200)]);
    console.press("3x");
    until("the menu", async || console.shows("Enable and replay")).await;
    console.press("jj\n");
    until("the question", async || console.shows(&format!("subscription {id}"))).await;
    console.press("y");
    until("it is on again", async || console.shows(" 0/20") && !console.shows("TRP")).await;
    receiver.received(n_at_trip + on_hold.len() + MISSED).await;
    let rests = async || {
        let health = row().await.health.expect("its health");
        (health.n_waiting(), health.n_skipped) == (Some(0), Some(0))
    };
    until("nothing is left to send", rests).await;

    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for request in &receiver.ledger()[n_at_trip..] {
        *times.entry(request.header("x-wlcro-event-id").to_owned()).or_default() += 1;
    }
    let expected: BTreeMap<String, usize> = missed.iter().chain(&on_hold).map(|event| (event.to_string(), 1)).collect();
    assert_eq!(times, expected, "all missed events and deliveries on hold, exactly once, and nothing else");
    let first = receiver.ledger()[..n_at_trip]
        .iter()
        .filter(|request| request.header("x-wlcro-event-id") == before.to_string())
        .count();
    assert_eq!(first, 1, "what had arrived does not come again");
    assert_eq!(console.quit().await, ExitReason::Quit);
}
