//! Handling of key presses: a chord becomes an action or is typed into an input; an action that is not possible gives
//! its reason.

use super::app::{App, Root};
use super::chord::Chord;
use super::console::Access;
use super::desk::Hint;
use super::effect::Effect;
use super::entry::Edited;
use super::keymap::{Action, Binding, Context, Meaning, Step};
use super::layout::Class;
use super::overlay::finder::places;
use super::overlay::form::Purpose;
use super::overlay::offers::{READ_ONLY, has_portal};
use super::overlay::{Layer, detail};
use super::panes::diagnose::Outcome;
use super::panes::escalate::Draft;
use super::panes::{Pane, deliveries, trips};
use super::places::Item;
use crate::domain::time::Timestamp;
use crossterm::event::KeyEvent;

/// Key context of an overlay, or of the panes without one.
const fn context(layer: Option<&Layer>) -> Context {
    match layer {
        None => Context::Panes,
        Some(Layer::Help(_)) => Context::Help,
        Some(Layer::Palette(_)) => Context::Palette,
        Some(Layer::Alerts(_)) => Context::Alerts,
        Some(Layer::Detail(_)) => Context::Detail,
        Some(Layer::Menu(_)) => Context::Menu,
        Some(Layer::Confirm(_) | Layer::Leave) => Context::Confirm,
        Some(Layer::Count(_)) => Context::Count,
        Some(Layer::Run(_)) => Context::Run,
        Some(Layer::Filter(_)) => Context::Filter,
        Some(Layer::Choice(_) | Layer::Companies(_)) => Context::Choice,
        Some(Layer::Note(_)) => Context::Note,
        Some(Layer::Expect(_)) => Context::Expect,
        Some(Layer::Form(_)) => Context::Form,
        Some(Layer::Replays(_)) => Context::Replays,
        Some(Layer::Operators(_)) => Context::Operators,
        Some(Layer::Once(_)) => Context::Once,
        Some(Layer::Sheet(_)) => Context::Log,
        Some(Layer::Diagnose) => Context::Diagnose,
        Some(Layer::Escalate) => Context::Escalate,
    }
}

impl App {
    /// Key context of the front overlay, or of the panes.
    #[must_use]
    pub fn context(&self) -> Context {
        context(self.layers.last())
    }

    /// Overlay that actions refer to: the front one that is not help or the palette.
    pub(super) fn front(&self) -> Option<&Layer> {
        self.layers.iter().rev().find(|layer| !matches!(layer, Layer::Help(_) | Layer::Palette(_)))
    }

    pub(super) fn press(&mut self, key: &KeyEvent, now: Timestamp) -> Vec<Effect> {
        self.notice = None;
        self.desk.hint = Hint::Seen;
        let Some(chord) = Chord::of(key) else {
            self.say("not bound with these modifiers; ? lists the keys", now);
            return Vec::new();
        };
        let context = self.context();
        if self.window.class == Class::TooSmall {
            return self.press_blindly(chord);
        }
        // Characters are typed before any binding is looked up: a binding cannot take them from a text input.
        if context.takes_text() && chord.types().is_some() {
            if self.type_into(chord, now) == Edited::Nothing {
                self.say("Space changes this field; Tab goes to the next one", now);
            }
            return Vec::new();
        }
        let keymap = &self.setting.keymap;
        let says = match keymap.meaning(chord, context) {
            Meaning::Here(bound) => return self.run(bound.binding, now),
            _ if context.takes_text() => match self.type_into(chord, now) {
                Edited::Nothing => format!("{} does nothing in a text field; Esc cancels", chord.name()),
                Edited::Text | Edited::Cursor | Edited::Full => return Vec::new(),
            },
            Meaning::Elsewhere(bound) => {
                format!("{} ({}) is not available here; Esc goes back", chord.name(), bound.binding.label)
            }
            Meaning::Nothing => format!("{} is not bound; {} lists the keys", chord.name(), keymap.key(Action::Help)),
        };
        self.say(says, now);
        Vec::new()
    }

    /// On a screen that is too small to draw on, only the keys for quitting work.
    fn press_blindly(&self, chord: Chord) -> Vec<Effect> {
        match self.setting.keymap.meaning(chord, Context::Panes) {
            Meaning::Here(bound) if matches!(bound.binding.action, Action::Close | Action::Quit) => vec![Effect::Leave],
            _ => Vec::new(),
        }
    }

    /// Runs an action, or shows the reason why it is not possible.
    pub(super) fn run(&mut self, binding: &'static Binding, now: Timestamp) -> Vec<Effect> {
        match self.permits(binding.action) {
            Ok(()) => self.carry_out(binding.action, now),
            Err(why) => {
                self.say(why, now);
                Vec::new()
            }
        }
    }

