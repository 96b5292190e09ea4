//! The platform without a network: authentication, rate limiter, one file of operations per noun, dispatcher, sender
//! and background tasks. Invariants of delivery and storage are explained in `docs/internals/reliability.md`.

pub mod affiliates;
pub mod alerts;
pub mod attempts;
pub mod audit;
pub mod auth;
pub mod caller;
mod claim;
pub mod clients;
pub mod delivery_log;
mod dispatch_transaction;
mod dispatcher;
pub mod dns;
pub mod egress;
mod envelope;
pub mod event_quota;
pub mod events;
mod fields;
pub mod files;
mod housekeeping;
pub mod idempotency;
pub mod keys;
pub mod log_quota;
pub mod maintenance;
pub mod master_key;
pub mod metrics;
pub mod notes;
mod numbers;
pub mod operators;
pub mod overview;
pub mod partner_subscriptions;
mod rate_limiter;
mod replayer;
pub mod replays;
mod request_log;
pub mod requests;
pub mod resends;
pub mod retention;
pub mod revisions;
pub mod revocations;
pub mod samples;
pub mod secret_scan;
mod sender;
mod settle;
pub mod signature_debugger;
pub mod stats;
pub mod subscriptions;
mod vault;
mod work_gate;

use crate::clock::RuntimeEnv;
use crate::domain::delivery::RetryPolicy;
use crate::domain::ids::SubscriptionId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::secret::Secret;
use crate::domain::target::TargetPolicy;
use crate::domain::window::RateWindow;
use crate::store;
use crate::store::{PlatformStore, StoreErrorClass};
use auth::{ApiKeyCache, OperatorTokenCache};
use caller::{Actor, Caller};
use egress::EgressConfig;
use master_key::MasterKeySource;
use rate_limiter::RateLimiter;
use revocations::PendingRevocations;
use sender::Sender;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use vault::{AuditChaining, KeyProof, Vault};

/// Default limit of subscriptions per company.
pub const MAX_SUBSCRIPTIONS: u32 = 100;

/// Configuration of a platform, fixed while [`Engine`] runs.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Data directory with the database, keys and token file; created with mode 0700 if absent.
    pub data_dir: PathBuf,
    /// Webhook targets that are permitted: public HTTPS only, or private addresses and `http` too.
    pub target_policy: TargetPolicy,
    /// Retry schedule of failed deliveries, stored with each delivery.
    pub retry_schedule: RetryPolicy,
    /// Retention of attempts, requests, finished deliveries and their events; nothing expires if absent.
    pub retain_for: Option<Duration>,
    /// Limit of the request log in bytes; the oldest rows beyond this limit are deleted.
    pub request_log_limit: u64,
    /// Quota of the delivery log in bytes per company; beyond this quota the oldest attempts lose bodies and headers.
    pub delivery_log_quota: u64,
    /// Quota of stored events in bytes per company; near this quota the oldest events are deleted whose deliveries have
    /// ended, and an event beyond it is refused.
    pub event_quota: u64,
    /// Limit of subscriptions per company.
    pub max_subscriptions: u32,
    /// Network configuration of the webhook sender.
    pub egress: EgressConfig,
    /// Source of the platform's master key.
    pub master_key_source: MasterKeySource,
}

