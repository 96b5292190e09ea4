//! Overlay with a new key or token, which is shown once until it is closed.

use super::super::app::App;
use super::super::clipboard::CopyOutcome;
use super::super::format;
use super::super::issued_secret::IssuedSecret;
use super::super::theme::StyleRole;
use super::dialog;
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

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
enum CloseWarning {
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
    closing: CloseWarning,
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

/// Draws the secret in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, shown: &SecretReveal) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(100);
    let say = |text: &str, role| -> Vec<Line<'static>> {
        format::wrap_words(text, room).into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
    };
    let mut lines = say(&format!("{} (shown only once):", shown.issued.name), StyleRole::Text);
    lines.push(Line::default());
    let secret = Untrusted::new(shown.issued.secret().reveal()).sanitized();
    lines
        .extend(format::wrap(&secret, room).into_iter().map(|line| Line::styled(line, theme.style(StyleRole::Strong))));
    lines.push(Line::default());
    lines.extend(say("It cannot be shown again: neither the platform nor this console stores it.", StyleRole::Warning));
    let (said, role) = match &shown.copy_state {
        SecretCopyState::NotCopied => ("y copies, Esc closes for good".to_owned(), StyleRole::Dim),
        SecretCopyState::Copied(CopyOutcome::Kept(line)) => (format!("{line}; Esc closes"), StyleRole::Text),
        SecretCopyState::Copied(CopyOutcome::Unconfirmed(line)) => {
            (format!("{line}: check that it pastes before you close"), StyleRole::Warning)
        }
        SecretCopyState::Failed(why) => {
            (format!("{why}; select it with the mouse or write it down"), StyleRole::Trouble)
        }
    };
    lines.extend(say(&Untrusted::new(said).sanitized(), role));
    dialog(buffer, area, app, "Shown once", &lines);
}
