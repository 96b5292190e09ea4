//! Key actions of pane 9 (Diagnose): running playbooks, run-books and the signature lab, and starting what their
//! results offer.

use super::app::App;
use super::console::ConsoleAccess;
use super::detail_lines::LineAction;
use super::effect::{BackgroundJob, Effect, PlatformChange};
use super::keymap::{CursorMotion, KeyAction};
use super::overlay::form::ChangeForm;
use super::overlay::signature_input::{SecretInput, SignatureInput, SignatureInputKind};
use super::overlay::{self, Overlay, item_actions};
use super::panes::diagnose::{self, DiagnoseEntry, RunKey, RunOutcome};
use super::panes::{deliveries, events, requests, trips};
use super::press::{moved_row, moved_scroll};
use super::selection::RowId;
use super::text_input;
use crate::diagnose::incident::topics_for;
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::export::bundle::TicketBundle;
use crate::wire::remedy::{MissedRange, RemediationAction};
use crate::wire::report::{DiagnosisReport, DiagnosisSubject, PlaybookTopic};
use crate::wire::runbook::{Runbook, RunbookProgress};
use crate::wire::signature_check::SignatureCheck;
use crate::wire::subscriptions::MissedEventsChoice;

/// Result of a job started in pane 9 or 0; errors are one line.
#[derive(Debug, Clone, PartialEq)]
pub enum DiagnoseResult {
    /// Finished run of a playbook, with its report.
    Report(Box<DiagnosisReport>),
    /// Signature check of an attempt, with the subject it was opened for.
    SignatureCheck(AttemptId, DiagnosisSubject, Result<Box<SignatureCheck>, String>),
    /// State of a run-book after its steps were checked.
    Runbook(Box<RunbookProgress>),
    /// Escalation bundle, or why none could be built.
    Bundle(Result<Box<TicketBundle>, String>),
    /// Path the bundle was written to, or why it was not.
    Written(Result<String, String>),
}

impl App {
    /// Opens pane 9 for the selected item (playbooks), for the chosen company, or for all companies.
    pub(super) fn open_diagnose(&mut self, action: KeyAction) {
        let item = self.target_items().first().copied().filter(|_| action == KeyAction::Playbooks);
        let whole = self.company.map_or(DiagnosisSubject::All, DiagnosisSubject::Company);
        let subject = item.and_then(|item| self.subject_of(item)).unwrap_or(whole);
        let mut entries: Vec<DiagnoseEntry> = Vec::new();
        if let Some(RowId::Attempt(id)) = item {
            entries.push(DiagnoseEntry::Lab(id));
        }
        let topics = item.map_or_else(|| topics_for(whole), |item| self.playbooks_for_item(item));
        entries.extend(topics.into_iter().map(DiagnoseEntry::Playbook));
        entries.extend(Runbook::for_subject(subject).iter().copied().map(DiagnoseEntry::Runbook));
        let is_there = self.diagnose.subject == subject && self.diagnose.entries == entries;
        if !is_there {
            self.diagnose.set_subject(subject, entries);
        }
        self.overlays.push(Overlay::Diagnose);
    }

    /// Subject of an item, as narrow as playbooks accept; falls back to the chosen company.
    pub(super) fn subject_of(&self, item: RowId) -> Option<DiagnosisSubject> {
        let whole = self.company.map(DiagnosisSubject::Company);
        let Some(view) = self.view() else { return whole };
        match item {
            RowId::Key(id) | RowId::Window(id, _) => Some(DiagnosisSubject::Key(id)),
            RowId::Subscription(id) => Some(DiagnosisSubject::Subscription(id)),
            RowId::Trip(id) => trips::find(&view, id).map(|trip| DiagnosisSubject::Subscription(trip.subscription_id)),
            RowId::Attempt(id) => {
                deliveries::find(&view, id).map(|row| DiagnosisSubject::Subscription(row.subscription_id))
            }
            RowId::Event(id) => events::find(&view, id).map(|row| DiagnosisSubject::Company(row.company_id)),
            RowId::Request(id) => {
                let row = requests::find(&view, id)?;
                let company = row.company_id.or(row.claimed_company_id).map(DiagnosisSubject::Company);
                row.key_id.map(DiagnosisSubject::Key).or(company)
            }
        }
        .or(whole)
    }

