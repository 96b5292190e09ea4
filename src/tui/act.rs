//! Dispatch of key actions: each action either changes the console's state or becomes an effect.

use super::app::{App, Frozen, Root};
use super::console::Mode;
use super::effect::{Act, Effect, Job};
use super::keymap::{Action, Step};
use super::notice::Notice;
use super::overlay::alerts::AlertList;
use super::overlay::bulk::{Count, Run};
use super::overlay::choice::{Choice, Topic};
use super::overlay::companies::Companies;
use super::overlay::confirm::Question;
use super::overlay::detail::{self, Detail, Fetched};
use super::overlay::finder::{Finder, Shelf};
use super::overlay::sheets::{Sheet, Told};
use super::overlay::{self, Layer, offers};
use super::panes::Pane;
use super::places::{Following, Item};
use super::press::{scrolled, stepped};
use super::sheet::Does;
use super::trail::Trail;
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::escalation::bundle_writer::BundleFormat;
use crate::monitor::logs::ConsoleLogs;

impl App {
    pub(super) fn carry_out(&mut self, action: Action, now: Timestamp) -> Vec<Effect> {
        if matches!(action, Action::Open | Action::Menu) {
            // Opening a row or its menu is about that row, so the cursor stays with it when rows move.
            self.places.of_mut(self.focus).hold();
        }
        match action {
            Action::Quit => return self.quit(now),
            Action::Redraw => return vec![Effect::Repaint],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Open => return self.open(now),
            Action::Yes if matches!(self.layers.last(), Some(Layer::Escalate)) => {
                return self.write_bundle(BundleFormat::Folder);
            }
            Action::Archive => return self.write_bundle(BundleFormat::Archive),
            Action::Bodies => return self.turn_bodies(),
            Action::Yes if matches!(self.layers.last(), Some(Layer::Leave)) => return vec![Effect::Leave],
            Action::Yes => return self.confirm(now),
            Action::TestFirst => return self.test_first(now),
            Action::Close | Action::Back | Action::No if self.retreat() => {}
            Action::Diagnose | Action::Playbooks => self.consult(action),
            Action::Escalate => return self.escalate(),
            Action::Again => return self.run_entry_again(),
            Action::Resume => return self.ask_unknown_again(),
            Action::Forget => self.forget_run(now),
            Action::NextOffer => self.next_offer(),
            Action::Write => self.ask_to_write(),
            Action::Close if self.layers.is_empty() => return self.quit(now),
            Action::Close | Action::Back | Action::No => self.back(now),
            Action::Retry => return self.retry(),
            Action::Overview => {
                self.layers.clear();
                self.show_dashboard(now);
            }
            Action::Show(pane) => {
                self.layers.clear();
                self.undrill(now);
                (self.root, self.focus) = (Root::Single, pane);
            }
            Action::Drill => {
                if let Some(drill) = self.drill_here() {
                    self.drill(drill, now);
                }
            }
            Action::Backward => drop(self.step_back()),
            Action::Forward => drop(self.step_on()),
            Action::Shape | Action::Fold => self.shape(action),
            Action::Companies => {
                self.layers.push(Layer::Companies(Companies::new(self.company)));
                return vec![Effect::Perform(Job::Companies)];
            }
            Action::FullScreen if self.root == Root::Overview => self.root = Root::Single,
            Action::FullScreen => self.show_dashboard(now),
            Action::NextPane => self.focus = self.focus.stepped(1, self.at_hand()),
            Action::PreviousPane => self.focus = self.focus.stepped(self.at_hand().len() - 1, self.at_hand()),
            Action::Move(step) => self.step(step, now),
            Action::Menu => {
                if let Ok(menu) = self.menu() {
                    self.layers.push(Layer::Menu(menu));
                }
            }
            Action::SendAgain => return self.send_again(now),
            Action::Fill(purpose) => return self.fill(purpose, now),
            Action::Replays | Action::Operators => return self.list(action),
            Action::NextField | Action::TurnReplay | Action::EndReplay | Action::RevokeOperator => {
                self.fill_or_turn(action, now);
            }
            Action::Copy if matches!(self.layers.last(), Some(Layer::Once(_))) => return self.copy_secret(),
            Action::Freeze => self.freeze(now),
            Action::Follow => self.follow(now),
            Action::Alerts => self.layers.push(Layer::Alerts(AlertList::new(self.shown().alerts()))),
            Action::Help => self.layers.push(Layer::Help(Finder::new(self, self.context(), Shelf::Grouped))),
            Action::Palette => self.layers.push(Layer::Palette(Finder::new(self, self.context(), Shelf::Recent))),
            Action::Copy => self.layers.push(Layer::Choice(Choice::new(self, Topic::Copy))),
            Action::Columns => self.layers.push(Layer::Choice(Choice::new(self, Topic::Columns(self.focus)))),
            Action::TimeWindow => self.layers.push(Layer::Choice(Choice::new(self, Topic::TimeWindow))),
            Action::Log => self.layers.push(Layer::Sheet(Sheet { told: Told::Log, top: 0 })),
            Action::Bundle => self.layers.push(Layer::Sheet(Sheet { told: Told::Bundle, top: 0 })),
            action => self.arrange(action, now),
        }
        Vec::new()
    }

