//! The platform without a network face: authentication, rate windows, one file of operations per noun, dispatcher, sender.

pub mod affiliates;
pub mod alerts;
pub mod attempts;
pub mod audit;
pub mod auth;
pub mod caller;
mod claim;
mod clerk;
pub mod clients;
mod dispatcher;
mod envelope;
pub mod events;
mod fields;
pub mod files;
pub mod gauges;
pub mod journal;
pub mod keys;
pub mod lab;
pub mod log_quota;
pub mod names;
pub mod notes;
mod numbers;
pub mod once;
pub mod operators;
pub mod overview;
pub mod reach;
mod replayer;
pub mod replays;
mod request_log;
pub mod requests;
pub mod resends;
pub mod retention;
pub mod revisions;
pub mod revocations;
pub mod root;
pub mod samples;
pub mod secretcheck;
mod sender;
mod settle;
pub mod stats;
pub mod subscribers;
pub mod subscriptions;
mod turn;
pub mod upkeep;
mod vault;
mod windows;
mod work_gate;

use crate::ambient::Ambient;
use crate::domain::delivery::Schedule;
use crate::domain::ids::SubscriptionId;
use crate::domain::operator::{Operator, Role};
use crate::domain::secret::Secret;
use crate::domain::target::Policy;
use crate::domain::window::Window;
use crate::store;
use crate::store::{Meaning, Store};
use auth::{Keyring, Tokens};
use caller::{Actor, Caller};
use reach::Reach;
use revocations::PendingRevocations;
use root::Custody;
use sender::Sender;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use vault::{Proof, Trail, Vault};
use windows::Windows;

/// Subscriptions that a company may have unless the platform is told otherwise.
pub const MAX_SUBSCRIPTIONS: u32 = 100;

/// How a platform is to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything is kept; created with mode 0700 if absent.
    pub data_dir: PathBuf,
    /// Which targets are permitted.
    pub policy: Policy,
    /// When failed deliveries are tried again.
    pub schedule: Schedule,
    /// How long attempts, requests, finished deliveries and their events are kept; for ever if absent.
    pub keep: Option<Duration>,
    /// Bytes that the request log may have; the oldest rows beyond that are deleted.
    pub request_log_limit: u64,
    /// Bytes of delivery log that a company may have: beyond that its oldest attempts give up bodies and headers.
    pub delivery_log_quota: u64,
    /// Subscriptions that a company may have.
    pub max_subscriptions: u32,
    /// What the sender is given of the world outside.
    pub reach: Reach,
    /// Where the platform's key is kept.
    pub custody: Custody,
}

/// What can go wrong with an operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// It belongs to another company.
    #[error("the {0} belongs to another company")]
    OtherCompany(&'static str),
    /// What was asked for breaks rules, field by field.
    #[error("{} is not valid", .0.first().map_or("the request", |fault| fault.field))]
    Invalid(Vec<Fault>),
    /// The envelope of an event, which is the body of its webhooks, would be larger than receivers were promised.
    #[error("the event's envelope would have {n_bytes} bytes; a webhook has at most {}", envelope::MAX_ENVELOPE_BYTES)]
    EnvelopeTooLarge {
        /// Bytes that it would have.
        n_bytes: usize,
    },
    /// A tool manages the subscription: a key other than the one that created it may only switch it.
    #[error(
        "this subscription is managed by {0}; a key other than the one that created it may only change isEnabled, and delete it once that key \
         is revoked"
    )]
    Managed(String),
    /// The name of a create was used for another one within a day.
    #[error("this Idempotency-Key was used with another request; use a new one for each record")]
    Repeated,
    /// The name of a create belongs to a subscription that is gone, and its secret with it.
    #[error("this Idempotency-Key created subscription {0}, which was deleted since; use a new one to create another")]
    RepeatedGone(SubscriptionId),
    /// The company has as many of something as it may have.
    #[error(
        "this company has {limit} {what}, which is all that it may have; delete one, or ask those who run the platform for more"
    )]
    QuotaReached {
        /// Of what.
        what: &'static str,
        /// How many it may have.
        limit: u32,
    },
    /// The write queue is full, or the platform is stopping.
    #[error("the platform is busy; try again in a moment")]
    Contended,
    /// Nothing can be written; the text is the reason.
    #[error(transparent)]
    StorageFull(store::Error),
    /// The process has as many files open as it may have.
    #[error("no file descriptors are left")]
    Descriptors,
    /// The database.
    #[error(transparent)]
    Store(store::Error),
    /// A file beside the database.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something sealed does not open: another key sealed it, or it was edited, or moved from its place.
    #[error(
        "{place} in the database does not open with the key in {key}; the key was replaced, or the database edited"
    )]
    Sealed {
        /// Table, row and column.
        place: String,
        /// Where the key came from.
        key: String,
    },
    /// What should be a key is none.
    #[error("{0} does not hold a key of this platform: 64 hexadecimal digits")]
    NotAKey(String),
    /// The key file of a platform that was founded earlier is gone.
    #[error("{} is missing, and without it no key, token or signing secret can be checked", .0.display())]
    KeyMissing(PathBuf),
    /// A platform was founded in the directory, and its database is gone.
    #[error("{} is missing or cut off, but {} shows that a platform was founded here", database.display(), key.display())]
    Lost {
        /// The database.
        database: PathBuf,
        /// What it left.
        key: PathBuf,
    },
    /// A file that is not to be replaced is there.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// A backup is not what its authentication code was made over.
    #[error("{} is not the backup that {} was made for, or was made with another key than the one in {key}", path.display(), code.display())]
    Forged {
        /// The backup.
        path: PathBuf,
        /// The file with its authentication code.
        code: PathBuf,
        /// Where the key came from.
        key: String,
    },
    /// A backup has no authentication code.
    #[error("{} is missing, so anybody could have made the backup", .0.display())]
    Unproven(PathBuf),
    /// A copy of a database is not whole.
    #[error("{} is damaged: {fault}", path.display())]
    Unsound {
        /// The file that was copied.
        path: PathBuf,
        /// The first thing wrong.
        fault: String,
    },
    /// The sender could not be set up.
    #[error("the sender cannot be set up: {0}")]
    Sender(String),
}

