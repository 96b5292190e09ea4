//! Overlay with a new key or token, which is shown once until it is closed.

use super::super::app::App;
use super::super::clipboard::Copied;
use super::super::format;
use super::super::once::Issued;
use super::super::theme::Role;
use super::dialog;
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Whether the secret on the screen was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Secret was not copied yet.
    Shown,
    /// Secret was copied, or sent to the terminal without confirmation.
    Copied(Copied),
    /// Secret could not be copied, and why.
    Failed(String),
}

/// Whether the operator was warned on closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    NotAsked,
    Warned,
}

/// Overlay that shows a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Secret together with its description.
    pub issued: Issued,
    /// Whether the secret was copied.
    pub fate: Fate,
    closing: Closing,
}

impl Shown {
    /// Creates the overlay for a secret that was not copied yet.
    #[must_use]
    pub const fn new(issued: Issued) -> Self {
        Self { issued, fate: Fate::Shown, closing: Closing::NotAsked }
    }

    /// Asks to close the overlay. Unless the secret is known to be in a clipboard, the first request only warns.
    ///
    /// # Errors
    /// The warning to show when the overlay stays open.
    pub fn close(&mut self) -> Result<(), &'static str> {
        if matches!(self.fate, Fate::Copied(Copied::Kept(_))) || self.closing == Closing::Warned {
            return Ok(());
        }
        self.closing = Closing::Warned;
        Err(match self.fate {
            Fate::Shown => "the secret is not copied; press the key again to close it for good",
            Fate::Copied(_) => "check first that it pastes; press the key again to close it for good",
            Fate::Failed(_) => "the secret could not be copied; press the key again to close it for good",
        })
    }
}

/// Draws the secret in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, shown: &Shown) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(100);
    let say = |text: &str, role| -> Vec<Line<'static>> {
        format::flow(text, room).into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
    };
    let mut lines = say(&format!("{} (shown only once):", shown.issued.name), Role::Text);
    lines.push(Line::default());
    let secret = Untrusted::new(shown.issued.secret().reveal()).sanitized();
    lines.extend(format::wrap(&secret, room).into_iter().map(|line| Line::styled(line, theme.style(Role::Strong))));
    lines.push(Line::default());
    lines.extend(say("It cannot be shown again: neither the platform nor this console stores it.", Role::Warning));
    let (said, role) = match &shown.fate {
        Fate::Shown => ("y copies, Esc closes for good".to_owned(), Role::Dim),
        Fate::Copied(Copied::Kept(line)) => (format!("{line}; Esc closes"), Role::Text),
        Fate::Copied(Copied::Sent(line)) => (format!("{line}: check that it pastes before you close"), Role::Warning),
        Fate::Failed(why) => (format!("{why}; select it with the mouse or write it down"), Role::Trouble),
    };
    lines.extend(say(&Untrusted::new(said).sanitized(), role));
    dialog(buffer, area, app, "Shown once", &lines);
}
