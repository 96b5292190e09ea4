//! Effects that `update` returns, the jobs they start, and the results that come back.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::incident::IncidentScope;
use crate::diagnose::report::{DiagnosisReport, PlaybookTopic};
use crate::diagnose::runbook_kind::Runbook;
use crate::diagnose::runbook_progress::RunbookProgress;
use crate::domain::alert;
use crate::domain::event::EventType;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, KeyId, OperatorId, ReplayId, SubscriptionId};
use crate::domain::replay::ReplayState;
use crate::export::bundle::TicketBundle;
use crate::export::bundle_writer::BundleFormat;
use crate::export::ticket::ResponseBodies;
use crate::sync::logs::{LogPageRequest, LogPageResult};
use crate::sync::snapshot::Snapshot;
use crate::text;
use crate::tui::ids::RowId;
use crate::tui::keys::action::CursorMotion;
use crate::tui::state::escalate::BundleFailure;
use crate::tui::state::issued_secret::IssuedSecret;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::deliveries::{DeliveryDetail, EventDeliveryTrace, EventDetail};
use crate::wire::keys::{CompanyRow, NewCompany, NewKey, RequestedLimits};
use crate::wire::limits::{CallerUsageRow, KeyUsage, LimitDetail};
use crate::wire::operators::{NewOperator, OperatorRow};
use crate::wire::page::Page;
use crate::wire::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::wire::requests::RequestRow;
use crate::wire::signature_check::SignatureCheck;
use crate::wire::stats::AttemptPoint;
use crate::wire::subscriptions::{MissedEventsChoice, RevisionRow, SubscriptionRow};
use crossterm::event::KeyEvent;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Effect for the loop to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// End the console, without a further question.
    Leave,
    /// Draw every cell of the screen again.
    Repaint,
    /// Give the terminal back and stop the process until it is resumed.
    Suspend,
    /// Copy a text to the clipboard, with secrets redacted.
    Copy(String),
    /// Copy a secret to the clipboard, because the operator asked for exactly that.
    CopySecret(IssuedSecret),
    /// Run a job in the background: a request to the platform, or a change.
    StartJob(BackgroundJob),
}

/// Job that runs beside the loop and ends with one [`JobResult`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackgroundJob {
    /// Fetch a page of a log.
    FetchLogPage(LogPageRequest),
    /// Fetch everything the platform knows about an item.
    FetchDetail(RowId),
    /// Fetch all companies of the platform.
    ListCompanies,
    /// Fetch the newest replays, with their progress.
    ListReplays,
    /// Fetch all operators of the platform.
    ListOperators,
    /// Count what a replay would select; a dry run that changes nothing.
    CountReplay(SubscriptionId, NewReplay),
    /// Run a playbook for a subject, read-only. With an earlier report, only its unknown checks are asked again.
    RunPlaybook(PlaybookTopic, DiagnosisSubject, Option<Box<DiagnosisReport>>),
    /// Start a runbook for a subject, or continue one that was started; read-only.
    RunRunbook(Runbook, DiagnosisSubject, Option<Box<RunbookProgress>>),
    /// Check the signature of an attempt, from the response and from what the receiver is said to have computed.
    CheckSignature(AttemptId, DiagnosisSubject, Option<String>),
    /// Check the signature of an attempt with the secret the receiver holds. The secret stays in this process.
    CheckSignatureWithSecret(AttemptId, DiagnosisSubject, IssuedSecret),
    /// Build a ticket about a scope, searched for secrets but those with these fingerprints.
    BuildBundle(Box<IncidentScope>, ResponseBodies, BTreeSet<String>),
    /// Write a bundle as a new folder or archive into the folder in which the console was started.
    WriteBundle(Box<TicketBundle>, BundleFormat),
    /// Make a change on the platform, after the operator confirmed it.
    Change(PlatformChange),
}

