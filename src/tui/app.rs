//! State of the console, and how it changes on snapshots, ticks and job results. Keys are handled in `press`.

use super::console::{ConsoleAccess, ConsoleIdentity};
use super::effect::{Effect, JobResult};
use super::format::COUNTDOWN_THRESHOLD;
use super::keymap::{CursorMotion, Keymap};
use super::layout::{self, SizeClass};
use super::nav_history::NavHistory;
use super::notice::StatusMessage;
use super::overlay::Overlay;
use super::overlay::detail::DetailFetchState;
use super::panes::view::PaneData;
use super::panes::{self, Pane};
use super::selection::{PaneSelections, RowId, SelectionChange};
use super::theme::{ConsoleAppearance, Theme};
use super::view_state::ViewState;
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::sync::link::LinkState;
use crate::sync::logs::ConsoleLogs;
use crate::sync::snapshot::Snapshot;
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use std::sync::Arc;
use std::time::Duration;

/// Configuration the console was started with.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Profile, platform and mode shown in the header.
    pub identity: ConsoleIdentity,
    /// Whether changes on the platform are allowed.
    pub access: ConsoleAccess,
    /// Theme, character set, mouse use and forced layout.
    pub look: ConsoleAppearance,
    /// Key bindings, with the operator's changes applied.
    pub keymap: Keymap,
}

/// Size of the terminal, and the layout class that fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSize {
    /// Whole screen, in columns and lines from the origin.
    pub area: Rect,
    /// Layout class in use, chosen by size or forced by configuration.
    pub class: SizeClass,
}

/// Main view below all overlays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MainView {
    /// Dashboard: all of its panes at once, as far as there is room.
    Overview,
    /// Focused pane alone, on the whole body.
    Single,
}

/// Snapshot that stays on the screen while the console is frozen.
#[derive(Debug, Clone)]
pub struct FrozenView {
    /// Snapshot on the screen while the console is frozen.
    pub snapshot: Arc<Snapshot>,
    /// Moment of freezing, by the clock of this machine.
    pub frozen_at: Timestamp,
    /// Number of changed snapshots received since and not shown.
    pub n_missed_snapshots: u64,
}

/// Input of [`App::update`]: everything that can happen to the console.
#[derive(Debug, Clone)]
pub enum Msg {
    /// Key press from the terminal.
    Key(KeyEvent),
    /// Request to repaint: the terminal gained focus or the process was resumed, so that cells may be lost.
    RepaintNeeded,
    /// Press of the left mouse button, at this column and line.
    Clicked(u16, u16),
    /// Turn of the mouse wheel by one step.
    Scrolled(CursorMotion),
    /// Text pasted with bracketed paste.
    Pasted(String),
    /// New terminal size, as columns and lines.
    Resized(u16, u16),
    /// New snapshot of the platform.
    Snapshot(Arc<Snapshot>),
    /// Time passed, so that an age or a countdown on the screen changes.
    Tick,
    /// Result of a background job.
    JobFinished(JobResult),
}

/// Whether a snapshot carries news from the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SnapshotChange {
    /// Cursor of the overview advanced: the platform changed.
    Changed,
    /// Cursor of the overview is unchanged.
    Same,
}

