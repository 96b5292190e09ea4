//! Confirmation of a single change: what it affects, its effect in words, and "no" as the default.

use super::super::app::App;
use super::super::effect::PlatformChange;
use super::super::format;
use super::super::theme::StyleRole;
use super::dialog;
use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::sync::alerts::Alert;
use crate::sync::snapshot::Snapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Precondition of a change: the state when the question was asked, which must still hold when it is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfirmPrecondition {
    /// Subscription with its target URL, and whether it was enabled.
    Subscription(SubscriptionId, Untrusted, bool),
    /// Key that was not revoked.
    ActiveKey(KeyId),
    /// Alert with its health status.
    Alert(AlertSubject, HealthStatus),
    /// No condition: the change refers to nothing that can change.
    None,
}

/// Confirmation question about one change, with its precondition.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmPrompt {
    /// Change to be made on `y`.
    pub act: PlatformChange,
    /// Name of what the change affects.
    pub name: Untrusted,
    /// State that must still hold when the question is answered.
    pub precondition: ConfirmPrecondition,
    /// Effect of the change, in words.
    pub effect: String,
    /// Text to be typed for an irreversible change: the last four characters of the name or key. `None` if y is
    /// enough.
    pub pledge: Option<Untrusted>,
}

impl ConfirmPrompt {
    /// The subscription that a yes enables, if it is that.
    #[must_use]
    pub const fn enables(&self) -> Option<SubscriptionId> {
        match self.act {
            PlatformChange::Enable(id, _) => Some(id),
            _ => None,
        }
    }

    /// Checks whether the precondition still holds in `picture`.
    ///
    /// # Errors
    /// A one-line description of what changed.
    pub fn check_precondition(&self, picture: &Snapshot) -> Result<(), String> {
        let Some(overview) = &picture.overview else { return Err("nothing was changed: still loading".to_owned()) };
        match &self.precondition {
            ConfirmPrecondition::None => Ok(()),
            ConfirmPrecondition::Alert(subject, standing) => {
                let is_so = |alert: &&Alert| (alert.subject, alert.standing) == (*subject, *standing);
                match picture.alerts().iter().find(is_so) {
                    Some(_) => Ok(()),
                    None => Err(format!("nothing was changed: the alert for {subject} is resolved or has changed")),
                }
            }
            ConfirmPrecondition::ActiveKey(id) => match overview.keys.items.iter().find(|row| row.id == *id) {
                None => Err(format!("nothing was changed: key {id} is not in the current data")),
                Some(row) if row.revoked_utc.is_some() => {
                    Err(format!("nothing was changed: key {id} is already revoked"))
                }
                Some(_) => Ok(()),
            },
            ConfirmPrecondition::Subscription(id, target, was_enabled) => {
                let row = overview.subscriptions.items.iter().find(|row| row.subscription.id == *id);
                let Some(row) = row else {
                    return Err(format!("nothing was changed: subscription {id} is not in the current data"));
                };
                if row.subscription.is_enabled != *was_enabled || row.subscription.target_url != *target {
                    return Err(format!(
                        "nothing was changed: subscription {id} changed in the meantime; review and try again"
                    ));
                }
                Ok(())
            }
        }
    }
}

/// Draws the question in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, question: &ConfirmPrompt) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(70);
    let mut lines = vec![
        Line::styled(question.act.asked(), theme.style(StyleRole::Strong)),
        Line::styled(format::middle(&question.name.sanitized(), room), theme.style(StyleRole::Text)),
    ];
    lines.extend(
        format::wrap_words(&question.effect, room)
            .into_iter()
            .map(|line| Line::styled(line, theme.style(StyleRole::Text))),
    );
    if !app.snapshot.link.is_live() {
        lines.push(Line::styled(
            "The connection to the platform is not live; this may fail.",
            theme.style(StyleRole::Warning),
        ));
    }
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("y", theme.style(StyleRole::Accent)),
        Span::styled(" yes    ", theme.style(StyleRole::Text)),
        Span::styled("n", theme.style(StyleRole::Accent)),
        Span::styled(" no (also Enter, Esc)", theme.style(StyleRole::Text)),
    ]));
    if question.enables().is_some() {
        lines.push(Line::from(vec![
            Span::styled("t", theme.style(StyleRole::Accent)),
            Span::styled(" send a test first", theme.style(StyleRole::Text)),
        ]));
    }
    dialog(buffer, area, app, "Confirm", &lines);
}