/// Change on the platform. Every variant needs a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformChange {
    /// Send a test event to a subscription's endpoint.
    SendTest(SubscriptionId),
    /// Enable a subscription, and choose whether missed events are replayed.
    Enable(SubscriptionId, MissedEventsChoice),
    /// Disable a subscription; with a reason, no alert is raised.
    Disable(SubscriptionId, Option<String>),
    /// Delete a subscription for good, also one that an integration manages.
    Delete(SubscriptionId),
    /// Set the reason why a subscription was disabled manually; its alert ends.
    SetDisableReason(SubscriptionId, String),
    /// Acknowledge an alert of this health status, with an optional note.
    Acknowledge(alert::AlertSubject, HealthStatus, Option<String>),
    /// Restore an earlier revision of a subscription's configuration.
    RollBack(SubscriptionId, u32),
    /// Replay the deliveries that a plan selects; the last field is their number when they were counted.
    Replay(SubscriptionId, NewReplay, u64),
    /// Pause, resume or cancel a replay.
    SetReplayState(ReplayId, ReplayState),
    /// Make one more attempt of a delivery, outside of its schedule.
    Resend(DeliveryId),
    /// Revoke an API key, which takes effect with its next call.
    RevokeKey(KeyId),
    /// Set the rate limits of an API key.
    SetLimits(KeyId, RequestedLimits),
    /// Emit a sample event of a type for a company.
    EmitSampleEvent(CompanyId, EventType),
    /// Create a company, which cannot be removed.
    CreateCompany(NewCompany),
    /// Create an API key, which is shown once.
    CreateKey(NewKey),
    /// Create an operator, whose token is shown once.
    CreateOperator(NewOperator),
    /// Revoke the token of an operator.
    RevokeOperator(OperatorId),
}

impl PlatformChange {
    /// The change as a question: `Disable subscription 8?`.
    #[must_use]
    pub fn asked(&self) -> String {
        let verb = self.description();
        let first = verb.chars().next().map_or_else(String::new, |first| first.to_uppercase().to_string());
        format!("{first}{}?", verb.chars().skip(1).collect::<String>())
    }

    /// Description of the change, as a verb phrase after "to" or "could not". Names in it are as the operator typed
    /// them.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::SendTest(id) => format!("send a test event to subscription {id}"),
            Self::Enable(id, MissedEventsChoice::None) => format!("enable subscription {id}"),
            Self::Enable(id, MissedEventsChoice::Missed) => {
                format!("enable subscription {id} and replay missed events")
            }
            Self::Disable(id, _) => format!("disable subscription {id}"),
            Self::Delete(id) => format!("delete subscription {id}"),
            Self::SetDisableReason(id, _) => format!("save why subscription {id} is disabled"),
            Self::Acknowledge(subject, ..) => format!("acknowledge the alert for {subject}"),
            Self::RollBack(id, revision) => format!("roll subscription {id} back to revision {revision}"),
            Self::Replay(id, _, n) => {
                format!("replay {} of subscription {id}", text::several(*n, "delivery", "deliveries"))
            }
            Self::SetReplayState(id, ReplayState::Paused) => format!("pause replay {id}"),
            Self::SetReplayState(id, ReplayState::Running) => format!("resume replay {id}"),
            Self::SetReplayState(id, ReplayState::Cancelled | ReplayState::Finished) => format!("cancel replay {id}"),
            Self::Resend(id) => format!("resend delivery {id}"),
            Self::RevokeKey(id) => format!("revoke key {id}"),
            Self::SetLimits(id, _) => format!("change the rate limits of key {id}"),
            Self::EmitSampleEvent(company, kind) => format!("emit a sample {kind} event for company {company}"),
            Self::CreateCompany(_) => "create a company".to_owned(),
            Self::CreateKey(new) => format!("create a key for company {}", new.company_id),
            Self::CreateOperator(new) => format!("create an operator with the role {}", new.role.name()),
            Self::RevokeOperator(id) => format!("revoke operator {id}"),
        }
    }

    /// Number of things that the change affects. More than one must be confirmed by typing the number.
    #[must_use]
    pub const fn n_things(&self) -> u64 {
        match self {
            Self::Replay(_, _, n) => *n,
            _ => 1,
        }
    }
}

/// Everything the platform knows about an item, as fetched for its detail view.
#[derive(Debug, Clone, PartialEq)]
pub enum FetchedDetail {
    /// Subscription with attempts, revisions and minutes.
    Subscription(FetchedSubscription),
    /// Attempt with its bytes and its delivery.
    Attempt(FetchedAttempt),
    /// Event with its envelope and its trace.
    Event(FetchedEvent),
    /// API key with its usage, callers and requests.
    Key(FetchedKey),
    /// Rate window with its callers and refused requests.
    Window(FetchedWindow),
    /// No more than the snapshot has already.
    Nothing,
}

/// Subscription as it was fetched for its detail view.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedSubscription {
    /// Subscription with its health data.
    pub row: SubscriptionRow,
    /// Latest attempts of the subscription, newest first.
    pub attempts: Vec<AttemptRow>,
    /// Revisions of the configuration, the one in force first.
    pub revisions: Vec<RevisionRow>,
    /// Attempts per minute of the last hour, oldest first.
    pub minutes: Vec<AttemptPoint>,
}

