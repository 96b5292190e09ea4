//! Runbooks and the progress of their runs, as it is stored in a file and shown.

use super::diagnosis_subject::DiagnosisSubject;
use super::remedy::OfferedAction;
use super::report::CheckVerdict;
use super::runbook_kind::Runbook;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Progress of one run of a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunbookProgress {
    /// Runbook that is being worked through.
    pub runbook: Runbook,
    /// Key or subscription that the run is about.
    pub subject: DiagnosisSubject,
    /// Time at which the run began, by the platform's clock.
    pub begun_utc: Timestamp,
    /// Time at which the steps were last checked.
    pub checked_utc: Timestamp,
    /// Steps of the runbook, in their order.
    pub steps: Vec<RunbookStepState>,
}

/// Step of a runbook with the result of its check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunbookStepState {
    /// Identifier of the step within its runbook.
    pub id: String,
    /// Instruction of the step, for the operator.
    pub to_do: String,
    /// Condition that is checked after the step.
    pub check: String,
    /// Result of the check. Pass: done; fail: not done yet; unknown: could not be determined; skipped: an earlier step
    /// comes first.
    #[serde(flatten)]
    pub verdict: CheckVerdict,
    /// Finding of the latest check, in one line.
    pub found: String,
    /// Time of the latest check; null before the first.
    pub at_utc: Option<Timestamp>,
    /// Actions that take the step from crow; empty unless the step is the current one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<OfferedAction>,
}

impl RunbookProgress {
    /// Returns whether every step is done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(RunbookStepState::is_done)
    }
}

impl RunbookStepState {
    /// Returns whether the step is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.verdict == CheckVerdict::Pass
    }

    /// Returns the state of the step as one word: `done`, `now`, `unknown` or `later`.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self.verdict {
            CheckVerdict::Pass => "done",
            CheckVerdict::Fail => "now",
            CheckVerdict::Unknown(_) => "unknown",
            CheckVerdict::Skipped(_) => "later",
        }
    }
}
