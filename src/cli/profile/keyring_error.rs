//! Reasons why the keyring of the operating system did not do what was asked.

/// Reason why the keyring did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyringError {
    /// The account has no entry.
    #[error("not in the keyring any more")]
    NoEntry,
    /// No keyring answers, or the keyring refuses.
    #[error("no keyring available: {0}")]
    Unavailable(String),
}
