//! Pane 9: the playbooks over what is selected, those that run and those that ran, and the signature lab over an attempt.

use super::super::app::App;
use super::super::format;
use super::super::theme::{Role, Theme};
use crate::api::lab::{Fit, SignatureCheck};
use crate::api::report::{Conclusion, Evidence, Report, Subject, Topic, Verdict};
use crate::domain::ids::AttemptId;
use crate::domain::text::Untrusted;
use ratatui::text::{Line, Span};

/// Something that can be run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The signature lab over what the receiver answered to an attempt.
    Lab(AttemptId),
    /// A playbook.
    Playbook(Topic),
}

/// What came of running one.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is under way.
    Waiting,
    /// A report.
    Report(Box<Report>),
    /// The lab's answer.
    Lab(Box<SignatureCheck>),
    /// Nothing, and why.
    Failed(String),
}

/// What ran, over what.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What ran.
    pub entry: Entry,
    /// Over what.
    pub subject: Subject,
    /// What came of it.
    pub outcome: Outcome,
}

/// The room in which playbooks are run: it remembers them while the console is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// What playbooks are run over.
    pub subject: Subject,
    /// What can be run, in the order in which it is listed.
    pub entries: Vec<Entry>,
    /// The row of the cursor.
    pub at: usize,
    /// Whether the run at the cursor is open.
    pub opened: Option<Entry>,
    /// The first line in sight of what is open.
    pub top: usize,
    /// Everything that ran; of one thing over one subject only the latest.
    pub runs: Vec<Run>,
}

impl Default for Room {
    fn default() -> Self {
        Self { subject: Subject::All, entries: Vec::new(), at: 0, opened: None, top: 0, runs: Vec::new() }
    }
}

impl Room {
    /// Turns to a subject, with what fits it.
    pub fn turn_to(&mut self, subject: Subject, entries: Vec<Entry>) {
        (self.subject, self.entries) = (subject, entries);
        (self.at, self.opened, self.top) = (0, None, 0);
    }

    /// What is under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<Entry> {
        self.entries.get(self.at).copied()
    }

    /// The latest run of an entry over the present subject.
    #[must_use]
    pub fn run_of(&self, entry: Entry) -> Option<&Run> {
        self.runs.iter().find(|run| run.entry == entry && run.subject == self.subject)
    }

    /// Notes that something runs, or what came of it.
    pub fn note(&mut self, entry: Entry, subject: Subject, outcome: Outcome) {
        self.runs.retain(|run| run.entry != entry || run.subject != subject);
        self.runs.push(Run { entry, subject, outcome });
    }
}

/// What stands on its edge.
#[must_use]
pub fn title(room: &Room) -> String {
    let what = match room.opened {
        None => "9 Diagnose".to_owned(),
        Some(Entry::Playbook(topic)) => format!("9 Diagnose: {topic}"),
        Some(Entry::Lab(id)) => format!("9 Diagnose: the signature of attempt {id}"),
    };
    format!("{what}, over {}", room.subject)
}

/// All lines: the list, or what is open.
#[must_use]
pub fn lines(app: &App, width: usize) -> Vec<Line<'static>> {
    let (room, theme) = (&app.room, app.theme());
    match room.opened.and_then(|entry| room.run_of(entry)) {
        Some(run) => opened(run, width, theme),
        None => list(room, width, theme),
    }
}

fn list(room: &Room, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = vec![
        Line::styled(
            format::clip(
                "Enter runs a playbook with read-only calls, and opens one that ran; P on a row chooses what it is about.",
                width,
            ),
            theme.style(Role::Dim),
        ),
        Line::default(),
    ];
    for (at, entry) in room.entries.iter().enumerate() {
        let cursor = if at == room.at { "> " } else { "  " };
        let (name, what) = match entry {
            Entry::Playbook(topic) => (topic.name().to_owned(), topic.title().to_owned()),
            Entry::Lab(id) => ("signature lab".to_owned(), format!("How did the receiver of attempt {id} verify it?")),
        };
        let (role, state) = room.run_of(*entry).map_or((Role::Dim, what), |run| came(&run.outcome));
        let style = if at == room.at { theme.style(Role::Strong) } else { theme.style(Role::Text) };
        let rest = width.saturating_sub(26);
        lines.push(Line::from(vec![
            Span::styled(format!("{cursor}{name:<22}  "), style),
            Span::styled(format::clip(&state, rest), theme.style(role)),
        ]));
    }
    lines
}

