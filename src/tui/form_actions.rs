//! Actions with more steps than a confirmation: forms, replays that are counted first, lists of replays and
//! operators, and secrets that are shown once.

use super::app::App;
use super::clipboard::CopyOutcome;
use super::console::ConsoleAccess;
use super::effect::{BackgroundJob, Effect, PlatformChange};
use super::issued_secret::IssuedSecret;
use super::keymap::KeyAction;
use super::overlay::async_list::{OperatorList, ReplayList};
use super::overlay::form::filled::FormResult;
use super::overlay::form::{ChangeForm, FormPurpose};
use super::overlay::item_actions::{READ_ONLY_REASON, confirm_prompt};
use super::overlay::menu::{ActionMenu, forms, questions};
use super::overlay::secret_reveal::{SecretCopyState, SecretReveal};
use super::overlay::{Overlay, item_actions};
use super::selection::RowId;
use crate::domain::ids::{OperatorId, SubscriptionId};
use crate::domain::replay::ReplayState;
use crate::domain::time::Timestamp;
use crate::wire::operators::OperatorRow;
use crate::wire::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::wire::subscriptions::MissedEventsChoice;

impl App {
    /// Menu of actions for the marked or selected items, or for a pane in which something can be created.
    ///
    /// # Errors
    /// A one-line reason when no action is possible.
    pub(super) fn menu(&self) -> Result<ActionMenu, String> {
        let nothing =
            self.target_items().is_empty() && !forms(self, None, self.focus).is_empty() && self.view().is_some();
        let items = if nothing { Vec::new() } else { self.change_targets()? };
        Ok(ActionMenu::new(items, self.focus))
    }

    /// Changes that "send again" would make: resending the deliveries of attempts, or enabling subscriptions with a
    /// replay of what they missed.
    ///
    /// # Errors
    /// A one-line reason when nothing can be sent again.
    pub(super) fn send_again_changes(&self) -> Result<Vec<PlatformChange>, String> {
        let acts: Vec<PlatformChange> = self
            .change_targets()?
            .into_iter()
            .filter_map(|item| match item {
                RowId::Subscription(id) => Some(PlatformChange::Enable(id, MissedEventsChoice::Skipped)),
                RowId::Attempt(_) => item_actions::available_changes(self, item)
                    .into_iter()
                    .find(|act| matches!(act, PlatformChange::Resend(_))),
                _ => None,
            })
            .collect();
        if acts.is_empty() { Err("nothing to resend or replay here".to_owned()) } else { Ok(acts) }
    }

    /// Asks whether to send again. For a subscription that is enabled, opens the replay form instead.
    pub(super) fn send_again(&mut self, now: Timestamp) -> Vec<Effect> {
        let Ok(acts) = self.send_again_changes() else { return Vec::new() };
        match (questions(self, &acts), acts.as_slice()) {
            (Ok(questions), _) => self.ask_confirmation(questions),
            (Err(_), [PlatformChange::Enable(id, _)]) => return self.open_form(FormPurpose::Replay(*id), now),
            (Err(why), _) => self.show_message(why, now),
        }
        Vec::new()
    }

    /// Opens a form; refused in a read-only console.
    pub(super) fn open_form(&mut self, purpose: FormPurpose, now: Timestamp) -> Vec<Effect> {
        if self.config.access == ConsoleAccess::ReadOnly {
            self.show_message(READ_ONLY_REASON, now);
            return Vec::new();
        }
        self.overlays.push(Overlay::Form(ChangeForm::new(self, purpose)));
        match purpose {
            FormPurpose::Key | FormPurpose::Event => vec![Effect::StartJob(BackgroundJob::ListCompanies)],
            _ => Vec::new(),
        }
    }

    fn form(&mut self) -> Option<&mut ChangeForm> {
        self.overlays.iter_mut().rev().find_map(|layer| match layer {
            Overlay::Form(form) => Some(form),
            _ => None,
        })
    }

    /// Submits the front form: a change asks for confirmation, a replay is counted first.
    pub(super) fn submit(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(platform_now) = self.view().map(|view| view.now) else { return Vec::new() };
        let Some(form) = self.form() else { return Vec::new() };
        if form.sent.is_some() {
            self.show_message("already waiting for the platform", now);
            return Vec::new();
        }
        match form.read(platform_now) {
            Some(FormResult::Changes(acts)) => match acts.as_slice() {
                // For a single change the reason is shown as it is.
                [act] => match confirm_prompt(self, act.clone()) {
                    Ok(question) => self.ask_confirmation(vec![question]),
                    Err(why) => self.reject_form(why),
                },
                acts => match questions(self, acts) {
                    Ok(questions) => self.ask_confirmation(questions),
                    Err(why) => self.reject_form(why),
                },
            },
            Some(FormResult::Replay(id, wish)) => {
                form.sent = Some(FormResult::Replay(id, wish.clone()));
                return vec![Effect::StartJob(BackgroundJob::CountReplay(id, wish))];
            }
            None => {}
        }
        Vec::new()
    }

