//! What keys do: a chord becomes an action, an action changes the console or becomes an effect. What cannot be done now says why.

use super::app::{App, Frozen, Root};
use super::effect::{Effect, Job};
use super::keymap::{self, Action, Chord, Context, Meaning, Step};
use super::layout::Class;
use super::overlay::alerts::AlertList;
use super::overlay::detail::{Detail, Fetched};
use super::overlay::menu::Menu;
use super::overlay::{self, Layer};
use super::panes::Pane;
use super::places::{Following, Item};
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use crossterm::event::KeyEvent;

impl App {
    /// Where keys go.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.layers.last() {
            None => Context::Panes,
            Some(Layer::Help(_)) => Context::Help,
            Some(Layer::Alerts(_)) => Context::Alerts,
            Some(Layer::Detail(_)) => Context::Detail,
            Some(Layer::Menu(_)) => Context::Menu,
            Some(Layer::Confirm(_)) => Context::Confirm,
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, now: Timestamp) -> Vec<Effect> {
        self.notice = None;
        let Some(chord) = Chord::of(key) else {
            self.say("no key is bound with these modifiers; ? lists the keys", now);
            return Vec::new();
        };
        let context = self.context();
        match keymap::meaning(chord, context) {
            Meaning::Here(binding) if self.window.class == Class::TooSmall => match binding.action {
                Action::Close | Action::Quit => vec![Effect::Leave],
                _ => Vec::new(),
            },
            Meaning::Here(binding) => match self.permits(binding.action) {
                Ok(()) => self.carry_out(binding.action, now),
                Err(why) => {
                    self.say(why, now);
                    Vec::new()
                }
            },
            Meaning::Elsewhere(binding) => {
                self.say(format!("{} ({}) does nothing here; Esc goes back", chord.name(), binding.label), now);
                Vec::new()
            }
            Meaning::Nothing => {
                self.say(format!("{} is not bound; ? lists the keys", chord.name()), now);
                Vec::new()
            }
        }
    }

    /// Whether an action can be carried out now.
    ///
    /// # Errors
    /// Says in one line why not.
    pub fn permits(&self, action: Action) -> Result<(), String> {
        let refuse = |why: &str| Err(why.to_owned());
        match action {
            Action::Absent(name) => Err(format!("not available in this version: {name}")),
            Action::Open if self.context() == Context::Panes && self.selected().is_none() => {
                refuse("nothing is selected: there are no rows")
            }
            Action::Open if self.alert_has_no_details() => refuse("there is nothing to open here"),
            Action::Menu => self.subject().map(|_| ()),
            Action::Follow if !self.focus.is_log() || self.focus == Pane::Trips => {
                refuse("follow is for deliveries, events and requests; 4, 5 and 8 show them")
            }
            Action::Freeze if self.picture.overview.is_none() => refuse("nothing to freeze: no picture came yet"),
            Action::Back if self.layers.is_empty() && self.root == Root::Overview => {
                refuse("nothing to go back to; q quits")
            }
            Action::Help if self.context() == Context::Help => refuse("this is the help; Esc closes it"),
            Action::Help if self.context() == Context::Confirm => refuse("answer first: y does it, n does not"),
            _ => Ok(()),
        }
    }

    fn alert_has_no_details(&self) -> bool {
        matches!(self.layers.last(), Some(Layer::Alerts(list)) if list.item(self.shown().alerts()).is_none())
    }

    /// The subscription that actions are about.
    fn subject(&self) -> Result<SubscriptionId, String> {
        let item = match self.layers.last() {
            Some(Layer::Detail(detail)) => Some(detail.item),
            _ => self.selected(),
        };
        let overview = self.shown().overview.as_deref().ok_or("nothing came yet")?;
        let id = match item.ok_or("nothing is selected")? {
            Item::Subscription(id) => id,
            Item::Trip(id) => {
                let trip = overview.trips.items.iter().find(|trip| trip.id == id);
                trip.map(|trip| trip.subscription_id).ok_or("this trip is gone")?
            }
            Item::Key(_) => return Err("no actions on keys in this version".to_owned()),
            Item::Attempt(_) => return Err("no actions on deliveries in this version".to_owned()),
            Item::Window(..) => return Err("no actions on limits in this version".to_owned()),
            Item::Event(_) => return Err("no actions on events in this version".to_owned()),
            Item::Request(_) => return Err("a request is over: there is nothing to do with it".to_owned()),
        };
        Ok(id)
    }

    fn carry_out(&mut self, action: Action, now: Timestamp) -> Vec<Effect> {
        if matches!(action, Action::Open | Action::Menu) {
            self.places.of_mut(self.focus).hold();
        }
        match action {
            Action::Quit => return vec![Effect::Leave],
            Action::Redraw => return vec![Effect::Repaint],
            Action::Open => return self.open(now),
            Action::Yes => return self.confirm(now),
            Action::Close if self.layers.is_empty() => return vec![Effect::Leave],
            Action::Close | Action::Back | Action::No => self.back(now),
            Action::Overview => self.show_dashboard(),
            Action::Show(pane) => (self.root, self.focus) = (Root::Single, pane),
            Action::FullScreen => {
                if self.root == Root::Overview {
                    self.root = Root::Single;
                } else {
                    self.show_dashboard();
                }
            }
            Action::NextPane => self.focus = self.focus.stepped(1, self.at_hand()),
            Action::PreviousPane => self.focus = self.focus.stepped(self.at_hand().len() - 1, self.at_hand()),
            Action::Move(step) => self.step(step),
            Action::Menu => {
                if let Ok(id) = self.subject() {
                    self.layers.push(Layer::Menu(Menu::new(id)));
                }
            }
            Action::Freeze => self.freeze(now),
            Action::Follow => self.follow(now),
            Action::Alerts => self.layers.push(Layer::Alerts(AlertList::new(self.shown().alerts()))),
            Action::Help => self.layers.push(Layer::Help(self.context().into())),
            Action::Absent(_) => {}
        }
        Vec::new()
    }

    /// Exactly one layer back.
    fn back(&mut self, now: Timestamp) {
        match self.layers.pop() {
            Some(Layer::Confirm(_)) => self.say("nothing was done", now),
            Some(_) => {}
            None if self.stop_search() => self.say("searching was stopped; moving on goes on with it", now),
            None => self.show_dashboard(),
        }
    }

    /// The panes that Tab goes through.
    const fn at_hand(&self) -> &'static [Pane] {
        match self.root {
            Root::Overview => &Pane::DASHBOARD,
            Root::Single => &Pane::ALL,
        }
    }

    fn show_dashboard(&mut self) {
        self.root = Root::Overview;
        if !Pane::DASHBOARD.contains(&self.focus) {
            self.focus = Pane::Subscriptions;
        }
    }

    fn open(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.layers.last() {
            None => self.selected().map_or_else(Vec::new, |item| self.open_detail(item)),
            Some(Layer::Menu(menu)) => {
                let question = menu.question(self);
                match question {
                    Ok(question) => self.layers.push(Layer::Confirm(question)),
                    Err(why) => self.say(why, now),
                }
                Vec::new()
            }
            Some(Layer::Alerts(list)) => match list.item(self.shown().alerts()) {
                Some(item) => self.open_detail(item),
                None => Vec::new(),
            },
            Some(_) => Vec::new(),
        }
    }

    fn open_detail(&mut self, item: Item) -> Vec<Effect> {
        let job = match item {
            Item::Subscription(id) => Some(Job::Subscription(id)),
            Item::Attempt(id) => Some(Job::Attempt(id)),
            Item::Event(id) => Some(Job::Event(id)),
            Item::Key(_) | Item::Window(..) | Item::Trip(_) | Item::Request(_) => None,
        };
        let fetched = if job.is_some() { Fetched::Waiting } else { Fetched::NotNeeded };
        self.layers.push(Layer::Detail(Detail { item, fetched, top: 0 }));
        job.map(Effect::Perform).into_iter().collect()
    }

    /// Performs what was asked, if it still means what it meant when it was asked.
    fn confirm(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(Layer::Confirm(question)) = self.layers.pop() else { return Vec::new() };
        if let Err(why) = question.still_holds(&self.picture) {
            self.notice = Some(super::notice::Notice::trouble(why));
            return Vec::new();
        }
        if matches!(self.layers.last(), Some(Layer::Menu(_))) {
            self.layers.pop();
        }
        self.say(format!("asked the platform to {}", question.act.verb()), now);
        vec![Effect::Perform(Job::Act(question.act))]
    }

    fn freeze(&mut self, now: Timestamp) {
        if self.frozen.take().is_some() {
            self.clock = now;
            self.settle(now);
        } else {
            self.frozen = Some(Frozen { picture: self.picture.clone(), at: self.clock, n_new: 0 });
        }
    }

    fn follow(&mut self, now: Timestamp) {
        self.places.follow(self.focus, self.places.following(self.focus).switched());
        if self.frozen.is_none() {
            self.settle(now);
        }
    }

    fn step(&mut self, step: Step) {
        let page = usize::from(self.page());
        let n_lines = overlay::n_lines(self);
        let alerts: Vec<_> = self.shown().alerts().iter().map(|alert| alert.subject).collect();
        let height = usize::from(self.screen().body.height.saturating_sub(2));
        match self.layers.last_mut() {
            Some(Layer::Help(help)) => help.top = scrolled(step, help.top, n_lines, height),
            Some(Layer::Detail(detail)) => detail.top = scrolled(step, detail.top, n_lines, height),
            Some(Layer::Alerts(list)) => list.step(step, &alerts, page),
            Some(Layer::Menu(menu)) => menu.step(step),
            Some(Layer::Confirm(_)) => {}
            None => self.step_rows(step, page),
        }
    }

    fn step_rows(&mut self, step: Step, page: usize) {
        let pane = self.focus;
        let Some(view) = self.view() else { return };
        let items = view.order(pane).items;
        let row = self.places.of(pane).row().unwrap_or(0);
        self.places.of_mut(pane).select(stepped(step, row, items.len(), page), &items);
        self.places.follow(pane, Following::Nothing);
    }

    /// The rows that the focused list shows at once, about.
    fn page(&self) -> u16 {
        let shown = self.panes().into_iter().find(|(pane, _)| *pane == self.focus);
        shown.map_or(1, |(_, area)| area.height.saturating_sub(3)).max(1)
    }
}

/// Where a step leads from row `at` of `n`.
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

/// The first line in sight after a step, of `n` lines in a place for `height`.
fn scrolled(step: Step, top: usize, n: usize, height: usize) -> usize {
    stepped(step, top, n.saturating_sub(height) + 1, height)
}
