//! Menu of actions on an item, or on marked items of one kind, with the reasons why some are not possible.

use super::super::app::App;
use super::super::console::Access;
use super::super::effect::Act;
use super::super::format;
use super::super::keymap::Step;
use super::super::panes::{Pane, deliveries};
use super::super::places::Item;
use super::super::press::stepped;
use super::super::theme::Role;
use super::confirm::Question;
use super::form::Purpose;
use super::{dialog, offers};
use crate::domain::health_status::DisabledReason;
use crate::domain::ids::SubscriptionId;
use crate::domain::text::Untrusted;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Entry of the action menu.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Change, which is made after a confirmation.
    Act(Act),
    /// Form, which leads to a change.
    Form(Purpose),
}

/// Action menu with its selected entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Menu {
    /// Items the menu is about, all of one kind; empty where something can only be created.
    items: Vec<Item>,
    /// Pane that the menu was opened from.
    pane: Pane,
    /// Result that opened the menu, shown above the entries.
    told: Option<String>,
    selected: usize,
}

impl Menu {
    /// Creates a menu for items of one kind, or for a pane without items.
    #[must_use]
    pub const fn new(items: Vec<Item>, pane: Pane) -> Self {
        Self { items, pane, told: None, selected: 0 }
    }

    /// Creates a menu that offers follow-up actions after a result.
    #[must_use]
    pub fn after(told: String, item: Item, pane: Pane) -> Self {
        // The first entry repeats what was just done, so the second one is selected.
        Self { items: vec![item], pane, told: Some(told), selected: 1 }
    }

    /// Items the menu is about, all of one kind.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    fn entries(&self, app: &App) -> Vec<Entry> {
        let acts = self.items.first().map(|item| offers::acts(app, *item)).unwrap_or_default();
        let forms = match self.items.as_slice() {
            [Item::Subscription(_), _, ..] if offers::has_portal(app) => vec![Purpose::Disable],
            [_, _, ..] => Vec::new(),
            items => forms(app, items.first().copied(), self.pane),
        };
        let last = self.items.first().and_then(|item| deletion(app, *item)).map(Entry::Act);
        acts.into_iter().map(Entry::Act).chain(forms.into_iter().map(Entry::Form)).chain(last).collect()
    }

    /// Moves the selection among `n_entries` entries.
    pub fn step(&mut self, step: Step, n_entries: usize) {
        self.selected = stepped(step, self.selected, n_entries, n_entries);
    }

    /// Number of entries in the menu.
    #[must_use]
    pub fn n_entries(&self, app: &App) -> usize {
        self.entries(app).len()
    }

    /// Purpose of the selected entry, if it is a form.
    #[must_use]
    pub fn form(&self, app: &App) -> Option<Purpose> {
        match self.entries(app).get(self.selected) {
            Some(Entry::Form(purpose)) => Some(*purpose),
            _ => None,
        }
    }

    /// Changes that the entry at an index would make, one per item.
    fn chosen(&self, app: &App, at: usize) -> Vec<Act> {
        if matches!(self.entries(app).get(at), Some(Entry::Act(Act::Delete(_)))) {
            return self.items.iter().filter_map(|item| deletion(app, *item)).collect();
        }
        self.items.iter().filter_map(|item| offers::acts(app, *item).get(at).cloned()).collect()
    }

    /// Confirmations for the selected change, one for each item on which it is possible.
    ///
    /// # Errors
    /// A one-line reason when the change is possible on none of the items.
    pub fn questions(&self, app: &App) -> Result<Vec<Question>, String> {
        questions(app, &self.chosen(app, self.selected))
    }

    fn title(&self) -> String {
        match self.items.as_slice() {
            [] => "Actions".to_owned(),
            [item] => format!("Actions on {item}"),
            items => format!("Actions on {} marked rows", items.len()),
        }
    }
}

