//! Escalation bundles: the ticket for programs, and the manifest that says what is in a bundle, which time it covers and what was left out.

use super::report::{Cause, Step, Subject, Topic};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the form of ticket and manifest.
pub const VERSION: u32 = 3;

/// What is in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The version of crow that made it.
    pub crow: String,
    /// When it was made.
    pub created_utc: Timestamp,
    /// Over what.
    pub subjects: Vec<Subject>,
    /// The time that the failures in it cover; null without failures.
    pub window: Option<Window>,
    /// What was left out of outside text, and how often.
    pub redactions: Vec<Redaction>,
    /// Whether the platform searched the ticket for the secrets that it holds.
    #[serde(default)]
    pub platform_check: PlatformCheck,
    /// All other files.
    pub files: Vec<Entry>,
}

/// Whether the platform searched a ticket for the secrets that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlatformCheck {
    /// It did, and none of them is in it.
    Passed,
    /// It has no Portal, or was not asked.
    #[default]
    NotAsked,
    /// It was asked and did not answer, and why.
    Failed(String),
}

impl std::fmt::Display for PlatformCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passed => f.write_str("the platform searched it for its own secrets: none is in it"),
            Self::NotAsked => f.write_str("the platform was not asked whether its own secrets are in it"),
            Self::Failed(why) => write!(f, "the platform could not search it for its own secrets: {why}"),
        }
    }
}

/// A kind of thing that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// What.
    pub what: String,
    /// How often.
    pub n: u32,
}

/// A span of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The first failure.
    pub since_utc: Timestamp,
    /// The last one.
    pub until_utc: Timestamp,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its name within the folder.
    pub name: String,
    /// Its length.
    pub n_bytes: u64,
    /// The SHA-256 of its bytes, in lowercase hex.
    pub sha256: String,
}

/// A ticket. All texts are inert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// [`VERSION`].
    pub version: u32,
    /// When it was written, by the platform's clock.
    pub written_utc: Timestamp,
    /// Over what.
    pub subjects: Vec<Subject>,
    /// What was noted by whoever collected it.
    pub notes: Vec<NotePart>,
    /// What is wrong, in one line.
    pub symptom: String,
    /// Whether and why it should be escalated.
    pub reasons: Vec<Reason>,
    /// The versions involved.
    pub versions: Versions,
    /// How many milliseconds the platform's clock is ahead of the machine that wrote this; null if unknown.
    pub clock_ahead_ms: Option<i64>,
    /// The time that the failures cover.
    pub window: Option<Window>,
    /// Keys involved.
    pub keys: Vec<KeyPart>,
    /// Subscriptions involved.
    pub subscriptions: Vec<SubscriptionPart>,
    /// Deliveries that failed or were picked out, oldest first.
    pub failures: Vec<FailurePart>,
    /// Calls that were refused or picked out, oldest first.
    pub requests: Vec<RequestPart>,
    /// Events that were picked out, with what became of them.
    pub events: Vec<EventPart>,
    /// What should have happened and what did.
    pub comparison: Comparison,
    /// Playbooks that were run.
    pub playbooks: Vec<PlaybookPart>,
    /// Steps to see the same, for a shell; placeholders stand for secrets.
    pub reproduce: Vec<String>,
    /// What a reader may miss, and why it is not here.
    pub missing: Vec<String>,
}

/// A reason to escalate, or not to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its name: `platform-error`, `unexplained`, `unreachable`, `signature-disputed`, `not-yet`.
    pub id: String,
    /// In a sentence.
    pub text: String,
}

impl Reason {
    /// Whether it says that there is nothing to escalate yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.id == "not-yet"
    }
}

/// The versions involved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of crow.
    pub crow: String,
    /// Of the platform; null if it did not say.
    pub platform: Option<String>,
}

/// A key, as far as it may be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPart {
    /// Its name.
    pub name: String,
    /// Its last four characters.
    pub last4: String,
    /// Its company.
    pub company_id: i64,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whether it is in force.
    pub state: String,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionPart {
    /// Its number.
    pub id: i64,
    /// Its company.
    pub company_id: i64,
    /// Where events go, without the values of its query.
    pub target: String,
    /// Which events.
    pub event_types: Vec<String>,
    /// The tool that owns it.
    pub managed_by: Option<String>,
    /// How it stands, with the rule and the numbers.
    pub state: String,
    /// The latest success.
    pub last_success_utc: Option<Timestamp>,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotePart {
    /// About what: `subscription 17`.
    pub about: String,
    /// The note.
    pub text: String,
}

/// An event, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPart {
    /// Its number.
    pub event_id: i64,
    /// What it was.
    pub event_type: String,
    /// Whose.
    pub company_id: i64,
    /// When it happened.
    pub utc: Timestamp,
    /// What each subscription of the company had to do with it, in a sentence each.
    pub became: Vec<String>,
}

/// An attempt that failed or was picked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailurePart {
    /// When it began.
    pub utc: Timestamp,
    /// The attempt's number.
    pub attempt_id: i64,
    /// To which subscription.
    pub subscription_id: i64,
    /// The delivery's number; null for a test.
    pub delivery_id: Option<i64>,
    /// The event's number; null for a test.
    pub event_id: Option<i64>,
    /// The event's type.
    pub event_type: String,
    /// Which try it was: `scheduled, 3 of 11`.
    pub tried: String,
    /// What it came to: a status or a word.
    pub outcome: String,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The answer's body, as far as the platform kept it and it is text.
    pub body: Option<String>,
}

/// A call that was refused or picked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestPart {
    /// When it arrived.
    pub utc: Timestamp,
    /// Its id.
    pub request_id: String,
    /// Its method and route.
    pub call: String,
    /// The answer's status.
    pub status: u16,
    /// The problem's code.
    pub code: Option<String>,
    /// The problem in words.
    pub detail: Option<String>,
    /// The last four characters of its key, known or claimed.
    pub last4: Option<String>,
}

/// What should have happened and what did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What should have.
    pub expected: String,
    /// What did.
    pub actual: String,
}

/// What a playbook found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookPart {
    /// Which.
    pub topic: Topic,
    /// Over what.
    pub subject: Subject,
    /// Likeliest first.
    pub causes: Vec<Cause>,
    /// Its steps with their evidence.
    pub steps: Vec<Step>,
}
