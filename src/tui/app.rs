//! State of the console, and how it changes on snapshots, ticks and job results. Keys are handled in `press`.

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
use crate::monitor::link::LinkState;
use crate::monitor::logs::ConsoleLogs;
use crate::monitor::snapshot::Snapshot;
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// Configuration the console was started with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Profile, platform and mode shown in the header.
    pub identity: Identity,
    /// Whether changes on the platform are allowed.
    pub access: Access,
    /// Theme, character set, mouse use and forced layout.
    pub look: Look,
    /// Key bindings, with the operator's changes applied.
    pub keymap: Keymap,
}

/// Size of the terminal, and the layout class that fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Whole screen, in columns and lines from the origin.
    pub area: Rect,
    /// Layout class in use, chosen by size or forced by configuration.
    pub class: Class,
}

/// Main view below all overlays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// Dashboard: all of its panes at once, as far as there is room.
    Overview,
    /// Focused pane alone, on the whole body.
    Single,
}

/// Snapshot that stays on the screen while the console is frozen.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Snapshot on the screen while the console is frozen.
    pub picture: Arc<Snapshot>,
    /// Moment of freezing, by the clock of this machine.
    pub at: Timestamp,
    /// Number of changed snapshots received since and not shown.
    pub n_new: u64,
}

/// Input of [`App::update`]: everything that can happen to the console.
#[derive(Debug, Clone)]
pub enum Msg {
    /// Key press from the terminal.
    Key(KeyEvent),
    /// Request to repaint: the terminal gained focus or the process was resumed, so that cells may be lost.
    Exposed,
    /// Press of the left mouse button, at this column and line.
    Clicked(u16, u16),
    /// Turn of the mouse wheel by one step.
    Scrolled(Step),
    /// Text pasted with bracketed paste.
    Pasted(String),
    /// New terminal size, as columns and lines.
    Resized(u16, u16),
    /// New snapshot of the platform.
    Picture(Arc<Snapshot>),
    /// Time passed, so that an age or a countdown on the screen changes.
    Tick,
    /// Result of a background job.
    Finished(Finished),
}

/// Whether a snapshot carries news from the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Cursor of the overview advanced: the platform changed.
    Changed,
    /// Cursor of the overview is unchanged.
    Same,
}

/// Whole state of the console. [`App::update`] is the only function that changes it as a reaction to input.
#[derive(Debug)]
pub struct App {
    /// Configuration the console was started with.
    pub setting: Setting,
    /// Size of the terminal and its layout class.
    pub window: Window,
    /// Present time by the clock of this machine; ages on the screen are relative to it.
    pub clock: Timestamp,
    /// Newest snapshot received, shown or not.
    pub picture: Arc<Snapshot>,
    /// Snapshot shown in place of the newest one while the console is frozen.
    pub frozen: Option<Frozen>,
    /// Main view below all overlays.
    pub root: Root,
    /// Pane that receives key presses.
    pub focus: Pane,
    /// Cursor and follow mode of each pane.
    pub places: Places,
    /// Pages of the logs that were fetched so far.
    pub logs: ConsoleLogs,
    /// Company that all panes are restricted to; `None` shows all.
    pub company: Option<CompanyId>,
    /// Filters, sort orders, marks, notes, bundle contents and message log.
    pub desk: Desk,
    /// Drill-down history, back and forward.
    pub trail: Trail,
    /// Overlays above the main view, the front one last.
    pub layers: Vec<Layer>,
    /// Pane 9: runnable playbooks, their runs and results.
    pub room: panes::diagnose::Room,
    /// Pane 0: the escalation bundle and its stage.
    pub escalation: panes::escalate::Desk,
    /// Message in the status line, if there is one.
    pub notice: Option<Notice>,
    /// Milliseconds by which the platform's clock is ahead of the clock of this machine.
    skew_ms: i64,
}

impl App {
    /// Creates a console that has not received a snapshot yet, at `now` by the clock of this machine.
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
            logs: ConsoleLogs::default(),
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

    /// Applies a message at `now` (clock of this machine) and returns the effects to run. Does no IO itself.
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
                // A terminal that shrank and grew again lost its cells, even if it has the same size now.
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
        // After every message: each one can move a cursor, change the visible panes or outlast a pinned order.
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

    /// Whether `picture` shows the same data, link, alerts and coverage as the newest snapshot.
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
                // Measured on arrival only: the server time of an overview that was shown before is old.
                self.skew_ms = overview.server_utc.millis() - now.millis();
            }
        }
        self.picture = picture;
        if changed {
            self.logs.mark_stale();
        }
        match &mut self.frozen {
            Some(frozen) => frozen.n_new += u64::from(changed),
            None => self.settle(now),
        }
        if changed { Seen::Changed } else { Seen::Same }
    }

    /// Moves every pane's cursor to its selected row in the rows shown now.
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
                self.logs.apply_page(&ask, came.map(|came| *came));
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

    /// Shows a message in the status line for four seconds, and adds it to the message log.
    pub(super) fn say(&mut self, text: impl Into<String>, now: Timestamp) {
        let text = text.into();
        self.desk.heard(&text, now);
        self.notice = Some(Notice::remark(text, now));
    }

    /// Snapshot on the screen: the frozen one, or the newest.
    #[must_use]
    pub fn shown(&self) -> &Snapshot {
        self.frozen.as_ref().map_or(&self.picture, |frozen| &frozen.picture)
    }

    /// Time the screen refers to, by the clock of this machine.
    #[must_use]
    pub fn shown_at(&self) -> Timestamp {
        self.frozen.as_ref().map_or(self.clock, |frozen| frozen.at)
    }

    /// Data that panes draw from; `None` before the first overview.
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

    /// Colour theme of the console.
    #[must_use]
    pub const fn theme(&self) -> Theme {
        Theme(self.setting.look.theme)
    }

    /// Areas of the header, banner, body, alerts, status line and footer.
    #[must_use]
    pub fn screen(&self) -> layout::Screen {
        let n_banners = u16::try_from(super::banner::lines(self).len()).unwrap_or(0);
        layout::screen(self.window.area, self.window.class, n_banners)
    }

    /// Panes whose lists are on the screen, with their areas.
    #[must_use]
    pub fn panes(&self) -> Vec<(Pane, Rect)> {
        let body = self.screen().body;
        match self.root {
            Root::Overview => layout::overview(body, self.window.class, self.focus).panes,
            Root::Single => vec![(self.focus, layout::single(body, self.window.class).0)],
        }
    }

    /// Selected row of the focused pane, if there is one.
    #[must_use]
    pub fn selected(&self) -> Option<Item> {
        self.places.of(self.focus).selected()
    }

    /// Time of the next change on the screen, if nothing happens after `now`: a tick of ages or countdowns, the end
    /// of a message, or the end of a pinned order.
    #[must_use]
    pub fn wakes_at(&self, now: Timestamp) -> Timestamp {
        let pace = if self.counts_by_second() { 1_000 } else { 60_000 };
        let tick = now.floor_to(pace).plus(Duration::from_millis(pace.unsigned_abs()));
        let told = self.notice.as_ref().and_then(Notice::until);
        [told, self.desk.held_until()].into_iter().flatten().fold(tick, Timestamp::min)
    }

    /// Whether ages or countdowns on the screen change every second.
    fn counts_by_second(&self) -> bool {
        if matches!(
            self.picture.link,
            LinkState::Lagging | LinkState::Stale | LinkState::Waiting { .. } | LinkState::Offline { .. }
        ) {
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
