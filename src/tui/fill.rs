//! Actions with more steps than a confirmation: forms, replays that are counted first, lists of replays and
//! operators, and secrets that are shown once.

use super::app::App;
use super::clipboard::Copied;
use super::console::Access;
use super::effect::{Act, Effect, Job};
use super::keymap::Action;
use super::once::Issued;
use super::overlay::form::filled::Filled;
use super::overlay::form::{Form, Purpose};
use super::overlay::menu::{Menu, forms, questions};
use super::overlay::offers::{READ_ONLY, question};
use super::overlay::once::{Fate, Shown};
use super::overlay::roll::{Operators, Replays};
use super::overlay::{Layer, offers};
use super::places::Item;
use crate::api::operators::OperatorRow;
use crate::api::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::api::subscriptions::MissedEventsChoice;
use crate::domain::ids::{OperatorId, SubscriptionId};
use crate::domain::replay::ReplayState;
use crate::domain::time::Timestamp;

impl App {
    /// Menu of actions for the marked or selected items, or for a pane in which something can be created.
    ///
    /// # Errors
    /// A one-line reason when no action is possible.
    pub(super) fn menu(&self) -> Result<Menu, String> {
        let nothing = self.subjects().is_empty() && !forms(self, None, self.focus).is_empty() && self.view().is_some();
        let items = if nothing { Vec::new() } else { self.acted_on()? };
        Ok(Menu::new(items, self.focus))
    }

    /// Changes that "send again" would make: resending the deliveries of attempts, or enabling subscriptions with a
    /// replay of what they missed.
    ///
    /// # Errors
    /// A one-line reason when nothing can be sent again.
    pub(super) fn sent_again(&self) -> Result<Vec<Act>, String> {
        let acts: Vec<Act> = self
            .acted_on()?
            .into_iter()
            .filter_map(|item| match item {
                Item::Subscription(id) => Some(Act::Enable(id, MissedEventsChoice::Skipped)),
                Item::Attempt(_) => offers::acts(self, item).into_iter().find(|act| matches!(act, Act::Resend(_))),
                _ => None,
            })
            .collect();
        if acts.is_empty() { Err("nothing to resend or replay here".to_owned()) } else { Ok(acts) }
    }

    /// Asks whether to send again. For a subscription that is enabled, opens the replay form instead.
    pub(super) fn send_again(&mut self, now: Timestamp) -> Vec<Effect> {
        let Ok(acts) = self.sent_again() else { return Vec::new() };
        match (questions(self, &acts), acts.as_slice()) {
            (Ok(questions), _) => self.ask(questions),
            (Err(_), [Act::Enable(id, _)]) => return self.fill(Purpose::Replay(*id), now),
            (Err(why), _) => self.say(why, now),
        }
        Vec::new()
    }

    /// Opens a form; refused in a read-only console.
    pub(super) fn fill(&mut self, purpose: Purpose, now: Timestamp) -> Vec<Effect> {
        if self.setting.access == Access::ReadOnly {
            self.say(READ_ONLY, now);
            return Vec::new();
        }
        self.layers.push(Layer::Form(Form::new(self, purpose)));
        match purpose {
            Purpose::Key | Purpose::Event => vec![Effect::Perform(Job::Companies)],
            _ => Vec::new(),
        }
    }

