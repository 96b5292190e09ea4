//! Handling of key presses: a chord becomes an action or is typed into an input; an action that is not possible gives
//! its reason.

use super::app::{App, MainView};
use super::chord::KeyChord;
use super::console::ConsoleAccess;
use super::effect::Effect;
use super::keymap::{CursorMotion, KeyAction, KeyBinding, KeyContext, KeyLookup};
use super::layout::SizeClass;
use super::overlay::action_search::context_names;
use super::overlay::form::FormPurpose;
use super::overlay::item_actions::{READ_ONLY_REASON, has_portal};
use super::overlay::{Overlay, detail};
use super::panes::diagnose::RunOutcome;
use super::panes::escalate::BundleStage;
use super::panes::{Pane, deliveries, trips};
use super::selection::RowId;
use super::text_input::EditResult;
use super::view_state::WelcomeHint;
use crate::domain::time::Timestamp;
use crossterm::event::KeyEvent;

/// Key context of an overlay, or of the panes without one.
const fn context(layer: Option<&Overlay>) -> KeyContext {
    match layer {
        None => KeyContext::Panes,
        Some(Overlay::Help(_)) => KeyContext::Help,
        Some(Overlay::Palette(_)) => KeyContext::Palette,
        Some(Overlay::Alerts(_)) => KeyContext::Alerts,
        Some(Overlay::Detail(_)) => KeyContext::Detail,
        Some(Overlay::Menu(_)) => KeyContext::Menu,
        Some(Overlay::Confirm(_) | Overlay::ConfirmQuit) => KeyContext::Confirm,
        Some(Overlay::TypedConfirm(_)) => KeyContext::Count,
        Some(Overlay::BulkRun(_)) => KeyContext::BulkRun,
        Some(Overlay::Filter(_)) => KeyContext::Filter,
        Some(Overlay::Choice(_) | Overlay::Companies(_)) => KeyContext::Choice,
        Some(Overlay::Note(_)) => KeyContext::Note,
        Some(Overlay::SignatureInput(_)) => KeyContext::SignatureInput,
        Some(Overlay::Form(_)) => KeyContext::Form,
        Some(Overlay::Replays(_)) => KeyContext::Replays,
        Some(Overlay::Operators(_)) => KeyContext::Operators,
        Some(Overlay::SecretReveal(_)) => KeyContext::SecretReveal,
        Some(Overlay::TextList(_)) => KeyContext::TextList,
        Some(Overlay::Diagnose) => KeyContext::Diagnose,
        Some(Overlay::Escalate) => KeyContext::Escalate,
    }
}

impl App {
    /// Key context of the front overlay, or of the panes.
    #[must_use]
    pub fn context(&self) -> KeyContext {
        context(self.overlays.last())
    }

    /// Overlay that actions refer to: the front one that is not help or the palette.
    pub(super) fn front(&self) -> Option<&Overlay> {
        self.overlays.iter().rev().find(|layer| !matches!(layer, Overlay::Help(_) | Overlay::Palette(_)))
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent, now: Timestamp) -> Vec<Effect> {
        self.status_message = None;
        self.view_state.welcome_hint = WelcomeHint::Seen;
        let Some(chord) = KeyChord::of(key) else {
            self.show_message("not bound with these modifiers; ? lists the keys", now);
            return Vec::new();
        };
        let context = self.context();
        if self.screen_size.class == SizeClass::TooSmall {
            return self.press_blindly(chord);
        }
        // Characters are typed before any binding is looked up: a binding cannot take them from a text input.
        if context.takes_text() && chord.printable().is_some() {
            if self.type_into(chord, now) == EditResult::Nothing {
                self.show_message("Space changes this field; Tab goes to the next one", now);
            }
            return Vec::new();
        }
        let keymap = &self.config.keymap;
        let says = match keymap.lookup(chord, context) {
            KeyLookup::Here(bound) => return self.run_binding(bound.binding, now),
            _ if context.takes_text() => match self.type_into(chord, now) {
                EditResult::Nothing => format!("{} does nothing in a text field; Esc cancels", chord.name()),
                EditResult::Text | EditResult::Cursor | EditResult::Full => return Vec::new(),
            },
            KeyLookup::Elsewhere(bound) => {
                format!("{} ({}) is not available here; Esc goes back", chord.name(), bound.binding.label)
            }
            KeyLookup::Nothing => {
                format!("{} is not bound; {} lists the keys", chord.name(), keymap.key(KeyAction::Help))
            }
        };
        self.show_message(says, now);
        Vec::new()
    }

