//! Calls about acknowledgements of alerts (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::wire::alerts::{AcknowledgementRow, NewAcknowledgement};
use crate::wire::page::Page;
use crate::wire::paths;

impl PlatformClient {
    /// Acknowledges an alert of the given severity.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn acknowledge(
        &self,
        subject: AlertSubject,
        standing: HealthStatus,
        note: Option<String>,
    ) -> Result<AcknowledgementRow, Error> {
        let (subject, state) = (subject.to_string(), standing.code().to_owned());
        self.post(paths::ACKNOWLEDGEMENTS, &NewAcknowledgement { subject, state, note }).await
    }

    /// Lists the acknowledgements of all alerts, oldest first.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn acknowledgements(&self) -> Result<Page<AcknowledgementRow>, Error> {
        self.list(paths::ACKNOWLEDGEMENTS).await
    }
}