    /// Quits the console. Asks first where quitting stops the platform or would lose a secret that is on the screen;
    /// asking a second time quits.
    fn quit(&mut self, now: Timestamp) -> Vec<Effect> {
        if let Some(Layer::Once(shown)) = self.layers.last_mut()
            && let Err(why) = shown.close()
        {
            self.say(why, now);
            return Vec::new();
        }
        let is_asked = matches!(self.layers.last(), Some(Layer::Leave));
        if is_asked || self.setting.identity.mode == Mode::Remote {
            return vec![Effect::Leave];
        }
        self.layers.push(Layer::Leave);
        Vec::new()
    }

    /// Closes the front overlay or undoes one navigation step; shows the dashboard when there is nothing left to
    /// close.
    fn back(&mut self, now: Timestamp) {
        if let Some(Layer::Once(shown)) = self.layers.last_mut()
            && let Err(why) = shown.close()
        {
            return self.say(why, now);
        }
        if let Some(Layer::Run(run)) = self.layers.last_mut()
            && !run.is_over()
        {
            run.stop();
            return self.say("stopped; waiting for the action in progress", now);
        }
        match self.layers.pop() {
            Some(Layer::Confirm(_) | Layer::Count(_)) => self.say("cancelled; nothing was changed", now),
            Some(Layer::Once(_)) => self.say("the secret is no longer shown", now),
            Some(Layer::Filter(line)) => {
                self.desk.of_mut(line.pane).filter = line.before;
                self.sift(now);
            }
            Some(_) => {}
            None if self.trail.drill.is_some() && self.step_back() => {}
            None if self.stop_search() => self.say("search stopped; scrolling down resumes it", now),
            None if !self.desk.marks.is_empty() => self.desk.marks.clear(),
            None => self.show_dashboard(now),
        }
    }