    /// Checks whether an action is possible in the context `about`.
    ///
    /// # Errors
    /// A one-line reason when the action is not possible there.
    pub fn reason(&self, binding: &Binding, about: Context) -> Result<(), String> {
        if binding.contexts.contains(&about) {
            return self.permits(binding.action);
        }
        Err(format!("only in {}", places(binding.contexts)))
    }

    /// Checks whether an action is possible now.
    ///
    /// # Errors
    /// A one-line reason when the action is not possible.
    pub fn permits(&self, action: Action) -> Result<(), String> {
        let refuse = |why: &str| Err(why.to_owned());
        let context = context(self.front());
        let key = |action| self.setting.keymap.key(action);
        match action {
            Action::Write if !matches!(self.escalation.draft, Draft::Ready(_)) => refuse("no ticket to write yet"),
            Action::Again | Action::Resume | Action::Forget | Action::NextOffer => self.permits_consulting(action),
            Action::Bodies if self.escalation.draft == Draft::Collecting => refuse("the ticket is being collected"),
            Action::Yes | Action::No | Action::Archive
                if context == Context::Escalate && !matches!(self.escalation.draft, Draft::Asked(_)) =>
            {
                refuse("press W first")
            }
            Action::Playbooks if self.subjects().is_empty() => refuse("nothing selected; 9 shows all playbooks"),
            Action::Open => self.permits_open(context),
            Action::Drill if self.drill_here().is_none() => refuse("no attempts or requests belong to it"),
            Action::Backward if !self.trail.leads_back() => refuse("nothing to go back to"),
            Action::Forward if !self.trail.leads_on() => refuse("nothing to go forward to"),
            Action::Shape | Action::Fold if !self.has_bodies() => refuse("no body to show here"),
            Action::Menu
            | Action::SendAgain
            | Action::Fill(_)
            | Action::TurnReplay
            | Action::EndReplay
            | Action::RevokeOperator => self.permits_deed(action, context),
            Action::Follow if !self.focus.is_log() || self.focus == Pane::Trips => {
                refuse("follow works in deliveries (4), events (5) and requests (8)")
            }
            Action::Freeze if self.picture.overview.is_none() => refuse("nothing to pause: still loading"),
            Action::Back if self.has_nothing_behind() => {
                Err(format!("this is the top level; {} quits", key(Action::Close)))
            }
            Action::TestFirst if !matches!(self.layers.last(), Some(Layer::Confirm(asked)) if asked.enables().is_some()) => {
                refuse("t sends a test only in the question before one subscription is enabled")
            }
            Action::Help if context == Context::Confirm => refuse("answer first: y or n"),
            Action::Filter if self.view().is_none() => refuse("nothing to filter: still loading"),
            Action::NextMatch | Action::PreviousMatch if self.desk.of(self.focus).filter.is_none() => {
                Err(format!("no filter set; {} sets one", key(Action::Filter)))
            }
            Action::Sort | Action::Reverse if self.focus.is_log() => refuse("logs are always in time order"),
            Action::Reverse if self.desk.of(self.focus).sort.is_none() => {
                Err(format!("default order (worst first); {} sorts", key(Action::Sort)))
            }
            Action::Mark | Action::MarkRange if self.selected().is_none() => refuse("nothing selected: no rows"),
            Action::Copy if context == Context::Once => Ok(()),
            Action::Copy | Action::Collect | Action::Note if self.subjects().is_empty() => {
                refuse("nothing selected: no rows")
            }
            Action::Retry => self.permits_retry(),
            _ => Ok(()),
        }
    }

    /// Checks whether the selected item or line can be opened.
    fn permits_open(&self, context: Context) -> Result<(), String> {
        let why = match context {
            Context::Panes if self.selected().is_none() => "nothing selected: no rows",
            Context::Replays if self.listed_replay().is_none() => "no replay to open",
            _ if self.alert_has_no_details() => "nothing to open here",
            _ if self.line_does_nothing() => "nothing to open on this line",
            Context::Diagnose if self.answer_does_nothing() => {
                "nothing to run on this line; Tab goes to the next action"
            }
            _ => return Ok(()),
        };
        Err(why.to_owned())
    }

    /// Checks whether an action that leads to a change is possible.
    fn permits_deed(&self, action: Action, context: Context) -> Result<(), String> {
        match action {
            Action::Menu => self.menu().map(|_| ()),
            Action::SendAgain => self.sent_again().map(|_| ()),
            Action::RevokeOperator => self.revocable().map(|_| ()),
            Action::Fill(_) if self.setting.access == Access::ReadOnly => Err(READ_ONLY.to_owned()),
            Action::Fill(Purpose::Company) if context == Context::Choice && !self.lists_companies() => {
                Err("open the companies first (C)".to_owned())
            }
            Action::Fill(Purpose::Acknowledge) => self.permits_care(),
            Action::Fill(_) => Ok(()),
            _ => self.permits_turn(action),
        }
    }

