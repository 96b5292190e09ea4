//! Bulk changes: confirmed by typing a count, made one after the other, stoppable at any time, and with a retry of
//! those that failed. Also used for a single change that wants a typed confirmation.

use super::super::app::App;
use super::super::effect::PlatformChange;
use super::super::format;
use super::super::text_input::TextInput;
use super::super::theme::StyleRole;
use super::confirm::ConfirmPrompt;
use super::dialog;
use crate::domain::ids::KeyId;
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use std::collections::VecDeque;

/// Confirmation that wants a count, or the end of a name, typed.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedConfirmation {
    /// Changes to be made, each with its effect in words.
    pub questions: Vec<ConfirmPrompt>,
    /// Input for the count or the pledge.
    pub entry: TextInput,
    /// Key whose callers were requested, so that they are requested once.
    pub asked: Option<KeyId>,
}

impl TypedConfirmation {
    /// Creates a confirmation with an empty input.
    #[must_use]
    pub fn new(questions: Vec<ConfirmPrompt>) -> Self {
        Self { questions, entry: TextInput::default(), asked: None }
    }

    /// Single question of the confirmation; `None` if there are several.
    #[must_use]
    pub fn only(&self) -> Option<&ConfirmPrompt> {
        match self.questions.as_slice() {
            [question] => Some(question),
            _ => None,
        }
    }

    /// Text that confirms: the pledge of a single irreversible change, otherwise the number of things.
    #[must_use]
    pub fn expected_text(&self) -> String {
        let pledge = self.only().and_then(|question| question.pledge.as_ref());
        pledge.map_or_else(|| self.n_things().to_string(), Untrusted::sanitized)
    }

    /// Number of things that the changes affect together.
    #[must_use]
    pub fn n_things(&self) -> u64 {
        self.questions.iter().map(|question| question.act.n_things()).sum()
    }

    /// Whether the confirming text was typed.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.entry.text().trim() == self.expected_text()
    }
}

/// Bulk run: changes that are made one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkRun {
    /// Changes that are not started yet.
    pub pending: VecDeque<PlatformChange>,
    /// Change in flight, if there is one.
    pub in_flight: Option<PlatformChange>,
    /// Number of changes that succeeded.
    pub n_done: usize,
    /// Changes that failed, with the reasons.
    pub failed: Vec<(PlatformChange, String)>,
    /// Number of changes not started because the run was stopped.
    pub n_stopped: usize,
}

impl BulkRun {
    /// Creates a run that has not started.
    #[must_use]
    pub fn new(acts: impl IntoIterator<Item = PlatformChange>) -> Self {
        let left = acts.into_iter().collect();
        Self { pending: left, in_flight: None, n_done: 0, failed: Vec::new(), n_stopped: 0 }
    }

    /// Whether nothing is in flight or left to start.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.pending.is_empty() && self.in_flight.is_none()
    }

    /// Stops the run: the change in flight completes, the others are not started.
    pub fn stop(&mut self) {
        self.n_stopped += self.pending.len();
        self.pending.clear();
    }

    /// Progress in words: `3 done, 1 failed, 2 left`.
    #[must_use]
    pub fn progress_text(&self) -> String {
        let left = self.pending.len() + usize::from(self.in_flight.is_some());
        let mut text = format!("{} done, {} failed, {left} left", self.n_done, self.failed.len());
        if self.n_stopped > 0 {
            text.push_str(&format!(", {} not started", self.n_stopped));
        }
        text
    }
}

/// Draws the confirmation in the middle of `area`.
pub(super) fn draw_count(buffer: &mut Buffer, area: Rect, app: &App, count: &TypedConfirmation) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(76);
    let n = count.questions.len();
    let mut lines = Vec::new();
    let shown = usize::from(area.height).saturating_sub(11).max(1);
    for question in count.questions.iter().take(shown) {
        lines.push(Line::styled(format::clip(&question.act.description(), room), theme.style(StyleRole::Text)));
    }
    if n > shown {
        lines.push(Line::styled(format!("and {} more", n - shown), theme.style(StyleRole::Dim)));
    }
    if let Some(question) = count.only().filter(|question| question.pledge.is_some()) {
        lines.push(Line::styled(format::middle(&question.name.sanitized(), room), theme.style(StyleRole::Strong)));
    }
    if let Some(question) = count.questions.first() {
        let each = if n > 1 { "For the first: " } else { "" };
        let effect = format::wrap_words(&format!("{each}{}", question.effect), room);
        lines.extend(effect.into_iter().map(|line| Line::styled(line, theme.style(StyleRole::Text))));
    }
    if !app.snapshot.link.is_live() {
        lines.push(Line::styled(
            "The connection to the platform is not live; this may fail.",
            theme.style(StyleRole::Warning),
        ));
    }
    lines.push(Line::default());
    let n_things = count.n_things();
    let ask = match count.only().filter(|question| question.pledge.is_some()) {
        Some(_) => format!("Type {} (the last four characters) and press Enter to confirm.", count.expected_text()),
        None => format!("Type {n_things} and press Enter to confirm."),
    };
    lines.push(Line::styled(format::clip(&ask, room), theme.style(StyleRole::Strong)));
    lines.push(count.entry.line(room, theme));
    lines.push(Line::styled("Esc cancels", theme.style(StyleRole::Dim)));
    dialog(buffer, area, app, &format!("Confirm {}", format::plural(n as u64, "action")), &lines);
}

/// Draws the progress of the run in the middle of `area`.
pub(super) fn draw_run(buffer: &mut Buffer, area: Rect, app: &App, run: &BulkRun) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(76);
    let done = run.n_done + run.failed.len();
    let whole = done + run.pending.len() + usize::from(run.in_flight.is_some()) + run.n_stopped;
    let mut lines = vec![
        Line::styled(format::bar(done as u64, whole as u64, room.min(50)), theme.style(StyleRole::Text)),
        Line::styled(run.progress_text(), theme.style(StyleRole::Strong)),
    ];
    if let Some(act) = &run.in_flight {
        lines.push(Line::styled(
            format::clip(&format!("now: {}", act.description()), room),
            theme.style(StyleRole::Dim),
        ));
    }
    for (_, why) in run.failed.iter().rev().take(usize::from(area.height).saturating_sub(9)) {
        lines.push(Line::styled(
            format::clip(&Untrusted::new(why.as_str()).sanitized(), room),
            theme.style(StyleRole::Trouble),
        ));
    }
    let hint = match (run.is_over(), run.failed.is_empty()) {
        (false, _) => "Esc skips the actions not started yet",
        (true, true) => "Esc closes",
        (true, false) => "r retries the failed actions; Esc closes",
    };
    lines.push(Line::styled(hint, theme.style(StyleRole::Dim)));
    dialog(buffer, area, app, "Progress", &lines);
}
