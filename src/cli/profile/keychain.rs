//! Keyring of macOS: generic passwords in the keychain.

use super::keyring_error::KeyringError;
use crate::domain::secret::Secret;
use crate::files;
use security_framework::base::Error;
use security_framework::passwords::{delete_generic_password, get_generic_password, set_generic_password};

/// Status `errSecItemNotFound` of the keychain.
const ITEM_NOT_FOUND: i32 = -25_300;

/// Stores a secret under an account, in place of the one that the account has.
pub(super) fn store(service: &str, account: &str, secret: &Secret) -> Result<(), KeyringError> {
    set_generic_password(service, account, secret.reveal().as_bytes()).map_err(refused)
}

/// Reads the secret of an account.
pub(super) fn lookup(service: &str, account: &str) -> Result<Secret, KeyringError> {
    let secret = get_generic_password(service, account).map_err(refused)?;
    files::into_text(secret).map(Secret::new).map_err(|error| KeyringError::Unavailable(error.to_string()))
}

/// Deletes the secret of an account.
pub(super) fn clear(service: &str, account: &str) -> Result<(), KeyringError> {
    delete_generic_password(service, account).map_err(refused)
}

fn refused(error: Error) -> KeyringError {
    match error.code() {
        ITEM_NOT_FOUND => KeyringError::NoEntry,
        _ => KeyringError::Unavailable(error.to_string()),
    }
}
