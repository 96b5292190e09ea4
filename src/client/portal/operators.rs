//! Calls about operators (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::wire::operators::OperatorRow;
use crate::wire::page::Page;
use crate::wire::paths;

impl PlatformClient {
    /// Lists all operators including revoked ones, oldest first.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn operators(&self) -> Result<Page<OperatorRow>, Error> {
        self.list(paths::OPERATORS).await
    }
}
