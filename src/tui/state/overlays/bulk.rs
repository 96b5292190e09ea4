//! Changes that want a typed confirmation, and the run that makes them one after the other: what is pending, in flight,
//! done and failed.

use crate::domain::ids::KeyId;
use crate::domain::text::Untrusted;
use crate::sync::platform_change::PlatformChange;
use crate::tui::state::overlays::confirm::ConfirmPrompt;
use crate::tui::widgets::text_input::TextInput;
use std::collections::VecDeque;

/// Confirmation by typing a count, or the end of a name.
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
