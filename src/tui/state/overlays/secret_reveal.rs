//! New key or token that is shown once: whether it was copied, and whether closing was warned about.

use crate::tui::effect::CopyOutcome;
use crate::tui::state::issued_secret::IssuedSecret;

/// Whether the secret on the screen was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretCopyState {
    /// Secret was not copied yet.
    NotCopied,
    /// Secret was copied, or sent to the terminal without confirmation.
    Copied(CopyOutcome),
    /// Secret could not be copied, and why.
    Failed(String),
}

/// Whether the operator was warned on closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum CloseWarning {
    NotAsked,
    Warned,
}

/// Overlay that shows a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReveal {
    /// Secret together with its description.
    pub issued: IssuedSecret,
    /// Whether the secret was copied.
    pub copy_state: SecretCopyState,
    pub(in crate::tui) closing: CloseWarning,
}

impl SecretReveal {
    /// Creates the overlay for a secret that was not copied yet.
    #[must_use]
    pub const fn new(issued: IssuedSecret) -> Self {
        Self { issued, copy_state: SecretCopyState::NotCopied, closing: CloseWarning::NotAsked }
    }

    /// Asks to close the overlay. Unless the secret is known to be in a clipboard, the first request only warns.
    ///
    /// # Errors
    /// The warning to show when the overlay stays open.
    pub fn close(&mut self) -> Result<(), &'static str> {
        if matches!(self.copy_state, SecretCopyState::Copied(CopyOutcome::Kept(_)))
            || self.closing == CloseWarning::Warned
        {
            return Ok(());
        }
        self.closing = CloseWarning::Warned;
        Err(match self.copy_state {
            SecretCopyState::NotCopied => "the secret is not copied; press the key again to close it for good",
            SecretCopyState::Copied(_) => "check first that it pastes; press the key again to close it for good",
            SecretCopyState::Failed(_) => "the secret could not be copied; press the key again to close it for good",
        })
    }
}
