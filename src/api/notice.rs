//! Notices: what leaves the terminal when an alert begins, changes or ends. A webhook gets one as it stands here; a pager gets it in the
//! words of PagerDuty's Events API, version 2.

use crate::domain::standing::Standing;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name and version of its document.
pub const NOTICE: &str = "crow.notice/1";

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// It holds.
    Raised,
    /// It became worse or better and still holds.
    Changed,
    /// Somebody looks after it.
    Acknowledged,
    /// It holds no longer.
    Resolved,
    /// Nothing happened: the way is tried.
    Tried,
}

impl Turn {
    /// Its name on the wire.
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

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// What happened.
    pub turn: Turn,
    /// The same for all notices of one alert, whoever sends them.
    pub key: String,
    /// What it is about: `subscription 17`.
    pub subject: String,
    /// Its name for people.
    pub name: Untrusted,
    /// How bad: `trp`, `err` or `wrn`.
    pub state: String,
    /// Rule, value and limit in one line.
    pub why: Untrusted,
    /// Since when.
    pub since_utc: Timestamp,
    /// When this happened.
    pub at_utc: Timestamp,
    /// The platform's address.
    pub platform: String,
}

impl Notice {
    /// In one line, whatever others wrote in it.
    #[must_use]
    pub fn line(&self) -> String {
        let state = self.state.to_uppercase();
        format!("{} {state} {} ({}): {}", self.turn.name(), self.subject, self.name.inert(), self.why.inert())
    }
}

/// An event for PagerDuty's `POST /v2/enqueue`.
#[derive(Debug, Serialize)]
pub struct PagerEvent<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<PagerPayload<'a>>,
}

/// What a triggering event tells.
#[derive(Debug, Serialize)]
struct PagerPayload<'a> {
    summary: String,
    source: &'a str,
    severity: &'static str,
    timestamp: String,
    component: &'a str,
    custom_details: &'a Notice,
}

/// Characters that a summary may have.
const SUMMARY: usize = 1_024;

impl<'a> PagerEvent<'a> {
    /// The event for a notice.
    #[must_use]
    pub fn new(routing_key: &'a str, notice: &'a Notice) -> Self {
        let event_action = match notice.turn {
            Turn::Raised | Turn::Changed | Turn::Tried => "trigger",
            Turn::Acknowledged => "acknowledge",
            Turn::Resolved => "resolve",
        };
        let severity = if notice.turn == Turn::Tried {
            "info"
        } else if notice.state == Standing::Tripped.word() {
            "critical"
        } else if notice.state == Standing::Failing.word() {
            "error"
        } else {
            "warning"
        };
        let payload = (event_action == "trigger").then(|| PagerPayload {
            summary: notice.line().chars().take(SUMMARY).collect(),
            source: &notice.platform,
            severity,
            timestamp: notice.at_utc.to_string(),
            component: &notice.subject,
            custom_details: notice,
        });
        Self { routing_key, event_action, dedup_key: &notice.key, payload }
    }
}