/// Forms offered for an item, or from a pane without a selection.
pub(in crate::tui) fn forms(app: &App, item: Option<Item>, pane: Pane) -> Vec<Purpose> {
    match (item, pane) {
        (Some(Item::Subscription(id)), _) => switching(app, id).into_iter().chain([Purpose::Replay(id)]).collect(),
        (Some(Item::Attempt(id)), _) => {
            let row = app.view().and_then(|view| deliveries::find(&view, id));
            row.map(|row| Purpose::Replay(row.subscription_id)).into_iter().collect()
        }
        (Some(Item::Key(id)), _) => vec![Purpose::Limits(id), Purpose::Key, Purpose::Company],
        (None, Pane::Keys | Pane::Limits) => vec![Purpose::Key, Purpose::Company],
        (Some(Item::Event(_)), _) | (None, Pane::Events) => vec![Purpose::Event],
        _ => Vec::new(),
    }
}

/// Change that deletes an item. It is the last entry of the menu, where it is not chosen by habit.
fn deletion(app: &App, item: Item) -> Option<Act> {
    match item {
        Item::Subscription(id) if offers::has_portal(app) => Some(Act::Delete(id)),
        _ => None,
    }
}

/// Form for disabling an enabled subscription, or for the reason of one that was disabled manually.
fn switching(app: &App, id: SubscriptionId) -> Option<Purpose> {
    let of = &offers::subscription(app, id).ok().filter(|_| offers::has_portal(app))?.subscription;
    match of.disabled_reason {
        None => Some(Purpose::Disable),
        Some(DisabledReason::Manual) => Some(Purpose::Intend(id)),
        Some(DisabledReason::Breaker) => None,
    }
}

/// Confirmations for several changes: one for each that is possible.
///
/// # Errors
/// A one-line reason when none of them is possible.
pub(in crate::tui) fn questions(app: &App, acts: &[Act]) -> Result<Vec<Question>, String> {
    let asked: Vec<Result<Question, String>> = acts.iter().map(|act| offers::question(app, act.clone())).collect();
    let why = asked.iter().find_map(|asked| asked.as_ref().err().cloned());
    let questions: Vec<Question> = asked.into_iter().filter_map(Result::ok).collect();
    match (acts.first(), why) {
        (Some(act), Some(why)) if questions.is_empty() => Err(format!("{}: {why}", offers::label(act))),
        (None, _) => Err("the row is no longer loaded".to_owned()),
        _ => Ok(questions),
    }
}

/// Label, reason why not possible, and style of a menu entry.
fn described(app: &App, menu: &Menu, at: usize, entry: &Entry) -> (&'static str, Option<String>, Role) {
    let act = match entry {
        Entry::Form(Purpose::Disable) if menu.items.len() > 1 => {
            let n_fit = offers::enabled(app, &menu.items).len();
            let reason = (n_fit < menu.items.len()).then(|| format!("applies to {n_fit} of {}", menu.items.len()));
            return (Purpose::Disable.label(), reason, if n_fit == 0 { Role::Dim } else { Role::Text });
        }
        Entry::Form(purpose) => return (purpose.label(), None, Role::Text),
        Entry::Act(act) => act,
    };
    let acts = menu.chosen(app, at);
    let n_fit = acts.iter().filter(|act| offers::question(app, (*act).clone()).is_ok()).count();
    let reason = match n_fit {
        0 => offers::question(app, act.clone()).err(),
        n if n < acts.len() => Some(format!("applies to {n} of {}", acts.len())),
        _ => None,
    };
    (offers::label(act), reason, if n_fit == 0 { Role::Dim } else { Role::Text })
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
    if let Some(told) = &menu.told {
        let room = usize::from(area.width.saturating_sub(6)).min(76);
        let told = format::flow(&Untrusted::new(told.as_str()).sanitized(), room);
        lines.extend(told.into_iter().map(|line| Line::styled(line, theme.style(Role::Strong))));
        lines.push(Line::default());
    }
    for (at, entry) in menu.entries(app).into_iter().enumerate() {
        let (label, reason, role) = described(app, menu, at, &entry);
        let is_selected = at == menu.selected;
        let mut line = Line::from(vec![
            Span::styled(if is_selected { "> " } else { "  " }, theme.style(Role::Accent)),
            Span::styled(label, theme.style(role)),
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
