//! Pane 9 (Diagnose): playbooks and run-books for the selection, their runs, and the signature lab for an attempt.

use super::super::app::App;
use super::super::detail_lines::DetailLines;
use super::super::format;
use super::super::theme::{StyleRole, Theme};
use super::diagnose_result;
use crate::domain::ids::AttemptId;
use crate::domain::text::Untrusted;
use crate::wire::report::{DiagnosisConclusion, DiagnosisReport, DiagnosisSubject, PlaybookTopic};
use crate::wire::runbook::{Runbook, RunbookProgress};
use crate::wire::signature_check::{SignatureCheck, SignatureFit};
use ratatui::text::{Line, Span};
use serde::{Deserialize, Serialize};

/// Maximum number of runs kept; the oldest are dropped first.
pub const MAX_RUNS_KEPT: usize = 40;

/// Entry of pane 9: what can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DiagnoseEntry {
    /// Signature lab, which explains how the receiver of an attempt verified it.
    Lab(AttemptId),
    /// Playbook that looks for the cause of a symptom.
    Playbook(PlaybookTopic),
    /// Run-book that guides through a task and checks each step.
    Runbook(Runbook),
}

/// Outcome of running an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunOutcome {
    /// Run is in flight at present.
    Waiting,
    /// Report of a playbook that ran.
    Report(Box<DiagnosisReport>),
    /// Signature check of an attempt.
    Lab(Box<SignatureCheck>),
    /// State of a run-book's steps.
    Progress(Box<RunbookProgress>),
    /// Run failed, with the reason in one line.
    Failed(String),
}

/// Run of an entry for a subject, with its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiagnoseRun {
    /// Entry of pane 9 that was run.
    pub entry: DiagnoseEntry,
    /// Subject that the entry was run for.
    pub subject: DiagnosisSubject,
    /// Outcome of the run, or that it is in flight.
    pub outcome: RunOutcome,
}

impl DiagnoseRun {
    /// Whether the run has ended, successfully or not.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome != RunOutcome::Waiting
    }
}

/// Row of the pane: an entry with the subject it is run for.
pub type RunKey = (DiagnoseEntry, DiagnosisSubject);

/// State of pane 9: the entries on offer and all runs.
#[derive(Debug, Clone, PartialEq)]
pub struct DiagnoseState {
    /// Subject that the listed entries are run for.
    pub subject: DiagnosisSubject,
    /// Entries that fit the subject, in the order of the list.
    pub entries: Vec<DiagnoseEntry>,
    /// Index of the row under the cursor.
    pub cursor_row: usize,
    /// Run whose result is open, if any.
    pub opened: Option<RunKey>,
    /// Line under the cursor in the open result.
    pub cursor_line: usize,
    /// All runs, the latest last; only the latest run per entry and subject is kept.
    pub runs: Vec<DiagnoseRun>,
}

impl Default for DiagnoseState {
    fn default() -> Self {
        Self {
            subject: DiagnosisSubject::All,
            entries: Vec::new(),
            cursor_row: 0,
            opened: None,
            cursor_line: 0,
            runs: Vec::new(),
        }
    }
}

impl DiagnoseState {
    /// Changes the subject and its entries, and resets the cursor.
    pub fn set_subject(&mut self, subject: DiagnosisSubject, entries: Vec<DiagnoseEntry>) {
        (self.subject, self.entries) = (subject, entries);
        (self.cursor_row, self.opened, self.cursor_line) = (0, None, 0);
    }

    /// All rows: the entries for the subject, then runs for other subjects, the latest first.
    #[must_use]
    pub fn rows(&self) -> Vec<RunKey> {
        let mut rows: Vec<RunKey> = self.entries.iter().map(|entry| (*entry, self.subject)).collect();
        let others = self.runs.iter().rev().map(|run| (run.entry, run.subject));
        rows.extend(others.filter(|place| !(place.1 == self.subject && self.entries.contains(&place.0))));
        rows
    }

