//! Leads.

use super::Error;
use super::connection::Client;
use crate::api::actions::{CreatedClient, NewLead};
use crate::api::paths;

impl Client {
    /// Create Lead.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn create_lead(&self, lead: &NewLead) -> Result<CreatedClient, Error> {
        self.post(paths::LEADS, lead).await
    }
}
