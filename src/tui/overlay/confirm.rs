//! The question before an action: one object, the effect in words, default no.

use super::super::app::App;
use super::super::effect::Act;
use super::super::format;
use super::super::theme::Role;
use super::dialog;
use crate::api::subscriptions::{ReplayChoice, SubscriptionRow};
use crate::domain::text::Untrusted;
use crate::monitor::snapshot::Snapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// A question about one act, with what was true when it was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What will be done on `y`.
    pub act: Act,
    target: Untrusted,
    was_enabled: bool,
    /// What will come of it, in words.
    pub effect: String,
}

impl Question {
    /// Asks about an act on a subscription.
    #[must_use]
    pub fn new(act: Act, row: &SubscriptionRow) -> Self {
        Self {
            act,
            target: row.subscription.target_url.clone(),
            was_enabled: row.subscription.is_enabled,
            effect: effect(act, row),
        }
    }

    /// Whether the subscription is still there, goes to the same target and is as enabled as it was.
    ///
    /// # Errors
    /// Says what changed.
    pub fn still_holds(&self, picture: &Snapshot) -> Result<(), String> {
        let id = self.act.subject();
        let rows = picture.overview.as_ref().map(|overview| &overview.subscriptions.items);
        let row = rows.and_then(|rows| rows.iter().find(|row| row.subscription.id == id));
        let Some(row) = row else {
            return Err(format!("nothing was done: subscription {id} is no longer in the picture"));
        };
        if row.subscription.is_enabled != self.was_enabled || row.subscription.target_url != self.target {
            return Err(format!("nothing was done: subscription {id} changed meanwhile; look at it again"));
        }
        Ok(())
    }
}

fn effect(act: Act, row: &SubscriptionRow) -> String {
    let health = &row.health;
    let parked = format::plural(health.n_parked, "parked delivery").replace("deliverys", "deliveries");
    let missed = format::plural(health.n_skipped, "event");
    match act {
        Act::Test(_) => {
            "One sample event is posted to this address now. It does not count for breaker or success rate.".to_owned()
        }
        Act::Enable(_, ReplayChoice::None) => {
            format!(
                "Deliveries resume, its streak starts at 0, {parked} go out. {missed} that passed by stay undelivered."
            )
        }
        Act::Enable(_, ReplayChoice::Skipped) => {
            format!(
                "Deliveries resume, its streak starts at 0, {parked} go out, and {missed} that passed by are sent too."
            )
        }
        Act::Disable(_) => {
            format!("Nothing is delivered any more until it is enabled; {} wait meanwhile.", {
                format::plural(health.n_backlog, "delivery").replace("deliverys", "deliveries")
            })
        }
    }
}

/// Draws the question in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, question: &Question) {
    let theme = app.theme();
    let room = usize::from(area.width.saturating_sub(6)).min(70);
    let mut lines = vec![
        Line::styled(format!("Really {}?", question.act.verb()), theme.style(Role::Strong)),
        Line::styled(format::middle(&question.target.inert(), room), theme.style(Role::Text)),
    ];
    lines.extend(
        format::flow(&question.effect, room).into_iter().map(|line| Line::styled(line, theme.style(Role::Text))),
    );
    if !app.picture.link.is_live() {
        lines.push(Line::styled("The platform is not heard now; this may fail.", theme.style(Role::Warning)));
    }
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("y", theme.style(Role::Accent)),
        Span::styled(" yes, do it    ", theme.style(Role::Text)),
        Span::styled("n", theme.style(Role::Accent)),
        Span::styled(" no (also Enter, Esc)", theme.style(Role::Text)),
    ]));
    dialog(buffer, area, app, "Confirm", &lines);
}
