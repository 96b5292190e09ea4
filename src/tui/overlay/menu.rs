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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// About which subscriptions; at least one.
    ids: Vec<SubscriptionId>,
    selected: usize,
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
    /// The menu for some subscriptions.
    #[must_use]
    pub const fn new(ids: Vec<SubscriptionId>) -> Self {
        Self { ids, selected: 0 }
    }

    /// Moves the selection.
    pub fn step(&mut self, step: Step) {
        let n = acts(SubscriptionId(0)).len();
        self.selected = stepped(step, self.selected, n, n);
    }

    /// The act in a place of the menu, on each subscription.
    fn chosen(&self, at: usize) -> Vec<Act> {
        self.ids.iter().filter_map(|id| acts(*id).get(at).copied()).collect()
    }

    /// The questions before the selected act: one for each subscription on which it makes sense.
    ///
    /// # Errors
    /// Says why the act can be done on none of them.
    pub fn questions(&self, app: &App) -> Result<Vec<Question>, String> {
        let acts = self.chosen(self.selected);
        let questions: Vec<Question> =
            acts.iter().filter_map(|act| judge(app, *act).ok().map(|row| Question::new(*act, row))).collect();
        match acts.first() {
            Some(act) if questions.is_empty() => match judge(app, *act) {
                Err(why) => Err(format!("{}: {why}", label(*act))),
                Ok(_) => Err("nothing can be done".to_owned()),
            },
            _ => Ok(questions),
        }
    }

    fn title(&self) -> String {
        match self.ids.as_slice() {
            [id] => format!("Actions on subscription {id}"),
            ids => format!("Actions on {} marked subscriptions", ids.len()),
        }
    }
}

/// Draws the menu in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, menu: &Menu) {
    let theme = app.theme();
    let mut lines = Vec::new();
    if let [id] = menu.ids.as_slice()
        && let Ok(row) = row(app, *id)
    {
        let target = format::middle(&row.subscription.target_url.inert(), usize::from(area.width.saturating_sub(6)));
        lines.push(Line::styled(target, theme.style(Role::Dim)));
        lines.push(Line::default());
    }
    for (at, act) in acts(SubscriptionId(0)).into_iter().enumerate() {
        let acts = menu.chosen(at);
        let n_fit = acts.iter().filter(|act| judge(app, **act).is_ok()).count();
        let reason = match (n_fit, acts.first()) {
            (0, Some(act)) => judge(app, *act).err(),
            (n, _) if n < acts.len() => Some(format!("makes sense on {n} of {}", acts.len())),
            _ => None,
        };
        let role = if n_fit == 0 { Role::Dim } else { Role::Text };
        let is_selected = at == menu.selected;
        let mut line = Line::from(vec![
            Span::styled(if is_selected { "> " } else { "  " }, theme.style(Role::Accent)),
            Span::styled(label(act), theme.style(role)),
        ]);
        if let Some(reason) = reason.filter(|_| app.setting.access == Access::Act) {
            line.push_span(Span::styled(format!("  ({reason})"), theme.style(Role::Dim)));
        }
        if is_selected {
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
    dialog(buffer, area, app, &menu.title(), &lines);
}
