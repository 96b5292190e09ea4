//! Errors of engine operations, which name the record or the field.

use crate::domain::event::MAX_ENVELOPE_BYTES;
use crate::domain::field_error::FieldError;
use crate::domain::ids::SubscriptionId;
use crate::store;
use crate::store::StoreErrorClass;
use std::path::PathBuf;

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
    #[error("the event's envelope would have {n_bytes} bytes; a webhook has at most {}", MAX_ENVELOPE_BYTES)]
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
        "the stored events of this company have {limit} bytes, the maximum; an event is deleted an hour after its publication if its \
         deliveries have ended: deliver or delete those on hold or missed, or ask the platform's operators for more"
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

impl Error {
    /// Whether storage is unavailable at present and the same call may succeed later.
    pub(super) const fn is_storage_unavailable(&self) -> bool {
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

/// Error for a subscription number that no subscription has.
pub(super) fn subscription_not_found(id: SubscriptionId) -> Error {
    Error::NotFound(format!("subscription {id}"))
}