/// Error of an engine operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The named record does not exist.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The record belongs to another company.
    #[error("the {0} belongs to another company")]
    OtherCompany(&'static str),
    /// The request breaks validation rules; every invalid field is listed.
    #[error("{} is not valid", .0.first().map_or("the request", |fault| fault.field))]
    Invalid(Vec<FieldError>),
    /// The envelope of an event, which is also the body of its webhooks, exceeds the limit of a webhook body.
    #[error("the event's envelope would have {n_bytes} bytes; a webhook has at most {}", envelope::MAX_ENVELOPE_BYTES)]
    EnvelopeTooLarge {
        /// Size that the envelope would have, in bytes.
        n_bytes: usize,
    },
    /// A tool manages the subscription; a key other than the creating key may only change `isEnabled`.
    #[error(
        "this subscription is managed by {0}; a key other than its creator may only change isEnabled, and delete it once that key \
         is revoked"
    )]
    ManagedSubscription(String),
    /// The idempotency key was used with another request within 24 hours.
    #[error("this Idempotency-Key was used with another request; use a new one for each record")]
    IdempotencyConflict,
    /// The idempotency key created a subscription that was deleted since, so its signing secret is lost.
    #[error("this Idempotency-Key created subscription {0}, which was deleted since; use a new one to create another")]
    IdempotencyTargetDeleted(SubscriptionId),
    /// The company has reached a quota.
    #[error("this company has {limit} {what}, the maximum; delete one, or ask the platform's operators for more")]
    QuotaReached {
        /// Plural noun of the limited records.
        what: &'static str,
        /// Maximum number of these records per company.
        limit: u32,
    },
    /// The stored events of the company have reached their quota.
    #[error(
        "the stored events of this company have {limit} bytes, the maximum; an event goes an hour after its publication if its \
         deliveries have ended: deliver or delete what is on hold or missed, or ask the platform's operators for more"
    )]
    EventQuotaReached {
        /// Maximum size of the stored events per company, in bytes.
        limit: u64,
    },
    /// The write queue is full, a work permit was not free in time, a scan took too long, or the platform is stopping.
    #[error("the platform is busy; try again in a moment")]
    Contended,
    /// Nothing can be written at present; the inner error names the reason, such as a full disk.
    #[error(transparent)]
    StorageFull(store::Error),
    /// The process has reached its limit of open files.
    #[error("no file descriptors left")]
    DescriptorsExhausted,
    /// The database failed for a reason other than space, contention or descriptors.
    #[error(transparent)]
    Store(store::Error),
    /// A file beside the database could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Path of the affected file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A sealed value does not open: another master key sealed the value, or the value was edited or moved to another
    /// row.
    #[error(
        "{place} in the database cannot be decrypted with the key in {key}; the key was replaced, or the database edited"
    )]
    UnsealFailed {
        /// Table, row and column of the value.
        place: String,
        /// Origin of the master key that was tried.
        key: String,
    },
    /// The text that should be a master key is not one.
    #[error("{0} is not a platform key (64 hexadecimal digits)")]
    InvalidMasterKey(String),
    /// The master key file of an existing platform is missing.
    #[error("{} is missing; without it no key, token or signing secret can be verified", .0.display())]
    MasterKeyMissing(PathBuf),
    /// The database of an existing platform is missing or truncated.
    #[error("{} is missing or truncated, but {} shows that a platform was set up here", database.display(), key.display())]
    DatabaseMissing {
        /// Expected path of the database.
        database: PathBuf,
        /// Remaining file that proves a platform existed here.
        key: PathBuf,
    },
    /// The destination file exists and is not to be overwritten.
    #[error("{} already exists", .0.display())]
    FileExists(PathBuf),
    /// The contents of a backup do not match its authentication code.
    #[error("{} is not the backup that {} was made for, or was made with another key than the one in {key}", path.display(), code.display())]
    BackupForged {
        /// Path of the backup file.
        path: PathBuf,
        /// Path of the file with the authentication code.
        code: PathBuf,
        /// Origin of the master key that was tried.
        key: String,
    },
    /// A backup has no file with an authentication code.
    #[error("{} is missing, so the backup's origin cannot be verified", .0.display())]
    BackupCodeMissing(PathBuf),
    /// A database, or a copy of one, is damaged.
    #[error("{} is damaged: {fault}", path.display())]
    DatabaseDamaged {
        /// Path of the damaged or copied database.
        path: PathBuf,
        /// First problem found, or several joined by semicolons.
        fault: String,
    },
    /// The sender's TLS configuration could not be built.
    #[error("cannot set up the sender: {0}")]
    Sender(String),
}

/// Validation error of one field; the text continues a sentence that begins with the field's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field as the caller sent it.
    pub field: &'static str,
    /// Rule that the value breaks, worded as `must …`.
    pub text: String,
}

impl FieldError {
    /// Creates the validation error of a field.
    #[must_use]
    pub fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }
}

impl Error {
    /// Whether storage is unavailable at present and the same call may succeed later.
    const fn is_storage_unavailable(&self) -> bool {
        matches!(self, Self::StorageFull(_) | Self::DescriptorsExhausted | Self::Contended)
    }
}

impl<E: Into<store::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.class() {
            StoreErrorClass::Contended => Self::Contended,
            StoreErrorClass::Full => Self::StorageFull(error),
            StoreErrorClass::Descriptors => Self::DescriptorsExhausted,
            StoreErrorClass::Internal => Self::Store(error),
        }
    }
}