    /// Playbooks that fit an item, likeliest first.
    fn playbooks_for_item(&self, item: RowId) -> Vec<PlaybookTopic> {
        match item {
            RowId::Key(_) => vec![
                PlaybookTopic::KeyNotWorking,
                PlaybookTopic::Permissions,
                PlaybookTopic::RateLimits,
                PlaybookTopic::EventsMissing,
                PlaybookTopic::BulkTimeouts,
            ],
            RowId::Window(..) => {
                vec![PlaybookTopic::RateLimits, PlaybookTopic::BulkTimeouts, PlaybookTopic::KeyNotWorking]
            }
            RowId::Trip(_) => vec![
                PlaybookTopic::Breaker,
                PlaybookTopic::WebhooksNotArriving,
                PlaybookTopic::Discrepancy,
                PlaybookTopic::Signature,
            ],
            RowId::Subscription(_) => topics_for(DiagnosisSubject::Subscription(SubscriptionId(0))),
            RowId::Attempt(_) => {
                vec![
                    PlaybookTopic::Signature,
                    PlaybookTopic::WebhooksNotArriving,
                    PlaybookTopic::Breaker,
                    PlaybookTopic::LostSecret,
                ]
            }
            RowId::Event(_) => {
                vec![PlaybookTopic::EventsMissing, PlaybookTopic::WebhooksNotArriving, PlaybookTopic::Discrepancy]
            }
            RowId::Request(id) => {
                let status = self.view().and_then(|view| requests::find(&view, id).map(|row| row.status));
                let first = playbook_for_status(status.unwrap_or_default());
                let mut topics = vec![
                    PlaybookTopic::KeyNotWorking,
                    PlaybookTopic::Permissions,
                    PlaybookTopic::RateLimits,
                    PlaybookTopic::EventsMissing,
                    PlaybookTopic::BulkTimeouts,
                    PlaybookTopic::ManagedSubscription,
                ];
                topics.sort_by_key(|topic| Some(*topic) != first);
                topics
            }
        }
    }

    /// Runs the entry under the cursor of pane 9, opens its result if it ran, or performs the selected line of an
    /// open result.
    pub(super) fn run_entry(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.diagnose.opened.is_some() {
            return self.run_result_line(now);
        }
        let Some(place) = self.diagnose.selected() else { return Vec::new() };
        match self.diagnose.run_of(place).map(|run| &run.outcome) {
            Some(RunOutcome::Waiting) => Vec::new(),
            Some(_) => {
                (self.diagnose.opened, self.diagnose.cursor_line) = (Some(place), 0);
                // A run-book opens at the step to be done next.
                if matches!(place.0, DiagnoseEntry::Runbook(_)) {
                    self.next_action_line();
                }
                Vec::new()
            }
            None => self.start(place, None),
        }
    }

    /// Runs the open or selected entry again; a run-book that is not over is continued.
    pub(super) fn run_entry_again(&mut self) -> Vec<Effect> {
        let Some(place) = self.diagnose.selected() else { return Vec::new() };
        let kept = match self.diagnose.run_of(place).map(|run| &run.outcome) {
            Some(kept @ RunOutcome::Progress(progress)) if !progress.is_over() => Some(kept.clone()),
            _ => None,
        };
        self.start(place, kept)
    }

    /// Asks the unanswered checks of a run again and keeps the answered ones.
    pub(super) fn ask_unknown_again(&mut self) -> Vec<Effect> {
        let Some(place) = self.diagnose.selected() else { return Vec::new() };
        let kept = self.diagnose.run_of(place).map(|run| run.outcome.clone());
        self.start(place, kept)
    }

