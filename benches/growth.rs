//! What a platform costs that has stored much: the same questions to directories with 10 k, 100 k, 1 M and 10 M attempts, side by side.
//!
//! Each directory is filled in bulk (see `growth/seed.rs`), and the real binary is started on it. A cell shows median and
//! 99th percentile, the last column how often the median of the largest size is that of the smallest. What is worse by
//! more than 20 % and the noise of both is marked as not flat; noise is the difference between the first and the second
//! half of the repetitions.
//!
//! `cargo bench --bench growth -- [ATTEMPTS ...]` (10,000, 100,000, 1,000,000 and 10,000,000 without a number). 10 M
//! attempts take 10 GiB of the temporary directory, which are given back at the end.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its figures")]

use figures::{Figure, Unit};
use measure::Subject;
use receiver::Receiver;

#[path = "growth/figures.rs"]
mod figures;
#[path = "support/frames.rs"]
mod frames;
#[path = "growth/http.rs"]
mod http;
#[path = "growth/measure.rs"]
mod measure;
#[path = "../tests/it/storage/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod process;
#[path = "growth/purge.rs"]
mod purge;
#[path = "delivery/receiver.rs"]
#[expect(dead_code, reason = "the benchmark of deliveries uses more of it")]
mod receiver;
#[path = "growth/seed.rs"]
mod seed;
#[path = "support/settings.rs"]
mod settings;

/// Numbers of attempts without a number given.
const SIZES: [i64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// Up to this size, a directory is verified after it is filled.
const MAX_VERIFIED: i64 = 100_000;

/// Fills a directory and measures it.
async fn measured(receiver: &Receiver, n_attempts: i64) -> Vec<Figure> {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("data");
    let seeded = seed::fill(&dir, &receiver.url("timed"), n_attempts).await;
    if n_attempts <= MAX_VERIFIED {
        seed::verify(&dir);
    }
    let mut figures = Subject { dir: &dir, seeded, receiver }.measure().await;
    figures.extend(purge::measure(&dir).await);
    figures.push(Figure::new("filling in bulk", Unit::Stored("s"), vec![seeded.took.as_secs_f64()]));
    println!("{} attempts of {} events measured", seeded.n_attempts, seeded.n_events);
    figures
}

#[tokio::main]
async fn main() {
    let given: Vec<i64> = std::env::args().filter_map(|argument| argument.replace('_', "").parse().ok()).collect();
    let mut sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    sizes.sort_unstable();
    let receiver = Receiver::start().await;
    let mut columns = Vec::new();
    for n in sizes {
        columns.push((n, measured(&receiver, n).await));
    }
    println!("\n{}", figures::table(&columns));
}
