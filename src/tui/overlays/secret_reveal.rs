//! Drawing of a new key or token, which is shown once until its overlay is closed.

use crate::domain::text::Untrusted;
use crate::tui::effect::CopyOutcome;
use crate::tui::overlays::frame::dialog;
use crate::tui::state::app::App;
use crate::tui::state::overlays::secret_reveal::{SecretCopyState, SecretReveal};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Draws the secret in the middle of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, shown: &SecretReveal) {
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