/// One field that breaks a rule; the text fits after the field's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub field: &'static str,
    /// What it must be.
    pub text: String,
}

impl Fault {
    /// A fault of a field.
    #[must_use]
    pub fn new(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }
}

impl Error {
    /// Whether storage took nothing, and may take the same later.
    const fn is_of_storage(&self) -> bool {
        matches!(self, Self::StorageFull(_) | Self::Descriptors | Self::Contended)
    }
}

impl<E: Into<store::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.meaning() {
            Meaning::Contended => Self::Contended,
            Meaning::Full => Self::StorageFull(error),
            Meaning::Descriptors => Self::Descriptors,
            Meaning::Broken => Self::Store(error),
        }
    }
}

impl store::WorkError for Error {
    fn of_store(&self) -> Option<&store::Error> {
        match self {
            Self::StorageFull(error) | Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// The platform; clones share it.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    ambient: Ambient,
    store: Store,
    /// The same, where a partner waits for the answer.
    partners: Store,
    vault: Vault,
    keyring: Keyring,
    tokens: Tokens,
    windows: Windows,
    revocations: PendingRevocations,
    log: request_log::RequestLog,
    sender: Sender,
    gate: work_gate::WorkGate,
    bell: Notify,
    /// Rung when a replay may go on.
    plans: Notify,
    changes: watch::Sender<u64>,
    status: Mutex<Status>,
}

/// What the background work says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Whether the dispatcher runs.
    pub is_dispatching: bool,
    /// Why dispatch is paused, if it is: the reason alone.
    pub paused: Option<String>,
    /// Why writes fail, if the last one did. Dispatch is paused then.
    pub write_fault: Option<String>,
}

impl Engine {
    /// Opens the platform in its data directory, or founds it there: then an admin operator is created whose token goes, alone on a line,
    /// to `operator.token` (mode 0600). A platform whose storage takes no writes is opened to be read, and writes again when it can.
    ///
    /// # Errors
    /// Everything about the directory and its files: in use by another process, foreign, damaged, newer; unwritable where a platform is founded.
    pub async fn open(settings: Settings, ambient: Ambient) -> Result<Self, Error> {
        let dir = settings.data_dir.clone();
        make_dir(&dir)?;
        check_not_lost(&dir)?;
        let store = open_store(dir.clone()).await?;
        let proof = store.read(Proof::of).await?;
        let vault = Vault::open(&dir, &settings.custody, &proof, &ambient)?;
        root::settle(&dir, vault.root())?;
        let now = ambient.now();
        found(&store, &dir, &vault, &ambient).await?;
        numbers::begin(&store, &dir, &vault, &ambient).await?;
        let released = store
            .write(move |connection| {
                if !cfg!(feature = "sabotage-k1") {
                    store::deliveries::release_all(connection)?;
                }
                store::deliveries::clamp_due(connection, now)?;
                store::requests::measure(connection)
            })
            .await;
        match released.map_err(Error::from) {
            // What was under way is released when its leases end; until storage takes writes nothing is sent in any case.
            Err(Error::StorageFull(_)) => {}
            released => released.map(drop)?,
        }
        let (keys, operators, used) = store
            .read(move |connection| {
                let used = store::windows::since(connection, None, Window::opening(now).start)?;
                Ok::<_, store::Error>((store::keys::all(connection)?, store::operators::all(connection)?, used))
            })
            .await?;
        let (keyring, tokens, windows) = (Keyring::load(keys), Tokens::load(operators), Windows::load(used));
        let sender = Sender::new(settings.policy, &settings.reach)?;
        let shared = Shared {
            settings,
            log: request_log::RequestLog::new(&ambient),
            ambient,
            partners: store.for_partners(),
            store,
            vault,
            keyring,
            tokens,
            windows,
            revocations: PendingRevocations::default(),
            sender,
            gate: work_gate::WorkGate::new(),
            bell: Notify::new(),
            plans: Notify::new(),
            changes: watch::Sender::new(0),
            status: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs the background work until `stop` says so: the dispatcher, which finishes what is under way, the replayer, what forgets the old, and the clerk, which writes down
    /// windows and requests to the last one. Then closes the database. Whoever serves calls stops first.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        let (end, ended) = watch::channel(false);
        let clerk = tokio::spawn(clerk::run(self.clone(), ended));
        let replayer = tokio::spawn(replayer::run(self.clone(), stop.clone()));
        let retention = tokio::spawn(retention::run(self.clone(), stop.clone()));
        let log_quota = tokio::spawn(log_quota::run(self.clone(), stop.clone()));
        dispatcher::run(self.clone(), stop).await;
        let _ = (replayer.await, retention.await, log_quota.await);
        end.send_replace(true);
        let _ = clerk.await;
        let store = self.shared.store.clone();
        numbers::end(&store, &self.shared.settings.data_dir).await;
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }

    /// The platform's clock and dice.
    #[must_use]
    pub fn ambient(&self) -> &Ambient {
        &self.shared.ambient
    }

    /// How it was started.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Grows with every change that an overview could show.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// What the background work says of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let write_fault = self.shared.store.write_fault().map(|fault| fault.to_string());
        Status { paused: write_fault.clone().or(status.paused), write_fault, ..status }
    }

