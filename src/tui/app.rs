//! The console's state, and what pictures, ticks and results do to it. What keys do is in `press`.

use super::console::{Access, Identity};
use super::desk::Desk;
use super::effect::{Effect, Finished};
use super::format::BY_SECOND;
use super::keymap::{Keymap, Step};
use super::layout::{self, Class};
use super::notice::Notice;
use super::overlay::Layer;
use super::overlay::detail::Fetched;
use super::panes::view::View;
use super::panes::{self, Pane};
use super::places::{Item, Places, Settled};
use super::theme::{Look, Theme};
use super::trail::Trail;
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::monitor::link::Link;
use crate::monitor::logs::Logs;
use crate::monitor::snapshot::Snapshot;
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// What the console was started with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whose console it is.
    pub identity: Identity,
    /// What it may do.
    pub access: Access,
    /// What it looks like.
    pub look: Look,
    /// Which keys do what.
    pub keymap: Keymap,
}

/// The size of the screen and what fits on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The whole screen.
    pub area: Rect,
    /// What fits.
    pub class: Class,
}

/// What the root shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// All panes at once, as far as there is room.
    Overview,
    /// The focused pane alone.
    Single,
}

/// The picture at which the console was stopped.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// What is shown.
    pub picture: Arc<Snapshot>,
    /// The moment, by this machine's clock.
    pub at: Timestamp,
    /// Pictures that came since and are not shown.
    pub n_new: u64,
}

/// Something that happened to the console.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal shows the console again, and may have lost what was drawn.
    Exposed,
    /// The left button was pressed at this column and line.
    Clicked(u16, u16),
    /// The wheel was turned.
    Scrolled(Step),
    /// Text was pasted.
    Pasted(String),
    /// The screen has this size now: columns and lines.
    Resized(u16, u16),
    /// A new picture.
    Picture(Arc<Snapshot>),
    /// Time passed that can be seen.
    Tick,
    /// A job ended.
    Finished(Finished),
}

/// What a picture told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The platform changed.
    Changed,
    /// It did not.
    Same,
}

/// The console.
#[derive(Debug)]
pub struct App {
    /// What it was started with.
    pub setting: Setting,
    /// The screen.
    pub window: Window,
    /// The time by which ages are shown, by this machine's clock.
    pub clock: Timestamp,
    /// The newest picture.
    pub picture: Arc<Snapshot>,
    /// The picture that is shown instead, if the console is frozen.
    pub frozen: Option<Frozen>,
    /// What the root shows.
    pub root: Root,
    /// The pane that keys go to.
    pub focus: Pane,
    /// What is selected.
    pub places: Places,
    /// What was paged through.
    pub logs: Logs,
    /// The company that is looked at; all if none.
    pub company: Option<CompanyId>,
    /// How the panes are arranged, and what is marked, noted and collected.
    pub desk: Desk,
    /// Where somebody came from.
    pub trail: Trail,
    /// What lies over the root, the front one last.
    pub layers: Vec<Layer>,
    /// Playbooks that run and ran.
    pub room: panes::diagnose::Room,
    /// The bundle that is being collected.
    pub escalation: panes::escalate::Desk,
    /// What is said for a while.
    pub notice: Option<Notice>,
    /// What the platform's clock is ahead of this machine's, in milliseconds.
    skew_ms: i64,
}

impl App {
    /// A console that has received nothing, at `now`.
    #[must_use]
    pub fn new(setting: Setting, now: Timestamp) -> Self {
        Self {
            setting,
            window: Window { area: Rect::ZERO, class: Class::TooSmall },
            clock: now,
            picture: Arc::default(),
            frozen: None,
            root: Root::Overview,
            focus: Pane::Subscriptions,
            places: Places::default(),
            logs: Logs::default(),
            company: None,
            desk: Desk::default(),
            trail: Trail::default(),
            layers: Vec::new(),
            room: panes::diagnose::Room::default(),
            escalation: panes::escalate::Desk::default(),
            notice: None,
            skew_ms: 0,
        }
    }

