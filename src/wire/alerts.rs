//! Conditions that the platform measured, and acknowledgements of alerts.
//!
//! Each console raises its alerts from the overview: from its rows, and from the conditions in it. The platform stores
//! only what operators say about alerts, so that all consoles show the same acknowledgements.

use crate::domain::alert::{Acknowledgement, AlertCondition, AlertSubject};
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::health::why;
use serde::{Deserialize, Serialize};

/// Condition that needs attention and that only the platform can measure. A console raises an alert for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConditionRow {
    /// Subject of the alert, as an acknowledgement names the subject.
    pub subject: AlertSubject,
    /// Name of the subject, for display.
    pub name: Untrusted,
    /// Severity of the condition.
    pub state: HealthStatus,
    /// Reason in one line: value and limit.
    pub why: Untrusted,
    /// Time at which the condition began; null if unknown.
    pub since_utc: Option<Timestamp>,
}

impl From<AlertCondition> for ConditionRow {
    fn from(of: AlertCondition) -> Self {
        Self {
            subject: of.subject,
            name: Untrusted::new(of.name),
            state: of.judgement.status,
            why: Untrusted::new(why(&of.judgement.reason)),
            since_utc: of.began_at,
        }
    }
}

/// Acknowledgement of an alert. Expires after 24 hours, or as soon as the alert's severity increases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgementRow {
    /// Subject of the alert, such as `subscription 17`, `key 3` or `window 3 read`.
    #[cfg_attr(test, schema(value_type = AlertSubject))]
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

impl From<&Acknowledgement> for AcknowledgementRow {
    fn from(of: &Acknowledgement) -> Self {
        Self {
            subject: of.subject.to_string(),
            state: of.status.code().to_owned(),
            utc: of.acknowledged_at,
            by: Untrusted::new(of.acknowledged_by.as_str()),
            note: of.note.as_deref().map(Untrusted::new),
        }
    }
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
    /// Subject of the alert, such as `subscription 17`, `key 3` or `window 3 read`.
    #[cfg_attr(test, schema(value_type = AlertSubject))]
    pub subject: String,
    /// Severity of the alert now: `trp`, `err` or `wrn`.
    pub state: String,
    /// Note to the acknowledgement, at most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
}

impl NewAcknowledgement {
    /// Acknowledges the alert of a subject with this severity.
    #[must_use]
    pub fn new(subject: AlertSubject, state: HealthStatus, note: Option<String>) -> Self {
        Self { subject: subject.to_string(), state: state.code().to_owned(), note }
    }
}
