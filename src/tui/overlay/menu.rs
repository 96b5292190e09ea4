//! The menu of actions on a thing, or on marked ones of a kind: what can be done, and why not what cannot.

use super::super::app::App;
use super::super::console::Access;
use super::super::effect::Act;
use super::super::format;
use super::super::keymap::Step;
use super::super::places::Item;
use super::super::press::stepped;
use super::super::theme::Role;
use super::confirm::Question;
use super::{dialog, offers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// The menu, with the act that is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// About which things; at least one.
    items: Vec<Item>,
    selected: usize,
}

impl Menu {
    /// The menu for some things of one kind.
    #[must_use]
    pub const fn new(items: Vec<Item>) -> Self {
        Self { items, selected: 0 }
    }

    fn acts(&self, app: &App) -> Vec<Act> {
        self.items.first().map(|item| offers::acts(app, *item)).unwrap_or_default()
    }

    /// Moves the selection among so many acts.
    pub fn step(&mut self, step: Step, n_acts: usize) {
        self.selected = stepped(step, self.selected, n_acts, n_acts);
    }

    /// How many acts there are.
    #[must_use]
    pub fn n_acts(&self, app: &App) -> usize {
        self.acts(app).len()
    }

    /// The act in a place of the menu, on each thing.
    fn chosen(&self, app: &App, at: usize) -> Vec<Act> {
        self.items.iter().filter_map(|item| offers::acts(app, *item).get(at).copied()).collect()
    }

    /// The questions before the selected act: one for each thing on which it makes sense.
    ///
    /// # Errors
    /// Says why the act can be done on none of them.
    pub fn questions(&self, app: &App) -> Result<Vec<Question>, String> {
        let acts = self.chosen(app, self.selected);
        let questions: Vec<Question> = acts.iter().filter_map(|act| offers::question(app, *act).ok()).collect();
        match acts.first() {
            Some(act) if questions.is_empty() => match offers::question(app, *act) {
                Err(why) => Err(format!("{}: {why}", offers::label(*act))),
                Ok(_) => Err("nothing can be done".to_owned()),
            },
            None => Err("it is no longer at hand".to_owned()),
            Some(_) => Ok(questions),
        }
    }

    fn title(&self) -> String {
        match self.items.as_slice() {
            [item] => format!("Actions on {item}"),
            items => format!("Actions on {} marked rows", items.len()),
        }
    }
}

/// Draws the menu in the middle of `area`.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, menu: &Menu) {
    let theme = app.theme();
    let mut lines = Vec::new();
    if let [item] = menu.items.as_slice()
        && let Some(name) = offers::name(app, *item)
    {
        let name = format::middle(&name, usize::from(area.width.saturating_sub(6)));
        lines.push(Line::styled(name, theme.style(Role::Dim)));
        lines.push(Line::default());
    }
    for (at, act) in menu.acts(app).into_iter().enumerate() {
        let acts = menu.chosen(app, at);
        let n_fit = acts.iter().filter(|act| offers::question(app, **act).is_ok()).count();
        let reason = match (n_fit, acts.first()) {
            (0, Some(act)) => offers::question(app, *act).err(),
            (n, _) if n < acts.len() => Some(format!("makes sense on {n} of {}", acts.len())),
            _ => None,
        };
        let role = if n_fit == 0 { Role::Dim } else { Role::Text };
        let is_selected = at == menu.selected;
        let mut line = Line::from(vec![
            Span::styled(if is_selected { "> " } else { "  " }, theme.style(Role::Accent)),
            Span::styled(offers::label(act), theme.style(role)),
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
        lines.push(Line::styled(offers::READ_ONLY, theme.style(Role::Warning)));
    }
    dialog(buffer, area, app, &menu.title(), &lines);
}
