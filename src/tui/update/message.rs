//! Error messages in the status line and the message log.

use crate::domain::time::Timestamp;
use crate::tui::state::app::App;
use crate::tui::state::notice::StatusMessage;

/// Shows an error in the status line until a key is pressed, and adds it to the message log.
pub(in crate::tui) fn show_error(app: &mut App, why: String, now: Timestamp) {
    app.view_state.log_message(&why, now);
    app.status_message = Some(StatusMessage::error(why));
}
