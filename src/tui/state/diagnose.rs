//! State of pane 9 (Diagnose): the entries for a subject (playbooks, runbooks, the signature debugger), their runs, and
//! the result that is open.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CombinedDiagnosis, DiagnosisReport};
use crate::diagnose::runbook_kind::Runbook;
use crate::diagnose::runbook_progress::RunbookProgress;
use crate::domain::ids::AttemptId;
use crate::wire::signature_check::SignatureCheck;
use serde::{Deserialize, Serialize};

/// Maximum number of runs kept; the oldest are dropped first.
pub const MAX_RUNS_KEPT: usize = 40;

/// Entry of pane 9: what can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DiagnoseEntry {
    /// Every playbook that applies, with one ranked list of causes.
    Everything,
    /// Signature lab, which explains how the receiver of an attempt verified it.
    Lab(AttemptId),
    /// Playbook that looks for the cause of a symptom.
    Playbook(PlaybookTopic),
    /// Runbook that guides through a task and checks each step.
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
    /// Causes of all playbooks in one ranked list.
    Combined(Box<CombinedDiagnosis>),
    /// Signature check of an attempt.
    Lab(Box<SignatureCheck>),
    /// State of a runbook's steps.
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