    /// On a screen that is too small to draw on, only the keys for quitting work.
    fn press_blindly(&self, chord: KeyChord) -> Vec<Effect> {
        match self.config.keymap.lookup(chord, KeyContext::Panes) {
            KeyLookup::Here(bound) if matches!(bound.binding.action, KeyAction::Close | KeyAction::Quit) => {
                vec![Effect::Leave]
            }
            _ => Vec::new(),
        }
    }

    /// Runs an action, or shows the reason why it is not possible.
    pub(super) fn run_binding(&mut self, binding: &'static KeyBinding, now: Timestamp) -> Vec<Effect> {
        match self.check_enabled(binding.action) {
            Ok(()) => self.dispatch_action(binding.action, now),
            Err(why) => {
                self.show_message(why, now);
                Vec::new()
            }
        }
    }

    /// Checks whether an action is possible in the context `about`.
    ///
    /// # Errors
    /// A one-line reason when the action is not possible there.
    pub fn check_enabled_in(&self, binding: &KeyBinding, about: KeyContext) -> Result<(), String> {
        if binding.contexts.contains(&about) {
            return self.check_enabled(binding.action);
        }
        Err(format!("only in {}", context_names(binding.contexts)))
    }

    /// Checks whether an action is possible now.
    ///
    /// # Errors
    /// A one-line reason when the action is not possible.
    pub fn check_enabled(&self, action: KeyAction) -> Result<(), String> {
        let refuse = |why: &str| Err(why.to_owned());
        let context = context(self.front());
        let key = |action| self.config.keymap.key(action);
        match action {
            KeyAction::Write if !matches!(self.escalate_state.stage, BundleStage::Ready(_)) => {
                refuse("no ticket to write yet")
            }
            KeyAction::RunAgain | KeyAction::AskUnknownAgain | KeyAction::ForgetRun | KeyAction::NextActionLine => {
                self.check_diagnose_enabled(action)
            }
            KeyAction::ToggleBodies if self.escalate_state.stage == BundleStage::Collecting => {
                refuse("the ticket is being collected")
            }
            KeyAction::Yes | KeyAction::No | KeyAction::Archive
                if context == KeyContext::Escalate
                    && !matches!(self.escalate_state.stage, BundleStage::Confirming(_)) =>
            {
                refuse("press W first")
            }
            KeyAction::Playbooks if self.target_items().is_empty() => refuse("nothing selected; 9 shows all playbooks"),
            KeyAction::Open => self.check_open_enabled(context),
            KeyAction::DrillDown if self.drill_down_here().is_none() => refuse("no attempts or requests belong to it"),
            KeyAction::Backward if !self.history.can_go_back() => refuse("nothing to go back to"),
            KeyAction::Forward if !self.history.can_go_forward() => refuse("nothing to go forward to"),
            KeyAction::NextBodyFormat | KeyAction::FoldAll if !self.has_bodies() => refuse("no body to show here"),
            KeyAction::Menu
            | KeyAction::TestFirst
            | KeyAction::SendAgain
            | KeyAction::OpenForm(_)
            | KeyAction::PauseOrResumeReplay
            | KeyAction::CancelReplay
            | KeyAction::RevokeOperator => self.check_change_enabled(action, context),
            KeyAction::Follow if !self.focus.is_log() || self.focus == Pane::Trips => {
                refuse("follow works in deliveries (4), events (5) and requests (8)")
            }
            KeyAction::Freeze if self.snapshot.overview.is_none() => refuse("nothing to pause: still loading"),
            KeyAction::Back if self.has_nothing_behind() => {
                Err(format!("this is the top level; {} quits", key(KeyAction::Close)))
            }
            KeyAction::Help if context == KeyContext::Confirm => refuse("answer first: y or n"),
            KeyAction::Filter if self.view().is_none() => refuse("nothing to filter: still loading"),
            KeyAction::NextMatch | KeyAction::PreviousMatch if self.view_state.pane(self.focus).filter.is_none() => {
                Err(format!("no filter set; {} sets one", key(KeyAction::Filter)))
            }
            KeyAction::Sort | KeyAction::Reverse if self.focus.is_log() => refuse("logs are always in time order"),
            KeyAction::Reverse if self.view_state.pane(self.focus).sort.is_none() => {
                Err(format!("default order (worst first); {} sorts", key(KeyAction::Sort)))
            }
            KeyAction::Mark | KeyAction::MarkRange if self.selected().is_none() => refuse("nothing selected: no rows"),
            KeyAction::Copy if context == KeyContext::SecretReveal => Ok(()),
            KeyAction::Copy | KeyAction::Collect | KeyAction::Note if self.target_items().is_empty() => {
                refuse("nothing selected: no rows")
            }
            KeyAction::Retry => self.check_retry_enabled(),
            _ => Ok(()),
        }
    }

