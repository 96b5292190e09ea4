//! Start, background tasks and stop of a platform.

use super::audit;
use super::credentials::{ApiKeyCache, OperatorTokenCache, new_token};
use super::dispatch_notices::DispatchNotices;
use super::error::Error;
use super::flight_board::FlightBoard;
use super::handle::{Engine, EngineInner};
use super::master_key;
use super::pending_revocations::PendingRevocations;
use super::rate_limiter::RateLimiter;
use super::request_log;
use super::sender::Sender;
use super::settings::EngineSettings;
use super::vault::{AuditChaining, KeyProof, Vault};
use super::{dispatcher, event_quota, files, housekeeping, log_quota, numbers, replayer, retention, work_gate};
use crate::clock::{self, RuntimeEnv};
use crate::domain::operator::OperatorRole;
use crate::domain::window::RateWindow;
use crate::store::{self, PlatformStore};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, watch};

impl Engine {
    /// Opens the platform in its data directory, or initialises a new one there. Initialisation creates an admin
    /// operator and writes its token, alone on one line, to `operator.token` (mode 0600). A platform whose storage
    /// refuses writes opens read-only and resumes writing when the storage accepts writes again.
    ///
    /// # Errors
    /// [`Error::DatabaseMissing`], [`Error::MasterKeyMissing`] or [`Error::Io`] when the directory is incomplete or not accessible;
    /// [`Error::UnsealFailed`] for a wrong master key; [`Error::Store`] when the database is in use by another process,
    /// foreign, damaged or newer than this program; [`Error::StorageFull`] when a new platform cannot be written.
    pub async fn open(settings: EngineSettings, ambient: RuntimeEnv) -> Result<Self, Error> {
        let dir = settings.data_dir.clone();
        make_dir(&dir)?;
        check_database_present(&dir)?;
        let store = open_store(dir.clone()).await?;
        let proof = store.read(KeyProof::read).await?;
        let vault = Vault::open(&dir, &settings.master_key_source, &proof, &ambient)?;
        master_key::finish_key_change(&dir, vault.master_key())?;
        let now = ambient.now();
        complete_first_start(&store, &dir, &vault, &ambient).await?;
        numbers::start_numbering(&store, &dir, &vault, &ambient).await?;
        let released = store
            .write(move |connection| {
                store::deliveries::release_all(connection)?;
                store::deliveries::clamp_due(connection, now)
            })
            .await;
        match released.map_err(Error::from) {
            // Claims left by the previous process are released when their leases expire; nothing is sent before
            // storage accepts writes.
            Err(Error::StorageFull(_)) => {}
            released => released.map(drop)?,
        }
        // The flushed windows of the current minute are loaded, so that a restart does not refill the rate limits.
        let (keys, operators, used) = store
            .read(move |connection| {
                let used = store::windows::list_since(connection, RateWindow::current_empty(now).start)?;
                Ok::<_, store::Error>((store::keys::all(connection)?, store::operators::list_active(connection)?, used))
            })
            .await?;
        let (keyring, tokens, windows) =
            (ApiKeyCache::load(keys), OperatorTokenCache::load(operators), RateLimiter::load(used));
        let sender = Sender::new(settings.target_policy, &settings.egress)?;
        let shared = EngineInner {
            settings,
            request_log: request_log::RequestLog::new(&ambient),
            poll_watch: Mutex::default(),
            flight_board: Arc::new(FlightBoard::new(&ambient)),
            ambient,
            partner_store: store.low_priority(),
            store,
            vault,
            api_keys: keyring,
            operator_tokens: tokens,
            rate_limiter: windows,
            pending_revocations: PendingRevocations::default(),
            sender,
            work_gate: work_gate::WorkGate::new(),
            dispatch_notices: DispatchNotices::default(),
            replayer_wakeup: Notify::new(),
            changes: watch::Sender::new(0),
            status: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs the background tasks until `stop` becomes true: dispatcher, replayer, retention, quotas and
    /// housekeeping. The dispatcher drains attempts in flight first; housekeeping stops last and flushes buffered
    /// windows and requests. Then closes the database. Servers must stop before.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        let (end, ended) = watch::channel(false);
        let clerk = clock::spawn(housekeeping::run(self.clone(), ended));
        let replayer = clock::spawn(replayer::run(self.clone(), stop.clone()));
        let retention = clock::spawn(retention::run(self.clone(), stop.clone()));
        let log_quota = clock::spawn(log_quota::run(self.clone(), stop.clone()));
        let event_quota = clock::spawn(event_quota::run(self.clone(), stop.clone()));
        dispatcher::run(self.clone(), stop).await;
        let _ = (replayer.await, retention.await, log_quota.await, event_quota.await);
        end.send_replace(true);
        let _ = clerk.await;
        let store = self.shared.store.clone();
        numbers::record_clean_stop(&store, &self.shared.settings.data_dir).await;
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }
}

pub(super) fn make_dir(dir: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| Error::Io { path: dir.to_owned(), source })
}

/// Opens the database on a blocking thread.
async fn open_store(dir: PathBuf) -> Result<PlatformStore, Error> {
    let opened = tokio::task::spawn_blocking(move || PlatformStore::open(&dir)).await;
    Ok(opened.map_err(|_| Error::Contended)??)
}

/// Completes the first start: creates the admin operator and writes its token file. Also moves the pepper into the
/// database and puts the audit trail under a keyed MAC on platforms created before either existed.
async fn complete_first_start(
    store: &PlatformStore,
    dir: &Path,
    vault: &Vault,
    ambient: &RuntimeEnv,
) -> Result<(), Error> {
    let operators = store.read(store::operators::list_all).await?;
    let admin = if operators.is_empty() {
        let token = new_token(ambient);
        files::write_private(&files::token_file(dir), &format!("{}\n", token.reveal()))?;
        Some((vault.hash(token.reveal()), ambient.now()))
    } else {
        None
    };
    if admin.is_none() && vault.audit_chaining() == AuditChaining::Keyed {
        return Ok(());
    }
    let (vault, ambient) = (vault.clone(), ambient.clone());
    store
        .write(move |connection| {
            audit::upgrade_audit_chain(connection, &vault, &ambient)?;
            if let Some((hash, now)) = admin {
                store::operators::insert(connection, "admin", OperatorRole::Admin, &hash, now)?;
            }
            Ok(())
        })
        .await
}

/// Size of the smallest SQLite database in bytes; SQLite opens a shorter file as an empty database.
const MIN_DATABASE_BYTES: u64 = 512;

/// Refuses to initialise a platform where a key or token file is left but the database is missing: a new, empty
/// database would hide the loss.
fn check_database_present(dir: &Path) -> Result<(), Error> {
    let database = store::database(dir);
    let left = [master_key::key_file(dir), files::token_file(dir)].into_iter().find(|path| path.exists());
    let is_gone = std::fs::metadata(&database).map_or(true, |file| file.len() < MIN_DATABASE_BYTES);
    match left {
        Some(key) if is_gone => Err(Error::DatabaseMissing { database, key }),
        _ => Ok(()),
    }
}
