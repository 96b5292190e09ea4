//! Acknowledgements of alerts.
//!
//! Each console derives its alerts from the overview. The platform stores only what operators say about them, so that
//! all consoles show the same acknowledgements.

use crate::domain::alert::{Acknowledgement, AlertSubject};
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Acknowledgement of an alert. Expires after 24 hours, or as soon as the alert's severity increases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgementRow {
    /// Subject of the alert: `subscription 17`, `key 3`, `window 3 read`, `events 92`, `pipeline` or `clock`.
    pub subject: String,
    /// Severity of the alert when it was acknowledged: `trp`, `err` or `wrn`.
    pub state: String,
    /// Time at which the alert was acknowledged.
    pub utc: Timestamp,
    /// Name of the operator who acknowledged the alert.
    pub by: Untrusted,
    /// Note that the operator added; null if there is none.
    #[serde(default)]
    pub note: Option<Untrusted>,
}

impl AcknowledgementRow {
    /// Returns the acknowledgement in domain terms; `None` if this version does not know its subject or severity.
    #[must_use]
    pub fn to_acknowledgement(&self) -> Option<Acknowledgement> {
        Some(Acknowledgement {
            subject: AlertSubject::named(&self.subject)?,
            status: HealthStatus::named(&self.state)?,
            acknowledged_at: self.utc,
            acknowledged_by: self.by.raw().to_owned(),
            note: self.note.as_ref().map(|note| note.raw().to_owned()),
        })
    }
}

/// Body of `POST /portal/v1/acknowledgements`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NewAcknowledgement {
    /// Subject of the alert: `subscription 17`, `key 3`, `window 3 read`, `events 92`, `pipeline` or `clock`.
    pub subject: String,
    /// Severity of the alert now: `trp`, `err` or `wrn`.
    pub state: String,
    /// Note to the acknowledgement, at most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}
