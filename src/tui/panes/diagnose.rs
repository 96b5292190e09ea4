//! Pane 9: the playbooks and run-books over what is selected, those that run and those that ran, and the signature lab over an attempt.

use super::super::app::App;
use super::super::format;
use super::super::sheet::Sheet;
use super::super::theme::{Role, Theme};
use super::answers;
use crate::api::lab::{Fit, SignatureCheck};
use crate::api::report::{Conclusion, Report, Subject, Topic};
use crate::api::runbook::{Progress, Runbook};
use crate::domain::ids::AttemptId;
use crate::domain::text::Untrusted;
use ratatui::text::{Line, Span};
use serde::{Deserialize, Serialize};

/// Runs that are kept; the oldest go first.
pub const RUNS: usize = 40;

/// Something that can be run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// The signature lab over what the receiver answered to an attempt.
    Lab(AttemptId),
    /// A playbook.
    Playbook(Topic),
    /// A run-book.
    Runbook(Runbook),
}

/// What came of running one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is under way.
    Waiting,
    /// A report.
    Report(Box<Report>),
    /// The lab's answer.
    Lab(Box<SignatureCheck>),
    /// How far a run-book is.
    Progress(Box<Progress>),
    /// Nothing, and why.
    Failed(String),
}

/// What ran, over what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What ran.
    pub entry: Entry,
    /// Over what.
    pub subject: Subject,
    /// What came of it.
    pub outcome: Outcome,
}

impl Run {
    /// Whether something came of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome != Outcome::Waiting
    }
}

/// A row of the pane: what can be run over what.
pub type Place = (Entry, Subject);

/// The room in which playbooks are run: it remembers them.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// What playbooks are run over.
    pub subject: Subject,
    /// What can be run over it, in the order in which it is listed.
    pub entries: Vec<Entry>,
    /// The row of the cursor.
    pub at: usize,
    /// What is open.
    pub opened: Option<Place>,
    /// The line of the cursor in what is open.
    pub line: usize,
    /// Everything that ran, the latest last; of one thing over one subject only the latest.
    pub runs: Vec<Run>,
}

impl Default for Room {
    fn default() -> Self {
        Self { subject: Subject::All, entries: Vec::new(), at: 0, opened: None, line: 0, runs: Vec::new() }
    }
}

impl Room {
    /// Turns to a subject, with what fits it.
    pub fn turn_to(&mut self, subject: Subject, entries: Vec<Entry>) {
        (self.subject, self.entries) = (subject, entries);
        (self.at, self.opened, self.line) = (0, None, 0);
    }

    /// All rows: what fits the subject, then what ran over others, the latest first.
    #[must_use]
    pub fn rows(&self) -> Vec<Place> {
        let mut rows: Vec<Place> = self.entries.iter().map(|entry| (*entry, self.subject)).collect();
        let others = self.runs.iter().rev().map(|run| (run.entry, run.subject));
        rows.extend(others.filter(|place| !(place.1 == self.subject && self.entries.contains(&place.0))));
        rows
    }

    /// What is open, else what is under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<Place> {
        self.opened.or_else(|| self.rows().get(self.at).copied())
    }

    /// The latest run in a place.
    #[must_use]
    pub fn run_of(&self, (entry, subject): Place) -> Option<&Run> {
        self.runs.iter().find(|run| run.entry == entry && run.subject == subject)
    }

    /// Notes that something runs, or what came of it.
    pub fn note(&mut self, (entry, subject): Place, outcome: Outcome) {
        self.runs.retain(|run| run.entry != entry || run.subject != subject);
        self.runs.push(Run { entry, subject, outcome });
        let n_too_many = self.runs.len().saturating_sub(RUNS);
        self.runs.drain(..n_too_many);
    }

    /// Forgets a run. The cursor stays among the rows.
    pub fn forget(&mut self, (entry, subject): Place) {
        self.runs.retain(|run| run.entry != entry || run.subject != subject);
        (self.opened, self.line) = (None, 0);
        self.at = self.at.min(self.rows().len().saturating_sub(1));
    }
}

/// What stands on its edge.
#[must_use]
pub fn title(room: &Room) -> String {
    let (what, subject) = match room.opened {
        None => ("9 Diagnose".to_owned(), room.subject),
        Some((Entry::Playbook(topic), subject)) => (format!("9 Diagnose: {topic}"), subject),
        Some((Entry::Runbook(runbook), subject)) => (format!("9 Diagnose: run-book {}", runbook.name()), subject),
        Some((Entry::Lab(id), subject)) => (format!("9 Diagnose: the signature of attempt {id}"), subject),
    };
    format!("{what}, over {subject}")
}

