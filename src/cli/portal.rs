//! Platform that a command or the console talks to. With an operator token it is the platform itself; with keys alone
//! it is an observer in this process, which is reached over the loopback interface like any platform.

use super::arguments::target::TargetArgs;
use super::failure::CommandFailure;
use super::output;
use super::profile::profile_store::DEFAULT_BUDGET_PERCENT;
use super::remote::{PlatformTarget, resolve_target};
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::{self, RuntimeEnv};
use crate::domain::outbound::SecretGate;
use crate::domain::secret::Secret;
use crate::history::PlatformHistory;
use crate::http::exposure::ServerExposure;
use crate::observer::handle::PlatformObserver;
use crate::observer::keyed_client::RateLimitedClient;
use crate::observer::server;
use crate::sync::visibility::source_remark;
use crate::wire::coverage::PlatformCoverage;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Maximum time that a command waits for an observed platform, before it answers with what is stored.
const POLL_ONCE_LIMIT: Duration = Duration::from_secs(12);
/// Name of the operator that this process is for its own observer.
const SESSION_NAME: &str = "this console";

/// Platform that is connected: its client, and the observer behind the client where keys are the only credentials. The
/// observer ends when this value is dropped.
#[derive(Debug)]
pub(super) struct ConnectedPlatform {
    client: PlatformClient,
    /// Secrets beside the client's own credential that no text may carry.
    secrets: Arc<[Secret]>,
    observer: Option<LocalObserver>,
}

impl Deref for ConnectedPlatform {
    type Target = PlatformClient;

    fn deref(&self) -> &PlatformClient {
        &self.client
    }
}

/// Observer of a platform in this process.
#[derive(Debug)]
struct LocalObserver {
    observer: PlatformObserver,
    tasks: Vec<JoinHandle<()>>,
    /// Stops the server when it is dropped.
    _stop: watch::Sender<bool>,
    /// Folder of a history that lasts as long as this process.
    _folder: Option<TempDir>,
}