    /// The only place where the console changes its mind, at `now` by this machine's clock. No IO.
    pub fn update(&mut self, msg: Msg, now: Timestamp) -> Vec<Effect> {
        if self.notice.as_ref().is_some_and(|notice| notice.is_over(now)) {
            self.notice = None;
        }
        let mut effects = Vec::new();
        match msg {
            Msg::Key(key) => {
                self.stir_logs();
                effects = self.press(&key, now);
                self.let_logs_go();
            }
            Msg::Exposed => effects.push(Effect::Repaint),
            Msg::Clicked(column, line) => effects = self.click((column, line), now),
            Msg::Scrolled(step) => self.scroll(step, now),
            Msg::Pasted(text) => self.paste(&text, now),
            Msg::Resized(width, height) => {
                self.resize(width, height);
                // A window that shrank and grew again lost what was drawn, also if it has the same size now.
                effects.push(Effect::Repaint);
            }
            Msg::Picture(picture) => {
                if self.take(picture, now) == Seen::Changed {
                    effects.extend(self.list_again());
                }
            }
            Msg::Tick => self.clock = now,
            Msg::Finished(finished) => effects = self.finish(finished, now),
        }
        self.let_order_go(now);
        effects.extend(self.pages_wanted());
        effects.extend(self.callers_wanted());
        effects
    }

    fn resize(&mut self, width: u16, height: u16) {
        let before = (!self.window.area.is_empty()).then_some(self.window.class);
        let fits = Class::of(width, height, before);
        let class = self.setting.look.layout.filter(|_| fits > Class::TooSmall).unwrap_or(fits);
        self.window = Window { area: Rect::new(0, 0, width, height), class };
    }

    /// Whether a picture would show nothing that is not shown already.
    #[must_use]
    pub fn knows(&self, picture: &Snapshot) -> bool {
        let same = match (&self.picture.overview, &picture.overview) {
            (None, None) => true,
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => false,
        };
        same && self.picture.link == picture.link
            && self.picture.alerts == picture.alerts
            && self.picture.reach == picture.reach
    }

    fn take(&mut self, picture: Arc<Snapshot>, now: Timestamp) -> Seen {
        let cursor = |picture: &Snapshot| picture.overview.as_ref().map(|overview| overview.cursor);
        let changed = cursor(&self.picture) != cursor(&picture);
        if !self.knows(&picture) {
            self.clock = now;
        }
        if let Some(overview) = &picture.overview {
            let known = self.picture.overview.as_ref().is_some_and(|old| Arc::ptr_eq(old, overview));
            if !known {
                self.skew_ms = overview.server_utc.millis() - now.millis();
            }
        }
        self.picture = picture;
        if changed {
            self.logs.hear();
        }
        match &mut self.frozen {
            Some(frozen) => frozen.n_new += u64::from(changed),
            None => self.settle(now),
        }
        if changed { Seen::Changed } else { Seen::Same }
    }

