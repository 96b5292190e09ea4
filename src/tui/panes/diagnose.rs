//! Pane 9 (Diagnose): playbooks and run-books for the selection, their runs, and the signature lab for an attempt.

use super::super::app::App;
use super::super::format;
use super::super::sheet::Sheet;
use super::super::theme::{Role, Theme};
use super::answers;
use crate::api::report::{DiagnosisConclusion, DiagnosisReport, DiagnosisSubject, PlaybookTopic};
use crate::api::runbook::{Runbook, RunbookProgress};
use crate::api::signature_check::{SignatureCheck, SignatureFit};
use crate::domain::ids::AttemptId;
use crate::domain::text::Untrusted;
use ratatui::text::{Line, Span};
use serde::{Deserialize, Serialize};

/// Maximum number of runs kept; the oldest are dropped first.
pub const RUNS: usize = 40;

/// Entry of pane 9: what can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
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
pub enum Outcome {
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
pub struct Run {
    /// Entry of pane 9 that was run.
    pub entry: Entry,
    /// Subject that the entry was run for.
    pub subject: DiagnosisSubject,
    /// Outcome of the run, or that it is in flight.
    pub outcome: Outcome,
}

impl Run {
    /// Whether the run has ended, successfully or not.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome != Outcome::Waiting
    }
}

/// Row of the pane: an entry with the subject it is run for.
pub type Place = (Entry, DiagnosisSubject);

/// State of pane 9: the entries on offer and all runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// Subject that the listed entries are run for.
    pub subject: DiagnosisSubject,
    /// Entries that fit the subject, in the order of the list.
    pub entries: Vec<Entry>,
    /// Index of the row under the cursor.
    pub at: usize,
    /// Run whose result is open, if any.
    pub opened: Option<Place>,
    /// Line under the cursor in the open result.
    pub line: usize,
    /// All runs, the latest last; only the latest run per entry and subject is kept.
    pub runs: Vec<Run>,
}

impl Default for Room {
    fn default() -> Self {
        Self { subject: DiagnosisSubject::All, entries: Vec::new(), at: 0, opened: None, line: 0, runs: Vec::new() }
    }
}

impl Room {
    /// Changes the subject and its entries, and resets the cursor.
    pub fn turn_to(&mut self, subject: DiagnosisSubject, entries: Vec<Entry>) {
        (self.subject, self.entries) = (subject, entries);
        (self.at, self.opened, self.line) = (0, None, 0);
    }

    /// All rows: the entries for the subject, then runs for other subjects, the latest first.
    #[must_use]
    pub fn rows(&self) -> Vec<Place> {
        let mut rows: Vec<Place> = self.entries.iter().map(|entry| (*entry, self.subject)).collect();
        let others = self.runs.iter().rev().map(|run| (run.entry, run.subject));
        rows.extend(others.filter(|place| !(place.1 == self.subject && self.entries.contains(&place.0))));
        rows
    }

    /// Open run, otherwise the row under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<Place> {
        self.opened.or_else(|| self.rows().get(self.at).copied())
    }

    /// Latest run of an entry for a subject.
    #[must_use]
    pub fn run_of(&self, (entry, subject): Place) -> Option<&Run> {
        self.runs.iter().find(|run| run.entry == entry && run.subject == subject)
    }

    /// Records that an entry is running, or its outcome.
    pub fn note(&mut self, (entry, subject): Place, outcome: Outcome) {
        self.runs.retain(|run| run.entry != entry || run.subject != subject);
        self.runs.push(Run { entry, subject, outcome });
        let n_too_many = self.runs.len().saturating_sub(RUNS);
        self.runs.drain(..n_too_many);
    }

    /// Removes a run and keeps the cursor among the rows.
    pub fn forget(&mut self, (entry, subject): Place) {
        self.runs.retain(|run| run.entry != entry || run.subject != subject);
        (self.opened, self.line) = (None, 0);
        self.at = self.at.min(self.rows().len().saturating_sub(1));
    }
}

/// Title of the pane: the open entry, and the subject.
#[must_use]
pub fn title(room: &Room) -> String {
    let (what, subject) = match room.opened {
        None => return format!("9 Diagnose: {}", scope(room.subject)),
        Some((Entry::Playbook(topic), subject)) => (topic.to_string(), subject),
        Some((Entry::Runbook(runbook), subject)) => (format!("runbook {}", runbook.name()), subject),
        Some((Entry::Lab(id), subject)) => (format!("signature of attempt {id}"), subject),
    };
    format!("9 Diagnose: {what}, {}", scope(subject))
}