/// All lines: the list, or what is open.
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

/// The line of the cursor: in what is open, or that of its row in the list, below the hint and the second heading.
#[must_use]
pub fn cursor(room: &Room) -> usize {
    let below = if room.at >= room.entries.len() { 2 } else { 0 };
    room.opened.map_or(2 + room.at + below, |_| room.line)
}

fn list(room: &Room, width: usize, theme: Theme) -> Vec<Line<'static>> {
    // The fullest that fits into one line.
    let hints: &[&str] = match room.subject {
        Subject::All | Subject::Company(_) => &[
            "Enter runs a playbook with read-only calls, and opens one that ran. P on a row narrows it; a key and a subscription have run-books.",
            "Enter runs one with read-only calls, and opens one that ran. P narrows it.",
            "Enter runs one, read-only, and opens one that ran.",
        ],
        Subject::Key(_) | Subject::Subscription(_) => &[
            "Enter runs with read-only calls, and opens what ran. Run-books guide through a piece of work and check each step.",
            "Enter runs with read-only calls, opens what ran.",
        ],
    };
    let hint = hints.iter().find(|hint| format::width(hint) <= width).or(hints.last()).copied().unwrap_or_default();
    let mut lines = vec![Line::styled(format::clip(hint, width), theme.style(Role::Dim)), Line::default()];
    for (at, place) in room.rows().into_iter().enumerate() {
        if at == room.entries.len() {
            lines.extend([Line::default(), Line::styled("Ran over something else", theme.style(Role::Strong))]);
        }
        let (name, what) = named(place.0);
        let name = if at < room.entries.len() { name } else { format!("{name}, {}", place.1) };
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

/// What an entry is called, and what it is for.
fn named(entry: Entry) -> (String, String) {
    match entry {
        Entry::Playbook(topic) => (topic.name().to_owned(), topic.title().to_owned()),
        Entry::Runbook(runbook) => (format!("run-book {}", runbook.name()), runbook.title().to_owned()),
        Entry::Lab(id) => ("signature lab".to_owned(), format!("How did the receiver of attempt {id} verify it?")),
    }
}

/// What came of a run, in a line.
pub(super) fn came(outcome: &Outcome) -> (Role, String) {
    match outcome {
        Outcome::Waiting => (Role::Dim, "asking the platform \u{2026}".to_owned()),
        Outcome::Failed(why) => (Role::Trouble, why.clone()),
        Outcome::Progress(progress) => {
            let n_done = progress.steps.iter().filter(|step| step.is_done()).count();
            let of = format!("{n_done} of {} steps done", progress.steps.len());
            let next = progress.steps.iter().find(|step| !step.is_done());
            let next = next.map_or_else(String::new, |step| format!("; now: {}", step.to_do));
            (if progress.is_over() { Role::Text } else { Role::Accent }, format!("{of}{next}"))
        }
        Outcome::Lab(check) => match check.lab.fit {
            Fit::Genuine => {
                (Role::Text, "what was sent is signed correctly; the receiver does not say what it computed".to_owned())
            }
            Fit::Explained => {
                let ids: Vec<&str> = check.lab.causes.iter().map(|cause| cause.id.as_str()).collect();
                (Role::Trouble, Untrusted::new(ids.join(", ")).inert())
            }
            Fit::Unexplained => {
                (Role::Trouble, format!("none of {} variants fits", check.lab.n_tried.unwrap_or_default()))
            }
        },
        Outcome::Report(report) => match report.conclusion() {
            Conclusion::NoCause if report.n_unknown() > 0 => {
                (Role::Text, format!("no cause found; {} of {} checks unknown", report.n_unknown(), report.steps.len()))
            }
            Conclusion::NoCause => (Role::Text, "no cause found".to_owned()),
            Conclusion::Undecided => (Role::Trouble, "undecided; Enter says why".to_owned()),
            Conclusion::NotRun => (Role::Trouble, "nothing could be learnt; Enter says why".to_owned()),
            Conclusion::CauseFound => {
                let ids: Vec<&str> = report.causes.iter().map(|cause| cause.id.as_str()).collect();
                let n = format::plural(ids.len() as u64, "cause");
                (Role::Trouble, Untrusted::new(format!("{n}: {}", ids.join(", "))).inert())
            }
        },
    }
}
