//! Calls of the lead actions (Integration API).

use super::Error;
use super::connection::PlatformClient;
use crate::wire::actions::{CreatedClient, NewLead};
use crate::wire::paths;

impl PlatformClient {
    /// Calls the action Create Lead.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn create_lead(&self, lead: &NewLead) -> Result<CreatedClient, Error> {
        self.post(paths::LEADS, lead).await
    }
}