    fn form(&mut self) -> Option<&mut Form> {
        self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Form(form) => Some(form),
            _ => None,
        })
    }

    /// Submits the front form: a change asks for confirmation, a replay is counted first.
    pub(super) fn submit(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(platform_now) = self.view().map(|view| view.now) else { return Vec::new() };
        let Some(form) = self.form() else { return Vec::new() };
        if form.sent.is_some() {
            self.say("already waiting for the platform", now);
            return Vec::new();
        }
        match form.read(platform_now) {
            Some(Filled::Acts(acts)) => match acts.as_slice() {
                // For a single change the reason is shown as it is.
                [act] => match question(self, act.clone()) {
                    Ok(question) => self.ask(vec![question]),
                    Err(why) => self.refuse(why),
                },
                acts => match questions(self, acts) {
                    Ok(questions) => self.ask(questions),
                    Err(why) => self.refuse(why),
                },
            },
            Some(Filled::Replay(id, wish)) => {
                form.sent = Some(Filled::Replay(id, wish.clone()));
                return vec![Effect::Perform(Job::Count(id, wish))];
            }
            None => {}
        }
        Vec::new()
    }

    fn refuse(&mut self, why: String) {
        if let Some(form) = self.form() {
            form.refuse(why);
        }
    }

    /// Asks for confirmation of a replay with the number that was counted, or shows in the form why it cannot be
    /// replayed. Results for an abandoned form are ignored.
    pub(super) fn counted(
        &mut self,
        id: SubscriptionId,
        wish: NewReplay,
        came: Result<Box<ReplayPlan>, String>,
        now: Timestamp,
    ) {
        // The form may have been closed, changed or covered since the count was requested.
        let is_awaited = self.form().is_some_and(|form| form.sent == Some(Filled::Replay(id, wish.clone())));
        if !is_awaited || !matches!(self.layers.last(), Some(Layer::Form(_))) {
            return;
        }
        if let Some(form) = self.form() {
            form.sent = None;
        }
        let plan = match came {
            Ok(plan) => plan,
            Err(why) => return self.refuse(why),
        };
        if plan.n_selected == 0 {
            return self.refuse("no deliveries in these states in this time range".to_owned());
        }
        let counts = plan.counts.iter().filter(|count| count.n > 0);
        let counts = counts
            .map(|count| format!("{} {}", super::format::number(count.n), super::format::delivery_state(count.state)));
        let counts = counts.collect::<Vec<_>>().join(", ");
        match question(self, Act::Replay(id, wish, plan.n_selected)) {
            Ok(mut question) => {
                question.effect = format!("Found: {counts}. {}", question.effect);
                self.ask(vec![question]);
            }
            Err(why) => self.complain(why, now),
        }
    }

    /// Notes in the front form that its change is in flight.
    pub(super) fn send(&mut self, act: &Act) {
        if let Some(Layer::Form(form)) = self.layers.last_mut() {
            form.sent = Some(Filled::Acts(vec![act.clone()]));
        }
    }

    /// Closes the action menu if it is the front overlay.
    pub(super) fn close_menu(&mut self) {
        if matches!(self.layers.last(), Some(Layer::Menu(_))) {
            self.layers.pop();
        }
    }

    /// Handles the result of a change: closes its form, or shows the error in the form. After the test of a disabled
    /// subscription, offers to enable it.
    pub(super) fn answered(&mut self, act: &Act, came: &Result<String, String>) -> Vec<Effect> {
        let is_awaited = self.form().is_some_and(|form| form.sent.as_ref() == Some(&Filled::Acts(vec![act.clone()])));
        match came {
            Ok(_) if is_awaited => {
                self.layers.retain(|layer| !matches!(layer, Layer::Form(_)));
                self.close_menu();
            }
            Err(why) if is_awaited => self.refuse(why.clone()),
            _ => {}
        }
        match (act, came) {
            (Act::Test(id), _) => {
                self.tested(*id, came);
                self.offer_return(*id, came);
            }
            (Act::Replay(..), Ok(_)) if is_awaited => return self.list(Action::Replays),
            _ => {}
        }
        self.list_again()
    }

    /// A question whether to enable what was tested shows what the test came to.
    fn tested(&mut self, id: SubscriptionId, came: &Result<String, String>) {
        let (Ok(told) | Err(told)) = came;
        let Some(Layer::Confirm(asked)) = self.layers.last() else { return };
        if asked.enables() == Some(id)
            && let Ok(question) = offers::after_test(self, asked.act.clone(), told)
            && let Some(Layer::Confirm(asked)) = self.layers.last_mut()
        {
            *asked = question;
        }
    }

    fn offer_return(&mut self, id: SubscriptionId, came: &Result<String, String>) {
        let is_off = offers::is_off(self, id);
        let is_at_hand = matches!(self.layers.last(), None | Some(Layer::Detail(_)));
        if is_off && is_at_hand {
            let (Ok(told) | Err(told)) = came;
            self.layers.push(Layer::Menu(Menu::after(told.clone(), Item::Subscription(id), self.focus)));
        }
    }

    /// Shows a secret that was just issued until its overlay is closed.
    pub(super) fn issued(&mut self, act: &Act, issued: Issued, now: Timestamp) -> Vec<Effect> {
        let effects = self.acted(act, Ok(format!("{} created", issued.name)), now);
        self.layers.push(Layer::Once(Shown::new(issued)));
        effects
    }

    pub(super) fn copy_secret(&self) -> Vec<Effect> {
        match self.layers.last() {
            Some(Layer::Once(shown)) => vec![Effect::CopySecret(shown.issued.clone())],
            _ => Vec::new(),
        }
    }

    /// Shows beside a secret whether it was copied, for as long as the secret is on the screen.
    pub(super) fn copied_secret(&mut self, issued: &Issued, came: Result<Copied, String>, now: Timestamp) {
        let shown = self.layers.iter_mut().find_map(|layer| match layer {
            Layer::Once(shown) if shown.issued == *issued => Some(shown),
            _ => None,
        });
        match (shown, came) {
            (Some(shown), came) => shown.fate = came.map_or_else(Fate::Failed, Fate::Copied),
            (None, Ok(copied)) => self.say(copied.line(), now),
            (None, Err(why)) => self.complain(why, now),
        }
    }

    /// Opens the list of replays or of operators.
    pub(super) fn list(&mut self, action: Action) -> Vec<Effect> {
        let (layer, job) = match action {
            Action::Operators => (Layer::Operators(Operators::awaited()), Job::Operators),
            _ => (Layer::Replays(Replays::awaited()), Job::Replays),
        };
        self.layers.push(layer);
        vec![Effect::Perform(job)]
    }

    /// Fetches the open lists of replays and operators again after a change.
    pub(super) fn list_again(&mut self) -> Vec<Effect> {
        let jobs = self.layers.iter_mut().filter_map(|layer| match layer {
            Layer::Replays(list) => list.wants().then_some(Job::Replays),
            Layer::Operators(list) => list.wants().then_some(Job::Operators),
            _ => None,
        });
        jobs.map(Effect::Perform).collect()
    }

    pub(super) fn take_replays(&mut self, came: Result<Vec<ReplayRow>, String>) -> Vec<Effect> {
        let list = self.layers.iter_mut().find_map(|layer| match layer {
            Layer::Replays(list) => Some(list),
            _ => None,
        });
        let is_old = list.is_some_and(|list| list.take(came));
        if is_old { vec![Effect::Perform(Job::Replays)] } else { Vec::new() }
    }

    pub(super) fn take_operators(&mut self, came: Result<Vec<OperatorRow>, String>) -> Vec<Effect> {
        let list = self.layers.iter_mut().find_map(|layer| match layer {
            Layer::Operators(list) => Some(list),
            _ => None,
        });
        let is_old = list.is_some_and(|list| list.take(came));
        if is_old { vec![Effect::Perform(Job::Operators)] } else { Vec::new() }
    }

    fn replays(&self) -> Result<&Replays, String> {
        match self.front() {
            Some(Layer::Replays(list)) => Ok(list),
            _ => Err("open the replays first (r)".to_owned()),
        }
    }

    /// Checks whether the selected replay can be paused, resumed or cancelled.
    ///
    /// # Errors
    /// A one-line reason when it cannot.
    pub(super) fn permits_turn(&self, action: Action) -> Result<(), String> {
        let list = self.replays()?;
        if action == Action::TurnReplay { list.turned().map(|_| ()) } else { list.ended().map(|_| ()) }
    }

    /// Selected operator, if it can be revoked.
    ///
    /// # Errors
    /// A one-line reason when it cannot be revoked.
    pub(super) fn revocable(&self) -> Result<OperatorId, String> {
        match self.front() {
            Some(Layer::Operators(list)) => list.revocable(),
            _ => Err("open the operators first (o)".to_owned()),
        }
    }

    /// Subscription of the selected replay, as an item.
    pub(super) fn listed_replay(&self) -> Option<Item> {
        self.replays().ok()?.selected().map(|row| Item::Subscription(row.subscription_id))
    }

    /// Whether the front overlay is the list of companies.
    pub(super) fn lists_companies(&self) -> bool {
        matches!(self.front(), Some(Layer::Companies(_)))
    }

    /// Moves to the next field of a form, or asks for confirmation of a change to the selected replay or operator.
    pub(super) fn fill_or_turn(&mut self, action: Action, now: Timestamp) {
        let act = match action {
            Action::TurnReplay => self.replays().and_then(Replays::turned).map(|(id, phase)| Act::Turn(id, phase)),
            Action::EndReplay => {
                self.replays().and_then(Replays::ended).map(|id| Act::Turn(id, ReplayState::Cancelled))
            }
            Action::RevokeOperator => self.revocable().map(Act::RevokeOperator),
            _ => {
                if let Some(form) = self.form() {
                    form.next();
                }
                return;
            }
        };
        match act.and_then(|act| question(self, act)) {
            Ok(question) => self.ask(vec![question]),
            Err(why) => self.say(why, now),
        }
    }
}