    fn start(&mut self, (entry, subject): RunKey, kept: Option<RunOutcome>) -> Vec<Effect> {
        self.diagnose.note((entry, subject), RunOutcome::Waiting);
        vec![Effect::StartJob(match (entry, kept) {
            (DiagnoseEntry::Playbook(topic), Some(RunOutcome::Report(report))) => {
                BackgroundJob::RunPlaybook(topic, subject, Some(report))
            }
            (DiagnoseEntry::Playbook(topic), _) => BackgroundJob::RunPlaybook(topic, subject, None),
            (DiagnoseEntry::Runbook(runbook), Some(RunOutcome::Progress(progress))) => {
                BackgroundJob::RunRunbook(runbook, subject, Some(progress))
            }
            (DiagnoseEntry::Runbook(runbook), _) => BackgroundJob::RunRunbook(runbook, subject, None),
            (DiagnoseEntry::Lab(id), _) => BackgroundJob::CheckSignature(id, subject, None),
        })]
    }

    /// Removes the run that is open or under the cursor.
    pub(super) fn forget_run(&mut self, now: Timestamp) {
        if let Some(place) = self.diagnose.selected() {
            self.diagnose.forget(place);
            self.show_message("result discarded", now);
        }
    }

    /// Whether the selected run has checks with the verdict unknown.
    pub(super) fn has_unknown(&self) -> bool {
        let run = self.diagnose.selected().and_then(|place| self.diagnose.run_of(place));
        matches!(run.map(|run| &run.outcome), Some(RunOutcome::Report(report)) if report.n_unknown() > 0)
    }

    /// Action of the line under the cursor in an open result.
    pub(super) fn result_line_action(&self) -> Option<LineAction> {
        self.diagnose.opened?;
        let room = overlay::text_width(self.screen().body);
        diagnose::sheet(self, room).0.into_iter().nth(self.diagnose.cursor_line)?.action
    }

    /// Moves the cursor to the next line that has an action, wrapping around the end.
    pub(super) fn next_action_line(&mut self) {
        let entries = diagnose::sheet(self, overlay::text_width(self.screen().body)).0;
        let does = |at: &usize| entries[*at].action.is_some();
        let n = entries.len();
        if let Some(at) = (self.diagnose.cursor_line + 1..n).chain(0..n).find(does) {
            self.diagnose.cursor_line = at;
        }
    }

    fn run_result_line(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.result_line_action() {
            Some(LineAction::Remediate(remedy)) => return self.remedy(remedy, now),
            Some(LineAction::AskComputedSignature(attempt)) => self
                .open_signature_input(attempt, SignatureInputKind::ComputedSignature(text_input::TextInput::default())),
            Some(LineAction::AskReceiverSecret(attempt)) => {
                self.open_signature_input(attempt, SignatureInputKind::ReceiverSecret(SecretInput::default()));
            }
            Some(LineAction::Escalate) => return self.escalate(),
            Some(LineAction::Copy(text)) => return vec![Effect::Copy(text)],
            Some(LineAction::Open(item)) => return self.open_detail(item),
            _ => {}
        }
        Vec::new()
    }

    /// Starts a remediation. What changes something asks for confirmation first.
    fn remedy(&mut self, remedy: RemediationAction, now: Timestamp) -> Vec<Effect> {
        let act = match remedy {
            RemediationAction::Test(id) => PlatformChange::SendTest(id),
            RemediationAction::Enable(id) => PlatformChange::Enable(id, MissedEventsChoice::Skipped),
            RemediationAction::Revoke(id) => PlatformChange::RevokeKey(id),
            RemediationAction::Replay(gap) => return self.replay_gap(gap, now),
            RemediationAction::Verify(id) => {
                let subject = self.diagnose.opened.map_or(self.diagnose.subject, |(_, subject)| subject);
                return self.open_run((DiagnoseEntry::Lab(id), subject));
            }
            RemediationAction::Runbook(guide) => {
                return self.open_run((DiagnoseEntry::Runbook(guide.runbook), guide.subject));
            }
        };
        match item_actions::confirm_prompt(self, act) {
            Ok(question) => self.ask_confirmation(vec![question]),
            Err(why) => self.show_message(why, now),
        }
        Vec::new()
    }

    /// Opens the replay form filled in with the missed time range, and has the deliveries counted.
    fn replay_gap(&mut self, gap: MissedRange, now: Timestamp) -> Vec<Effect> {
        if self.config.access == ConsoleAccess::ReadOnly {
            self.show_message(item_actions::READ_ONLY_REASON, now);
            return Vec::new();
        }
        self.overlays.push(Overlay::Form(ChangeForm::for_missed_range(self, gap)));
        self.submit(now)
    }