/// Name of a subject in the console.
pub(super) fn scope(subject: DiagnosisSubject) -> String {
    if subject == DiagnosisSubject::All { "all companies".to_owned() } else { subject.to_string() }
}

/// Lines of the pane: the list of entries, or the open result.
#[must_use]
pub fn sheet(app: &App, width: usize) -> Sheet {
    let (room, theme) = (&app.room, app.theme());
    match room.opened.and_then(|place| room.run_of(place)) {
        Some(run) => answers::sheet(run, width, theme),
        None => {
            let mut sheet = Sheet::default();
            sheet.add(list(room, width, theme));
            sheet
        }
    }
}

/// Line under the cursor: in the open result, or the line of the selected row below the hint and the second heading.
#[must_use]
pub fn cursor(room: &Room) -> usize {
    let below = if room.at >= room.entries.len() { 2 } else { 0 };
    room.opened.map_or(2 + room.at + below, |_| room.line)
}

fn list(room: &Room, width: usize, theme: Theme) -> Vec<Line<'static>> {
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
    let mut lines = vec![Line::styled(format::clip(hint, width), theme.style(Role::Dim)), Line::default()];
    for (at, place) in room.rows().into_iter().enumerate() {
        if at == room.entries.len() {
            lines.extend([Line::default(), Line::styled("Earlier results", theme.style(Role::Strong))]);
        }
        let (name, what) = named(place.0);
        let name = if at < room.entries.len() { name } else { format!("{name}, {}", scope(place.1)) };
        let (role, state) = room.run_of(place).map_or((Role::Dim, what), |run| came(&run.outcome));
        let style = if at == room.at { theme.style(Role::Strong) } else { theme.style(Role::Text) };
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
fn named(entry: Entry) -> (String, String) {
    match entry {
        Entry::Playbook(topic) => (topic.name().to_owned(), topic.title().to_owned()),
        Entry::Runbook(runbook) => (format!("runbook {}", runbook.name()), runbook.title().to_owned()),
        Entry::Lab(id) => {
            ("signature debugger".to_owned(), format!("How did the receiver of attempt {id} verify the signature?"))
        }
    }
}

/// Outcome of a run in one line, with its style.
pub(super) fn came(outcome: &Outcome) -> (Role, String) {
    match outcome {
        Outcome::Waiting => (Role::Dim, "running \u{2026}".to_owned()),
        Outcome::Failed(why) => (Role::Trouble, why.clone()),
        Outcome::Progress(progress) => {
            let n_done = progress.steps.iter().filter(|step| step.is_done()).count();
            let of = format!("{n_done} of {} steps done", progress.steps.len());
            let next = progress.steps.iter().find(|step| !step.is_done());
            let next = next.map_or_else(String::new, |step| format!("; next: {}", step.to_do));
            (if progress.is_over() { Role::Text } else { Role::Accent }, format!("{of}{next}"))
        }
        Outcome::Lab(check) => match check.lab.fit {
            SignatureFit::Genuine => {
                (Role::Text, "the signature sent is valid; the receiver does not say what it computed".to_owned())
            }
            SignatureFit::Explained => {
                let ids: Vec<&str> = check.lab.causes.iter().map(|cause| cause.id.as_str()).collect();
                (Role::Trouble, Untrusted::new(ids.join(", ")).sanitized())
            }
            SignatureFit::Unexplained => {
                (Role::Trouble, format!("no match among {} known mistakes", check.lab.n_tried.unwrap_or_default()))
            }
        },
        Outcome::Report(report) => match report.conclusion() {
            DiagnosisConclusion::NoCause if report.n_unknown() > 0 => {
                (Role::Text, format!("no cause found; {} of {} checks unknown", report.n_unknown(), report.steps.len()))
            }
            DiagnosisConclusion::NoCause => (Role::Text, "no cause found".to_owned()),
            DiagnosisConclusion::Undecided => (Role::Trouble, "inconclusive; Enter shows why".to_owned()),
            DiagnosisConclusion::NotRun => (Role::Trouble, "no check was answered; Enter shows why".to_owned()),
            DiagnosisConclusion::CauseFound => {
                let ids: Vec<&str> = report.causes.iter().map(|cause| cause.id.as_str()).collect();
                let n = format::plural(ids.len() as u64, "cause");
                (Role::Trouble, Untrusted::new(format!("{n}: {}", ids.join(", "))).sanitized())
            }
        },
    }
}