    /// Mints an admin credential that lives only in this process's memory.
    #[must_use]
    pub fn mint_operator(&self, name: &str) -> Secret {
        let token = auth::new_token(&self.shared.ambient);
        let operator = Operator { id: crate::domain::ids::OperatorId(0), name: name.to_owned(), role: Role::Admin };
        self.shared.tokens.add(self.shared.vault.hash(token.reveal()), operator);
        token
    }

    /// The store, in the lane of whoever asks.
    fn store_of(&self, caller: &Caller) -> &Store {
        match caller.actor {
            Actor::Key(_) => &self.shared.partners,
            Actor::Operator(_) => &self.shared.store,
        }
    }

    fn set_status(&self, change: impl FnOnce(&mut Status)) {
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        let before = status.clone();
        change(&mut status);
        if *status != before {
            drop(status);
            self.changed();
        }
    }

    fn changed(&self) {
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

/// Where the first operator's token is written down.
fn token_file(dir: &Path) -> PathBuf {
    dir.join("operator.token")
}

/// Bytes of the smallest database; SQLite takes what is shorter for an empty one.
const LEAST: u64 = 512;

/// A key without a database is not the beginning of a platform but its end: founding a new one would hide that.
fn check_not_lost(dir: &Path) -> Result<(), Error> {
    let database = store::database(dir);
    let left = [root::file(dir), token_file(dir)].into_iter().find(|path| path.exists());
    let is_gone = std::fs::metadata(&database).map_or(true, |file| file.len() < LEAST);
    match left {
        Some(key) if is_gone => Err(Error::Lost { database, key }),
        _ => Ok(()),
    }
}

/// Opens the database where it may block.
async fn open_store(dir: PathBuf) -> Result<Store, Error> {
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir)).await;
    Ok(opened.map_err(|_| Error::Contended)??)
}

/// The first start: an admin operator and its token. And the pepper and the keyed audit trail, which platforms that were founded earlier do not
/// have yet.
async fn found(store: &Store, dir: &Path, vault: &Vault, ambient: &Ambient) -> Result<(), Error> {
    let operators = store.read(store::operators::ever).await?;
    let admin = if operators.is_empty() {
        let token = auth::new_token(ambient);
        files::write_private(&token_file(dir), &format!("{}\n", token.reveal()))?;
        Some((vault.hash(token.reveal()), ambient.now()))
    } else {
        None
    };
    if admin.is_none() && vault.trail() == Trail::Keyed {
        return Ok(());
    }
    let (vault, ambient) = (vault.clone(), ambient.clone());
    store
        .write(move |connection| {
            audit::chain_once(connection, &vault, &ambient)?;
            if let Some((hash, now)) = admin {
                store::operators::insert(connection, "admin", Role::Admin, &hash, now)?;
            }
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests;