impl Drop for LocalObserver {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Connects a command to the chosen platform. A platform that is observed is polled once, where the stored data is due;
/// how old it is and why is said on stderr.
///
/// # Errors
///
/// [`CommandFailure`] when nothing is known of an observed platform.
pub(super) async fn connect(remote: &TargetArgs) -> Result<ConnectedPlatform, CommandFailure> {
    let platform = attach(remote).await?;
    match platform.silence() {
        None => Ok(platform),
        Some(PlatformSilence::Unanswered(why)) => Err(CommandFailure::failed(
            format!("nothing is known of {}: {why}", platform.base()),
            "check the address, the key and its scopes",
        )),
        Some(PlatformSilence::NotPermitted) => Err(CommandFailure::usage(
            format!("nothing is known of {}: no key may read events or subscriptions", platform.base()),
            "add a key with events:read or webhooks:write",
        )),
    }
}

/// Connects a command, as [`connect`] does, that reports itself what is not known.
pub(super) async fn attach(remote: &TargetArgs) -> Result<ConnectedPlatform, CommandFailure> {
    let platform = open(resolve_target(remote)?).await?;
    platform.poll_once().await;
    if let Some(local) = &platform.observer
        && let Some(remark) = source_remark(local.observer.overview().coverage.as_ref())
    {
        output::remark(&format!("crow: {remark}"));
    }
    Ok(platform)
}

/// Connects a command that stays, and that observes the platform as long as it does.
pub(super) async fn follow(remote: &TargetArgs) -> Result<ConnectedPlatform, CommandFailure> {
    let mut platform = open(resolve_target(remote)?).await?;
    platform.keep_polling();
    Ok(platform)
}

/// Connects to a platform: to its Portal API with the operator token, otherwise to an observer with the keys, which
/// does not poll yet.
pub(super) async fn open(place: PlatformTarget) -> Result<ConnectedPlatform, CommandFailure> {
    open_detected(if place.keys.is_empty() { place } else { place.detect_portal().await? }).await
}

/// Connects to a platform, as [`open`] does, of which it is known whether it has a Portal API.
pub(super) async fn open_detected(place: PlatformTarget) -> Result<ConnectedPlatform, CommandFailure> {
    if place.token.is_some() {
        return Ok(ConnectedPlatform::of_client(place.client()?));
    }
    observe(place).await
}

/// Starts an observer with the keys of a platform, and connects to it.
async fn observe(place: PlatformTarget) -> Result<ConnectedPlatform, CommandFailure> {
    let (history, folder) = open_history(place.state_file()).await?;
    let (platform, ambient) = (place.url.clone(), RuntimeEnv::real());
    let (observer, secrets) = observer_on(history, place, &ambient)?;
    let refused = |error: std::io::Error| {
        CommandFailure::failed(format!("cannot listen on the loopback interface: {error}"), "try again")
    };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let token = observer.operators().mint_session_token(&ambient, SESSION_NAME);
    let (stop, stopped) = watch::channel(false);
    let serving = clock::spawn(server::serve(listener, observer.clone(), ServerExposure::default(), stopped));
    let client = PlatformClient::new(&format!("http://{address}"), ClientCredential::Operator(token))
        .map_err(|error| CommandFailure::failed(error.to_string(), "try again"))?
        .observing(&platform);
    let local = LocalObserver { observer, tasks: vec![serving], _stop: stop, _folder: folder };
    Ok(ConnectedPlatform { client, secrets, observer: Some(local) })
}

/// Creates an observer with the keys of a platform, on its history, for a service that others attach to.
///
/// # Errors
///
/// [`CommandFailure`] when there is no key, or the history cannot be kept.
pub(super) async fn keeping_observer(place: PlatformTarget) -> Result<PlatformObserver, CommandFailure> {
    let file = place.state_file()?;
    let opened = tokio::task::spawn_blocking(move || open_kept(&file)).await;
    let history = opened.unwrap_or_else(|error| Err(error.to_string())).map_err(|why| {
        CommandFailure::failed(format!("observations cannot be stored: {why}"), "free space, or repair the file")
    })?;
    observer_on(history, place, &RuntimeEnv::real()).map(|(observer, _)| observer)
}

/// Creates an observer with the keys of a platform, and returns it with the keys, which no text may carry.
fn observer_on(
    history: PlatformHistory,
    place: PlatformTarget,
    ambient: &RuntimeEnv,
) -> Result<(PlatformObserver, Arc<[Secret]>), CommandFailure> {
    let holders = place.observer_keys()?;
    if holders.is_empty() {
        return Err(place.without_credential());
    }
    let percent = place.profile.as_ref().map_or(DEFAULT_BUDGET_PERCENT, |profile| profile.budget_percent);
    let secrets: Arc<[Secret]> = place.keys.into_iter().map(|(_, key)| key).collect();
    let calls = RateLimitedClient::new(holders, ambient.clone(), history, percent);
    Ok((PlatformObserver::new(calls, ambient.clone(), Arc::clone(&secrets)), secrets))
}

/// Opens the history in a file, and creates its folder.
fn open_kept(file: &Path) -> Result<PlatformHistory, String> {
    let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.map_err(|error| error.to_string())?;
    PlatformHistory::open(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Opens the history of a platform; one that lasts as long as this process if the file cannot be used.
async fn open_history(
    file: Result<PathBuf, CommandFailure>,
) -> Result<(PlatformHistory, Option<TempDir>), CommandFailure> {
    let refused = |why: String| CommandFailure::failed(why, "free space in TMPDIR");
    let opened = tokio::task::spawn_blocking(move || {
        match file.map_err(|failure| failure.to_string()).and_then(|file| open_kept(&file)) {
            Ok(history) => Ok((history, None)),
            Err(why) => {
                tracing::warn!(%why, "observations cannot be stored");
                let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
                let history = PlatformHistory::open(&folder.path().join("history.db"));
                Ok((history.map_err(|error| error.to_string())?, Some(folder)))
            }
        }
    });
    opened.await.map_err(|error| refused(error.to_string()))?.map_err(refused)
}

impl ConnectedPlatform {
    /// Wraps the client of a platform that answers itself.
    pub(super) fn of_client(client: PlatformClient) -> Self {
        Self { client, secrets: Arc::default(), observer: None }
    }

    /// Returns the client of the platform, or of the observer that answers for it.
    pub(super) const fn client(&self) -> &PlatformClient {
        &self.client
    }

    /// Builds the secret scan that every outgoing document passes. It knows the credentials of the platform, and finds
    /// them.
    pub(super) fn secret_gate(&self) -> SecretGate {
        let (ClientCredential::Operator(secret) | ClientCredential::Key(secret)) = self.client.credential();
        SecretGate::new(std::iter::once(secret).chain(self.secrets.iter()))
    }

    /// Returns the secrets beside the client's own credential that no text may carry.
    pub(super) fn secrets(&self) -> &Arc<[Secret]> {
        &self.secrets
    }

    /// Returns the history of an observed platform.
    pub(super) fn history(&self) -> Option<&PlatformHistory> {
        self.observer.as_ref().map(|local| local.observer.history())
    }

    /// Polls an observed platform once, where its stored data is due.
    pub(super) async fn poll_once(&self) {
        if let Some(local) = &self.observer {
            local.observer.poll_once(POLL_ONCE_LIMIT).await;
        }
    }

    /// Polls an observed platform until this value is dropped.
    pub(super) fn keep_polling(&mut self) {
        if let Some(local) = &mut self.observer {
            local.tasks.push(local.observer.start_polling());
        }
    }

    /// Reason why nothing is known of an observed platform; `None` if something is, or if the platform answers itself.
    fn silence(&self) -> Option<PlatformSilence> {
        let overview = self.observer.as_ref()?.observer.overview();
        find_silence(overview.coverage.as_ref())
    }
}

/// Reason why nothing is known of an observed platform.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlatformSilence {
    /// No call was answered, for this reason.
    Unanswered(String),
    /// The platform answers, and lets no key read a list.
    NotPermitted,
}

/// Finds why nothing is known of an observed platform; `None` if a list was ever read, or if the platform answers itself.
pub(super) fn find_silence(coverage: Option<&PlatformCoverage>) -> Option<PlatformSilence> {
    let source = coverage?.source.as_ref().filter(|source| source.heard_utc.is_none())?;
    let failure = source.failure.as_ref();
    Some(failure.map_or(PlatformSilence::NotPermitted, |failure| PlatformSilence::Unanswered(failure.why.sanitized())))
}
