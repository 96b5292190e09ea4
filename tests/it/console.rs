//! The console against a platform: what it shows, what it does, and what it says when the platform is gone.

use crate::support::console::Console;
use crate::support::platform::{Platform, until};
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::ids::{CompanyId, SubscriptionId};
use crow::tui::runtime::console::ExitReason;

/// A company whose leads go to a receiver.
async fn subscribe(platform: &Platform, receiver: &Receiver) -> (CompanyId, SubscriptionId) {
    let company = platform.company("Acme").await;
    let created = platform.subscribe(&company, &receiver.url).await;
    (company.id, created.subscription.id)
}

#[tokio::test]
async fn the_console_shows_a_tripped_breaker_and_enables_the_subscription_again() {
    let receiver = Receiver::start(&[Behaviour::Status(500)]).await;
    let platform = Platform::lively().await;
    let (company, id) = subscribe(&platform, &receiver).await;
    let console = Console::attach(&platform, 120, 36);
    until("the first picture", async || console.shows("LIVE") && console.shows("UNK")).await;
    for _ in 0..3 {
        platform.emit(company).await;
    }
    until("the trip", async || console.shows("TRP") && console.shows("500 ×20")).await;
    platform.emit(company).await;
    until("what was missed", async || console.shows("missed while off: 1 event")).await;
    receiver.becomes(&[Behaviour::Status(200)]);
    let n_before = receiver.ledger().len();
    console.press("3x");
    until("the menu", async || console.shows("Enable and replay")).await;
    console.press("jj\n");
    until("the question", async || console.shows(&format!("subscription {id}"))).await;
    assert_eq!(receiver.ledger().len(), n_before, "nothing happens before the answer");
    console.press("y");
    until("it is on again", async || console.shows(" 0/20") && !console.shows("TRP")).await;
    assert_eq!(
        receiver.received(n_before + 4).await.len(),
        n_before + 4,
        "deliveries on hold and missed events, once each"
    );
    assert_eq!(console.quit().await, ExitReason::Quit);
}

#[tokio::test]
async fn a_read_only_console_changes_nothing() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let platform = Platform::lively().await;
    let (_, id) = subscribe(&platform, &receiver).await;
    let console = Console::look(&platform, 120, 36);
    until("the first picture", async || console.shows("READ-ONLY") && console.shows("LIVE")).await;
    console.press("3x\nyyx\njj\ny");
    until("the reason", async || console.shows("read-only")).await;
    assert!(receiver.ledger().is_empty());
    assert!(platform.operator().subscription(id).await.expect("a row").subscription.is_enabled);
    console.quit().await;
}

#[tokio::test]
async fn a_lost_platform_leaves_its_last_data_on_screen_and_its_return_is_shown() {
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let platform = Platform::lively().await;
    subscribe(&platform, &receiver).await;
    let console = Console::attach(&platform, 120, 36);
    until("the first picture", async || console.shows("LIVE") && console.shows("test key")).await;
    let gone = platform.stop().await;
    until("the loss", async || console.shows("OFFLINE")).await;
    let text = console.text();
    assert!(text.contains("test key"), "the last picture stays:\n{text}");
    assert!(text.contains("updated ") && text.contains("retry in"), "its age and the next try are said:\n{text}");
    let _back = gone.start().await;
    until("the return", async || console.shows("LIVE") && !console.shows("OFFLINE")).await;
    console.quit().await;
}