    fn reject_form(&mut self, why: String) {
        if let Some(form) = self.form() {
            form.refuse(why);
        }
    }

    /// Asks for confirmation of a replay with the number that was counted, or shows in the form why it cannot be
    /// replayed. Results for an abandoned form are ignored.
    pub(super) fn on_replay_counted(
        &mut self,
        id: SubscriptionId,
        wish: NewReplay,
        came: Result<Box<ReplayPlan>, String>,
        now: Timestamp,
    ) {
        // The form may have been closed, changed or covered since the count was requested.
        let is_awaited = self.form().is_some_and(|form| form.sent == Some(FormResult::Replay(id, wish.clone())));
        if !is_awaited || !matches!(self.overlays.last(), Some(Overlay::Form(_))) {
            return;
        }
        if let Some(form) = self.form() {
            form.sent = None;
        }
        let plan = match came {
            Ok(plan) => plan,
            Err(why) => return self.reject_form(why),
        };
        if plan.n_selected == 0 {
            return self.reject_form("no deliveries in these states in this time range".to_owned());
        }
        let counts = plan.counts.iter().filter(|count| count.n > 0);
        let counts =
            counts.map(|count| format!("{} {}", super::format::number(count.n), crate::text::delivery(count.state)));
        let counts = counts.collect::<Vec<_>>().join(", ");
        match confirm_prompt(self, PlatformChange::Replay(id, wish, plan.n_selected)) {
            Ok(mut question) => {
                question.effect = format!("Found: {counts}. {}", question.effect);
                self.ask_confirmation(vec![question]);
            }
            Err(why) => self.show_error(why, now),
        }
    }

    /// Notes in the front form that its change is in flight.
    pub(super) fn note_form_sent(&mut self, act: &PlatformChange) {
        if let Some(Overlay::Form(form)) = self.overlays.last_mut() {
            form.sent = Some(FormResult::Changes(vec![act.clone()]));
        }
    }

    /// Closes the action menu if it is the front overlay.
    pub(super) fn close_menu(&mut self) {
        if matches!(self.overlays.last(), Some(Overlay::Menu(_))) {
            self.overlays.pop();
        }
    }

    /// Handles the result of a change: closes its form, or shows the error in the form. After the test of a disabled
    /// subscription, offers to enable it.
    pub(super) fn on_change_answered(&mut self, act: &PlatformChange, came: &Result<String, String>) -> Vec<Effect> {
        let is_awaited =
            self.form().is_some_and(|form| form.sent.as_ref() == Some(&FormResult::Changes(vec![act.clone()])));
        match came {
            Ok(_) if is_awaited => {
                self.overlays.retain(|layer| !matches!(layer, Overlay::Form(_)));
                self.close_menu();
            }
            Err(why) if is_awaited => self.reject_form(why.clone()),
            _ => {}
        }
        match (act, came) {
            (PlatformChange::SendTest(id), _) => {
                self.tested(*id, came);
                self.offer_enable_after_test(*id, came);
            }
            (PlatformChange::Replay(..), Ok(_)) if is_awaited => return self.list(KeyAction::Replays),
            _ => {}
        }
        self.refetch_open_lists()
    }

    /// A question whether to enable what was tested shows what the test came to.
    fn tested(&mut self, id: SubscriptionId, came: &Result<String, String>) {
        let (Ok(told) | Err(told)) = came;
        let Some(Overlay::Confirm(asked)) = self.overlays.last() else { return };
        if asked.enables() == Some(id)
            && let Ok(question) = item_actions::after_test(self, asked.act.clone(), told)
            && let Some(Overlay::Confirm(asked)) = self.overlays.last_mut()
        {
            *asked = question;
        }
    }

    fn offer_enable_after_test(&mut self, id: SubscriptionId, came: &Result<String, String>) {
        let is_off = item_actions::is_disabled(self, id);
        let is_at_hand = matches!(self.overlays.last(), None | Some(Overlay::Detail(_)));
        if is_off && is_at_hand {
            let (Ok(told) | Err(told)) = came;
            self.overlays.push(Overlay::Menu(ActionMenu::follow_up(told.clone(), RowId::Subscription(id), self.focus)));
        }
    }

    /// Shows a secret that was just issued until its overlay is closed.
    pub(super) fn on_secret_issued(
        &mut self,
        act: &PlatformChange,
        issued: IssuedSecret,
        now: Timestamp,
    ) -> Vec<Effect> {
        let effects = self.on_change_finished(act, Ok(format!("{} created", issued.name)), now);
        self.overlays.push(Overlay::SecretReveal(SecretReveal::new(issued)));
        effects
    }

    pub(super) fn copy_secret(&self) -> Vec<Effect> {
        match self.overlays.last() {
            Some(Overlay::SecretReveal(shown)) => vec![Effect::CopySecret(shown.issued.clone())],
            _ => Vec::new(),
        }
    }