/// Attempt as it was fetched for its detail view.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedAttempt {
    /// Attempt with the bytes of request and response.
    pub detail: AttemptDetail,
    /// Delivery of the attempt with all its attempts; `None` for a test.
    pub delivery: Option<DeliveryDetail>,
}

/// Event as it was fetched for its detail view.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedEvent {
    /// Event with the bytes of its envelope.
    pub event: EventDetail,
    /// Outcome of the event for every subscription of its company.
    pub trace: EventDeliveryTrace,
}

/// API key as it was fetched for its detail view.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedKey {
    /// Calls per route, and the scopes that were never used.
    pub usage: KeyUsage,
    /// Callers that used the key today, busiest first.
    pub callers: Vec<CallerUsageRow>,
    /// Latest requests with the key, newest first.
    pub requests: Vec<RequestRow>,
}

/// Rate window as it was fetched for its detail view.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedWindow {
    /// Window with its routes and callers; `None` if the key has no windows any more.
    pub detail: Option<LimitDetail>,
    /// Latest requests of the key that were refused with 429, newest first, in any bucket.
    pub refused: Vec<RequestRow>,
}

/// Result of a background job; errors are one line, fit for the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum JobResult {
    /// Page of a log, or why it could not be fetched.
    LogPage(Box<LogPageRequest>, Result<Box<LogPageResult>, String>),
    /// Outcome of copying a text: where it went, or why it could not be copied.
    Copied(Result<CopyOutcome, String>),
    /// Outcome of copying a secret that is shown once.
    SecretCopied(IssuedSecret, Result<CopyOutcome, String>),
    /// Companies of the platform, or why they could not be fetched.
    Companies(Result<Vec<CompanyRow>, String>),
    /// Newest replays, or why they could not be fetched.
    Replays(Result<Page<ReplayRow>, String>),
    /// Operators of the platform, or why they could not be fetched.
    Operators(Result<Page<OperatorRow>, String>),
    /// Number of deliveries that a replay would select, or why they could not be counted.
    ReplayCounted(SubscriptionId, NewReplay, Result<Box<ReplayPlan>, String>),
    /// Details of an item, or why they could not be fetched.
    DetailFetched(RowId, Result<Box<FetchedDetail>, String>),
    /// Result of a job of pane 9 or 0.
    Diagnosed(Box<DiagnoseResult>),
    /// Outcome of a change, in one line.
    ChangeFinished(PlatformChange, Result<String, String>),
    /// Successful change whose answer carries a secret, which is shown once.
    SecretIssued(PlatformChange, IssuedSecret),
}

/// Input of `update`: everything that can happen to the console.
#[derive(Debug, Clone)]
pub enum Msg {
    /// Key press from the terminal.
    Key(KeyEvent),
    /// Request to repaint: the terminal gained focus or the process was resumed, so that cells may be lost.
    RepaintNeeded,
    /// Press of the left mouse button, at this column and line.
    Clicked(u16, u16),
    /// Turn of the mouse wheel by one step.
    Scrolled(CursorMotion),
    /// Text pasted with bracketed paste.
    Pasted(String),
    /// New terminal size, as columns and lines.
    Resized(u16, u16),
    /// New snapshot of the platform.
    Snapshot(Arc<Snapshot>),
    /// Time passed, so that an age or a countdown on the screen changes.
    Tick,
    /// Result of a background job.
    JobFinished(JobResult),
}

/// Result of a job started in pane 9 or 0; errors are one line.
#[derive(Debug, Clone, PartialEq)]
pub enum DiagnoseResult {
    /// Finished run of a playbook, with its report.
    Report(Box<DiagnosisReport>),
    /// Signature check of an attempt, with the subject it was opened for.
    SignatureCheck(AttemptId, DiagnosisSubject, Result<Box<SignatureCheck>, String>),
    /// State of a runbook after its steps were checked.
    Runbook(Box<RunbookProgress>),
    /// Escalation bundle, or why none could be built.
    Bundle(Result<Box<TicketBundle>, BundleFailure>),
    /// Path the bundle was written to, or why it was not.
    Written(Result<String, String>),
}

/// Result of copying a text, with a line for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyOutcome {
    /// Text was accepted by a program or written to a file.
    Kept(String),
    /// Text was sent to the terminal, which does not confirm it.
    Unconfirmed(String),
}

impl CopyOutcome {
    /// Line that says where the text went.
    #[must_use]
    pub fn line(&self) -> &str {
        match self {
            Self::Kept(line) | Self::Unconfirmed(line) => line,
        }
    }
}