/// Whole state of the console. [`App::update`] is the only function that changes it as a reaction to input.
#[derive(Debug)]
pub struct App {
    /// Configuration the console was started with.
    pub config: AppConfig,
    /// Size of the terminal and its layout class.
    pub screen_size: ScreenSize,
    /// Present time by the clock of this machine; ages on the screen are relative to it.
    pub clock: Timestamp,
    /// Newest snapshot received, shown or not.
    pub snapshot: Arc<Snapshot>,
    /// Snapshot shown in place of the newest one while the console is frozen.
    pub frozen: Option<FrozenView>,
    /// Main view below all overlays.
    pub main_view: MainView,
    /// Pane that receives key presses.
    pub focus: Pane,
    /// Cursor and follow mode of each pane.
    pub selections: PaneSelections,
    /// Pages of the logs that were fetched so far.
    pub logs: ConsoleLogs,
    /// Company that all panes are restricted to; `None` shows all.
    pub company: Option<CompanyId>,
    /// Filters, sort orders, marks, notes, bundle contents and message log.
    pub view_state: ViewState,
    /// Drill-down history, back and forward.
    pub history: NavHistory,
    /// Overlays above the main view, the front one last.
    pub overlays: Vec<Overlay>,
    /// Pane 9: runnable playbooks, their runs and results.
    pub diagnose: panes::diagnose::DiagnoseState,
    /// Pane 0: the escalation bundle and its stage.
    pub escalate_state: panes::escalate::EscalateState,
    /// Message in the status line, if there is one.
    pub status_message: Option<StatusMessage>,
    /// Milliseconds by which the platform's clock is ahead of the clock of this machine.
    clock_skew_ms: i64,
}

impl App {
    /// Creates a console that has not received a snapshot yet, at `now` by the clock of this machine.
    #[must_use]
    pub fn new(setting: AppConfig, now: Timestamp) -> Self {
        Self {
            config: setting,
            screen_size: ScreenSize { area: Rect::ZERO, class: SizeClass::TooSmall },
            clock: now,
            snapshot: Arc::default(),
            frozen: None,
            main_view: MainView::Overview,
            focus: Pane::Subscriptions,
            selections: PaneSelections::default(),
            logs: ConsoleLogs::default(),
            company: None,
            view_state: ViewState::default(),
            history: NavHistory::default(),
            overlays: Vec::new(),
            diagnose: panes::diagnose::DiagnoseState::default(),
            escalate_state: panes::escalate::EscalateState::default(),
            status_message: None,
            clock_skew_ms: 0,
        }
    }

    /// Applies a message at `now` (clock of this machine) and returns the effects to run. Does no IO itself.
    pub fn update(&mut self, msg: Msg, now: Timestamp) -> Vec<Effect> {
        if self.status_message.as_ref().is_some_and(|notice| notice.is_over(now)) {
            self.status_message = None;
        }
        let mut effects = Vec::new();
        match msg {
            Msg::Key(key) => {
                self.retry_failed_pages();
                effects = self.on_key(&key, now);
                self.release_followed_log();
            }
            Msg::RepaintNeeded => effects.push(Effect::Repaint),
            Msg::Clicked(column, line) => effects = self.click((column, line), now),
            Msg::Scrolled(step) => self.scroll(step, now),
            Msg::Pasted(text) => self.paste(&text, now),
            Msg::Resized(width, height) => {
                self.resize(width, height);
                // A terminal that shrank and grew again lost its cells, even if it has the same size now.
                effects.push(Effect::Repaint);
            }
            Msg::Snapshot(picture) => {
                if self.on_snapshot(picture, now) == SnapshotChange::Changed {
                    effects.extend(self.refetch_open_lists());
                }
            }
            Msg::Tick => self.clock = now,
            Msg::JobFinished(finished) => effects = self.on_job_result(finished, now),
        }
        // After every message: each one can move a cursor, change the visible panes or outlast a pinned order.
        self.release_pinned_order(now);
        effects.extend(self.request_pages());
        effects.extend(self.request_callers());
        effects
    }

    fn resize(&mut self, width: u16, height: u16) {
        let before = (!self.screen_size.area.is_empty()).then_some(self.screen_size.class);
        let fits = SizeClass::of(width, height, before);
        let class = self.config.look.layout.filter(|_| fits > SizeClass::TooSmall).unwrap_or(fits);
        self.screen_size = ScreenSize { area: Rect::new(0, 0, width, height), class };
    }

    /// Whether `picture` shows the same data, link, alerts and coverage as the newest snapshot.
    #[must_use]
    pub fn shows_same_as(&self, picture: &Snapshot) -> bool {
        let same = match (&self.snapshot.overview, &picture.overview) {
            (None, None) => true,
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => false,
        };
        same && self.snapshot.link == picture.link
            && self.snapshot.alerts == picture.alerts
            && self.snapshot.reach == picture.reach
    }

