//! Dispatch of key actions: each action either changes the console's state or becomes an effect.

use super::app::{App, FrozenView, MainView};
use super::console::ConsoleMode;
use super::detail_lines::LineAction;
use super::effect::{BackgroundJob, Effect, PlatformChange};
use super::keymap::{CursorMotion, KeyAction};
use super::nav_history::NavHistory;
use super::notice::StatusMessage;
use super::overlay::action_search::ActionSearch;
use super::overlay::bulk::{BulkRun, TypedConfirmation};
use super::overlay::companies::CompanyList;
use super::overlay::confirm::ConfirmPrompt;
use super::overlay::detail::{self, DetailFetchState, DetailView};
use super::overlay::{self, Overlay, item_actions};
use super::panes::Pane;
use super::press::{moved_row, moved_scroll};
use super::selection::{FollowMode, RowId};
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::export::bundle_writer::BundleFormat;
use crate::sync::logs::ConsoleLogs;

impl App {
    pub(super) fn dispatch_action(&mut self, action: KeyAction, now: Timestamp) -> Vec<Effect> {
        if matches!(action, KeyAction::Open | KeyAction::Menu) {
            // Opening a row or its menu is about that row, so the cursor stays with it when rows move.
            self.selections.of_mut(self.focus).keep_row();
        }
        match action {
            KeyAction::Quit => return self.quit(now),
            KeyAction::Redraw => return vec![Effect::Repaint],
            KeyAction::Suspend => return vec![Effect::Suspend],
            KeyAction::Open => return self.open(now),
            KeyAction::Yes if matches!(self.overlays.last(), Some(Overlay::Escalate)) => {
                return self.write_bundle(BundleFormat::Folder);
            }
            KeyAction::Archive => return self.write_bundle(BundleFormat::Archive),
            KeyAction::ToggleBodies => return self.toggle_bodies(),
            KeyAction::Yes if matches!(self.overlays.last(), Some(Overlay::ConfirmQuit)) => return vec![Effect::Leave],
            KeyAction::Yes => return self.confirm(now),
            KeyAction::TestFirst => return self.test_first(now),
            KeyAction::Close | KeyAction::Back | KeyAction::No if self.back_within_pane() => {}
            KeyAction::Diagnose | KeyAction::Playbooks => self.open_diagnose(action),
            KeyAction::Escalate => return self.escalate(),
            KeyAction::RunAgain => return self.run_entry_again(),
            KeyAction::AskUnknownAgain => return self.ask_unknown_again(),
            KeyAction::ForgetRun => self.forget_run(now),
            KeyAction::NextActionLine => self.next_action_line(),
            KeyAction::Write => self.ask_to_write(),
            KeyAction::Close if self.overlays.is_empty() => return self.quit(now),
            KeyAction::Close | KeyAction::Back | KeyAction::No => self.back(now),
            KeyAction::Retry => return self.retry(),
            KeyAction::Overview => {
                self.overlays.clear();
                self.show_dashboard(now);
            }
            KeyAction::Show(pane) => {
                self.overlays.clear();
                self.leave_drill_down(now);
                (self.main_view, self.focus) = (MainView::Single, pane);
            }
            KeyAction::DrillDown => {
                if let Some(drill) = self.drill_down_here() {
                    self.drill_down(drill, now);
                }
            }
            KeyAction::Backward => drop(self.go_back()),
            KeyAction::Forward => drop(self.go_forward()),
            KeyAction::NextBodyFormat | KeyAction::FoldAll => self.shape(action),
            KeyAction::Companies => {
                self.overlays.push(Overlay::Companies(CompanyList::new(self.company)));
                return vec![Effect::StartJob(BackgroundJob::ListCompanies)];
            }
            KeyAction::FullScreen if self.main_view == MainView::Overview => self.main_view = MainView::Single,
            KeyAction::FullScreen => self.show_dashboard(now),
            KeyAction::NextPane => self.focus = self.focus.stepped(1, self.tab_panes()),
            KeyAction::PreviousPane => self.focus = self.focus.stepped(self.tab_panes().len() - 1, self.tab_panes()),
            KeyAction::Move(step) => self.step(step, now),
            KeyAction::Menu => {
                if let Ok(menu) = self.menu() {
                    self.overlays.push(Overlay::Menu(menu));
                }
            }
            KeyAction::SendAgain => return self.send_again(now),
            KeyAction::OpenForm(purpose) => return self.open_form(purpose, now),
            KeyAction::Replays | KeyAction::Operators => return self.list(action),
            KeyAction::NextField
            | KeyAction::PauseOrResumeReplay
            | KeyAction::CancelReplay
            | KeyAction::RevokeOperator => {
                self.next_field_or_ask(action, now);
            }
            KeyAction::Copy if matches!(self.overlays.last(), Some(Overlay::SecretReveal(_))) => {
                return self.copy_secret();
            }
            KeyAction::Freeze => self.freeze(now),
            KeyAction::Follow => self.follow(now),
            action => match self.overlay_for(action) {
                Some(overlay) => self.overlays.push(overlay),
                None => self.dispatch_view_action(action, now),
            },
        }
        Vec::new()
    }