    /// Shows beside a secret whether it was copied, for as long as the secret is on the screen.
    pub(super) fn on_secret_copied(
        &mut self,
        issued: &IssuedSecret,
        came: Result<CopyOutcome, String>,
        now: Timestamp,
    ) {
        let shown = self.overlays.iter_mut().find_map(|layer| match layer {
            Overlay::SecretReveal(shown) if shown.issued == *issued => Some(shown),
            _ => None,
        });
        match (shown, came) {
            (Some(shown), came) => {
                shown.copy_state = came.map_or_else(SecretCopyState::Failed, SecretCopyState::Copied);
            }
            (None, Ok(copied)) => self.show_message(copied.line(), now),
            (None, Err(why)) => self.show_error(why, now),
        }
    }

    /// Opens the list of replays or of operators.
    pub(super) fn list(&mut self, action: KeyAction) -> Vec<Effect> {
        let (layer, job) = match action {
            KeyAction::Operators => (Overlay::Operators(OperatorList::fetching()), BackgroundJob::ListOperators),
            _ => (Overlay::Replays(ReplayList::fetching()), BackgroundJob::ListReplays),
        };
        self.overlays.push(layer);
        vec![Effect::StartJob(job)]
    }

    /// Fetches the open lists of replays and operators again after a change.
    pub(super) fn refetch_open_lists(&mut self) -> Vec<Effect> {
        let jobs = self.overlays.iter_mut().filter_map(|layer| match layer {
            Overlay::Replays(list) => list.request_fetch().then_some(BackgroundJob::ListReplays),
            Overlay::Operators(list) => list.request_fetch().then_some(BackgroundJob::ListOperators),
            _ => None,
        });
        jobs.map(Effect::StartJob).collect()
    }

    pub(super) fn on_replays_fetched(&mut self, came: Result<Vec<ReplayRow>, String>) -> Vec<Effect> {
        let list = self.overlays.iter_mut().find_map(|layer| match layer {
            Overlay::Replays(list) => Some(list),
            _ => None,
        });
        let is_old = list.is_some_and(|list| list.on_fetched(came));
        if is_old { vec![Effect::StartJob(BackgroundJob::ListReplays)] } else { Vec::new() }
    }

    pub(super) fn on_operators_fetched(&mut self, came: Result<Vec<OperatorRow>, String>) -> Vec<Effect> {
        let list = self.overlays.iter_mut().find_map(|layer| match layer {
            Overlay::Operators(list) => Some(list),
            _ => None,
        });
        let is_old = list.is_some_and(|list| list.on_fetched(came));
        if is_old { vec![Effect::StartJob(BackgroundJob::ListOperators)] } else { Vec::new() }
    }

    fn replays(&self) -> Result<&ReplayList, String> {
        match self.front() {
            Some(Overlay::Replays(list)) => Ok(list),
            _ => Err("open the replays first (r)".to_owned()),
        }
    }

    /// Checks whether the selected replay can be paused, resumed or cancelled.
    ///
    /// # Errors
    /// A one-line reason when it cannot.
    pub(super) fn check_replay_action_enabled(&self, action: KeyAction) -> Result<(), String> {
        let list = self.replays()?;
        if action == KeyAction::PauseOrResumeReplay {
            list.next_state().map(|_| ())
        } else {
            list.cancellable().map(|_| ())
        }
    }

    /// Selected operator, if it can be revoked.
    ///
    /// # Errors
    /// A one-line reason when it cannot be revoked.
    pub(super) fn revocable(&self) -> Result<OperatorId, String> {
        match self.front() {
            Some(Overlay::Operators(list)) => list.revocable(),
            _ => Err("open the operators first (o)".to_owned()),
        }
    }

    /// Subscription of the selected replay, as an item.
    pub(super) fn listed_replay(&self) -> Option<RowId> {
        self.replays().ok()?.selected().map(|row| RowId::Subscription(row.subscription_id))
    }

    /// Whether the front overlay is the list of companies.
    pub(super) fn lists_companies(&self) -> bool {
        matches!(self.front(), Some(Overlay::Companies(_)))
    }

    /// Moves to the next field of a form, or asks for confirmation of a change to the selected replay or operator.
    pub(super) fn next_field_or_ask(&mut self, action: KeyAction, now: Timestamp) {
        let act = match action {
            KeyAction::PauseOrResumeReplay => self
                .replays()
                .and_then(ReplayList::next_state)
                .map(|(id, phase)| PlatformChange::SetReplayState(id, phase)),
            KeyAction::CancelReplay => self
                .replays()
                .and_then(ReplayList::cancellable)
                .map(|id| PlatformChange::SetReplayState(id, ReplayState::Cancelled)),
            KeyAction::RevokeOperator => self.revocable().map(PlatformChange::RevokeOperator),
            _ => {
                if let Some(form) = self.form() {
                    form.next();
                }
                return;
            }
        };
        match act.and_then(|act| confirm_prompt(self, act)) {
            Ok(question) => self.ask_confirmation(vec![question]),
            Err(why) => self.show_message(why, now),
        }
    }
}