    fn on_snapshot(&mut self, picture: Arc<Snapshot>, now: Timestamp) -> SnapshotChange {
        let cursor = |picture: &Snapshot| picture.overview.as_ref().map(|overview| overview.cursor);
        let changed = cursor(&self.snapshot) != cursor(&picture);
        if !self.shows_same_as(&picture) {
            self.clock = now;
        }
        if let Some(overview) = &picture.overview {
            let known = self.snapshot.overview.as_ref().is_some_and(|old| Arc::ptr_eq(old, overview));
            if !known {
                // Measured on arrival only: the server time of an overview that was shown before is old.
                self.clock_skew_ms = overview.server_utc.millis() - now.millis();
            }
        }
        self.snapshot = picture;
        if changed {
            self.logs.mark_stale();
        }
        match &mut self.frozen {
            Some(frozen) => frozen.n_missed_snapshots += u64::from(changed),
            None => self.reselect_rows(now),
        }
        if changed { SnapshotChange::Changed } else { SnapshotChange::Same }
    }

    /// Moves every pane's cursor to its selected row in the rows shown now.
    pub(super) fn reselect_rows(&mut self, now: Timestamp) {
        let Some(view) = self.view() else { return };
        let orders = Pane::ALL.map(|pane| (pane, view.order(pane)));
        for (pane, order) in orders {
            let settled = self.selections.reselect(pane, &order.items);
            if settled == SelectionChange::Moved && pane == self.focus && self.overlays.is_empty() {
                self.show_message("the selected row is gone; its neighbour is selected", now);
            }
        }
    }

    fn on_job_result(&mut self, finished: JobResult, now: Timestamp) -> Vec<Effect> {
        match finished {
            JobResult::Companies(came) => {
                for layer in &mut self.overlays {
                    match (layer, &came) {
                        (Overlay::Companies(list), came) => list.take(came.clone()),
                        (Overlay::Form(form), Ok(companies)) => form.on_companies_fetched(companies),
                        _ => {}
                    }
                }
            }
            JobResult::Replays(came) => return self.on_replays_fetched(came),
            JobResult::Operators(came) => return self.on_operators_fetched(came),
            JobResult::ReplayCounted(id, wish, came) => self.on_replay_counted(id, wish, came, now),
            JobResult::SecretIssued(act, issued) => return self.on_secret_issued(&act, issued, now),
            JobResult::DetailFetched(item, result) => {
                self.on_detail_fetched(item, &result.map_or_else(DetailFetchState::Failed, DetailFetchState::Found));
            }
            JobResult::LogPage(ask, came) => {
                self.logs.apply_page(&ask, came.map(|came| *came));
                self.reselect_rows(now);
            }
            JobResult::Copied(Ok(copied)) => self.show_message(copied.line(), now),
            JobResult::SecretCopied(issued, came) => self.on_secret_copied(&issued, came, now),
            JobResult::Copied(Err(why)) => self.show_error(why, now),
            JobResult::ChangeFinished(act, came) => return self.on_change_finished(&act, came, now),
            JobResult::Diagnosed(came) => self.on_diagnose_result(*came, now),
        }
        Vec::new()
    }

    fn on_detail_fetched(&mut self, item: RowId, fetched: &DetailFetchState) {
        self.add_callers_to_prompt(item, fetched);
        for layer in &mut self.overlays {
            if let Overlay::Detail(detail) = layer
                && detail.item == item
            {
                detail.fetched = fetched.clone();
            }
        }
    }

    /// Shows a message in the status line for four seconds, and adds it to the message log.
    pub(super) fn show_message(&mut self, text: impl Into<String>, now: Timestamp) {
        let text = text.into();
        self.view_state.log_message(&text, now);
        self.status_message = Some(StatusMessage::info(text, now));
    }

