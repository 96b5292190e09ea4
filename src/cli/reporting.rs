//! Where `crow listen` and `crow relay` record: the history of the platform on this machine, or the outbox of reports to
//! an observer elsewhere.

use super::arguments::listen::ReportArgs;
use super::failure::CommandFailure;
use super::profile::credential::{check_transport, parse_platform_url, read_token};
use super::remote::PlatformTarget;
use super::settings;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::{self, RuntimeEnv};
use crate::domain::proxy::TrustedProxies;
use crate::history::PlatformHistory;
use crate::history::outbox::ReportOutbox;
use crate::http::exposure::{ProxyMode, ServerExposure, ServerReachability};
use crate::http::listen::{RequestHandler, accept_for_proxy};
use crate::relay::recorder::RecordSink;
use crate::relay::report_sender::{ConnectObserver, ReportSender};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Maximum time for the last records and reports when a proxy stops.
const LAST_RECORDS_TIMEOUT: Duration = Duration::from_secs(8);

/// Command that records what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordingCommand {
    /// `crow listen`: its records are the reason to run it.
    Listen,
    /// `crow relay`: passing calls on comes before recording them.
    Relay,
}

impl RecordingCommand {
    const fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Relay => "relay",
        }
    }
}

/// Place where a proxy records, with the task that sends reports, if any.
pub(super) struct Reporting {
    pub(super) sink: RecordSink,
    sender: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Reporting {
    /// Opens the history of the chosen platform, or the outbox of the observer that the arguments name.
    ///
    /// # Errors
    ///
    /// [`CommandFailure`] when the arguments cannot be used; when the file cannot be opened, unless the command passes
    /// messages on without a record.
    pub(super) fn open(
        asked: &ReportArgs,
        command: RecordingCommand,
        (profile, url): (Option<&str>, Option<&str>),
        ca_files: &[PathBuf],
        ambient: &RuntimeEnv,
    ) -> Result<Self, CommandFailure> {
        let opened = if let (Some(observer), Some(token)) = (&asked.report_to, &asked.token_file) {
            check_transport(observer, asked.allow_http)?;
            let connect = connector(observer.clone(), token.clone(), ca_files.to_vec());
            // A token that cannot be read, or an address that cannot be used, is reported at once.
            connect().map_err(|why| CommandFailure::usage(why, "check --report-to and --token-file"))?;
            let name = format!("outbox {} {}", command.name(), PlatformTarget::url_state_file(observer));
            let path = settings::state_dir()?.join(name);
            Self::open_outbox(&path, asked.report_buffer, connect, ambient)
        } else {
            let path = history_file(profile, url)?;
            open_history_at(&path).map(|history| Self { sink: RecordSink::History(history), sender: None })
        };
        match opened {
            Err(failure) if command == RecordingCommand::Relay => {
                let why = failure.description().to_owned();
                tracing::error!(why, "calls are forwarded but not recorded until the next start");
                Ok(Self { sink: RecordSink::Unavailable(why), sender: None })
            }
            opened => opened,
        }
    }

    fn open_outbox(
        path: &Path,
        limit: u64,
        connect: ConnectObserver,
        ambient: &RuntimeEnv,
    ) -> Result<Self, CommandFailure> {
        create_folder(path)?;
        let outbox = ReportOutbox::open(path, limit).map_err(|error| refused(path, &error.to_string()))?;
        let (wake, (stop, stopped)) = (Arc::new(Notify::new()), watch::channel(false));
        let sender = ReportSender::new(outbox.clone(), Arc::clone(&wake), connect, ambient.clone());
        let sending = clock::spawn(sender.run(stopped));
        Ok(Self { sink: RecordSink::Outbox(outbox, wake), sender: Some((stop, sending)) })
    }

    /// Waits until the last records are stored, then until the last reports are sent, for a limited time.
    pub(super) async fn finish(self, recording: JoinHandle<()>, ambient: &RuntimeEnv) {
        let finished = ambient
            .timeout(LAST_RECORDS_TIMEOUT, async {
                let _ = recording.await;
                if let Some((stop, sending)) = self.sender {
                    stop.send_replace(true);
                    let _ = sending.await;
                }
            })
            .await;
        if finished.is_none() {
            tracing::warn!("the last records were not stored or sent in time");
        }
        if let RecordSink::Outbox(outbox, _) = self.sink {
            outbox.close();
        }
    }
}

/// Creates clients of the observer; each reads the token anew, so that a replaced one is used.
fn connector(url: String, token: PathBuf, ca_files: Vec<PathBuf>) -> ConnectObserver {
    Box::new(move || {
        let token = read_token(&token).map_err(|failure| failure.description().to_owned())?;
        PlatformClient::trusting(&url, ClientCredential::Operator(token), &ca_files).map_err(|error| error.to_string())
    })
}

/// Returns the file with the history of the chosen platform; without a profile or address, one that belongs to no
/// platform.
fn history_file(profile: Option<&str>, url: Option<&str>) -> Result<PathBuf, CommandFailure> {
    if let Some(url) = url {
        parse_platform_url(url)?;
        return Ok(settings::state_dir()?.join(PlatformTarget::url_state_file(url)));
    }
    let shelf = super::profile::profile_store::ProfileStore::open()?;
    let name = profile.or(shelf.default_name());
    if let Some(name) = name {
        shelf.find(name)?;
    }
    let file = name.map_or_else(|| "listen.db".to_owned(), PlatformTarget::profile_state_file);
    Ok(settings::state_dir()?.join(file))
}

/// Opens a history; creates its folder if it is missing.
pub(super) fn open_history_at(path: &Path) -> Result<PlatformHistory, CommandFailure> {
    create_folder(path)?;
    PlatformHistory::open(path).map_err(|error| refused(path, &error.to_string()))
}

fn create_folder(path: &Path) -> Result<(), CommandFailure> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|error| refused(path, &error.to_string()))
}

fn refused(path: &Path, why: &str) -> CommandFailure {
    CommandFailure::usage(
        format!("{}: {why}", path.display()),
        "free space on that disk, or set XDG_STATE_HOME elsewhere",
    )
}

/// Bound address of a proxy, with the proxies that are trusted to name callers.
pub(super) struct BoundProxy {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) reachability: Arc<ServerReachability>,
}

impl BoundProxy {
    pub(super) async fn bind(address: SocketAddr, asked: &ReportArgs) -> Result<Self, CommandFailure> {
        let refused = |error: std::io::Error| {
            CommandFailure::usage(
                format!("cannot listen on {address}: {error}"),
                "choose another address with --bind; port 0 takes a free one",
            )
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        let proxied = if asked.trusted_proxy.is_empty() {
            ProxyMode::Direct
        } else {
            ProxyMode::Behind(TrustedProxies(asked.trusted_proxy.clone()))
        };
        let exposure = ServerExposure { proxied, ..ServerExposure::default() };
        Ok(Self { listener, address: bound, reachability: Arc::new(ServerReachability::new(Some(bound), exposure)) })
    }

    /// Serves until `stop` is set and the requests under way have ended.
    pub(super) fn serve(
        self,
        handler: RequestHandler,
        ambient: &RuntimeEnv,
        stop: watch::Receiver<bool>,
    ) -> JoinHandle<()> {
        let ambient = ambient.clone();
        clock::spawn(async move {
            accept_for_proxy(self.listener, handler, self.reachability, &ambient, stop).await;
        })
    }
}
