//! Ticket bundles: the machine-readable ticket, and the manifest of the files in a bundle, the time that they cover
//! and the redactions made.

use super::ticket_parts::{
    TicketAct, TicketCallGroup, TicketFailure, TicketFailureGroup, TicketImpact, TicketReporter, TicketRequest,
    TicketTrendPart,
};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{DiagnosedCause, DiagnosisRemark, ReportedCheck};
use crate::diagnose::reporter::TicketReader;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Format version of tickets and manifests.
pub const BUNDLE_FORMAT_VERSION: u32 = 3;

/// Manifest of a ticket bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleManifest {
    /// Format version of the manifest, [`BUNDLE_FORMAT_VERSION`].
    pub version: u32,
    /// Version of the crow that made the bundle.
    pub crow: String,
    /// Time at which the bundle was made.
    pub created_utc: Timestamp,
    /// Scopes that the ticket is about.
    pub subjects: Vec<DiagnosisSubject>,
    /// Time range of the failures in the bundle; null without failures.
    pub window: Option<FailureWindow>,
    /// Redactions made in text from outside, by kind.
    pub redactions: Vec<RedactionTally>,
    /// The fingerprints of what an operator released, by `--allow` or in the console; not in files of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<String>,
    /// Result of the platform's own secret scan of the ticket.
    #[serde(default)]
    pub platform_check: PlatformCheck,
    /// Files of the bundle other than the manifest.
    pub files: Vec<ManifestFile>,
}

/// Result of the secret scan of a ticket by the platform itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlatformCheck {
    /// The platform scanned the ticket and found none of its secrets.
    Passed,
    /// The platform has no Portal API, or the scan was not requested.
    #[default]
    NotAsked,
    /// The platform did not answer the scan, for this reason.
    Failed(String),
}

impl std::fmt::Display for PlatformCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passed => f.write_str("checked by the platform: none of its secrets found"),
            Self::NotAsked => f.write_str("not checked by the platform for its secrets"),
            Self::Failed(why) => write!(f, "the platform could not check for its secrets: {why}"),
        }
    }
}

/// Number of redactions of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactionTally {
    /// Kind of text that was redacted.
    pub what: String,
    /// Number of redactions of this kind.
    pub n: u32,
    /// Fingerprints by which `--allow` releases the masked values, at most 20; empty for parts of URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
    /// The members of `ticket.json` that have the mask (`/failures/0/body`), at most 20; empty for parts of URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
}

impl std::fmt::Display for RedactionTally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redacted: {} ({})", self.what, crate::text::count(self.n, "time"))?;
        if !self.places.is_empty() {
            write!(f, ", at {}", self.places.join(", "))?;
        }
        if !self.fingerprints.is_empty() {
            write!(f, "; release what is not a secret with --allow {}", self.fingerprints.join(" or --allow "))?;
        }
        Ok(())
    }
}

/// Time range of failures, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureWindow {
    /// Time of the first failure.
    pub since_utc: Timestamp,
    /// Time of the last failure.
    pub until_utc: Timestamp,
}

/// File of a ticket bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestFile {
    /// Name of the file within the bundle's folder.
    pub name: String,
    /// Length of the file in bytes.
    pub n_bytes: u64,
    /// SHA-256 of the file's bytes, in lowercase hex.
    pub sha256: String,
}

/// Ticket for support staff, machine-readable. All texts are sanitised for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportTicket {
    /// Format version of the ticket, [`BUNDLE_FORMAT_VERSION`].
    pub version: u32,
    /// Time at which the ticket was written, by the platform's clock.
    pub written_utc: Timestamp,
    /// Scopes that the ticket is about.
    pub subjects: Vec<DiagnosisSubject>,
    /// Reader that the ticket is written for.
    #[serde(default)]
    pub reader: TicketReader,
    /// Statement of the person who reports the incident.
    #[serde(default)]
    pub reporter: TicketReporter,
    /// Notes that the operator added; none in a partner's ticket.
    pub notes: Vec<TicketNote>,
    /// Symptom of the problem, in one line.
    pub symptom: String,
    /// Party that can resolve the problem; null if no cause was found.
    #[serde(default)]
    pub responsible: Option<String>,
    /// Reasons for or against escalating the ticket; none in a partner's ticket.
    pub reasons: Vec<EscalationReason>,
    /// Versions of crow and of the platform.
    pub versions: SoftwareVersions,
    /// Milliseconds that the platform's clock is ahead of the machine that wrote the ticket; null if unknown.
    pub clock_ahead_ms: Option<i64>,
    /// Period that was examined; null in tickets of earlier versions. Deliveries that were not made are looked for in 24
    /// hours, failures of a subscription that is off or fails since before from then on.
    #[serde(default)]
    pub period: Option<FailureWindow>,
    /// User agent and addresses of deliveries, where a firewall or proxy may decide by them; null otherwise.
    #[serde(default)]
    pub sender: Option<String>,
    /// What was affected, and since when.
    #[serde(default)]
    pub impact: TicketImpact,
    /// Attempts over the period, oldest part first; empty if none failed.
    #[serde(default)]
    pub trend: Vec<TicketTrendPart>,
    /// Failed attempts in groups, the largest first.
    #[serde(default)]
    pub failure_groups: Vec<TicketFailureGroup>,
    /// Refused and failed calls in groups, the largest first.
    #[serde(default)]
    pub call_groups: Vec<TicketCallGroup>,
    /// Acts on the subjects after the first failure, oldest first.
    #[serde(default)]
    pub acts: Vec<TicketAct>,
    /// Last change of the subjects before the first failure; null if none is known.
    #[serde(default)]
    pub last_change: Option<TicketAct>,
    /// Time range of the failures; null without failures.
    pub window: Option<FailureWindow>,
    /// API keys involved in the problem.
    pub keys: Vec<TicketKey>,
    /// Subscriptions involved in the problem.
    pub subscriptions: Vec<TicketSubscription>,
    /// Attempts that failed or were selected, oldest first.
    pub failures: Vec<TicketFailure>,
    /// Requests that were refused or selected, oldest first.
    pub requests: Vec<TicketRequest>,
    /// Events that were selected, each with its trace.
    pub events: Vec<TicketEvent>,
    /// Expected and actual behaviour, side by side.
    pub comparison: BehaviourComparison,
    /// Causes that the playbooks found, each once: those that act first, likeliest first; empty in tickets of earlier
    /// versions.
    #[serde(default)]
    pub causes: Vec<DiagnosedCause>,
    /// Observations that are worth knowing and are no faults; none in a partner's ticket and in tickets of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<DiagnosisRemark>,
    /// Playbooks that were run, with their findings.
    pub playbooks: Vec<TicketPlaybook>,
    /// Shell commands that reproduce the problem, with placeholders for secrets.
    pub reproduce: Vec<String>,
    /// What is open where no active cause was found; empty in tickets of earlier versions, which have it in `missing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
    /// Data that is not in the ticket, each with the reason.
    pub missing: Vec<String>,
}