    /// Snapshot on the screen: the frozen one, or the newest.
    #[must_use]
    pub fn visible_snapshot(&self) -> &Snapshot {
        self.frozen.as_ref().map_or(&self.snapshot, |frozen| &frozen.snapshot)
    }

    /// Time the screen refers to, by the clock of this machine.
    #[must_use]
    pub fn shown_at(&self) -> Timestamp {
        self.frozen.as_ref().map_or(self.clock, |frozen| frozen.frozen_at)
    }

    /// Data that panes draw from; `None` before the first overview.
    #[must_use]
    pub fn view(&self) -> Option<PaneData<'_>> {
        let overview = self.visible_snapshot().overview.as_deref()?;
        let now = Timestamp::from_millis(self.shown_at().millis() + self.clock_skew_ms);
        Some(PaneData {
            overview,
            reach: &self.visible_snapshot().reach,
            logs: &self.logs,
            company: self.company,
            view_state: &self.view_state,
            now,
            theme: self.theme(),
        })
    }

    /// Colour theme of the console.
    #[must_use]
    pub const fn theme(&self) -> Theme {
        Theme(self.config.look.theme)
    }

    /// Areas of the header, banner, body, alerts, status line and footer.
    #[must_use]
    pub fn screen(&self) -> layout::ScreenLayout {
        let n_banners = u16::try_from(super::banner::lines(self).len()).unwrap_or(0);
        layout::screen(self.screen_size.area, self.screen_size.class, n_banners)
    }

    /// Panes whose lists are on the screen, with their areas.
    #[must_use]
    pub fn panes(&self) -> Vec<(Pane, Rect)> {
        let body = self.screen().body;
        match self.main_view {
            MainView::Overview => layout::overview(body, self.screen_size.class, self.focus).panes,
            MainView::Single => vec![(self.focus, layout::single(body, self.screen_size.class).0)],
        }
    }

    /// Selected row of the focused pane, if there is one.
    #[must_use]
    pub fn selected(&self) -> Option<RowId> {
        self.selections.of(self.focus).selected()
    }

    /// Time of the next change on the screen, if nothing happens after `now`: a tick of ages or countdowns, the end
    /// of a message, or the end of a pinned order.
    #[must_use]
    pub fn next_tick_at(&self, now: Timestamp) -> Timestamp {
        let pace = if self.ticks_every_second() { 1_000 } else { 60_000 };
        let tick = now.floor_to(pace).plus(Duration::from_millis(pace.unsigned_abs()));
        let told = self.status_message.as_ref().and_then(StatusMessage::until);
        [told, self.view_state.pinned_until()].into_iter().flatten().fold(tick, Timestamp::min)
    }

    /// Whether ages or countdowns on the screen change every second.
    fn ticks_every_second(&self) -> bool {
        if matches!(
            self.snapshot.link,
            LinkState::Lagging | LinkState::Stale | LinkState::Waiting { .. } | LinkState::Offline { .. }
        ) {
            return true;
        }
        if self.frozen.is_some() {
            return false;
        }
        let fresh = self.snapshot.changed_at.is_some_and(|at| self.clock.since(at) < Duration::from_secs(60));
        fresh || self.counts_down()
    }

    fn counts_down(&self) -> bool {
        let Some(view) = self.view() else { return false };
        let soon = |at: Timestamp| at > view.now && at.since(view.now) < COUNTDOWN_THRESHOLD;
        let panes = self.panes();
        let shows = |pane| panes.iter().any(|(shown, _)| *shown == pane) || !self.overlays.is_empty();
        let retry = || {
            let rows = &view.overview.subscriptions.items;
            rows.iter().any(|row| row.subscription.is_enabled && row.health.next_due_utc.is_some_and(soon))
        };
        let reset = || view.overview.limits.items.iter().any(|row| row.used > 0 && soon(row.reset_utc));
        (shows(Pane::Subscriptions) && retry()) || (shows(Pane::Limits) && reset())
    }
}
