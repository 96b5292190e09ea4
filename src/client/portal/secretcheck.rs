//! Call of the platform's own secret scan (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::wire::paths;
use crate::wire::secretcheck::SecretScanReport;

impl PlatformClient {
    /// Searches a text of at most 1 MiB for the secrets that the platform holds.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn check_secrets(&self, text: String) -> Result<SecretScanReport, Error> {
        self.post_bytes(paths::SECRET_CHECK, text.into_bytes()).await
    }
}