    /// Open run, otherwise the row under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<RunKey> {
        self.opened.or_else(|| self.rows().get(self.cursor_row).copied())
    }

    /// Latest run of an entry for a subject.
    #[must_use]
    pub fn run_of(&self, (entry, subject): RunKey) -> Option<&DiagnoseRun> {
        self.runs.iter().find(|run| run.entry == entry && run.subject == subject)
    }

    /// Records that an entry is running, or its outcome.
    pub fn note(&mut self, (entry, subject): RunKey, outcome: RunOutcome) {
        self.runs.retain(|run| run.entry != entry || run.subject != subject);
        self.runs.push(DiagnoseRun { entry, subject, outcome });
        let n_too_many = self.runs.len().saturating_sub(MAX_RUNS_KEPT);
        self.runs.drain(..n_too_many);
    }

    /// Removes a run and keeps the cursor among the rows.
    pub fn forget(&mut self, (entry, subject): RunKey) {
        self.runs.retain(|run| run.entry != entry || run.subject != subject);
        (self.opened, self.cursor_line) = (None, 0);
        self.cursor_row = self.cursor_row.min(self.rows().len().saturating_sub(1));
    }
}

/// Title of the pane: the open entry, and the subject.
#[must_use]
pub fn title(room: &DiagnoseState) -> String {
    let (what, subject) = match room.opened {
        None => return format!("9 Diagnose: {}", scope(room.subject)),
        Some((DiagnoseEntry::Playbook(topic), subject)) => (topic.to_string(), subject),
        Some((DiagnoseEntry::Runbook(runbook), subject)) => (format!("runbook {}", runbook.name()), subject),
        Some((DiagnoseEntry::Lab(id), subject)) => (format!("signature of attempt {id}"), subject),
    };
    format!("9 Diagnose: {what}, {}", scope(subject))
}

/// Name of a subject in the console.
pub(super) fn scope(subject: DiagnosisSubject) -> String {
    if subject == DiagnosisSubject::All { "all companies".to_owned() } else { subject.to_string() }
}

/// Lines of the pane: the list of entries, or the open result.
#[must_use]
pub fn sheet(app: &App, width: usize) -> DetailLines {
    let (room, theme) = (&app.diagnose, app.theme());
    match room.opened.and_then(|place| room.run_of(place)) {
        Some(run) => diagnose_result::sheet(run, width, theme),
        None => {
            let mut sheet = DetailLines::default();
            sheet.add(list(room, width, theme));
            sheet
        }
    }
}

/// Line under the cursor: in the open result, or the line of the selected row below the hint and the second heading.
#[must_use]
pub fn cursor(room: &DiagnoseState) -> usize {
    let below = if room.cursor_row >= room.entries.len() { 2 } else { 0 };
    room.opened.map_or(2 + room.cursor_row + below, |_| room.cursor_line)
}

fn list(room: &DiagnoseState, width: usize, theme: Theme) -> Vec<Line<'static>> {
    // The longest hint that fits into one line is shown.
    let hints: &[&str] = match room.subject {
        DiagnosisSubject::All | DiagnosisSubject::Company(_) => &[
            "Enter runs a playbook (read-only), Enter again opens its result. P on a row diagnoses that row; keys and subscriptions also have runbooks.",
            "Enter runs a playbook (read-only) and opens its result. P diagnoses one row.",
            "Enter runs a playbook and opens its result.",
        ],
        DiagnosisSubject::Key(_) | DiagnosisSubject::Subscription(_) => &[
            "Enter runs (read-only), Enter again opens the result. Runbooks guide you through a task and check each step.",
            "Enter runs (read-only) and opens the result.",
        ],
    };
    let hint = hints.iter().find(|hint| format::width(hint) <= width).or(hints.last()).copied().unwrap_or_default();
    let mut lines = vec![Line::styled(format::clip(hint, width), theme.style(StyleRole::Dim)), Line::default()];
    for (at, place) in room.rows().into_iter().enumerate() {
        if at == room.entries.len() {
            lines.extend([Line::default(), Line::styled("Earlier results", theme.style(StyleRole::Strong))]);
        }
        let (name, what) = named(place.0);
        let name = if at < room.entries.len() { name } else { format!("{name}, {}", scope(place.1)) };
        let (role, state) = room.run_of(place).map_or((StyleRole::Dim, what), |run| outcome_line(&run.outcome));
        let style = if at == room.cursor_row { theme.style(StyleRole::Strong) } else { theme.style(StyleRole::Text) };
        let column = if at < room.entries.len() { 26 } else { 44 };
        let rest = width.saturating_sub(column + 2);
        lines.push(Line::from(vec![
            Span::styled(format!("{:<column$}  ", format::clip(&name, column)), style),
            Span::styled(format::clip(&state, rest), theme.style(role)),
        ]));
    }
    lines
}