    /// Checks whether the selected item or line can be opened.
    fn check_open_enabled(&self, context: KeyContext) -> Result<(), String> {
        let why = match context {
            KeyContext::Panes if self.selected().is_none() => "nothing selected: no rows",
            KeyContext::Replays if self.listed_replay().is_none() => "no replay to open",
            _ if self.alert_has_no_details() => "nothing to open here",
            _ if self.line_does_nothing() => "nothing to open on this line",
            KeyContext::Diagnose if self.answer_does_nothing() => {
                "nothing to run on this line; Tab goes to the next action"
            }
            _ => return Ok(()),
        };
        Err(why.to_owned())
    }

    /// Checks whether an action that leads to a change is possible.
    fn check_change_enabled(&self, action: KeyAction, context: KeyContext) -> Result<(), String> {
        match action {
            KeyAction::Menu => self.menu().map(|_| ()),
            KeyAction::TestFirst => match self.overlays.last() {
                Some(Overlay::Confirm(asked)) if asked.enables().is_some() => Ok(()),
                _ => Err("t sends a test only in the question before one subscription is enabled".to_owned()),
            },
            KeyAction::SendAgain => self.send_again_changes().map(|_| ()),
            KeyAction::RevokeOperator => self.revocable().map(|_| ()),
            KeyAction::OpenForm(_) if self.config.access == ConsoleAccess::ReadOnly => Err(READ_ONLY_REASON.to_owned()),
            KeyAction::OpenForm(FormPurpose::Company) if context == KeyContext::Choice && !self.lists_companies() => {
                Err("open the companies first (C)".to_owned())
            }
            KeyAction::OpenForm(FormPurpose::Acknowledge) => self.check_acknowledge_enabled(),
            KeyAction::OpenForm(_) => Ok(()),
            _ => self.check_replay_action_enabled(action),
        }
    }

    /// Checks whether the selected alert can be acknowledged.
    fn check_acknowledge_enabled(&self) -> Result<(), String> {
        let alerts = self.visible_snapshot().alerts();
        match self.front() {
            _ if !has_portal(self) => {
                Err("the Integration API has no acknowledgements; crow watch notifies once".to_owned())
            }
            Some(Overlay::Alerts(list)) if list.alert(alerts).is_some() => Ok(()),
            Some(Overlay::Alerts(_)) => Err("no alerts".to_owned()),
            _ => Err("open the alerts first (a)".to_owned()),
        }
    }

    fn line_does_nothing(&self) -> bool {
        matches!(self.front(), Some(Overlay::Detail(detail)) if detail::line_action(self, detail).is_none())
    }

    fn answer_does_nothing(&self) -> bool {
        let is_open = matches!(self.front(), Some(Overlay::Diagnose)) && self.diagnose.opened.is_some();
        is_open && self.result_line_action().is_none()
    }

