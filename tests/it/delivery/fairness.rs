//! F1: what one company subscribes to does not hold up another, and is not taken for the platform's own trouble.

use super::Scene;
use crate::support::names::Names;
use crate::support::namespace;
use crate::support::platform::{Platform, Stopped};
use crate::support::receiver::{Behaviour, Receiver};
use crow::clock::RuntimeEnv;
use crow::domain::delivery::{DeliveryState, RetryPolicy};
use crow::domain::scope::KeyScope;
use crow::domain::target::TargetPolicy;
use crow::engine::egress::EgressConfig;
use crow::wire::changes::{self, NoBody};
use crow::wire::keys::{CompanyRow, RequestedLimits};
use std::sync::Arc;
use std::time::Duration;

/// Subscriptions at hosts that never answer, at addresses of a family that this host does not have, and at a host that answers.
const N_HANGING: usize = 190;
const HOSTS: usize = 20;
const N_WITHOUT_IPV6: i64 = 60;
const N_BUSY: usize = 40;
/// More than a company may have by default: the sharing of slots must not lean on that limit.
const MAX_SUBSCRIPTIONS: u32 = 1_000;
const EVENTS: usize = 50;
/// Events of the other company.
const SAMPLES: usize = 200;
const LAG_LIMIT: Duration = Duration::from_millis(250);

