//! Entries of the action menu, with the reasons why some are not possible, the confirmations that they lead to, and the
//! drawing.

use crate::domain::disabled_reason::DisabledReason;
use crate::domain::ids::SubscriptionId;
use crate::domain::text::Untrusted;
use crate::sync::platform_change::PlatformChange;
use crate::tui::ids::{FormPurpose, Pane, RowId};
use crate::tui::overlays::frame::dialog;
use crate::tui::overlays::item_actions;
use crate::tui::panes::deliveries;
use crate::tui::state::app::App;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::overlays::confirm::ConfirmPrompt;
use crate::tui::state::overlays::menu::{ActionMenu, MenuEntry};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

impl ActionMenu {
    fn entries(&self, app: &App) -> Vec<MenuEntry> {
        let acts = self.items.first().map(|item| item_actions::available_changes(app, *item)).unwrap_or_default();
        let forms = match self.items.as_slice() {
            [RowId::Subscription(_), _, ..] => vec![FormPurpose::Disable],
            [_, _, ..] => Vec::new(),
            items => {
                let offered = forms(app, items.first().copied(), self.pane).into_iter();
                offered.filter(|purpose| item_actions::is_form_possible(app, *purpose)).collect()
            }
        };
        let last = self.items.first().and_then(|item| deletion(*item)).map(MenuEntry::Change);
        acts.into_iter().map(MenuEntry::Change).chain(forms.into_iter().map(MenuEntry::Form)).chain(last).collect()
    }

    /// Number of entries in the menu.
    #[must_use]
    pub fn n_entries(&self, app: &App) -> usize {
        self.entries(app).len()
    }

    /// Purpose of the selected entry, if it is a form.
    #[must_use]
    pub fn form(&self, app: &App) -> Option<FormPurpose> {
        match self.entries(app).get(self.selected) {
            Some(MenuEntry::Form(purpose)) => Some(*purpose),
            _ => None,
        }
    }

    /// Changes that the entry at an index would make, one per item.
    fn chosen(&self, app: &App, at: usize) -> Vec<PlatformChange> {
        if matches!(self.entries(app).get(at), Some(MenuEntry::Change(PlatformChange::Delete(_)))) {
            return self.items.iter().filter_map(|item| deletion(*item)).collect();
        }
        self.items.iter().filter_map(|item| item_actions::available_changes(app, *item).get(at).cloned()).collect()
    }

    /// Confirmations for the selected change, one for each item on which it is possible.
    ///
    /// # Errors
    /// A one-line reason when the change is possible on none of the items.
    pub fn questions(&self, app: &App) -> Result<Vec<ConfirmPrompt>, String> {
        questions(app, &self.chosen(app, self.selected))
    }
}

/// Forms offered for an item, or from a pane without a selection.
pub(in crate::tui) fn forms(app: &App, item: Option<RowId>, pane: Pane) -> Vec<FormPurpose> {
    match (item, pane) {
        (Some(RowId::Subscription(id)), _) => {
            disable_form(app, id).into_iter().chain([FormPurpose::Replay(id)]).collect()
        }
        (Some(RowId::Attempt(id)), _) => {
            let row = app.view().and_then(|view| deliveries::find(&view, id));
            row.and_then(|row| row.subscription_id).map(FormPurpose::Replay).into_iter().collect()
        }
        (Some(RowId::Key(id)), _) => vec![FormPurpose::Limits(id), FormPurpose::Key, FormPurpose::Company],
        (None, Pane::Keys | Pane::Limits) => vec![FormPurpose::Key, FormPurpose::Company],
        (Some(RowId::Event(_)), _) | (None, Pane::Events) => vec![FormPurpose::Event],
        _ => Vec::new(),
    }
}

/// Change that deletes an item. It is the last entry of the menu, where it is not chosen by habit.
const fn deletion(item: RowId) -> Option<PlatformChange> {
    match item {
        RowId::Subscription(id) => Some(PlatformChange::Delete(id)),
        _ => None,
    }
}

/// Form for disabling an enabled subscription, or for the reason of one that was disabled manually.
fn disable_form(app: &App, id: SubscriptionId) -> Option<FormPurpose> {
    let of = &item_actions::subscription(app, id).ok()?.subscription;
    match of.disabled_reason {
        None if of.is_enabled => Some(FormPurpose::Disable),
        None | Some(DisabledReason::Manual) => Some(FormPurpose::DisableReason(id)),
        Some(DisabledReason::Breaker) => None,
    }
}

