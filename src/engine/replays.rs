//! Replays of operators: count, plan, pause, resume and cancel.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::error::subscription_not_found;
use super::handle::Engine;
use crate::clock::RuntimeEnv;
use crate::domain::delivery::DeliveryState;
use crate::domain::field_error::FieldError;
use crate::domain::ids::{ReplayId, SubscriptionId};
use crate::domain::log::{PageSpec, RowPage};
use crate::domain::replay::{
    DEFAULT_REPLAY_RATE, REPLAY_RATE_RANGE, REPLAYABLE_STATES, Replay, ReplayCounts, ReplaySelection, ReplayState,
};
use crate::domain::subscription::WebhookSubscription;
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;

/// Selection of deliveries to replay, not yet validated.
#[derive(Debug, Clone)]
pub struct ReplayDraft {
    /// Start of the event times, inclusive.
    pub since: Timestamp,
    /// End of the event times, exclusive; the present if absent.
    pub until: Option<Timestamp>,
    /// Delivery states to select, a subset of [`REPLAYABLE_STATES`].
    pub states: Vec<DeliveryState>,
    /// Rate in deliveries per second; [`DEFAULT_REPLAY_RATE`] if absent.
    pub per_second: Option<u32>,
}

impl Engine {
    /// Counts the deliveries that a replay would select now, by state. Changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] with every invalid field; [`Error`] when the database cannot be read.
    pub async fn replay_counts(
        &self,
        id: SubscriptionId,
        wish: ReplayDraft,
    ) -> Result<Vec<(DeliveryState, u64)>, Error> {
        let (choice, _) = validate(wish, self.shared.ambient.now())?;
        self.shared
            .store
            .read(move |connection| {
                store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?;
                Ok(store::replays::counts(connection, id, &choice)?)
            })
            .await
    }

    /// Plans a replay and returns it with the number of selected deliveries by state. The selection is fixed now, by
    /// delivery number, and each item is processed once. The plan waits while its subscription is disabled.
    ///
    /// A replayed delivery becomes due at once and is retried like a new one, but counts neither for the breaker nor for
    /// the success rate. An item that is pending, cancelled or delivered since its selection is passed over; an item in
    /// flight waits until its attempt ends.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] with every invalid field; [`Error::Contended`], [`Error::StorageFull`]
    /// or [`Error::Store`] when the change cannot be written.
    pub async fn plan_replay(
        &self,
        caller: Caller,
        id: SubscriptionId,
        wish: ReplayDraft,
    ) -> Result<(Replay, Vec<(DeliveryState, u64)>), Error> {
        let ambient = self.shared.ambient.clone();
        let now = ambient.now();
        let (choice, per_second) = validate(wish, now)?;
        let planned = self
            .shared
            .store
            .write(move |connection| {
                let subscription =
                    store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?;
                let counts = store::replays::counts(connection, id, &choice)?;
                let replay = plan_selection(connection, (&caller, &ambient), &subscription, choice, per_second)?;
                let replay = store::replays::get(connection, replay)?.ok_or_else(|| replay_not_found(replay))?;
                Ok::<_, Error>((replay, counts))
            })
            .await?;
        self.notify_replayer();
        Ok(planned)
    }

    /// Pauses, resumes or cancels a replay; a finished or cancelled one stays unchanged. Deliveries enqueued before a
    /// cancellation are still sent.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot
    /// be written.
    pub async fn set_replay_state(&self, caller: Caller, id: ReplayId, wanted: ReplayState) -> Result<Replay, Error> {
        let ambient = self.shared.ambient.clone();
        let turned = self
            .shared
            .store
            .write(move |connection| {
                let before = store::replays::get(connection, id)?.ok_or_else(|| replay_not_found(id))?;
                let after = before.state.transition(wanted);
                if after != before.state {
                    store::replays::set_state(connection, id, after, ambient.now())?;
                    let change = AuditedChange {
                        action: match wanted {
                            ReplayState::Paused => "pause replay",
                            ReplayState::Cancelled => "cancel replay",
                            ReplayState::Running | ReplayState::Finished => "resume replay",
                        },
                        subject: format!("replay {id}"),
                        before: Some(before.state.name().to_owned()),
                        after: Some(after.name().to_owned()),
                        reason: None,
                    };
                    caller.append_audit_row(connection, &ambient, change)?;
                }
                store::replays::get(connection, id)?.ok_or_else(|| replay_not_found(id))
            })
            .await?;
        self.notify_replayer();
        Ok(turned)
    }