    /// Opens an entry for a subject, and runs it if it has not run there yet.
    fn open_run(&mut self, place: RunKey) -> Vec<Effect> {
        (self.diagnose.opened, self.diagnose.cursor_line) = (Some(place), 0);
        if let Some(at) = self.diagnose.rows().iter().position(|row| *row == place) {
            self.diagnose.cursor_row = at;
        }
        match self.diagnose.run_of(place) {
            Some(_) => Vec::new(),
            None => self.start(place, None),
        }
    }

    /// Opens the input for what the receiver of an attempt computed, or for the receiver's secret.
    fn open_signature_input(&mut self, attempt: AttemptId, wanted: SignatureInputKind) {
        if let Some((_, subject)) = self.diagnose.opened {
            self.overlays.push(Overlay::SignatureInput(SignatureInput { attempt, subject, wanted }));
        }
    }

    /// Checks the signature of an attempt against what its receiver computed, or with the receiver's secret.
    pub(super) fn check_signature(&mut self, line: &SignatureInput, now: Timestamp) -> Vec<Effect> {
        let (attempt, subject) = (line.attempt, line.subject);
        let job = match &line.wanted {
            SignatureInputKind::ComputedSignature(entry) => {
                let computed = Some(entry.text().trim().to_owned()).filter(|text| !text.is_empty());
                BackgroundJob::CheckSignature(attempt, subject, computed)
            }
            SignatureInputKind::ReceiverSecret(typed) => match typed.secret(attempt) {
                Some(held) => BackgroundJob::CheckSignatureWithSecret(attempt, subject, held),
                None => {
                    self.show_message("nothing was entered", now);
                    return Vec::new();
                }
            },
        };
        self.diagnose.note((DiagnoseEntry::Lab(attempt), subject), RunOutcome::Waiting);
        vec![Effect::StartJob(job)]
    }

    pub(super) fn move_in_diagnose(&mut self, step: CursorMotion, n_lines: usize, height: usize) {
        match (self.overlays.last(), self.diagnose.opened) {
            (Some(Overlay::Escalate), _) => {
                self.escalate_state.top = moved_scroll(step, self.escalate_state.top, n_lines, height);
            }
            (_, Some(_)) => self.diagnose.cursor_line = moved_row(step, self.diagnose.cursor_line, n_lines, height),
            (_, None) => {
                self.diagnose.cursor_row =
                    moved_row(step, self.diagnose.cursor_row, self.diagnose.rows().len(), height);
            }
        }
    }

    pub(super) fn on_diagnose_result(&mut self, came: DiagnoseResult, now: Timestamp) {
        match came {
            DiagnoseResult::Report(report) => {
                let place = (DiagnoseEntry::Playbook(report.topic), report.subject);
                self.diagnose.note(place, RunOutcome::Report(report));
            }
            DiagnoseResult::Runbook(progress) => {
                let place = (DiagnoseEntry::Runbook(progress.runbook), progress.subject);
                self.diagnose.note(place, RunOutcome::Progress(progress));
            }
            DiagnoseResult::SignatureCheck(id, subject, came) => {
                let outcome = came.map_or_else(RunOutcome::Failed, RunOutcome::Lab);
                self.diagnose.note((DiagnoseEntry::Lab(id), subject), outcome);
            }
            DiagnoseResult::Bundle(came) => self.on_bundle_built(came),
            DiagnoseResult::Written(came) => self.on_bundle_written(came, now),
        }
    }
}

/// Playbook that explains a response status best, if there is one.
const fn playbook_for_status(status: u16) -> Option<PlaybookTopic> {
    match status {
        401 => Some(PlaybookTopic::KeyNotWorking),
        403 => Some(PlaybookTopic::Permissions),
        429 => Some(PlaybookTopic::RateLimits),
        500.. => Some(PlaybookTopic::BulkTimeouts),
        200..300 => Some(PlaybookTopic::EventsMissing),
        _ => None,
    }
}
