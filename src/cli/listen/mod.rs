//! `crow listen`: a receiver of webhooks on this machine that checks, shows and remembers what comes; `crow reconcile`: what was polled
//! against what was received.

mod receiver;
mod reconcile;

use super::arguments::listen::{Listen, Reconcile};
use super::diagnose::print;
use super::failure::Failure;
use super::profile::credential::{address, alone};
use super::remote::Place;
use super::{log, remote, settings};
use crate::ambient::Ambient;
use crate::domain::text::Untrusted;
use crate::monitor::history::History;
use crate::monitor::history::receipts::{Earlier, Receipt};
use receiver::{Desk, is_believed, router};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How often it is said that nothing came.
const QUIET: Duration = Duration::from_secs(300);

/// What is said at the end.
#[derive(Debug, Default)]
struct Tally {
    n_received: u64,
    n_believed: u64,
    n_repeated: u64,
    n_gaps: u64,
}

pub(super) async fn run(asked: Listen) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let secret = asked.secret_file.as_deref().map(|file| alone(file, "a signing secret")).transpose()?;
    let forward = asked.forward.as_deref().map(target).transpose()?;
    let history = history(&asked)?;
    let ambient = Ambient::real();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, asked.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(
            format!("cannot listen on {address}: {error}"),
            "choose another port with --port, 0 takes a free one",
        )
    })?;
    let address = listener.local_addr().map_err(|error| Failure::failed(error.to_string(), "try again"))?;
    let is_checked = secret.is_some();
    let (told, mut received) = mpsc::unbounded_channel();
    let desk = Arc::new(Desk { ambient: ambient.clone(), history, secret, forward, told });
    let serving = tokio::spawn(async move {
        // Accepting goes on after every error, so that this ends only with its task.
        let _ = axum::serve(listener, router(desk)).await;
    });
    print(&format!("listening on http://{address}"))?;
    if !is_checked {
        tracing::warn!("signatures are not checked; give the signing secret with --secret-file FILE");
    }
    let mut tally = Tally::default();
    let stop = super::serve::stop_signal()?;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            _ = &mut stop => break,
            came = received.recv() => match came {
                Some((receipt, earlier)) => {
                    tally.count(&receipt, earlier);
                    print(&shown(&receipt, earlier, asked.json))?;
                }
                None => break,
            },
            () = ambient.sleep(QUIET) => {
                tracing::info!("nothing came for {} s; {}", QUIET.as_secs(), tally.line());
            }
        }
    }
    serving.abort();
    tracing::info!("{}", tally.line());
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn reconcile(asked: Reconcile) -> Result<ExitCode, Failure> {
    log::to_stderr();
    let place = remote::place(&asked.remote)?;
    let history = open(&place.file()?)?;
    reconcile::run(&place, history, &asked).await
}

impl Tally {
    fn count(&mut self, receipt: &Receipt, earlier: Earlier) {
        self.n_received += 1;
        self.n_believed += u64::from(is_believed(&receipt.verdict));
        self.n_repeated += u64::from(earlier.n_same > 0);
        self.n_gaps += u64::from(gap(receipt, earlier).is_some());
    }

    fn line(&self) -> String {
        format!(
            "{} received, {} of them believed, {} repeated, {} with event numbers missing before them",
            self.n_received, self.n_believed, self.n_repeated, self.n_gaps
        )
    }
}

/// How many event numbers are missing before one: events of other types, other companies, or lost ones; reconcile tells which.
fn gap(receipt: &Receipt, earlier: Earlier) -> Option<i64> {
    let (id, newest) = (receipt.event?.0, earlier.newest?.0);
    Some(id - newest - 1).filter(|n| *n > 0)
}

fn shown(receipt: &Receipt, earlier: Earlier, json: bool) -> String {
    let event = receipt.event.map(|id| id.0);
    if json {
        return serde_json::json!({
            "schema": "crow.receipt/1", "receivedUtc": receipt.at, "eventId": event, "eventType": receipt.kind.inert(),
            "companyId": receipt.company, "deliveryId": receipt.delivery.as_ref().map(Untrusted::inert),
            "attempt": receipt.attempt, "verdict": receipt.verdict, "answered": receipt.answered,
            "elapsedMs": receipt.elapsed.as_millis(), "receivedBefore": earlier.n_same, "missingBefore": gap(receipt, earlier),
            "nBytes": receipt.body.len(),
        })
        .to_string();
    }
    let number = event.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let attempt = receipt.attempt.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let mut line = format!(
        "{}  {}  {:<24} event {number}  try {attempt}  {} bytes  {}",
        receipt.at.format("%H:%M:%S%.3f"),
        receipt.answered,
        receipt.kind.inert(),
        receipt.body.len(),
        Untrusted::new(receipt.verdict.as_str()).inert()
    );
    if earlier.n_same > 0 {
        line.push_str(&format!("  REPEATED, received {} times before", earlier.n_same));
    }
    if let Some(n) = gap(receipt, earlier) {
        line.push_str(&format!("  {n} event numbers before it did not come"));
    }
    line
}

/// Where everything is handed on to, with a client that follows nothing and sends no key of ours.
fn target(text: &str) -> Result<(reqwest::Client, url::Url), Failure> {
    let refused =
        |why: String| Failure::usage(format!("{text}: {why}"), "give the address of your receiver with --forward URL");
    let url = url::Url::parse(text).map_err(|error| refused(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it must begin with http:// or https://".to_owned()));
    }
    let client = crate::client::connection::plain().map_err(|error| refused(error.to_string()))?;
    Ok((client, url))
}

/// What is remembered of the platform that was named; of no profile's platform if none is named and there is no default one.
fn history(asked: &Listen) -> Result<History, Failure> {
    if let Some(url) = &asked.url {
        address(url)?;
        return open(&settings::state_dir()?.join(Place::file_at(url)));
    }
    let shelf = super::profile::shelf::Shelf::open()?;
    let name = asked.profile.as_deref().or(shelf.chosen());
    if let Some(name) = name {
        shelf.find(name)?;
    }
    open(&settings::state_dir()?.join(name.map_or_else(|| "listen.db".to_owned(), Place::file_of)))
}

fn open(path: &Path) -> Result<History, Failure> {
    let refused = |why: String| Failure::usage(format!("{}: {why}", path.display()), "set XDG_STATE_HOME elsewhere");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| refused(error.to_string()))?;
    }
    History::open(path).map_err(|error| refused(error.to_string()))
}