    /// Reads one replay with its progress.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn find_replay(&self, id: ReplayId) -> Result<Replay, Error> {
        let found = self.shared.store.read(move |connection| store::replays::get(connection, id)).await?;
        found.ok_or_else(|| replay_not_found(id))
    }

    /// Reads a page of replays, newest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn replays(&self, of: Option<SubscriptionId>, span: PageSpec) -> Result<RowPage<Replay>, Error> {
        self.shared.store.read(move |connection| store::replays::list(connection, of, &span)).await.map_err(Error::from)
    }

    /// Wakes the replayer and notifies subscribers of changes.
    pub(super) fn notify_replayer(&self) {
        self.shared.replayer_wakeup.notify_one();
        self.mark_changed();
    }
}

/// Plans the replay of a selection, within the caller's transaction.
pub(super) fn plan_selection(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    of: &WebhookSubscription,
    choice: ReplaySelection,
    per_second: u32,
) -> Result<ReplayId, store::Error> {
    let now = ambient.now();
    let draft = new_replay(caller, of, choice, per_second, now);
    let replay = store::replays::insert(connection, &draft)?;
    store::replays::select(connection, replay, of.id, &draft.selection)?;
    store::replays::add_progress(connection, replay, (0, 0), now)?;
    audit_plan(connection, (caller, ambient), replay)?;
    Ok(replay)
}

/// Plans the replay of all events missed since a subscription was disabled, within the caller's transaction;
/// `None` if there are none.
pub(super) fn plan_missed(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    of: &WebhookSubscription,
    since: Timestamp,
) -> Result<Option<ReplayId>, store::Error> {
    if of.n_missed == 0 {
        return Ok(None);
    }
    let now = ambient.now();
    let choice = ReplaySelection { since, until: now, states: vec![DeliveryState::Missed] };
    let replay = store::replays::insert(connection, &new_replay(caller, of, choice, DEFAULT_REPLAY_RATE, now))?;
    store::replays::select_missed(connection, replay, of.id)?;
    store::replays::add_progress(connection, replay, (0, 0), now)?;
    audit_plan(connection, (caller, ambient), replay)?;
    Ok(Some(replay))
}

/// Cancels the replays of a subscription that is being deleted, within the caller's transaction.
pub(super) fn cancel_all(connection: &Connection, of: SubscriptionId, now: Timestamp) -> Result<(), store::Error> {
    for id in store::replays::list_open(connection, of)? {
        store::replays::set_state(connection, id, ReplayState::Cancelled, now)?;
    }
    Ok(())
}

fn new_replay(
    caller: &Caller,
    of: &WebhookSubscription,
    choice: ReplaySelection,
    per_second: u32,
    now: Timestamp,
) -> Replay {
    Replay {
        id: ReplayId(0),
        subscription: of.id,
        company: of.company,
        state: ReplayState::Running,
        selection: choice,
        per_second,
        progress: ReplayCounts::default(),
        requested_by: caller.display_name(),
        created_at: now,
        ended_at: None,
    }
}

fn audit_plan(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    id: ReplayId,
) -> Result<(), store::Error> {
    let Some(replay) = store::replays::get(connection, id)? else { return Ok(()) };
    let change = AuditedChange {
        action: "replay subscription",
        subject: format!("subscription {}", replay.subscription),
        before: None,
        after: Some(format!(
            "replay {id}: {} selected, at most {} a second",
            replay.progress.n_selected, replay.per_second
        )),
        reason: None,
    };
    caller.append_audit_row(connection, ambient, change)
}

fn validate(wish: ReplayDraft, now: Timestamp) -> Result<(ReplaySelection, u32), Error> {
    let mut faults = Vec::new();
    let mut states = wish.states;
    states.sort_unstable();
    states.dedup();
    if states.is_empty() || states.iter().any(|state| !REPLAYABLE_STATES.contains(state)) {
        let known = REPLAYABLE_STATES.map(DeliveryState::name).join(", ");
        faults.push(FieldError::new("states", format!("must name some of {known}")));
    }
    let until = wish.until.unwrap_or(now);
    if wish.since >= until {
        faults.push(FieldError::new("until", "must be later than since"));
    }
    let per_second = wish.per_second.unwrap_or(DEFAULT_REPLAY_RATE);
    if !REPLAY_RATE_RANGE.contains(&per_second) {
        faults.push(FieldError::new(
            "ratePerSecond",
            format!("must be {} to {}", REPLAY_RATE_RANGE.start(), REPLAY_RATE_RANGE.end()),
        ));
    }
    if faults.is_empty() {
        Ok((ReplaySelection { since: wish.since, until, states }, per_second))
    } else {
        Err(Error::Invalid(faults))
    }
}

fn replay_not_found(id: ReplayId) -> Error {
    Error::NotFound(format!("replay {id}"))
}
