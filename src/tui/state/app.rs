//! State of the console: everything that a frame is drawn from.

use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::sync::logs::ConsoleLogs;
use crate::sync::snapshot::Snapshot;
use crate::tui::ids::{MainView, Pane, RowId};
use crate::tui::keys::action::KeyContext;
use crate::tui::panes::data::PaneData;
use crate::tui::state::config::AppConfig;
use crate::tui::state::diagnose::DiagnoseState;
use crate::tui::state::escalate::EscalateState;
use crate::tui::state::nav_history::NavHistory;
use crate::tui::state::notice::StatusMessage;
use crate::tui::state::overlays::{self, Overlay};
use crate::tui::state::selection::PaneSelections;
use crate::tui::state::view_state::ViewState;
use crate::tui::widgets::size_class::SizeClass;
use crate::tui::widgets::theme::Theme;
use ratatui::layout::Rect;
use std::sync::Arc;

/// Size of the terminal, and the layout class that fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSize {
    /// Whole screen, in columns and lines from the origin.
    pub area: Rect,
    /// Layout class in use, chosen by size or forced by configuration.
    pub class: SizeClass,
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

/// Whole state of the console. `update` changes it, and the state file restores and merges what it keeps.
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
    pub diagnose: DiagnoseState,
    /// Pane 0: the ticket and its stage.
    pub escalate_state: EscalateState,
    /// Message in the status line, if there is one.
    pub status_message: Option<StatusMessage>,
    /// Milliseconds by which the platform's clock is ahead of the clock of this machine.
    pub(in crate::tui) clock_skew_ms: i64,
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
            diagnose: DiagnoseState::default(),
            escalate_state: EscalateState::default(),
            status_message: None,
            clock_skew_ms: 0,
        }
    }

    /// Whether `picture` shows the same data, link and alerts as the newest snapshot.
    #[must_use]
    pub fn shows_same_as(&self, picture: &Snapshot) -> bool {
        let same = match (&self.snapshot.overview, &picture.overview) {
            (None, None) => true,
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => false,
        };
        same && self.snapshot.link == picture.link && self.snapshot.alerts == picture.alerts
    }

    /// Shows a message in the status line for four seconds, and adds it to the message log.
    pub(in crate::tui) fn show_message(&mut self, text: impl Into<String>, now: Timestamp) {
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

    /// Selected row of the focused pane, if there is one.
    #[must_use]
    pub fn selected(&self) -> Option<RowId> {
        self.selections.of(self.focus).selected()
    }

    /// Key context of the front overlay, or of the panes.
    #[must_use]
    pub fn context(&self) -> KeyContext {
        overlays::key_context(self.overlays.last())
    }

    /// Overlay that actions refer to: the front one that is not help or the palette.
    pub(in crate::tui) fn front(&self) -> Option<&Overlay> {
        self.overlays.iter().rev().find(|layer| !matches!(layer, Overlay::Help(_) | Overlay::Palette(_)))
    }
}
