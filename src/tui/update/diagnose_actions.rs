//! Key actions of pane 9 (Diagnose): running playbooks, runbooks and the signature debugger, and starting what their
//! results offer.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::playbook_topic::{PlaybookTopic, topics_for};
use crate::diagnose::remedy::{MissedRange, RemediationAction};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::ids::AttemptId;
use crate::domain::time::Timestamp;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::{BackgroundJob, DiagnoseResult, Effect};
use crate::tui::ids::RowId;
use crate::tui::keys::action::KeyAction;
use crate::tui::overlays::frame;
use crate::tui::overlays::{item_actions, targets};
use crate::tui::panes::{diagnose, requests};
use crate::tui::state::app::App;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::diagnose::{DiagnoseEntry, RunKey, RunOutcome};
use crate::tui::state::overlays::Overlay;
use crate::tui::state::overlays::form::ChangeForm;
use crate::tui::state::overlays::signature_input::{SecretInput, SignatureInput, SignatureInputKind};
use crate::tui::state::screen;
use crate::tui::update::{confirm, details, escalate_actions, form_actions};
use crate::tui::widgets::detail_lines::LineAction;
use crate::tui::widgets::text_input;
use crate::wire::subscriptions::MissedEventsChoice;

/// Opens pane 9 for the selected item, runs every playbook that applies to it, and opens the result.
pub(in crate::tui) fn diagnose_item(app: &mut App) -> Vec<Effect> {
    open_diagnose(app, KeyAction::Playbooks);
    let place = (DiagnoseEntry::Everything, app.diagnose.subject);
    (app.diagnose.opened, app.diagnose.cursor_line) = (Some(place), 0);
    match app.diagnose.run_of(place).map(|run| &run.outcome) {
        Some(RunOutcome::Waiting) => Vec::new(),
        _ => start_run(app, place, None),
    }
}

/// Opens pane 9 for the selected alert or item (playbooks), for the chosen company, or for all companies.
pub(in crate::tui) fn open_diagnose(app: &mut App, action: KeyAction) {
    let alert = targets::alert_subject(app).filter(|_| action == KeyAction::Playbooks);
    let is_item = action == KeyAction::Playbooks && alert.is_none();
    let item = targets::target_items(app).first().copied().filter(|_| is_item);
    let whole = app.company.map_or(DiagnosisSubject::All, DiagnosisSubject::Company);
    let subject = alert.or_else(|| item.and_then(|item| targets::subject_of(app, item))).unwrap_or(whole);
    let mut entries = vec![DiagnoseEntry::Everything];
    if let Some(RowId::Attempt(id)) = item {
        entries.push(DiagnoseEntry::Lab(id));
    }
    let topics = item.map_or_else(|| topics_for(subject), |item| playbooks_for_item(app, item));
    entries.extend(topics.into_iter().map(DiagnoseEntry::Playbook));
    entries.extend(Runbook::for_subject(subject).iter().copied().map(DiagnoseEntry::Runbook));
    let is_there = app.diagnose.subject == subject && app.diagnose.entries == entries;
    if !is_there {
        app.diagnose.set_subject(subject, entries);
    }
    app.overlays.push(Overlay::Diagnose);
}

/// Playbooks that fit an item, likeliest first.
fn playbooks_for_item(app: &App, item: RowId) -> Vec<PlaybookTopic> {
    match item {
        RowId::Window(..) => {
            vec![PlaybookTopic::RateLimits, PlaybookTopic::BulkTimeouts, PlaybookTopic::KeyNotWorking]
        }
        RowId::Trip(_) => vec![
            PlaybookTopic::Breaker,
            PlaybookTopic::WebhooksNotArriving,
            PlaybookTopic::Discrepancy,
            PlaybookTopic::Signature,
        ],
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
            let status = app.view().and_then(|view| requests::find(&view, id).and_then(|row| row.status));
            let first = playbook_for_status(status.unwrap_or_default());
            let mut topics = vec![
                PlaybookTopic::KeyNotWorking,
                PlaybookTopic::Permissions,
                PlaybookTopic::CallsRefused,
                PlaybookTopic::RateLimits,
                PlaybookTopic::EventsMissing,
                PlaybookTopic::BulkTimeouts,
                PlaybookTopic::ManagedSubscription,
                PlaybookTopic::Platform,
            ];
            topics.sort_by_key(|topic| Some(*topic) != first);
            topics
        }
        _ => topics_for(targets::subject_of(app, item).unwrap_or(DiagnosisSubject::All)),
    }
}