    fn check_diagnose_enabled(&self, action: KeyAction) -> Result<(), String> {
        let outcome = self.diagnose.selected().and_then(|place| self.diagnose.run_of(place)).map(|run| &run.outcome);
        match action {
            KeyAction::NextActionLine if self.diagnose.opened.is_none() => {
                Err("no result is open; Enter opens one".to_owned())
            }
            _ if outcome == Some(&RunOutcome::Waiting) => Err("still running".to_owned()),
            KeyAction::ForgetRun if outcome.is_none() => Err("not run yet".to_owned()),
            KeyAction::AskUnknownAgain if !self.has_unknown() => Err("no unknown checks; r runs all again".to_owned()),
            _ => Ok(()),
        }
    }

    fn has_bodies(&self) -> bool {
        matches!(self.front(), Some(Overlay::Detail(detail)) if detail.has_bodies())
    }

    fn has_nothing_behind(&self) -> bool {
        self.overlays.is_empty() && self.view_state.marks.is_empty() && self.main_view == MainView::Overview
    }

    fn check_retry_enabled(&self) -> Result<(), String> {
        match self.overlays.last() {
            Some(Overlay::BulkRun(run)) if !run.is_over() => Err("still running; Esc stops it".to_owned()),
            Some(Overlay::BulkRun(run)) if run.failed.is_empty() => Err("nothing failed".to_owned()),
            _ => Ok(()),
        }
    }

    fn alert_has_no_details(&self) -> bool {
        matches!(self.front(), Some(Overlay::Alerts(list)) if list.item(self.visible_snapshot().alerts()).is_none())
    }

    /// Items that viewing and collecting refer to: the item in the detail view, otherwise the marked items, otherwise
    /// the selected one.
    #[must_use]
    pub fn target_items(&self) -> Vec<RowId> {
        let opened = self.overlays.iter().rev().find_map(|layer| match layer {
            Overlay::Detail(detail) => Some(detail.item),
            _ => None,
        });
        match opened {
            Some(item) => vec![item],
            None if !self.view_state.marks.is_empty() => self.view_state.marks.clone(),
            None => self.selected().into_iter().collect(),
        }
    }

    /// Items that changes refer to, all of one kind. A trip refers to its subscription, a window to its key.
    pub(super) fn change_targets(&self) -> Result<Vec<RowId>, String> {
        let view = self.view().ok_or("still loading")?;
        let mut items = Vec::new();
        for subject in self.target_items() {
            let item = match subject {
                RowId::Trip(id) => {
                    let trip = trips::find(&view, id).ok_or("the trip is no longer loaded")?;
                    RowId::Subscription(trip.subscription_id)
                }
                RowId::Window(id, _) => RowId::Key(id),
                RowId::Attempt(id) => match deliveries::find(&view, id).map(|row| row.delivery_id) {
                    Some(None) => return Err("a test has no delivery to resend".to_owned()),
                    Some(Some(_)) => subject,
                    None => return Err("the attempt is not loaded".to_owned()),
                },
                RowId::Request(_) => return Err("there are no actions on requests".to_owned()),
                RowId::Subscription(_) | RowId::Key(_) | RowId::Event(_) => subject,
            };
            if !items.contains(&item) {
                items.push(item);
            }
        }
        let first = items.first().ok_or("nothing selected")?;
        if items.iter().any(|item| std::mem::discriminant(item) != std::mem::discriminant(first)) {
            return Err("the marked rows are of different kinds".to_owned());
        }
        Ok(items)
    }
}

/// Index after a motion from row `at` of `n` rows, clamped to the rows.
#[must_use]
pub fn moved_row(step: CursorMotion, at: usize, n: usize, page: usize) -> usize {
    let last = n.saturating_sub(1);
    let by = match step {
        CursorMotion::Up | CursorMotion::Down => 1,
        CursorMotion::HalfUp | CursorMotion::HalfDown => page.div_ceil(2),
        CursorMotion::PageUp | CursorMotion::PageDown => page,
        CursorMotion::Top => return 0,
        CursorMotion::Bottom => return last,
    };
    match step {
        CursorMotion::Up | CursorMotion::HalfUp | CursorMotion::PageUp => at.saturating_sub(by),
        _ => at.saturating_add(by).min(last),
    }
}

/// First visible line after a motion through `n` lines in a view `height` lines high.
pub(super) fn moved_scroll(step: CursorMotion, top: usize, n: usize, height: usize) -> usize {
    moved_row(step, top, n.saturating_sub(height) + 1, height)
}
