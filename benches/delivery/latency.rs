//! Deliveries to receivers that take their time: fixed latencies, a knee, and endpoints that never answer.

use super::bare::{BareLoad, bare};
use super::receiver::Receiver;
use super::{Platform, median};
use crow::domain::flight_control::MAX_FLIGHT_LIMIT;
use crow::domain::slots::SlotCapacity;
use std::time::Duration;

/// Receivers with the same latency.
struct LatencyCase {
    n_subscriptions: usize,
    latency_ms: usize,
    /// Deliveries a second that are aimed at.
    goal: f64,
}

const CASES: [LatencyCase; 4] = [
    LatencyCase { n_subscriptions: 1, latency_ms: 50, goal: 2_000.0 },
    LatencyCase { n_subscriptions: 1, latency_ms: 200, goal: 1_000.0 },
    LatencyCase { n_subscriptions: 20, latency_ms: 50, goal: 6_000.0 },
    LatencyCase { n_subscriptions: 50, latency_ms: 200, goal: 6_000.0 },
];
/// Duration of a measurement at the goal, the first third of which is not counted.
const MEASURED_SECONDS: f64 = 9.0;
/// Events to a company with endpoints that hang, their interval, and the lag up to which they are on time.
const NEIGHBOUR_EVENTS: u32 = 150;
const NEIGHBOUR_INTERVAL: Duration = Duration::from_millis(50);
const ON_TIME_MS: f64 = 250.0;

impl LatencyCase {
    fn path(&self) -> String {
        format!("slow-{}", self.latency_ms)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    fn n_deliveries(&self) -> usize {
        (self.goal * MEASURED_SECONDS) as usize
    }
}

/// Delivers a backlog and returns deliveries a second, after a third of it.
async fn paced_by_latency(receiver: &Receiver, path: &str, n_subscriptions: usize, n: usize) -> f64 {
    let targets: Vec<String> = (0..n_subscriptions).map(|_| receiver.url(path)).collect();
    let mut platform = Platform::start(&targets).await;
    let companies = platform.companies.clone();
    platform.emit(n, &companies).await;
    receiver.reset();
    platform.deliver();
    platform.settled(n / 3, &companies).await;
    let watch = platform.engine.ambient().stopwatch();
    receiver.reset();
    platform.settled(n, &companies).await;
    let rate = (n - n / 3) as f64 / watch.elapsed().as_secs_f64();
    platform.end().await;
    rate
}

/// Prints each case beside the bare limit with as many connections.
pub(crate) async fn print_cases(receiver: &Receiver, n_runs: usize) {
    println!(
        "| receivers | a second | goal | of bare | bare | parallel at the receivers, mean and most |\n|---|---|---|---|---|---|"
    );
    for case in &CASES {
        let n = case.n_deliveries();
        let (mut ours, mut theirs, mut parallel) = (Vec::new(), Vec::new(), (0.0, 0));
        for _ in 0..n_runs {
            ours.push(paced_by_latency(receiver, &case.path(), case.n_subscriptions, n).await);
            parallel = receiver.parallel();
            let n_flights = (case.n_subscriptions * MAX_FLIGHT_LIMIT as usize).min(SlotCapacity::FULL.n_slots);
            theirs.push(bare(receiver, &BareLoad { path: case.path(), n_flights, n }).await);
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        println!(
            "| {} at {} ms | {ours:.0} | {:.0} | {:.2} | {theirs:.0} | {:.0}, {} |",
            case.n_subscriptions,
            case.latency_ms,
            case.goal,
            ours / theirs,
            parallel.0,
            parallel.1
        );
    }
    let rate = paced_by_latency(receiver, "knee", 1, 8_000).await;
    let (mean, most) = receiver.parallel();
    println!("a receiver with 32 workers of 50 ms: {rate:.0} of 640 a second, {mean:.1} parallel, at most {most}");
}

/// Prints how many events reach a receiver in time whose company has others that never answer.
pub(crate) async fn print_neighbour(receiver: &Receiver) {
    for n_hanging in [16, 40] {
        let mut platform = Platform::start(&[receiver.url("timed")]).await;
        let company = platform.companies[0];
        platform.subscribe_more(company, &vec![receiver.url("hang"); n_hanging]).await;
        platform.deliver();
        let (ambient, mut called) = (platform.engine.ambient().clone(), Vec::new());
        for _ in 0..NEIGHBOUR_EVENTS {
            called.push((platform.publish(company).await, receiver.clock.elapsed()));
            ambient.sleep(NEIGHBOUR_INTERVAL).await;
        }
        let arrivals = receiver.arrivals();
        let lag = |(event, called): &(_, Duration)| {
            arrivals.get(event).map(|at| at.saturating_sub(*called).as_secs_f64() * 1_000.0)
        };
        let mut lags: Vec<f64> = called.iter().filter_map(lag).collect();
        let on_time = lags.iter().filter(|lag| **lag <= ON_TIME_MS).count() * 100 / called.len();
        let middle = median(&mut lags);
        println!("beside {n_hanging} endpoints of its company that hang: {on_time} % on time, median {middle:.1} ms");
        platform.stop.send_replace(true);
    }
}