/// Confirmations for several changes: one for each that is possible.
///
/// # Errors
/// A one-line reason when none of them is possible.
pub(in crate::tui) fn questions(app: &App, acts: &[PlatformChange]) -> Result<Vec<ConfirmPrompt>, String> {
    let asked: Vec<Result<ConfirmPrompt, String>> =
        acts.iter().map(|act| item_actions::confirm_prompt(app, act.clone())).collect();
    let why = asked.iter().find_map(|asked| asked.as_ref().err().cloned());
    let questions: Vec<ConfirmPrompt> = asked.into_iter().filter_map(Result::ok).collect();
    match (acts.first(), why) {
        (Some(act), Some(why)) if questions.is_empty() => Err(format!("{}: {why}", item_actions::label(act))),
        (None, _) => Err("the row is no longer loaded".to_owned()),
        _ => Ok(questions),
    }
}

/// Label, reason why not possible, and style of a menu entry.
fn entry_label(
    app: &App,
    menu: &ActionMenu,
    at: usize,
    entry: &MenuEntry,
) -> (&'static str, Option<String>, StyleRole) {
    let act = match entry {
        MenuEntry::Form(FormPurpose::Disable) if menu.items.len() > 1 => {
            let n_fit = item_actions::enabled(app, &menu.items).len();
            let reason = (n_fit < menu.items.len()).then(|| format!("applies to {n_fit} of {}", menu.items.len()));
            return (FormPurpose::Disable.label(), reason, if n_fit == 0 { StyleRole::Dim } else { StyleRole::Text });
        }
        MenuEntry::Form(purpose) => return (purpose.label(), None, StyleRole::Text),
        MenuEntry::Change(act) => act,
    };
    let acts = menu.chosen(app, at);
    let n_fit = acts.iter().filter(|act| item_actions::confirm_prompt(app, (*act).clone()).is_ok()).count();
    let reason = match n_fit {
        0 => item_actions::confirm_prompt(app, act.clone()).err(),
        n if n < acts.len() => Some(format!("applies to {n} of {}", acts.len())),
        _ => None,
    };
    (item_actions::label(act), reason, if n_fit == 0 { StyleRole::Dim } else { StyleRole::Text })
}

/// Draws the menu in the middle of `area`.
pub(in crate::tui) fn draw(buffer: &mut Buffer, area: Rect, app: &App, menu: &ActionMenu) {
    let theme = app.theme();
    let mut lines = Vec::new();
    if let [item] = menu.items.as_slice()
        && let Some(name) = item_actions::name(app, *item)
    {
        let name = format::middle(&name, usize::from(area.width.saturating_sub(6)));
        lines.push(Line::styled(name, theme.style(StyleRole::Dim)));
        lines.push(Line::default());
    }
    if let Some(told) = &menu.result {
        let room = usize::from(area.width.saturating_sub(6)).min(76);
        let told = format::wrap_words(&Untrusted::new(told.as_str()).sanitized(), room);
        lines.extend(told.into_iter().map(|line| Line::styled(line, theme.style(StyleRole::Strong))));
        lines.push(Line::default());
    }
    for (at, entry) in menu.entries(app).into_iter().enumerate() {
        let (label, reason, role) = entry_label(app, menu, at, &entry);
        let is_selected = at == menu.selected;
        let mut line = Line::from(vec![
            Span::styled(if is_selected { "> " } else { "  " }, theme.style(StyleRole::Accent)),
            Span::styled(label, theme.style(role)),
        ]);
        if let Some(reason) = reason.filter(|_| app.config.access == ConsoleAccess::Act) {
            line.push_span(Span::styled(format!("  ({reason})"), theme.style(StyleRole::Dim)));
        }
        if is_selected {
            for span in &mut line.spans {
                span.style = span.style.patch(theme.style(StyleRole::Selected));
            }
        }
        lines.push(line);
    }
    if app.config.access == ConsoleAccess::ReadOnly {
        lines.push(Line::default());
        lines.push(Line::styled(item_actions::READ_ONLY_REASON, theme.style(StyleRole::Warning)));
    }
    dialog(buffer, area, app, &menu.title(), &lines);
}
