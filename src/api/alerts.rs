//! Alerts: who looks after which. What is an alert is judged by whoever looks at a picture; here stands what people said about it.

use crate::domain::alert::{Acknowledgement, Subject};
use crate::domain::standing::Standing;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody looks after an alert. It holds for a day, for as long as the alert stands no worse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgementRow {
    /// What it is about: `subscription 17`, `key 3`, `window 3 read`, `events 92`, `pipeline` or `clock`.
    pub subject: String,
    /// How it stood: `trp`, `err` or `wrn`.
    pub state: String,
    /// When it was said.
    pub utc: Timestamp,
    /// Who said it.
    pub by: Untrusted,
    /// What else was said.
    #[serde(default)]
    pub note: Option<Untrusted>,
}

impl AcknowledgementRow {
    /// What was said; nothing if it is about something that this version does not know.
    #[must_use]
    pub fn said(&self) -> Option<Acknowledgement> {
        Some(Acknowledgement {
            subject: Subject::named(&self.subject)?,
            standing: Standing::named(&self.state)?,
            at: self.utc,
            by: self.by.raw().to_owned(),
            note: self.note.as_ref().map(|note| note.raw().to_owned()),
        })
    }
}

/// The body of `POST /portal/v1/acknowledgements`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAcknowledgement {
    /// What it is about, as in the row.
    pub subject: String,
    /// How it stands: `trp`, `err` or `wrn`.
    pub state: String,
    /// What else is said, at most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}