/// What came of a run, in a line.
fn came(outcome: &Outcome) -> (Role, String) {
    match outcome {
        Outcome::Waiting => (Role::Dim, "asking the platform \u{2026}".to_owned()),
        Outcome::Failed(why) => (Role::Trouble, why.clone()),
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
            Conclusion::NoCause => (Role::Text, "no cause found".to_owned()),
            Conclusion::NotRun => (Role::Trouble, "nothing could be learnt; Enter says why".to_owned()),
            Conclusion::CauseFound => {
                let ids: Vec<&str> = report.causes.iter().map(|cause| cause.id.as_str()).collect();
                let n = format::plural(ids.len() as u64, "cause");
                (Role::Trouble, Untrusted::new(format!("{n}: {}", ids.join(", "))).inert())
            }
        },
    }
}

fn opened(run: &Run, width: usize, theme: Theme) -> Vec<Line<'static>> {
    match &run.outcome {
        Outcome::Report(report) => self::report(report, width, theme),
        Outcome::Lab(check) => lab(check, width, theme),
        other => {
            let (role, text) = came(other);
            flowed(&text, 0, width, theme, role)
        }
    }
}

/// Text in lines with an indent, inert.
fn flowed(text: &str, indent: usize, width: usize, theme: Theme, role: Role) -> Vec<Line<'static>> {
    let room = width.saturating_sub(indent);
    let lines = format::flow(&Untrusted::new(text).inert(), room);
    lines.into_iter().map(|line| Line::styled(format!("{}{line}", " ".repeat(indent)), theme.style(role))).collect()
}

fn lab(check: &SignatureCheck, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let (role, text) = came(&Outcome::Lab(Box::new(check.clone())));
    let mut lines = flowed(&text, 0, width, theme, role);
    let computed = check.computed.as_ref().map_or_else(|| "it names none".to_owned(), Untrusted::inert);
    lines.extend(flowed(&format!("computed by the receiver: {computed}"), 0, width, theme, Role::Dim));
    let ahead =
        check.clock_ahead_seconds.map_or_else(|| "unknown: its answer has no date".to_owned(), |s| format!("{s:+} s"));
    lines.extend(flowed(&format!("the receiver's clock against the platform's: {ahead}"), 0, width, theme, Role::Dim));
    for cause in &check.lab.causes {
        lines.push(Line::default());
        lines.extend(flowed(&format!("{} ({})", cause.title, cause.id), 0, width, theme, Role::Strong));
        lines.extend(flowed(cause.difference.raw(), 2, width, theme, Role::Text));
        lines.extend(flowed(&cause.resolution, 2, width, theme, Role::Text));
    }
    lines
}

fn report(report: &Report, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (position, cause) in report.causes.iter().enumerate() {
        let title = format!("{}. {} ({})", position + 1, cause.title, cause.id);
        lines.extend(flowed(&title, 0, width, theme, Role::Strong));
        lines.extend(flowed(&cause.resolution, 3, width, theme, Role::Text));
        for offer in &cause.offers {
            lines.extend(flowed(&format!("can be done: {}", offer.what), 3, width, theme, Role::Accent));
        }
        lines.extend(evidence(&cause.evidence, width, theme));
        lines.push(Line::default());
    }
    if report.causes.is_empty() {
        let (role, text) = came(&Outcome::Report(Box::new(report.clone())));
        lines.extend(flowed(&text, 0, width, theme, role));
        lines.push(Line::default());
    }
    lines.push(Line::styled(format!("Checks, asked {}", report.at_utc), theme.style(Role::Strong)));
    for step in &report.steps {
        let role = match step.verdict {
            Verdict::Fail => Role::Trouble,
            Verdict::Pass => Role::Text,
            Verdict::Unknown(_) | Verdict::Skipped(_) => Role::Dim,
        };
        lines.extend(flowed(&format!("{:<8} {}", step.verdict.name(), step.question), 0, width, theme, role));
        if let Some(why) = step.verdict.why() {
            lines.extend(flowed(why, 9, width, theme, Role::Dim));
        }
        lines.extend(evidence(&step.evidence, width, theme));
    }
    lines
}

fn evidence(evidence: &[Evidence], width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for of in evidence {
        let limit = of.limit.as_ref().map_or_else(String::new, |limit| format!(" (limit {limit})"));
        let (what, call) = of.query.split_once(", GET ").unwrap_or((of.query.as_str(), ""));
        lines.extend(flowed(&format!("{what}: {}{limit}", of.value.inert()), 9, width, theme, Role::Text));
        if !call.is_empty() {
            lines.extend(flowed(&format!("GET {call}, asked {}", of.at_utc), 11, width, theme, Role::Dim));
        }
    }
    lines
}