/// Runs the entry under the cursor of pane 9, opens its result if it ran, or performs the selected line of an
/// open result.
pub(in crate::tui) fn run_entry(app: &mut App, now: Timestamp) -> Vec<Effect> {
    if app.diagnose.opened.is_some() {
        return run_result_line(app, now);
    }
    let Some(place) = app.diagnose.selected() else { return Vec::new() };
    match app.diagnose.run_of(place).map(|run| &run.outcome) {
        Some(RunOutcome::Waiting) => Vec::new(),
        Some(_) => {
            (app.diagnose.opened, app.diagnose.cursor_line) = (Some(place), 0);
            // A runbook opens at the step to be done next.
            if matches!(place.0, DiagnoseEntry::Runbook(_)) {
                next_action_line(app);
            }
            Vec::new()
        }
        None => start_run(app, place, None),
    }
}

/// Runs the open or selected entry again; a runbook that is not over is continued.
pub(in crate::tui) fn run_entry_again(app: &mut App) -> Vec<Effect> {
    let Some(place) = app.diagnose.selected() else { return Vec::new() };
    let kept = match app.diagnose.run_of(place).map(|run| &run.outcome) {
        Some(kept @ RunOutcome::Progress(progress)) if !progress.is_over() => Some(kept.clone()),
        _ => None,
    };
    start_run(app, place, kept)
}

/// Runs an entry again, and keeps the earlier answers of checks that are unknown now.
pub(in crate::tui) fn ask_unknown_again(app: &mut App) -> Vec<Effect> {
    let Some(place) = app.diagnose.selected() else { return Vec::new() };
    let kept = app.diagnose.run_of(place).map(|run| run.outcome.clone());
    start_run(app, place, kept)
}

