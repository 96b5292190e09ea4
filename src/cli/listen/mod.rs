//! `crow listen`: a local receiver that verifies, shows and records webhooks. `crow reconcile`: compares the
//! platform's events with what was received.

mod forward;
mod receiver;
mod reconcile;

use super::arguments::listen::{ListenArgs, ReconcileArgs};
use super::failure::CommandFailure;
use super::output::print_safe;
use super::profile::credential::{parse_platform_url, read_single_secret};
use super::remote::PlatformTarget;
use super::{log, remote, settings};
use crate::clock::{self, RuntimeEnv};
use crate::domain::text::Untrusted;
use crate::history::PlatformHistory;
use crate::history::receipts::counts_as_received;
use forward::DeliveryForwarder;
use receiver::{DeliveryArrival, ListenReceiverState, router};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// Interval after which the log says that nothing arrived.
const QUIET_INTERVAL: Duration = Duration::from_secs(300);
/// Maximum time for open requests after the signal to stop; forwarding takes at most 9 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(11);

/// Counters that are shown at the end.
#[derive(Debug, Default)]
struct ListenSummary {
    n_received: u64,
    n_believed: u64,
    n_repeated: u64,
    n_gaps: u64,
}

pub(super) async fn run(asked: ListenArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let secret = asked.secret_file.as_deref().map(|file| read_single_secret(file, "a signing secret")).transpose()?;
    let forward = asked.forward.as_deref().map(|to| DeliveryForwarder::new(to, &asked.trust_ca)).transpose()?;
    let history = open_history(&asked)?;
    let ambient = RuntimeEnv::real();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, asked.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        CommandFailure::usage(
            format!("cannot listen on {address}: {error}"),
            "choose another port with --port; 0 picks a free one",
        )
    })?;
    let address = listener.local_addr().map_err(|error| CommandFailure::failed(error.to_string(), "try again"))?;
    let is_checked = secret.is_some();
    let (told, mut received) = mpsc::unbounded_channel();
    let desk = Arc::new(ListenReceiverState::new(ambient.clone(), history, secret, forward, told));
    let stopping = Arc::new(Notify::new());
    let stop_serving = Arc::clone(&stopping);
    let serving = clock::spawn(async move {
        // Open requests finish after the stop signal; then the last sender of arrivals is dropped, which ends the
        // drain below.
        let stopped = async move { stop_serving.notified().await };
        let _ = axum::serve(listener, router(desk)).with_graceful_shutdown(stopped).await;
    });
    print_safe(&format!("listening on http://{address}"))?;
    if !is_checked {
        tracing::warn!("signatures are not verified; give the signing secret with --secret-file FILE");
    }
    let mut tally = ListenSummary::default();
    let stop = super::serve::stop_signal()?;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            came = received.recv() => match came {
                Some(arrival) => tally.show(&arrival, asked.json)?,
                None => break,
            },
            () = ambient.sleep(QUIET_INTERVAL) => {
                tracing::info!("no delivery for {} s; {}", QUIET_INTERVAL.as_secs(), tally.line());
            }
        }
    }
    stopping.notify_one();
    let rest = async {
        while let Some(arrival) = received.recv().await {
            tally.show(&arrival, asked.json)?;
        }
        Ok::<(), CommandFailure>(())
    };
    let finished = ambient.timeout(STOP_TIMEOUT, rest).await;
    serving.abort();
    finished.unwrap_or_else(|| {
        tracing::warn!("open requests did not finish within {} s and are aborted", STOP_TIMEOUT.as_secs());
        Ok(())
    })?;
    tracing::info!("{}", tally.line());
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn reconcile(asked: ReconcileArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let place = remote::resolve_target(&asked.remote)?;
    let history = open_history_at(&place.state_file()?)?;
    reconcile::run(&place, history, &asked).await
}

impl ListenSummary {
    /// Prints an arrival and counts it.
    fn show(&mut self, arrival: &DeliveryArrival, json: bool) -> Result<(), CommandFailure> {
        self.n_received += 1;
        self.n_believed += u64::from(counts_as_received(&arrival.verdict));
        self.n_repeated += u64::from(arrival.n_repeated() > 0);
        self.n_gaps += u64::from(arrival.gap().is_some());
        print_safe(&if json { arrival.json() } else { arrival.line() })
    }

    fn line(&self) -> String {
        format!(
            "{} received, {} accepted, {} repeated, {} after a gap in event ids",
            self.n_received, self.n_believed, self.n_repeated, self.n_gaps
        )
    }
}

impl DeliveryArrival {
    /// Returns how often the same event was received before; 0 for a test delivery, which has no event.
    fn n_repeated(&self) -> u64 {
        if self.event.is_some_and(|id| id > 0) { self.earlier.n_same } else { 0 }
    }

    /// Returns how many event numbers are missing before this one: events of other types or companies, or lost ones.
    /// `crow reconcile` tells which.
    fn gap(&self) -> Option<i64> {
        let (id, newest) = (self.event?, self.earlier.newest?.0);
        Some(id - newest - 1).filter(|n| *n > 0)
    }

    fn json(&self) -> String {
        serde_json::json!({
            "schema": "crow.receipt/1", "receivedUtc": self.at, "eventId": self.event, "eventType": self.kind.sanitized(),
            "companyId": self.company, "deliveryId": self.delivery.as_ref().map(Untrusted::sanitized),
            "attempt": self.attempt, "verdict": self.verdict, "answered": self.answered,
            "elapsedMs": self.elapsed.as_millis(), "receivedBefore": self.n_repeated(), "missingBefore": self.gap(),
            "nBytes": self.n_bytes,
        })
        .to_string()
    }

    fn line(&self) -> String {
        let number = self.event.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let attempt = self.attempt.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let mut line = format!(
            "{}  {}  {:<24} event {number}  try {attempt}  {} bytes  {}",
            self.at.format("%H:%M:%S%.3f"),
            self.answered,
            self.kind.sanitized(),
            self.n_bytes,
            Untrusted::new(self.verdict.as_str()).sanitized()
        );
        if self.n_repeated() > 0 {
            line.push_str(&format!("  REPEATED, received before: {}", self.n_repeated()));
        }
        if let Some(n) = self.gap() {
            line.push_str(&format!("  {} missing before", crate::text::count(n, "event id")));
        }
        line
    }
}

/// Opens the history of the chosen platform; without a profile or address, one that belongs to no platform.
fn open_history(asked: &ListenArgs) -> Result<PlatformHistory, CommandFailure> {
    if let Some(url) = &asked.url {
        parse_platform_url(url)?;
        return open_history_at(&settings::state_dir()?.join(PlatformTarget::url_state_file(url)));
    }
    let shelf = super::profile::profile_store::ProfileStore::open()?;
    let name = asked.profile.as_deref().or(shelf.default_name());
    if let Some(name) = name {
        shelf.find(name)?;
    }
    open_history_at(
        &settings::state_dir()?.join(name.map_or_else(|| "listen.db".to_owned(), PlatformTarget::profile_state_file)),
    )
}

fn open_history_at(path: &Path) -> Result<PlatformHistory, CommandFailure> {
    let refused =
        |why: String| CommandFailure::usage(format!("{}: {why}", path.display()), "set XDG_STATE_HOME elsewhere");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| refused(error.to_string()))?;
    }
    PlatformHistory::open(path).map_err(|error| refused(error.to_string()))
}
