//! Who looks after which alert.

use super::Error;
use super::connection::Client;
use crate::api::alerts::{AcknowledgementRow, NewAcknowledgement};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::alert::Subject;
use crate::domain::standing::Standing;

impl Client {
    /// Says that somebody looks after an alert that stands so (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn acknowledge(
        &self,
        subject: Subject,
        standing: Standing,
        note: Option<String>,
    ) -> Result<AcknowledgementRow, Error> {
        let (subject, state) = (subject.to_string(), standing.word().to_owned());
        self.post(paths::ACKNOWLEDGEMENTS, &NewAcknowledgement { subject, state, note }).await
    }

    /// Who looks after which alert, oldest first (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn acknowledgements(&self) -> Result<Page<AcknowledgementRow>, Error> {
        self.list(paths::ACKNOWLEDGEMENTS).await
    }
}