    /// Quits the console. Asks first where quitting stops the platform or would lose a secret that is on the screen;
    /// asking a second time quits.
    fn quit(&mut self, now: Timestamp) -> Vec<Effect> {
        if let Some(Overlay::SecretReveal(shown)) = self.overlays.last_mut()
            && let Err(why) = shown.close()
        {
            self.show_message(why, now);
            return Vec::new();
        }
        let is_asked = matches!(self.overlays.last(), Some(Overlay::ConfirmQuit));
        if is_asked || self.config.identity.mode == ConsoleMode::Remote {
            return vec![Effect::Leave];
        }
        self.overlays.push(Overlay::ConfirmQuit);
        Vec::new()
    }

    /// Closes the front overlay or undoes one navigation step; shows the dashboard when there is nothing left to
    /// close.
    fn back(&mut self, now: Timestamp) {
        if let Some(Overlay::SecretReveal(shown)) = self.overlays.last_mut()
            && let Err(why) = shown.close()
        {
            return self.show_message(why, now);
        }
        if let Some(Overlay::BulkRun(run)) = self.overlays.last_mut()
            && !run.is_over()
        {
            run.stop();
            return self.show_message("stopped; waiting for the action in progress", now);
        }
        match self.overlays.pop() {
            Some(Overlay::Confirm(_) | Overlay::TypedConfirm(_)) => {
                self.show_message("cancelled; nothing was changed", now);
            }
            Some(Overlay::SecretReveal(_)) => self.show_message("the secret is no longer shown", now),
            Some(Overlay::Filter(line)) => {
                self.view_state.pane_mut(line.pane).filter = line.before;
                self.apply_filters(now);
            }
            Some(_) => {}
            None if self.history.drill.is_some() && self.go_back() => {}
            None if self.stop_search() => self.show_message("search stopped; scrolling down resumes it", now),
            None if !self.view_state.marks.is_empty() => self.view_state.marks.clear(),
            None => self.show_dashboard(now),
        }
    }

