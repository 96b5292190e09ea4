//! Pane 0: the bundle as it would be written: files, reasons, redactions, what is missing, and the ticket itself.

use super::super::app::App;
use super::super::format;
use super::super::theme::Role;
use crate::api::report::Subject;
use crate::domain::text::Untrusted;
use crate::escalation::bundle::Bundle;
use crate::escalation::text;
use ratatui::text::Line;

/// How far the bundle is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Draft {
    /// Nothing was collected yet.
    #[default]
    None,
    /// The platform is asked.
    Collecting,
    /// There is none, and why.
    Refused(String),
    /// It can be written.
    Ready(Box<Bundle>),
    /// Whether it is to be written is asked.
    Asked(Box<Bundle>),
    /// It was written here.
    Written(Box<Bundle>, String),
}

/// What the bundle is about, how far it is, and where one looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Desk {
    /// About what.
    pub subject: Subject,
    /// How far.
    pub draft: Draft,
    /// The first line in sight.
    pub top: usize,
}

impl Default for Desk {
    fn default() -> Self {
        Self { subject: Subject::All, draft: Draft::None, top: 0 }
    }
}

/// What stands on its edge.
#[must_use]
pub fn title(desk: &Desk) -> String {
    format!("0 Escalate: the bundle about {}", desk.subject)
}

/// All lines.
#[must_use]
pub fn lines(app: &App, width: usize) -> Vec<Line<'static>> {
    let theme = app.theme();
    let say = |text: &str, role: Role| -> Vec<Line<'static>> {
        format::flow(&Untrusted::new(text).inert(), width)
            .into_iter()
            .map(|line| Line::styled(line, theme.style(role)))
            .collect()
    };
    match &app.escalation.draft {
        Draft::None => say("Nothing is collected yet.", Role::Dim),
        Draft::Collecting => {
            say("Running the playbooks that fit and collecting what belongs to the case \u{2026}", Role::Dim)
        }
        Draft::Refused(why) => say(why, Role::Trouble),
        Draft::Ready(bundle) => {
            let mut lines = say(
                "W writes it into the directory in which the console was started. It was searched for secrets and has none.",
                Role::Accent,
            );
            lines.extend(preview(bundle, &say));
            lines
        }
        Draft::Asked(bundle) => {
            let question = format!(
                "Write {} into the directory in which the console was started? y writes it, n does not.",
                bundle.folder()
            );
            let mut lines = say(&question, Role::Strong);
            lines.extend(preview(bundle, &say));
            lines
        }
        Draft::Written(bundle, path) => {
            let mut lines = say(&format!("Written: {path}. crow open shows it again."), Role::Accent);
            lines.extend(preview(bundle, &say));
            lines
        }
    }
}

fn preview(bundle: &Bundle, say: &dyn Fn(&str, Role) -> Vec<Line<'static>>) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    lines.extend(say(&format!("{}/", bundle.folder()), Role::Strong));
    for file in bundle.files() {
        lines.extend(say(&format!("  {:<14} {:>8} bytes", file.name, file.bytes.len()), Role::Text));
    }
    lines.push(Line::default());
    for reason in &bundle.ticket().reasons {
        lines.extend(say(&format!("escalate ({}): {}", reason.id, reason.text), Role::Strong));
    }
    let redactions = &bundle.manifest().redactions;
    if redactions.is_empty() {
        lines.extend(say("left out: nothing had to be", Role::Dim));
    }
    for redaction in redactions {
        lines.extend(say(&format!("left out {} times: {}", redaction.n, redaction.what), Role::Dim));
    }
    for missing in &bundle.ticket().missing {
        lines.extend(say(&format!("not here: {missing}"), Role::Dim));
    }
    lines.push(Line::default());
    for line in text::write(bundle.ticket()).lines() {
        if line.is_empty() { lines.push(Line::default()) } else { lines.extend(say(line, Role::Text)) }
    }
    lines
}