/// Name of an entry, and its purpose.
fn named(entry: DiagnoseEntry) -> (String, String) {
    match entry {
        DiagnoseEntry::Playbook(topic) => (topic.name().to_owned(), topic.title().to_owned()),
        DiagnoseEntry::Runbook(runbook) => (format!("runbook {}", runbook.name()), runbook.title().to_owned()),
        DiagnoseEntry::Lab(id) => {
            ("signature debugger".to_owned(), format!("How did the receiver of attempt {id} verify the signature?"))
        }
    }
}

/// Outcome of a run in one line, with its style.
pub(super) fn outcome_line(outcome: &RunOutcome) -> (StyleRole, String) {
    match outcome {
        RunOutcome::Waiting => (StyleRole::Dim, "running \u{2026}".to_owned()),
        RunOutcome::Failed(why) => (StyleRole::Trouble, why.clone()),
        RunOutcome::Progress(progress) => {
            let n_done = progress.steps.iter().filter(|step| step.is_done()).count();
            let of = format!("{n_done} of {} steps done", progress.steps.len());
            let next = progress.steps.iter().find(|step| !step.is_done());
            let next = next.map_or_else(String::new, |step| format!("; next: {}", step.to_do));
            (if progress.is_over() { StyleRole::Text } else { StyleRole::Accent }, format!("{of}{next}"))
        }
        RunOutcome::Lab(check) => match check.lab.fit {
            SignatureFit::Genuine => {
                (StyleRole::Text, "the signature sent is valid; the receiver does not say what it computed".to_owned())
            }
            SignatureFit::Explained => {
                let ids: Vec<&str> = check.lab.causes.iter().map(|cause| cause.id.as_str()).collect();
                (StyleRole::Trouble, Untrusted::new(ids.join(", ")).sanitized())
            }
            SignatureFit::Unexplained => {
                (StyleRole::Trouble, format!("no match among {} known mistakes", check.lab.n_tried.unwrap_or_default()))
            }
        },
        RunOutcome::Report(report) => match report.conclusion() {
            DiagnosisConclusion::NoCause if report.n_unknown() > 0 => (
                StyleRole::Text,
                format!("no cause found; {} of {} checks unknown", report.n_unknown(), report.steps.len()),
            ),
            DiagnosisConclusion::NoCause => (StyleRole::Text, "no cause found".to_owned()),
            DiagnosisConclusion::Undecided => (StyleRole::Trouble, "inconclusive; Enter shows why".to_owned()),
            DiagnosisConclusion::NotRun => (StyleRole::Trouble, "no check was answered; Enter shows why".to_owned()),
            DiagnosisConclusion::CauseFound => {
                let ids: Vec<&str> = report.causes.iter().map(|cause| cause.id.as_str()).collect();
                let n = format::plural(ids.len() as u64, "cause");
                (StyleRole::Trouble, Untrusted::new(format!("{n}: {}", ids.join(", "))).sanitized())
            }
        },
    }
}