    /// Panes that Tab cycles through in the present main view.
    const fn tab_panes(&self) -> &'static [Pane] {
        match self.main_view {
            MainView::Overview => &Pane::DASHBOARD,
            MainView::Single => &Pane::ALL,
        }
    }

    fn show_dashboard(&mut self, now: Timestamp) {
        self.leave_drill_down(now);
        self.main_view = MainView::Overview;
        if !Pane::DASHBOARD.contains(&self.focus) {
            self.focus = Pane::Subscriptions;
        }
    }

    fn open(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.overlays.last() {
            None => return self.selected().map_or_else(Vec::new, |item| self.open_detail(item)),
            Some(Overlay::Menu(menu)) => match (menu.form(self), menu.questions(self)) {
                (Some(purpose), _) => return self.open_form(purpose, now),
                (None, Ok(questions)) => self.ask_confirmation(questions),
                (None, Err(why)) => self.show_message(why, now),
            },
            Some(Overlay::Form(_)) => return self.submit(now),
            Some(Overlay::Replays(_)) => {
                return self.listed_replay().map_or_else(Vec::new, |item| self.open_detail(item));
            }
            Some(Overlay::Alerts(list)) => {
                if let Some(item) = list.item(self.visible_snapshot().alerts()) {
                    return self.open_detail(item);
                }
            }
            Some(Overlay::Help(finder) | Overlay::Palette(finder)) => return self.run_found(&finder.clone(), now),
            Some(Overlay::Choice(choice)) => return self.choose(*choice, now),
            Some(Overlay::Filter(_)) => self.keep_filter(now),
            Some(Overlay::Note(note)) => {
                let note = note.clone();
                let said = if note.entry.text().is_empty() { "no note" } else { "note added" };
                self.view_state.set_note(note.item, note.entry.text());
                self.overlays.pop();
                self.show_message(said, now);
            }
            Some(Overlay::TypedConfirm(_)) => return self.confirm_many(now),
            Some(Overlay::Detail(_)) => return self.run_detail_line(now),
            Some(Overlay::Companies(list)) => {
                if let Some(company) = list.chosen() {
                    self.overlays.pop();
                    self.restrict_to_company(company, now);
                }
            }
            Some(Overlay::SignatureInput(line)) => {
                let line = line.clone();
                self.overlays.pop();
                return self.check_signature(&line, now);
            }
            Some(Overlay::Diagnose) => return self.run_entry(now),
            Some(_) => {}
        }
        Vec::new()
    }

    /// Runs the action selected in help or in the palette, in the context in which the search was opened.
    fn run_found(&mut self, finder: &ActionSearch, now: Timestamp) -> Vec<Effect> {
        let Some(binding) = finder.selected(&self.config.keymap).map(|bound| bound.binding) else {
            self.show_message("no matching action", now);
            return Vec::new();
        };
        if let Err(why) = self.check_enabled_in(binding, finder.context) {
            self.show_message(format!("{}: {why}", binding.label), now);
            return Vec::new();
        }
        self.overlays.pop();
        self.view_state.note_recent_action(binding.name);
        self.dispatch_action(binding.action, now)
    }

    pub(super) fn open_detail(&mut self, item: RowId) -> Vec<Effect> {
        if matches!(item, RowId::Trip(_) | RowId::Request(_)) {
            self.overlays.push(Overlay::Detail(DetailView::new(item, DetailFetchState::NotNeeded)));
            return Vec::new();
        }
        self.overlays.push(Overlay::Detail(DetailView::new(item, DetailFetchState::InFlight)));
        vec![Effect::StartJob(BackgroundJob::FetchDetail(item))]
    }

    /// Performs what Enter means on the selected line of a detail view.
    fn run_detail_line(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(Overlay::Detail(detail)) = self.overlays.last() else { return Vec::new() };
        match detail::line_action(self, detail) {
            Some(LineAction::Open(item)) => return self.open_detail(item),
            Some(LineAction::Drill(drill)) => self.drill_down(drill, now),
            Some(LineAction::Ask(act)) => match item_actions::confirm_prompt(self, act) {
                Ok(question) => self.ask_confirmation(vec![question]),
                Err(why) => self.show_message(why, now),
            },
            Some(LineAction::Fold(node)) => {
                if let Some(Overlay::Detail(detail)) = self.overlays.last_mut() {
                    detail.toggle(node);
                }
            }
            Some(
                LineAction::Remediate(_)
                | LineAction::AskComputedSignature(_)
                | LineAction::AskReceiverSecret(_)
                | LineAction::Escalate
                | LineAction::Copy(_),
            )
            | None => {}
        }
        Vec::new()
    }

    /// Restricts every pane to one company, or shows all companies again with `None`.
    fn restrict_to_company(&mut self, company: Option<CompanyId>, now: Timestamp) {
        self.history = NavHistory::default();
        self.company = company;
        self.logs = ConsoleLogs::default();
        self.apply_filters(now);
        self.show_message(
            company.map_or_else(|| "showing all companies".to_owned(), |id| format!("showing company {id} only")),
            now,
        );
    }

    /// Folds or unfolds all bodies of the open detail view, or switches their format.
    fn shape(&mut self, action: KeyAction) {
        if let Some(Overlay::Detail(detail)) = self.overlays.last_mut() {
            match action {
                KeyAction::FoldAll => detail.toggle_all(),
                _ => detail.mode = detail.mode.next(),
            }
        }
    }

    /// Asks for confirmation: y or n for a single change on an ordinary platform, a typed count or pledge in every
    /// other case.
    pub(super) fn ask_confirmation(&mut self, mut questions: Vec<ConfirmPrompt>) {
        use super::console::TargetEnvironment;
        let layer = match (questions.pop(), self.config.identity.environment) {
            (Some(question), TargetEnvironment::Ordinary)
                if questions.is_empty() && question.act.n_things() == 1 && question.pledge.is_none() =>
            {
                Overlay::Confirm(question)
            }
            (last, _) => {
                questions.extend(last);
                Overlay::TypedConfirm(TypedConfirmation::new(questions))
            }
        };
        self.overlays.push(layer);
    }

    /// Sends the confirmed change, unless its precondition no longer holds.
    fn confirm(&mut self, now: Timestamp) -> Vec<Effect> {
        // The newest snapshot decides, not the frozen one on the screen.
        let Some(Overlay::Confirm(question)) = self.overlays.pop() else { return Vec::new() };
        if let Err(why) = question.check_precondition(&self.snapshot) {
            self.show_error(why, now);
            return Vec::new();
        }
        self.close_menu();
        self.note_form_sent(&question.act);
        self.show_message(format!("request sent: {}", question.act.description()), now);
        vec![Effect::StartJob(BackgroundJob::Change(question.act))]
    }

    /// Sends a test to the subscription that is about to be enabled; the question stays, and shows what the test came to.
    fn test_first(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(Overlay::Confirm(question)) = self.overlays.last() else { return Vec::new() };
        let Some(id) = question.enables() else { return Vec::new() };
        if let Err(why) = question.check_precondition(&self.snapshot) {
            self.show_error(why, now);
            return Vec::new();
        }
        let act = PlatformChange::SendTest(id);
        self.show_message(format!("asked the platform to {}", act.description()), now);
        vec![Effect::StartJob(BackgroundJob::Change(act))]
    }

    /// Starts the changes whose count was typed. Changes whose precondition no longer holds are listed as failed at
    /// once.
    fn confirm_many(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(Overlay::TypedConfirm(count)) = self.overlays.last() else { return Vec::new() };
        if !count.is_answered() {
            self.show_message(format!("type {} to confirm; Esc cancels", count.expected_text()), now);
            return Vec::new();
        }
        let mut acts = Vec::new();
        let mut failed = Vec::new();
        for question in &count.questions {
            match question.check_precondition(&self.snapshot) {
                Ok(()) => acts.push(question.act.clone()),
                Err(why) => failed.push((question.act.clone(), why)),
            }
        }
        if let (true, [act]) = (failed.is_empty(), acts.as_slice()) {
            // One change on many things, or on a production platform: there is nothing to count.
            let act = act.clone();
            self.overlays.pop();
            self.close_menu();
            self.note_form_sent(&act);
            self.show_message(format!("request sent: {}", act.description()), now);
            return vec![Effect::StartJob(BackgroundJob::Change(act))];
        }
        self.overlays.retain(|layer| !matches!(layer, Overlay::TypedConfirm(_) | Overlay::Menu(_) | Overlay::Form(_)));
        self.overlays.push(Overlay::BulkRun(BulkRun { failed, ..BulkRun::new(acts) }));
        self.start_next_change()
    }

    fn retry(&mut self) -> Vec<Effect> {
        if let Some(Overlay::BulkRun(run)) = self.overlays.last_mut() {
            *run = BulkRun::new(std::mem::take(&mut run.failed).into_iter().map(|(act, _)| act));
        }
        self.start_next_change()
    }

    fn bulk(&mut self) -> Option<&mut BulkRun> {
        self.overlays.iter_mut().find_map(|layer| match layer {
            Overlay::BulkRun(run) => Some(run),
            _ => None,
        })
    }

    /// Starts the next change of a bulk run if none is in flight.
    pub(super) fn start_next_change(&mut self) -> Vec<Effect> {
        let Some(run) = self.bulk().filter(|run| run.in_flight.is_none()) else { return Vec::new() };
        run.in_flight = run.pending.pop_front();
        run.in_flight.clone().map(|act| Effect::StartJob(BackgroundJob::Change(act))).into_iter().collect()
    }

    /// Records the result of a change: counted in its bulk run, or shown as a message if it belongs to none.
    pub(super) fn on_change_finished(
        &mut self,
        act: &PlatformChange,
        came: Result<String, String>,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(run) = self.bulk().filter(|run| run.in_flight.as_ref() == Some(act)) else {
            let effects = self.on_change_answered(act, &came);
            match came {
                Ok(what) => self.show_message(what, now),
                Err(why) => self.show_error(why, now),
            }
            return effects;
        };
        run.in_flight = None;
        match came {
            Ok(_) => run.n_done += 1,
            Err(why) => run.failed.push((act.clone(), why)),
        }
        if run.is_over() {
            let tally = run.progress_text();
            self.show_message(tally, now);
        }
        self.start_next_change()
    }

    /// Shows an error in the status line until a key is pressed, and adds it to the message log.
    pub(super) fn show_error(&mut self, why: String, now: Timestamp) {
        self.view_state.log_message(&why, now);
        self.status_message = Some(StatusMessage::error(why));
    }

    fn freeze(&mut self, now: Timestamp) {
        if self.frozen.take().is_some() {
            self.clock = now;
            self.reselect_rows(now);
        } else {
            self.frozen =
                Some(FrozenView { snapshot: self.snapshot.clone(), frozen_at: self.clock, n_missed_snapshots: 0 });
        }
    }

    fn follow(&mut self, now: Timestamp) {
        self.selections.set_follow_mode(self.focus, self.selections.follow_mode(self.focus).switched());
        if self.frozen.is_none() {
            self.reselect_rows(now);
        }
    }

    pub(super) fn step(&mut self, step: CursorMotion, now: Timestamp) {
        let page = usize::from(self.page());
        let n_lines = overlay::n_lines(self);
        let n_acts = match self.overlays.last() {
            Some(Overlay::Menu(menu)) => menu.n_entries(self),
            _ => 0,
        };
        let alerts: Vec<_> = self.visible_snapshot().alerts().iter().map(|alert| alert.subject).collect();
        let height = usize::from(self.screen().body.height.saturating_sub(2));
        match self.overlays.last_mut() {
            Some(Overlay::Help(finder) | Overlay::Palette(finder)) => finder.step(step, height.saturating_sub(2)),
            Some(Overlay::Detail(detail)) => detail.cursor_line = moved_row(step, detail.cursor_line, n_lines, height),
            Some(Overlay::TextList(sheet)) => sheet.top = moved_scroll(step, sheet.top, n_lines, height),
            Some(Overlay::Alerts(list)) => list.step(step, &alerts, page),
            Some(Overlay::Menu(menu)) => menu.step(step, n_acts),
            Some(Overlay::Companies(list)) => list.step(step),
            Some(Overlay::Form(form)) => form.step(step),
            Some(Overlay::Replays(list)) => list.step(step, page),
            Some(Overlay::Operators(list)) => list.step(step, page),
            Some(Overlay::Choice(choice)) => choice.step(step),
            Some(Overlay::Filter(line)) => line.step(step),
            Some(Overlay::Diagnose | Overlay::Escalate) => self.move_in_diagnose(step, n_lines, height),
            Some(
                Overlay::Confirm(_)
                | Overlay::ConfirmQuit
                | Overlay::TypedConfirm(_)
                | Overlay::BulkRun(_)
                | Overlay::Note(_)
                | Overlay::SecretReveal(_)
                | Overlay::SignatureInput(_),
            ) => {}
            None => self.step_rows(step, page, now),
        }
    }

    fn step_rows(&mut self, step: CursorMotion, page: usize, now: Timestamp) {
        let Some(items) = self.items() else { return };
        let row = self.selections.of(self.focus).row().unwrap_or(0);
        self.put_cursor(moved_row(step, row, items.len(), page), &items, now);
    }

    /// Rows of the focused pane, in the order on the screen.
    pub(super) fn items(&self) -> Option<Vec<RowId>> {
        Some(self.view()?.order(self.focus).items)
    }

    /// Moves the cursor of the focused pane to a row and, except in logs, pins the row order for a while.
    pub(super) fn put_cursor(&mut self, row: usize, items: &[RowId], now: Timestamp) {
        let pane = self.focus;
        self.selections.of_mut(pane).select(row, items);
        self.selections.set_follow_mode(pane, FollowMode::Nothing);
        if !pane.is_log() {
            self.view_state.pin_order(pane, items.to_vec(), now);
        }
    }

    /// Approximate number of rows visible in the focused list, at least 1.
    fn page(&self) -> u16 {
        let shown = self.panes().into_iter().find(|(pane, _)| *pane == self.focus);
        shown.map_or(1, |(_, area)| area.height.saturating_sub(3)).max(1)
    }
}