    /// Checks whether the selected alert can be acknowledged.
    fn permits_care(&self) -> Result<(), String> {
        let alerts = self.shown().alerts();
        match self.front() {
            _ if !has_portal(self) => {
                Err("the Integration API has no acknowledgements; crow watch notifies once".to_owned())
            }
            Some(Layer::Alerts(list)) if list.alert(alerts).is_some() => Ok(()),
            Some(Layer::Alerts(_)) => Err("no alerts".to_owned()),
            _ => Err("open the alerts first (a)".to_owned()),
        }
    }

    fn line_does_nothing(&self) -> bool {
        matches!(self.front(), Some(Layer::Detail(detail)) if detail::does(self, detail).is_none())
    }

    fn answer_does_nothing(&self) -> bool {
        let is_open = matches!(self.front(), Some(Layer::Diagnose)) && self.room.opened.is_some();
        is_open && self.answer_does().is_none()
    }

    fn permits_consulting(&self, action: Action) -> Result<(), String> {
        let outcome = self.room.selected().and_then(|place| self.room.run_of(place)).map(|run| &run.outcome);
        match action {
            Action::NextOffer if self.room.opened.is_none() => Err("no result is open; Enter opens one".to_owned()),
            _ if outcome == Some(&Outcome::Waiting) => Err("still running".to_owned()),
            Action::Forget if outcome.is_none() => Err("not run yet".to_owned()),
            Action::Resume if !self.has_unknown() => Err("no unknown checks; r runs all again".to_owned()),
            _ => Ok(()),
        }
    }

    fn has_bodies(&self) -> bool {
        matches!(self.front(), Some(Layer::Detail(detail)) if detail.has_bodies())
    }

    fn has_nothing_behind(&self) -> bool {
        self.layers.is_empty() && self.desk.marks.is_empty() && self.root == Root::Overview
    }

    fn permits_retry(&self) -> Result<(), String> {
        match self.layers.last() {
            Some(Layer::Run(run)) if !run.is_over() => Err("still running; Esc stops it".to_owned()),
            Some(Layer::Run(run)) if run.failed.is_empty() => Err("nothing failed".to_owned()),
            _ => Ok(()),
        }
    }

    fn alert_has_no_details(&self) -> bool {
        matches!(self.front(), Some(Layer::Alerts(list)) if list.item(self.shown().alerts()).is_none())
    }

    /// Items that viewing and collecting refer to: the item in the detail view, otherwise the marked items, otherwise
    /// the selected one.
    #[must_use]
    pub fn subjects(&self) -> Vec<Item> {
        let opened = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Detail(detail) => Some(detail.item),
            _ => None,
        });
        match opened {
            Some(item) => vec![item],
            None if !self.desk.marks.is_empty() => self.desk.marks.clone(),
            None => self.selected().into_iter().collect(),
        }
    }

    /// Items that changes refer to, all of one kind. A trip refers to its subscription, a window to its key.
    pub(super) fn acted_on(&self) -> Result<Vec<Item>, String> {
        let view = self.view().ok_or("still loading")?;
        let mut items = Vec::new();
        for subject in self.subjects() {
            let item = match subject {
                Item::Trip(id) => {
                    let trip = trips::find(&view, id).ok_or("the trip is no longer loaded")?;
                    Item::Subscription(trip.subscription_id)
                }
                Item::Window(id, _) => Item::Key(id),
                Item::Attempt(id) => match deliveries::find(&view, id).map(|row| row.delivery_id) {
                    Some(None) => return Err("a test has no delivery to resend".to_owned()),
                    Some(Some(_)) => subject,
                    None => return Err("the attempt is not loaded".to_owned()),
                },
                Item::Request(_) => return Err("there are no actions on requests".to_owned()),
                Item::Subscription(_) | Item::Key(_) | Item::Event(_) => subject,
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
pub fn stepped(step: Step, at: usize, n: usize, page: usize) -> usize {
    let last = n.saturating_sub(1);
    let by = match step {
        Step::Up | Step::Down => 1,
        Step::HalfUp | Step::HalfDown => page.div_ceil(2),
        Step::PageUp | Step::PageDown => page,
        Step::Top => return 0,
        Step::Bottom => return last,
    };
    match step {
        Step::Up | Step::HalfUp | Step::PageUp => at.saturating_sub(by),
        _ => at.saturating_add(by).min(last),
    }
}

/// First visible line after a motion through `n` lines in a view `height` lines high.
pub(super) fn scrolled(step: Step, top: usize, n: usize, height: usize) -> usize {
    stepped(step, top, n.saturating_sub(height) + 1, height)
}
