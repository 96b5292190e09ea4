//! The menu of actions on a subscription: what can be done, and why not what cannot.

use super::super::app::App;
use super::super::console::Access;
use super::super::effect::Act;
use super::super::format;
use super::super::keymap::Step;
use super::super::press::stepped;
use super::super::theme::Role;
use super::confirm::Question;
use super::dialog;
use crate::api::subscriptions::{ReplayChoice, SubscriptionRow};
use crate::domain::ids::SubscriptionId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// The menu, with the act that is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Menu {
    /// About which subscription.
    pub id: SubscriptionId,
    /// The act that Enter asks about.
    pub selected: Act,
}

fn acts(id: SubscriptionId) -> [Act; 4] {
    [Act::Test(id), Act::Enable(id, ReplayChoice::None), Act::Enable(id, ReplayChoice::Skipped), Act::Disable(id)]
}

const fn label(act: Act) -> &'static str {
    match act {
        Act::Test(_) => "Send test",
        Act::Enable(_, ReplayChoice::None) => "Enable",
        Act::Enable(_, ReplayChoice::Skipped) => "Enable and replay what was missed",
        Act::Disable(_) => "Disable",
    }
}

const READ_ONLY: &str = "read-only: start with --allow-actions";

/// The subscription in the newest picture.
fn row(app: &App, id: SubscriptionId) -> Result<&SubscriptionRow, String> {
    let rows = app.picture.overview.as_ref().map(|overview| &overview.subscriptions.items);
    rows.and_then(|rows| rows.iter().find(|row| row.subscription.id == id))
        .ok_or_else(|| format!("subscription {id} is not in the picture"))
}

/// Whether an act makes sense and is permitted.
fn judge(app: &App, act: Act) -> Result<&SubscriptionRow, String> {
    if app.setting.access == Access::ReadOnly {
        return Err(READ_ONLY.to_owned());
    }
    let row = row(app, act.subject())?;
    match act {
        Act::Enable(..) if row.subscription.is_enabled => Err("it is enabled".to_owned()),
        Act::Disable(_) if !row.subscription.is_enabled => Err("it is off".to_owned()),
        _ => Ok(row),
    }
}

impl Menu {
    /// The menu for a subscription.
    #[must_use]
    pub const fn new(id: SubscriptionId) -> Self {
        Self { id, selected: Act::Test(id) }
    }

    /// Moves the selection.
    pub fn step(&mut self, step: Step) {
        let acts = acts(self.id);
        let at = acts.iter().position(|act| *act == self.selected).unwrap_or(0);
        self.selected = acts[stepped(step, at, acts.len(), acts.len())];
    }

    /// The question before the selected act.
    ///
    /// # Errors
    /// Says why the act cannot be done.
    pub fn question(&self, app: &App) -> Result<Question, String> {
        let row = judge(app, self.selected).map_err(|why| format!("{}: {why}", label(self.selected)))?;
        Ok(Question::new(self.selected, row))
    }
}

/// Draws the menu in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, menu: &Menu) {
    let theme = app.theme();
    let mut lines = Vec::new();
    if let Ok(row) = row(app, menu.id) {
        let target = format::middle(&row.subscription.target_url.inert(), usize::from(area.width.saturating_sub(6)));
        lines.push(Line::styled(target, theme.style(Role::Dim)));
        lines.push(Line::default());
    }
    for act in acts(menu.id) {
        let reason = judge(app, act).err();
        let role = if reason.is_some() { Role::Dim } else { Role::Text };
        let gutter = if act == menu.selected { "> " } else { "  " };
        let mut line = Line::from(vec![
            Span::styled(gutter, theme.style(Role::Accent)),
            Span::styled(label(act), theme.style(role)),
        ]);
        if let Some(reason) = reason.filter(|_| app.setting.access == Access::Act) {
            line.push_span(Span::styled(format!("  ({reason})"), theme.style(Role::Dim)));
        }
        if act == menu.selected {
            for span in &mut line.spans {
                span.style = span.style.patch(theme.style(Role::Selected));
            }
        }
        lines.push(line);
    }
    if app.setting.access == Access::ReadOnly {
        lines.push(Line::default());
        lines.push(Line::styled(READ_ONLY, theme.style(Role::Warning)));
    }
    dialog(buffer, area, app, &format!("Actions on subscription {}", menu.id), &lines);
}