fn start_run(app: &mut App, (entry, subject): RunKey, kept: Option<RunOutcome>) -> Vec<Effect> {
    app.diagnose.note((entry, subject), RunOutcome::Waiting);
    vec![Effect::StartJob(match (entry, kept) {
        (DiagnoseEntry::Everything, _) => BackgroundJob::RunAllPlaybooks(subject),
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
pub(in crate::tui) fn forget_run(app: &mut App, now: Timestamp) {
    if let Some(place) = app.diagnose.selected() {
        app.diagnose.forget(place);
        app.show_message("result discarded", now);
    }
}

/// Moves the cursor to the next line that has an action, wrapping around the end.
pub(in crate::tui) fn next_action_line(app: &mut App) {
    let entries = diagnose::sheet(app, frame::text_width(screen::screen_layout(app).body)).0;
    let does = |at: &usize| entries[*at].action.is_some();
    let n = entries.len();
    if let Some(at) = (app.diagnose.cursor_line + 1..n).chain(0..n).find(does) {
        app.diagnose.cursor_line = at;
    }
}

fn run_result_line(app: &mut App, now: Timestamp) -> Vec<Effect> {
    match targets::result_line_action(app) {
        Some(LineAction::Remediate(remedy)) => return run_remedy(app, remedy, now),
        Some(LineAction::AskComputedSignature(attempt)) => {
            open_signature_input(app, attempt, SignatureInputKind::ComputedSignature(text_input::TextInput::default()));
        }
        Some(LineAction::AskReceiverSecret(attempt)) => {
            open_signature_input(app, attempt, SignatureInputKind::ReceiverSecret(SecretInput::default()));
        }
        Some(LineAction::Escalate) => escalate_actions::escalate(app),
        Some(LineAction::Copy(text)) => return vec![Effect::Copy(text)],
        Some(LineAction::Open(item)) => return details::open_detail(app, item),
        _ => {}
    }
    Vec::new()
}

/// Starts a remediation. What changes something asks for confirmation first.
fn run_remedy(app: &mut App, remedy: RemediationAction, now: Timestamp) -> Vec<Effect> {
    let act = match remedy {
        RemediationAction::Test(id) => PlatformChange::SendTest(id),
        RemediationAction::Enable(id) => PlatformChange::Enable(id, MissedEventsChoice::Missed),
        RemediationAction::EnableOnly(id) => PlatformChange::Enable(id, MissedEventsChoice::None),
        RemediationAction::Revoke(id) => PlatformChange::RevokeKey(id),
        RemediationAction::Replay(gap) => return replay_gap(app, gap, now),
        RemediationAction::Verify(id) => {
            let subject = app.diagnose.opened.map_or(app.diagnose.subject, |(_, subject)| subject);
            return open_run(app, (DiagnoseEntry::Lab(id), subject));
        }
        RemediationAction::Runbook(guide) => {
            return open_run(app, (DiagnoseEntry::Runbook(guide.runbook), guide.subject));
        }
    };
    match item_actions::confirm_prompt(app, act) {
        Ok(question) => confirm::ask_confirmation(app, vec![question]),
        Err(why) => app.show_message(why, now),
    }
    Vec::new()
}

/// Opens the replay form filled in with the missed time range, and has the deliveries counted.
fn replay_gap(app: &mut App, gap: MissedRange, now: Timestamp) -> Vec<Effect> {
    if app.config.access == ConsoleAccess::ReadOnly {
        app.show_message(item_actions::READ_ONLY_REASON, now);
        return Vec::new();
    }
    app.overlays.push(Overlay::Form(ChangeForm::for_missed_range(app, gap)));
    form_actions::submit(app, now)
}

/// Opens an entry for a subject, and runs it if it has not run there yet.
fn open_run(app: &mut App, place: RunKey) -> Vec<Effect> {
    (app.diagnose.opened, app.diagnose.cursor_line) = (Some(place), 0);
    if let Some(at) = app.diagnose.rows().iter().position(|row| *row == place) {
        app.diagnose.cursor_row = at;
    }
    match app.diagnose.run_of(place) {
        Some(_) => Vec::new(),
        None => start_run(app, place, None),
    }
}

/// Opens the input for what the receiver of an attempt computed, or for the receiver's secret.
fn open_signature_input(app: &mut App, attempt: AttemptId, wanted: SignatureInputKind) {
    if let Some((_, subject)) = app.diagnose.opened {
        app.overlays.push(Overlay::SignatureInput(SignatureInput { attempt, subject, wanted }));
    }
}

/// Checks the signature of an attempt against what its receiver computed, or with the receiver's secret.
pub(in crate::tui) fn check_signature(app: &mut App, line: &SignatureInput, now: Timestamp) -> Vec<Effect> {
    let (attempt, subject) = (line.attempt, line.subject);
    let job = match &line.wanted {
        SignatureInputKind::ComputedSignature(entry) => {
            let computed = Some(entry.text().trim().to_owned()).filter(|text| !text.is_empty());
            BackgroundJob::CheckSignature(attempt, subject, computed)
        }
        SignatureInputKind::ReceiverSecret(typed) => match typed.secret(attempt) {
            Some(held) => BackgroundJob::CheckSignatureWithSecret(attempt, subject, held),
            None => {
                app.show_message("nothing was entered", now);
                return Vec::new();
            }
        },
    };
    app.diagnose.note((DiagnoseEntry::Lab(attempt), subject), RunOutcome::Waiting);
    vec![Effect::StartJob(job)]
}

pub(in crate::tui) fn on_diagnose_result(app: &mut App, came: DiagnoseResult, now: Timestamp) {
    match came {
        DiagnoseResult::Combined(result) => {
            let place = (DiagnoseEntry::Everything, result.subject);
            app.diagnose.note(place, RunOutcome::Combined(result));
        }
        DiagnoseResult::Report(report) => {
            let place = (DiagnoseEntry::Playbook(report.topic), report.subject);
            app.diagnose.note(place, RunOutcome::Report(report));
        }
        DiagnoseResult::Runbook(progress) => {
            let place = (DiagnoseEntry::Runbook(progress.runbook), progress.subject);
            app.diagnose.note(place, RunOutcome::Progress(progress));
        }
        DiagnoseResult::SignatureCheck(id, subject, came) => {
            let outcome = came.map_or_else(RunOutcome::Failed, RunOutcome::Lab);
            app.diagnose.note((DiagnoseEntry::Lab(id), subject), outcome);
        }
        DiagnoseResult::Bundle(came) => escalate_actions::on_bundle_built(app, came),
        DiagnoseResult::Written(came) => escalate_actions::on_bundle_written(app, came, now),
    }
}

/// Playbook that explains a response status best, if there is one.
const fn playbook_for_status(status: u16) -> Option<PlaybookTopic> {
    match status {
        401 => Some(PlaybookTopic::KeyNotWorking),
        403 => Some(PlaybookTopic::Permissions),
        429 => Some(PlaybookTopic::RateLimits),
        400..500 => Some(PlaybookTopic::CallsRefused),
        503 => Some(PlaybookTopic::BulkTimeouts),
        500.. => Some(PlaybookTopic::Platform),
        200..300 => Some(PlaybookTopic::EventsMissing),
        _ => None,
    }
}
