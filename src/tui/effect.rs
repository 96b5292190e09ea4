//! Effects that `update` returns, the jobs they start, and the results that come back.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::incident::IncidentScope;
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CombinedDiagnosis, DiagnosisReport};
use crate::diagnose::runbook_kind::Runbook;
use crate::diagnose::runbook_progress::RunbookProgress;
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::export::bundle::TicketBundle;
use crate::export::bundle_writer::BundleFormat;
use crate::export::ticket::ResponseBodies;
use crate::sync::logs::{LogPageRequest, LogPageResult};
use crate::sync::platform_change::PlatformChange;
use crate::sync::snapshot::Snapshot;
use crate::tui::ids::RowId;
use crate::tui::keys::action::CursorMotion;
use crate::tui::state::escalate::BundleFailure;
use crate::tui::state::issued_secret::IssuedSecret;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::deliveries::{DeliveryDetail, EventDeliveryTrace, EventDetail};
use crate::wire::keys::CompanyRow;
use crate::wire::limits::{CallerUsageRow, KeyUsage, LimitDetail};
use crate::wire::operators::OperatorRow;
use crate::wire::page::Page;
use crate::wire::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::wire::requests::RequestRow;
use crate::wire::signature_check::SignatureCheck;
use crate::wire::stats::AttemptPoint;
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow};
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
    /// Run every playbook that applies to a subject, read-only, and rank their causes in one list.
    RunAllPlaybooks(DiagnosisSubject),
    /// Run a playbook for a subject, read-only. The answers of an earlier report replace checks that are unknown now.
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
    /// Callers that used the key today, busiest first; `None` if they are not known.
    pub callers: Option<Vec<CallerUsageRow>>,
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
    /// Finished run of every playbook of a subject.
    Combined(Box<CombinedDiagnosis>),
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