/// Subscribes a company to its leads at many targets.
async fn subscribe_all(platform: &Platform, company: &CompanyRow, targets: impl Iterator<Item = String>) {
    let limits = RequestedLimits { admin: Some(100_000), ..RequestedLimits::default() };
    let key = platform.key_with(company, &[KeyScope::WebhooksWrite], limits).await;
    let partner = platform.partner(&key);
    for target in targets {
        partner.create_subscription(&crate::storage::process::subscription(&target)).await.expect("a subscription");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_a_company_with_hanging_and_unreachable_targets_delays_no_other_company() {
    let name = "delivery::fairness::f1_a_company_with_hanging_and_unreachable_targets_delays_no_other_company";
    if !namespace::is_entered(name) {
        return;
    }
    let hanging = Receiver::start(&[Behaviour::Hang]).await;
    let busy = Receiver::start(&[Behaviour::Status(200)]).await;
    let healthy = Receiver::start(&[Behaviour::Status(200)]).await;
    let names = Arc::new(Names::default());
    for n in 0..HOSTS {
        names.leads(&format!("hangs-{n}.test"), &["127.0.0.1"]);
    }
    let reach = EgressConfig { resolver: names, ..EgressConfig::default() };
    let stopped = Stopped::new(RuntimeEnv::real(), RetryPolicy::default(), TargetPolicy::Private, reach);
    let platform = stopped.permitting(MAX_SUBSCRIPTIONS).start().await;
    let acme = platform.company("Acme").await;
    let targets = (0..N_HANGING)
        .map(|n| hanging.url.replace("127.0.0.1", &format!("hangs-{}.test", n % HOSTS)))
        .chain((1..=N_WITHOUT_IPV6).map(|n| format!("https://[2a01:4f8::{n:x}]/hook")))
        .chain(std::iter::repeat_n(busy.url.clone(), N_BUSY));
    subscribe_all(&platform, &acme, targets).await;
    let beta = platform.company("Beta").await;
    platform.subscribe(&beta, &healthy.url).await;

    let pressure = async {
        for _ in 0..EVENTS {
            platform.emit(acme.id).await;
        }
    };
    let samples = async {
        let mut lags = Vec::with_capacity(SAMPLES);
        for n in 1..=SAMPLES {
            platform.emit(beta.id).await;
            // From when it was accepted, and with it its delivery.
            let watch = platform.ambient.stopwatch();
            healthy.received(n).await;
            lags.push(watch.elapsed());
            assert_eq!(platform.engine.status().pause_reason, None);
        }
        lags.sort_unstable();
        lags
    };
    let ((), lags) = tokio::join!(pressure, samples);
    let p99 = lags[SAMPLES * 99 / 100];
    assert!(p99 <= LAG_LIMIT, "p99 {p99:?}, median {:?}", lags[SAMPLES / 2]);

    let overview = platform.operator().overview(10).await.expect("an overview");
    let overdue: Vec<_> = overview.overdue.rows.iter().map(|row| row.company_id).collect();
    assert_eq!(overdue, [acme.id], "who waits is told company by company");

    // What the unreachable targets did counts against them, and what hangs holds no more than its share.
    let database = platform.database();
    let count = |of: &str| {
        let sql = format!("SELECT count(*) FROM {of}");
        database.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("a count")
    };
    let of_them = "subscriptions WHERE target_url LIKE '%[2a01:4f8::%' AND n_consecutive_failures > 0";
    platform.until("each unreachable target has failed", async || count(of_them) == N_WITHOUT_IPV6).await;
    let why = "attempts WHERE cause = 'broken' AND error LIKE '%this platform has no IPv6 address'";
    assert!(count(why) >= N_WITHOUT_IPV6, "the log says why");
    busy.received(N_BUSY * EVENTS).await;
    let of_acme = "leases l JOIN subscriptions s ON s.id = l.subscription_id WHERE s.company_id = 1";
    let n_with_few_attempts = i64::try_from(N_HANGING).expect("few") + N_WITHOUT_IPV6;
    assert!(count(of_acme) <= 4 * n_with_few_attempts, "what never answers holds no more than it began with");
    assert_eq!(platform.engine.status().pause_reason, None);
}

#[tokio::test]
async fn f1_resends_of_one_company_do_not_wait_for_those_of_another() {
    const RESENDS: usize = 1_100;
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::with(&receiver).await;
    let of_other = Receiver::start(&[Behaviour::Status(200)]).await;
    let other = scene.platform.company("Beta").await;
    for _ in 0..RESENDS {
        scene.emit().await;
    }
    receiver.received(RESENDS).await;
    scene.platform.subscribe(&other, &of_other.url).await;
    let event = scene.platform.emit(other.id).await;
    of_other.received(1).await;
    let id = scene.stands(event.0, DeliveryState::Succeeded).await;
    receiver.becomes(&[Behaviour::Hang]);
    let ask = "INSERT INTO resends (delivery_id, subscription_id, requested_at)
               SELECT id, subscription_id, created_at FROM deliveries WHERE company_id = ?1";
    let database = scene.platform.database();
    assert_eq!(database.execute(ask, [scene.company.id.0]).expect("written"), RESENDS);
    // The clock stands still: what waited for those that hang would wait for ever.
    scene.platform.operator().change(changes::RESEND_DELIVERY.at(id), &NoBody {}).await.expect("asked for");
    of_other.received(2).await;
    assert!(receiver.ledger().len() <= RESENDS + 4, "they hold the places of their subscription");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_twenty_companies_whose_endpoints_hang_delay_no_newcomer() {
    const N_COMPANIES: usize = 20;
    const N_SUBSCRIPTIONS: usize = 12;
    const N_EVENTS: usize = 4;
    const NEWCOMER_LIMIT: Duration = Duration::from_secs(1);
    let hanging = Receiver::start(&[Behaviour::Hang]).await;
    let healthy = Receiver::start(&[Behaviour::Status(200)]).await;
    let names = Arc::new(Names::default());
    for n in 0..N_SUBSCRIPTIONS {
        names.leads(&format!("hangs-{n}.test"), &["127.0.0.1"]);
    }
    let reach = EgressConfig { resolver: names, ..EgressConfig::default() };
    let platform = Stopped::new(RuntimeEnv::real(), RetryPolicy::default(), TargetPolicy::Private, reach).start().await;
    let mut companies = Vec::new();
    for n in 0..N_COMPANIES {
        let company = platform.company(&format!("Hanging {n}")).await;
        let targets = (0..N_SUBSCRIPTIONS).map(|n| hanging.url.replace("127.0.0.1", &format!("hangs-{n}.test")));
        subscribe_all(&platform, &company, targets).await;
        companies.push(company);
    }
    let newcomer = platform.company("Newcomer").await;
    platform.subscribe(&newcomer, &healthy.url).await;
    // Each takes what it may have before the next one comes.
    let database = platform.database();
    let n_under_way =
        || database.query_row("SELECT count(*) FROM leases", [], |row| row.get::<_, i64>(0)).expect("a count");
    for company in &companies {
        let before = n_under_way();
        for _ in 0..N_EVENTS {
            platform.emit(company.id).await;
        }
        platform.until("it has something under way", async || n_under_way() > before || before >= 340).await;
    }
    platform.emit(newcomer.id).await;
    let watch = platform.ambient.stopwatch();
    healthy.received(1).await;
    let waited = watch.elapsed();
    assert!(waited <= NEWCOMER_LIMIT, "{waited:?} beside {} attempts under way", n_under_way());
}