/// Basis of a reason to escalate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReasonBasis {
    /// The evidence shows the reason.
    #[default]
    Found,
    /// The reporter states the reason.
    Stated,
}

/// Reason for or against escalating a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationReason {
    /// Identifier of the reason, such as `platform-error` or `not-yet`.
    pub id: String,
    /// Reason as a sentence for a human reader.
    pub text: String,
    /// Whether the evidence shows the reason, or the reporter states it.
    #[serde(default)]
    pub basis: ReasonBasis,
}

impl EscalationReason {
    /// Returns the words before the reason: what it advises, or whose it is.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match (self.basis, self.id.as_str()) {
            (ReasonBasis::Stated, _) => "Stated by the reporter",
            (ReasonBasis::Found, "not-yet") => "Do not escalate yet",
            (ReasonBasis::Found, "not-confirmed") => "Found",
            (ReasonBasis::Found, _) => "Escalate",
        }
    }
}

/// Versions of crow and of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftwareVersions {
    /// Version of the crow that wrote the ticket.
    pub crow: String,
    /// Version of the platform; null if it did not report one.
    pub platform: Option<String>,
}

/// API key involved in a problem, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketKey {
    /// Number of the key, unique on the platform; null in tickets of earlier versions.
    #[serde(default)]
    pub id: Option<i64>,
    /// Name of the key, for display.
    pub name: String,
    /// Last four characters of the key.
    pub last4: String,
    /// Company that the key belongs to.
    pub company_id: i64,
    /// Scopes of the key, fixed at creation.
    pub scopes: Vec<String>,
    /// State of the key: in force, or revoked with the time of the revocation.
    pub state: String,
    /// Time of the latest call with the key, as far as the platform knows it; null otherwise.
    #[serde(default)]
    pub last_used_utc: Option<Timestamp>,
}

/// Subscription involved in a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketSubscription {
    /// Number of the subscription, unique on the platform.
    pub id: i64,
    /// Company that owns the subscription.
    pub company_id: i64,
    /// URL that events are delivered to, without the values of its query.
    pub target: String,
    /// Event types that are delivered to the subscription.
    pub event_types: Vec<String>,
    /// Tool that manages the subscription; null if none does.
    pub managed_by: Option<String>,
    /// Health status of the subscription, with the rule and the numbers.
    pub state: String,
    /// Time of the latest successful attempt; null if there is none.
    pub last_success_utc: Option<Timestamp>,
    /// Number of deliveries that are waiting or tried again; null if it is not known.
    #[serde(default)]
    pub n_waiting: Option<u64>,
    /// Time of the next try of a delivery; null if none is waiting or it is not known.
    #[serde(default)]
    pub next_due_utc: Option<Timestamp>,
}

/// Note of an operator about one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketNote {
    /// Object that the note is about, such as `subscription 17`.
    pub about: String,
    /// Text of the note, sanitised for a terminal.
    pub text: String,
}

/// Event in a ticket, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketEvent {
    /// Number of the event; increases with every event.
    pub event_id: i64,
    /// Type of the event, such as `lead.created`.
    pub event_type: String,
    /// Company that the event belongs to.
    pub company_id: i64,
    /// Time at which the event was published.
    pub utc: Timestamp,
    /// Trace of the event: one sentence per subscription of the company.
    pub became: Vec<String>,
}

/// Comparison of expected and actual behaviour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehaviourComparison {
    /// Behaviour that was expected, in one line.
    pub expected: String,
    /// Behaviour that was observed, in one line.
    pub actual: String,
}

/// Findings of one playbook in a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketPlaybook {
    /// Topic of the playbook that was run.
    pub topic: PlaybookTopic,
    /// Scope of the diagnosis, such as one subscription.
    pub subject: DiagnosisSubject,
    /// Causes that were found, likeliest first.
    pub causes: Vec<DiagnosedCause>,
    /// Checks of the playbook with their evidence.
    pub steps: Vec<ReportedCheck>,
}