    /// Lets every cursor find its row in the picture that is shown now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let Some(view) = self.view() else { return };
        let orders = Pane::ALL.map(|pane| (pane, view.order(pane)));
        for (pane, order) in orders {
            let settled = self.places.settle(pane, &order.items);
            if settled == Settled::Moved && pane == self.focus && self.layers.is_empty() {
                self.say("the selected row is gone; its neighbour is selected", now);
            }
        }
    }

    fn finish(&mut self, finished: Finished, now: Timestamp) -> Vec<Effect> {
        match finished {
            Finished::Companies(came) => {
                for layer in &mut self.layers {
                    match (layer, &came) {
                        (Layer::Companies(list), came) => list.take(came.clone()),
                        (Layer::Form(form), Ok(companies)) => form.take(companies),
                        _ => {}
                    }
                }
            }
            Finished::Replays(came) => return self.take_replays(came),
            Finished::Operators(came) => return self.take_operators(came),
            Finished::Counted(id, wish, came) => self.counted(id, wish, came, now),
            Finished::Issued(act, issued) => return self.issued(&act, issued, now),
            Finished::Fetched(item, result) => {
                self.fetched(item, &result.map_or_else(Fetched::Failed, Fetched::Found));
            }
            Finished::Page(ask, came) => {
                self.logs.take(&ask, came.map(|came| *came));
                self.settle(now);
            }
            Finished::Copied(Ok(copied)) => self.say(copied.line(), now),
            Finished::CopiedSecret(issued, came) => self.copied_secret(&issued, came, now),
            Finished::Copied(Err(why)) => self.complain(why, now),
            Finished::Act(act, came) => return self.acted(&act, came, now),
            Finished::Consulted(came) => self.consulted(*came, now),
        }
        Vec::new()
    }

    fn fetched(&mut self, item: Item, fetched: &Fetched) {
        self.tell_callers(item, fetched);
        for layer in &mut self.layers {
            if let Layer::Detail(detail) = layer
                && detail.item == item
            {
                detail.fetched = fetched.clone();
            }
        }
    }

    /// Says something for four seconds.
    pub(super) fn say(&mut self, text: impl Into<String>, now: Timestamp) {
        let text = text.into();
        self.desk.heard(&text, now);
        self.notice = Some(Notice::remark(text, now));
    }

    /// The picture on the screen.
    #[must_use]
    pub fn shown(&self) -> &Snapshot {
        self.frozen.as_ref().map_or(&self.picture, |frozen| &frozen.picture)
    }

    /// The time of what is on the screen, by this machine's clock.
    #[must_use]
    pub fn shown_at(&self) -> Timestamp {
        self.frozen.as_ref().map_or(self.clock, |frozen| frozen.at)
    }

    /// What panes draw from; `None` before the first overview.
    #[must_use]
    pub fn view(&self) -> Option<View<'_>> {
        let overview = self.shown().overview.as_deref()?;
        let now = Timestamp::from_millis(self.shown_at().millis() + self.skew_ms);
        Some(View {
            overview,
            reach: &self.shown().reach,
            logs: &self.logs,
            company: self.company,
            desk: &self.desk,
            now,
            theme: self.theme(),
        })
    }

    /// The theme.
    #[must_use]
    pub const fn theme(&self) -> Theme {
        Theme(self.setting.look.theme)
    }

    /// The parts of the screen.
    #[must_use]
    pub fn screen(&self) -> layout::Screen {
        let n_banners = u16::try_from(super::banner::lines(self).len()).unwrap_or(0);
        layout::screen(self.window.area, self.window.class, n_banners)
    }

    /// The panes whose lists are on the screen.
    #[must_use]
    pub fn panes(&self) -> Vec<(Pane, Rect)> {
        let body = self.screen().body;
        match self.root {
            Root::Overview => layout::overview(body, self.window.class, self.focus).panes,
            Root::Single => vec![(self.focus, layout::single(body, self.window.class).0)],
        }
    }

    /// What is selected in the focused pane.
    #[must_use]
    pub fn selected(&self) -> Option<Item> {
        self.places.of(self.focus).selected()
    }

    /// When the screen will have to change if nothing happens before `now` becomes that.
    #[must_use]
    pub fn wakes_at(&self, now: Timestamp) -> Timestamp {
        let pace = if self.counts_by_second() { 1_000 } else { 60_000 };
        let tick = now.slot(pace).plus(Duration::from_millis(pace.unsigned_abs()));
        let told = self.notice.as_ref().and_then(Notice::until);
        [told, self.desk.held_until()].into_iter().flatten().fold(tick, Timestamp::min)
    }

    /// Whether something on the screen changes by the second although nothing happens.
    fn counts_by_second(&self) -> bool {
        if matches!(self.picture.link, Link::Lagging | Link::Stale | Link::Waiting { .. } | Link::Offline { .. }) {
            return true;
        }
        if self.frozen.is_some() {
            return false;
        }
        let fresh = self.picture.changed_at.is_some_and(|at| self.clock.since(at) < Duration::from_secs(60));
        fresh || self.counts_down()
    }

    fn counts_down(&self) -> bool {
        let Some(view) = self.view() else { return false };
        let soon = |at: Timestamp| at > view.now && at.since(view.now) < BY_SECOND;
        let panes = self.panes();
        let shows = |pane| panes.iter().any(|(shown, _)| *shown == pane) || !self.layers.is_empty();
        let retry = || {
            let rows = &view.overview.subscriptions.items;
            rows.iter().any(|row| row.subscription.is_enabled && row.health.next_due_utc.is_some_and(soon))
        };
        let reset = || view.overview.limits.items.iter().any(|row| row.used > 0 && soon(row.reset_utc));
        (shows(Pane::Subscriptions) && retry()) || (shows(Pane::Limits) && reset())
    }
}
