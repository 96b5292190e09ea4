//! Alert notifications: what is sent when an alert begins, changes or ends. A webhook receives a
//! [`AlertNotification`] as it is; PagerDuty receives a [`PagerEvent`] of its Events API, version 2.

use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Name and version of the notification document.
pub const NOTIFICATION_DOCUMENT: &str = "crow.notice/1";

/// Transition of an alert that a notification reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AlertTransition {
    /// The alert began and is active.
    Raised,
    /// The alert's severity changed and the alert is still active.
    Changed,
    /// An operator acknowledged the alert.
    Acknowledged,
    /// The alert is no longer active.
    Resolved,
    /// Nothing happened: the notification is a test of its channel.
    Tried,
}

impl AlertTransition {
    /// Returns the transition's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Changed => "changed",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Tried => "tried",
        }
    }
}

/// Notification about one alert, sent to a webhook when the alert begins, changes or ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AlertNotification {
    /// Transition of the alert that is reported.
    pub turn: AlertTransition,
    /// Deduplication key: equal in all notifications of one alert, whichever console sends them.
    pub key: String,
    /// Subject of the alert, such as `subscription 17`.
    pub subject: String,
    /// Name of the subject for a human reader.
    pub name: Untrusted,
    /// Severity of the alert: `trp`, `err` or `wrn`.
    pub state: String,
    /// Rule, value and limit that raised the alert, in one line.
    pub why: Untrusted,
    /// Time at which the alert began.
    pub since_utc: Timestamp,
    /// Time of the transition that is reported.
    pub at_utc: Timestamp,
    /// Base address of the platform that the alert is about.
    pub platform: String,
}

impl AlertNotification {
    /// Returns the notification as one line, with text from outside sanitised.
    #[must_use]
    pub fn summary_line(&self) -> String {
        let state = self.state.to_uppercase();
        format!("{} {state} {} ({}): {}", self.turn.name(), self.subject, self.name.sanitized(), self.why.sanitized())
    }
}

/// Event for PagerDuty's `POST /v2/enqueue`, built from a [`AlertNotification`].
#[derive(Debug, Serialize)]
pub struct PagerEvent<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<PagerPayload<'a>>,
}

/// Payload of a triggering event, in PagerDuty's terms.
#[derive(Debug, Serialize)]
struct PagerPayload<'a> {
    summary: String,
    source: &'a str,
    severity: &'static str,
    timestamp: String,
    component: &'a str,
    custom_details: &'a AlertNotification,
}

/// Maximum length of a PagerDuty summary, in characters.
const MAX_SUMMARY_CHARS: usize = 1_024;

impl<'a> PagerEvent<'a> {
    /// Builds the PagerDuty event for a notification. Only a triggering event has a payload.
    #[must_use]
    pub fn new(routing_key: &'a str, notice: &'a AlertNotification) -> Self {
        let event_action = match notice.turn {
            AlertTransition::Raised | AlertTransition::Changed | AlertTransition::Tried => "trigger",
            AlertTransition::Acknowledged => "acknowledge",
            AlertTransition::Resolved => "resolve",
        };
        let severity = if notice.turn == AlertTransition::Tried {
            "info"
        } else if notice.state == HealthStatus::Tripped.code() {
            "critical"
        } else if notice.state == HealthStatus::Failing.code() {
            "error"
        } else {
            "warning"
        };
        let payload = (event_action == "trigger").then(|| PagerPayload {
            summary: notice.summary_line().chars().take(MAX_SUMMARY_CHARS).collect(),
            source: &notice.platform,
            severity,
            timestamp: notice.at_utc.to_string(),
            component: &notice.subject,
            custom_details: notice,
        });
        Self { routing_key, event_action, dedup_key: &notice.key, payload }
    }
}