    /// Panes that Tab cycles through in the present main view.
    const fn at_hand(&self) -> &'static [Pane] {
        match self.root {
            Root::Overview => &Pane::DASHBOARD,
            Root::Single => &Pane::ALL,
        }
    }

    fn show_dashboard(&mut self, now: Timestamp) {
        self.undrill(now);
        self.root = Root::Overview;
        if !Pane::DASHBOARD.contains(&self.focus) {
            self.focus = Pane::Subscriptions;
        }
    }

    fn open(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.layers.last() {
            None => return self.selected().map_or_else(Vec::new, |item| self.open_detail(item)),
            Some(Layer::Menu(menu)) => match (menu.form(self), menu.questions(self)) {
                (Some(purpose), _) => return self.fill(purpose, now),
                (None, Ok(questions)) => self.ask(questions),
                (None, Err(why)) => self.say(why, now),
            },
            Some(Layer::Form(_)) => return self.submit(now),
            Some(Layer::Replays(_)) => {
                return self.listed_replay().map_or_else(Vec::new, |item| self.open_detail(item));
            }
            Some(Layer::Alerts(list)) => {
                if let Some(item) = list.item(self.shown().alerts()) {
                    return self.open_detail(item);
                }
            }
            Some(Layer::Help(finder) | Layer::Palette(finder)) => return self.run_found(&finder.clone(), now),
            Some(Layer::Choice(choice)) => return self.choose(*choice, now),
            Some(Layer::Filter(_)) => self.keep_filter(now),
            Some(Layer::Note(note)) => {
                let note = note.clone();
                let said = if note.entry.text().is_empty() { "no note" } else { "note added" };
                self.desk.set_note(note.item, note.entry.text());
                self.layers.pop();
                self.say(said, now);
            }
            Some(Layer::Count(_)) => return self.confirm_many(now),
            Some(Layer::Detail(_)) => return self.follow_line(now),
            Some(Layer::Companies(list)) => {
                if let Some(company) = list.chosen() {
                    self.layers.pop();
                    self.look_at(company, now);
                }
            }
            Some(Layer::Expect(line)) => {
                let line = line.clone();
                self.layers.pop();
                return self.expect(&line, now);
            }
            Some(Layer::Diagnose) => return self.run_entry(now),
            Some(_) => {}
        }
        Vec::new()
    }

    /// Runs the action selected in help or in the palette, in the context in which the search was opened.
    fn run_found(&mut self, finder: &Finder, now: Timestamp) -> Vec<Effect> {
        let Some(binding) = finder.selected(&self.setting.keymap).map(|bound| bound.binding) else {
            self.say("no matching action", now);
            return Vec::new();
        };
        if let Err(why) = self.reason(binding, finder.about) {
            self.say(format!("{}: {why}", binding.label), now);
            return Vec::new();
        }
        self.layers.pop();
        self.desk.chose(binding.name);
        self.carry_out(binding.action, now)
    }

    pub(super) fn open_detail(&mut self, item: Item) -> Vec<Effect> {
        if matches!(item, Item::Trip(_) | Item::Request(_)) {
            self.layers.push(Layer::Detail(Detail::new(item, Fetched::NotNeeded)));
            return Vec::new();
        }
        self.layers.push(Layer::Detail(Detail::new(item, Fetched::Waiting)));
        vec![Effect::Perform(Job::Fetch(item))]
    }

    /// Performs what Enter means on the selected line of a detail view.
    fn follow_line(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(Layer::Detail(detail)) = self.layers.last() else { return Vec::new() };
        match detail::does(self, detail) {
            Some(Does::Open(item)) => return self.open_detail(item),
            Some(Does::Drill(drill)) => self.drill(drill, now),
            Some(Does::Ask(act)) => match offers::question(self, act) {
                Ok(question) => self.ask(vec![question]),
                Err(why) => self.say(why, now),
            },
            Some(Does::Fold(node)) => {
                if let Some(Layer::Detail(detail)) = self.layers.last_mut() {
                    detail.toggle(node);
                }
            }
            Some(Does::Remedy(_) | Does::Expect(_) | Does::Hold(_) | Does::Escalate | Does::Copy(_)) | None => {}
        }
        Vec::new()
    }

    /// Restricts every pane to one company, or shows all companies again with `None`.
    fn look_at(&mut self, company: Option<CompanyId>, now: Timestamp) {
        self.trail = Trail::default();
        self.company = company;
        self.logs = ConsoleLogs::default();
        self.sift(now);
        self.say(
            company.map_or_else(|| "showing all companies".to_owned(), |id| format!("showing company {id} only")),
            now,
        );
    }

    /// Folds or unfolds all bodies of the open detail view, or switches their format.
    fn shape(&mut self, action: Action) {
        if let Some(Layer::Detail(detail)) = self.layers.last_mut() {
            match action {
                Action::Fold => detail.toggle_all(),
                _ => detail.mode = detail.mode.next(),
            }
        }
    }

    /// Asks for confirmation: y or n for a single change on an ordinary platform, a typed count or pledge in every
    /// other case.
    pub(super) fn ask(&mut self, mut questions: Vec<Question>) {
        use super::console::Stakes;
        let layer = match (questions.pop(), self.setting.identity.stakes) {
            (Some(question), Stakes::Ordinary)
                if questions.is_empty() && question.act.n_things() == 1 && question.pledge.is_none() =>
            {
                Layer::Confirm(question)
            }
            (last, _) => {
                questions.extend(last);
                Layer::Count(Count::new(questions))
            }
        };
        self.layers.push(layer);
    }

    /// Sends the confirmed change, unless its precondition no longer holds.
    fn confirm(&mut self, now: Timestamp) -> Vec<Effect> {
        // The newest snapshot decides, not the frozen one on the screen.
        let Some(Layer::Confirm(question)) = self.layers.pop() else { return Vec::new() };
        if let Err(why) = question.still_holds(&self.picture) {
            self.complain(why, now);
            return Vec::new();
        }
        self.close_menu();
        self.send(&question.act);
        self.say(format!("request sent: {}", question.act.verb()), now);
        vec![Effect::Perform(Job::Act(question.act))]
    }

    /// Sends a test to the subscription that is about to be enabled; the question stays, and shows what the test came to.
    fn test_first(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(Layer::Confirm(question)) = self.layers.last() else { return Vec::new() };
        let Some(id) = question.enables() else { return Vec::new() };
        if let Err(why) = question.still_holds(&self.picture) {
            self.complain(why, now);
            return Vec::new();
        }
        let act = Act::Test(id);
        self.say(format!("asked the platform to {}", act.verb()), now);
        vec![Effect::Perform(Job::Act(act))]
    }

    /// Starts the changes whose count was typed. Changes whose precondition no longer holds are listed as failed at
    /// once.
    fn confirm_many(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(Layer::Count(count)) = self.layers.last() else { return Vec::new() };
        if !count.is_answered() {
            self.say(format!("type {} to confirm; Esc cancels", count.wanted()), now);
            return Vec::new();
        }
        let mut acts = Vec::new();
        let mut failed = Vec::new();
        for question in &count.questions {
            match question.still_holds(&self.picture) {
                Ok(()) => acts.push(question.act.clone()),
                Err(why) => failed.push((question.act.clone(), why)),
            }
        }
        if let (true, [act]) = (failed.is_empty(), acts.as_slice()) {
            // One change on many things, or on a production platform: there is nothing to count.
            let act = act.clone();
            self.layers.pop();
            self.close_menu();
            self.send(&act);
            self.say(format!("request sent: {}", act.verb()), now);
            return vec![Effect::Perform(Job::Act(act))];
        }
        self.layers.retain(|layer| !matches!(layer, Layer::Count(_) | Layer::Menu(_) | Layer::Form(_)));
        self.layers.push(Layer::Run(Run { failed, ..Run::new(acts) }));
        self.begin_next()
    }

    fn retry(&mut self) -> Vec<Effect> {
        if let Some(Layer::Run(run)) = self.layers.last_mut() {
            *run = Run::new(std::mem::take(&mut run.failed).into_iter().map(|(act, _)| act));
        }
        self.begin_next()
    }

    fn bulk(&mut self) -> Option<&mut Run> {
        self.layers.iter_mut().find_map(|layer| match layer {
            Layer::Run(run) => Some(run),
            _ => None,
        })
    }

    /// Starts the next change of a bulk run if none is in flight.
    pub(super) fn begin_next(&mut self) -> Vec<Effect> {
        let Some(run) = self.bulk().filter(|run| run.under_way.is_none()) else { return Vec::new() };
        run.under_way = run.left.pop_front();
        run.under_way.clone().map(|act| Effect::Perform(Job::Act(act))).into_iter().collect()
    }

    /// Records the result of a change: counted in its bulk run, or shown as a message if it belongs to none.
    pub(super) fn acted(&mut self, act: &Act, came: Result<String, String>, now: Timestamp) -> Vec<Effect> {
        let Some(run) = self.bulk().filter(|run| run.under_way.as_ref() == Some(act)) else {
            let effects = self.answered(act, &came);
            match came {
                Ok(what) => self.say(what, now),
                Err(why) => self.complain(why, now),
            }
            return effects;
        };
        run.under_way = None;
        match came {
            Ok(_) => run.n_done += 1,
            Err(why) => run.failed.push((act.clone(), why)),
        }
        if run.is_over() {
            let tally = run.tally();
            self.say(tally, now);
        }
        self.begin_next()
    }

    /// Shows an error in the status line until a key is pressed, and adds it to the message log.
    pub(super) fn complain(&mut self, why: String, now: Timestamp) {
        self.desk.heard(&why, now);
        self.notice = Some(Notice::trouble(why));
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

    pub(super) fn step(&mut self, step: Step, now: Timestamp) {
        let page = usize::from(self.page());
        let n_lines = overlay::n_lines(self);
        let n_acts = match self.layers.last() {
            Some(Layer::Menu(menu)) => menu.n_entries(self),
            _ => 0,
        };
        let alerts: Vec<_> = self.shown().alerts().iter().map(|alert| alert.subject).collect();
        let height = usize::from(self.screen().body.height.saturating_sub(2));
        match self.layers.last_mut() {
            Some(Layer::Help(finder) | Layer::Palette(finder)) => finder.step(step, height.saturating_sub(2)),
            Some(Layer::Detail(detail)) => detail.at = stepped(step, detail.at, n_lines, height),
            Some(Layer::Sheet(sheet)) => sheet.top = scrolled(step, sheet.top, n_lines, height),
            Some(Layer::Alerts(list)) => list.step(step, &alerts, page),
            Some(Layer::Menu(menu)) => menu.step(step, n_acts),
            Some(Layer::Companies(list)) => list.step(step),
            Some(Layer::Form(form)) => form.step(step),
            Some(Layer::Replays(list)) => list.step(step, page),
            Some(Layer::Operators(list)) => list.step(step, page),
            Some(Layer::Choice(choice)) => choice.step(step),
            Some(Layer::Filter(line)) => line.step(step),
            Some(Layer::Diagnose | Layer::Escalate) => self.step_room(step, n_lines, height),
            Some(
                Layer::Confirm(_)
                | Layer::Leave
                | Layer::Count(_)
                | Layer::Run(_)
                | Layer::Note(_)
                | Layer::Once(_)
                | Layer::Expect(_),
            ) => {}
            None => self.step_rows(step, page, now),
        }
    }

    fn step_rows(&mut self, step: Step, page: usize, now: Timestamp) {
        let Some(items) = self.items() else { return };
        let row = self.places.of(self.focus).row().unwrap_or(0);
        self.put_cursor(stepped(step, row, items.len(), page), &items, now);
    }

    /// Rows of the focused pane, in the order on the screen.
    pub(super) fn items(&self) -> Option<Vec<Item>> {
        Some(self.view()?.order(self.focus).items)
    }

    /// Moves the cursor of the focused pane to a row and, except in logs, pins the row order for a while.
    pub(super) fn put_cursor(&mut self, row: usize, items: &[Item], now: Timestamp) {
        let pane = self.focus;
        self.places.of_mut(pane).select(row, items);
        self.places.follow(pane, Following::Nothing);
        if !pane.is_log() {
            self.desk.hold(pane, items.to_vec(), now);
        }
    }

    /// Approximate number of rows visible in the focused list, at least 1.
    fn page(&self) -> u16 {
        let shown = self.panes().into_iter().find(|(pane, _)| *pane == self.focus);
        shown.map_or(1, |(_, area)| area.height.saturating_sub(3)).max(1)
    }
}
