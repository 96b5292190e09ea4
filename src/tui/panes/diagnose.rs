//! Pane 9 (Diagnose), drawn: playbooks and runbooks for the selection, their runs, and the signature debugger for an
//! attempt.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::tui::panes::diagnose_result;
use crate::tui::state::app::App;
use crate::tui::state::diagnose::{DiagnoseEntry, DiagnoseState};
use crate::tui::widgets::detail_lines::DetailLines;
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::theme::Theme;
use ratatui::text::{Line, Span};

/// Title of the pane: the open entry, and the subject.
#[must_use]
pub fn title(room: &DiagnoseState) -> String {
    let (what, subject) = match room.opened {
        None => return format!("9 Diagnose: {}", diagnose_result::scope(room.subject)),
        Some((DiagnoseEntry::Everything, subject)) => ("everything".to_owned(), subject),
        Some((DiagnoseEntry::Playbook(topic), subject)) => (topic.to_string(), subject),
        Some((DiagnoseEntry::Runbook(runbook), subject)) => (format!("runbook {}", runbook.name()), subject),
        Some((DiagnoseEntry::Lab(id), subject)) => (format!("signature of attempt {id}"), subject),
    };
    format!("9 Diagnose: {what}, {}", diagnose_result::scope(subject))
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
            "Enter runs an entry (read-only), Enter again opens its result. P on a row diagnoses that row; keys and subscriptions also have runbooks.",
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
        let name = if at < room.entries.len() { name } else { format!("{name}, {}", diagnose_result::scope(place.1)) };
        let (role, state) =
            room.run_of(place).map_or((StyleRole::Dim, what), |run| diagnose_result::outcome_line(&run.outcome));
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
        DiagnoseEntry::Everything => ("everything".to_owned(), "All playbooks at once, causes in one list".to_owned()),
        DiagnoseEntry::Playbook(topic) => (topic.name().to_owned(), topic.title().to_owned()),
        DiagnoseEntry::Runbook(runbook) => (format!("runbook {}", runbook.name()), runbook.title().to_owned()),
        DiagnoseEntry::Lab(id) => {
            ("signature debugger".to_owned(), format!("How did the receiver of attempt {id} verify the signature?"))
        }
    }
}
