//! The platform's own secret check.

use super::Error;
use super::connection::Client;
use crate::api::paths;
use crate::api::secretcheck::SecretCheck;

impl Client {
    /// Where the secrets that the platform holds are in a text of at most 1 MiB (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn check_secrets(&self, text: String) -> Result<SecretCheck, Error> {
        self.post_bytes(paths::SECRET_CHECK, text.into_bytes()).await
    }
}