impl store::TransactionError for Error {
    fn store_error(&self) -> Option<&store::Error> {
        match self {
            Self::StorageFull(error) | Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Handle of the platform; clones share one state.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<EngineInner>,
}

#[derive(Debug)]
struct EngineInner {
    settings: EngineSettings,
    ambient: RuntimeEnv,
    store: PlatformStore,
    /// Handle of the same database with the lower write priority of partner calls.
    partner_store: PlatformStore,
    vault: Vault,
    api_keys: ApiKeyCache,
    operator_tokens: OperatorTokenCache,
    rate_limiter: RateLimiter,
    pending_revocations: PendingRevocations,
    request_log: request_log::RequestLog,
    sender: Sender,
    work_gate: work_gate::WorkGate,
    dispatcher_wakeup: Notify,
    /// Wakes the replayer when a replay may continue.
    replayer_wakeup: Notify,
    changes: watch::Sender<u64>,
    status: Mutex<EngineStatus>,
}

/// State of the background tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineStatus {
    /// Whether the dispatcher task is running.
    pub is_dispatching: bool,
    /// Reason why dispatch is paused; absent while deliveries are sent.
    pub pause_reason: Option<String>,
    /// Reason of the last failed write, until a write succeeds. Dispatch is paused meanwhile.
    pub write_fault: Option<String>,
}

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
        files::check_database_present(&dir)?;
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
                let used = store::windows::list_since(connection, None, RateWindow::current_empty(now).start)?;
                Ok::<_, store::Error>((store::keys::all(connection)?, store::operators::list_active(connection)?, used))
            })
            .await?;
        let (keyring, tokens, windows) =
            (ApiKeyCache::load(keys), OperatorTokenCache::load(operators), RateLimiter::load(used));
        let sender = Sender::new(settings.target_policy, &settings.egress)?;
        let shared = EngineInner {
            settings,
            request_log: request_log::RequestLog::new(&ambient),
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
            dispatcher_wakeup: Notify::new(),
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
        let clerk = tokio::spawn(housekeeping::run(self.clone(), ended));
        let replayer = tokio::spawn(replayer::run(self.clone(), stop.clone()));
        let retention = tokio::spawn(retention::run(self.clone(), stop.clone()));
        let log_quota = tokio::spawn(log_quota::run(self.clone(), stop.clone()));
        let event_quota = tokio::spawn(event_quota::run(self.clone(), stop.clone()));
        dispatcher::run(self.clone(), stop).await;
        let _ = (replayer.await, retention.await, log_quota.await, event_quota.await);
        end.send_replace(true);
        let _ = clerk.await;
        let store = self.shared.store.clone();
        numbers::record_clean_stop(&store, &self.shared.settings.data_dir).await;
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }

    /// Clock and random source of the platform.
    #[must_use]
    pub fn ambient(&self) -> &RuntimeEnv {
        &self.shared.ambient
    }

    /// Configuration that the platform was opened with.
    #[must_use]
    pub fn settings(&self) -> &EngineSettings {
        &self.shared.settings
    }

    /// Subscribes to a counter that grows with every change an overview could show.
    #[must_use]
    pub fn subscribe_changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// State of the background tasks, with the current write fault.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        let status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let write_fault = self.shared.store.write_fault().map(|fault| fault.to_string());
        EngineStatus { pause_reason: write_fault.clone().or(status.pause_reason), write_fault, ..status }
    }

    /// Creates an admin token that exists only in the memory of this process.
    #[must_use]
    pub fn mint_operator(&self, name: &str) -> Secret {
        let token = auth::new_token(&self.shared.ambient);
        let operator =
            OperatorAccount { id: crate::domain::ids::OperatorId(0), name: name.to_owned(), role: OperatorRole::Admin };
        self.shared.operator_tokens.add(self.shared.vault.hash(token.reveal()), operator);
        token
    }

    /// Database handle with the write priority of the caller: partner or operator.
    fn store_for(&self, caller: &Caller) -> &PlatformStore {
        match caller.actor {
            Actor::Key(_) => &self.shared.partner_store,
            Actor::Operator(_) => &self.shared.store,
        }
    }

    fn set_status(&self, change: impl FnOnce(&mut EngineStatus)) {
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        let before = status.clone();
        change(&mut status);
        if *status != before {
            drop(status);
            self.mark_changed();
        }
    }

    fn mark_changed(&self) {
        self.shared.changes.send_modify(|cursor| *cursor += 1);
    }
}

fn make_dir(dir: &Path) -> Result<(), Error> {
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
        let token = auth::new_token(ambient);
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

#[cfg(test)]
mod tests;
