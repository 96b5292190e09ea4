//! Changes of the platform that an operator can make: the description, the call and the outcome of each in one place,
//! for the console and for the commands.

use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::alert::AlertSubject;
use crate::domain::event::EventType;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{CompanyId, DeliveryId, KeyId, OperatorId, ReplayId, SubscriptionId};
use crate::domain::replay::ReplayState;
use crate::domain::secret::Secret;
use crate::text;
use crate::wire::alerts::NewAcknowledgement;
use crate::wire::changes::{self, NoBody};
use crate::wire::events::NewEvent;
use crate::wire::keys::{
    CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, RateLimits, RequestedLimits, pending_write_clause,
};
use crate::wire::operators::{CreatedOperator, NewOperator};
use crate::wire::replays::{NewReplay, ReplayPlan};
use crate::wire::subscriptions::{
    DisableScope, DisableSubscription, EnableSubscription, MissedEventsChoice, RollbackRequest, TestDelivery,
    TestResult,
};
use serde_json::value::RawValue;

/// Change on the platform. Every variant needs a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformChange {
    /// Send a test event to a subscription's endpoint.
    SendTest(SubscriptionId),
    /// Enable a subscription, and choose whether missed events are replayed.
    Enable(SubscriptionId, MissedEventsChoice),
    /// Disable a subscription; with a reason, no alert is raised.
    Disable(SubscriptionId, Option<String>),
    /// Delete a subscription for good, also one that an integration manages.
    Delete(SubscriptionId),
    /// Set the reason why a subscription was disabled manually; its alert ends.
    SetDisableReason(SubscriptionId, String),
    /// Acknowledge an alert of this health status, with an optional note.
    Acknowledge(AlertSubject, HealthStatus, Option<String>),
    /// Restore an earlier revision of a subscription's configuration.
    RollBack(SubscriptionId, u32),
    /// Replay the deliveries that a plan selects; the last field is their number when they were counted.
    Replay(SubscriptionId, NewReplay, u64),
    /// Pause, resume or cancel a replay.
    SetReplayState(ReplayId, ReplayState),
    /// Make one more attempt of a delivery, outside of its schedule.
    Resend(DeliveryId),
    /// Revoke an API key, which takes effect with its next call.
    RevokeKey(KeyId),
    /// Set the rate limits of an API key.
    SetLimits(KeyId, RequestedLimits),
    /// Emit a sample event of a type for a company.
    EmitSampleEvent(CompanyId, EventType),
    /// Create a company, which cannot be removed.
    CreateCompany(NewCompany),
    /// Create an API key, which is shown once.
    CreateKey(NewKey),
    /// Create an operator, whose token is shown once.
    CreateOperator(NewOperator),
    /// Revoke the token of an operator.
    RevokeOperator(OperatorId),
}

impl PlatformChange {
    /// The change as a question: `Disable subscription 8?`.
    #[must_use]
    pub fn asked(&self) -> String {
        let verb = self.description();
        let first = verb.chars().next().map_or_else(String::new, |first| first.to_uppercase().to_string());
        format!("{first}{}?", verb.chars().skip(1).collect::<String>())
    }

    /// Description of the change, as a verb phrase after "to" or "could not". Names in it are as the operator typed
    /// them.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::SendTest(id) => format!("send a test event to subscription {id}"),
            Self::Enable(id, MissedEventsChoice::None) => format!("enable subscription {id}"),
            Self::Enable(id, MissedEventsChoice::Missed) => {
                format!("enable subscription {id} and replay missed events")
            }
            Self::Disable(id, _) => format!("disable subscription {id}"),
            Self::Delete(id) => format!("delete subscription {id}"),
            Self::SetDisableReason(id, _) => format!("save why subscription {id} is disabled"),
            Self::Acknowledge(subject, ..) => format!("acknowledge the alert for {subject}"),
            Self::RollBack(id, revision) => format!("roll subscription {id} back to revision {revision}"),
            Self::Replay(id, _, n) => {
                format!("replay {} of subscription {id}", text::several(*n, "delivery", "deliveries"))
            }
            Self::SetReplayState(id, ReplayState::Paused) => format!("pause replay {id}"),
            Self::SetReplayState(id, ReplayState::Running) => format!("resume replay {id}"),
            Self::SetReplayState(id, ReplayState::Cancelled | ReplayState::Finished) => format!("cancel replay {id}"),
            Self::Resend(id) => format!("resend delivery {id}"),
            Self::RevokeKey(id) => format!("revoke key {id}"),
            Self::SetLimits(id, _) => format!("change the rate limits of key {id}"),
            Self::EmitSampleEvent(company, kind) => format!("emit a sample {kind} event for company {company}"),
            Self::CreateCompany(_) => "create a company".to_owned(),
            Self::CreateKey(new) => format!("create a key for company {}", new.company_id),
            Self::CreateOperator(new) => format!("create an operator with the role {}", new.role.name()),
            Self::RevokeOperator(id) => format!("revoke operator {id}"),
        }
    }

    /// Makes the change through the Portal API.
    ///
    /// # Errors
    /// [`client::Error`] when the platform cannot be reached, refuses the change, or gives an unreadable answer.
    pub async fn make(&self, client: &PlatformClient) -> Result<ChangeOutcome, client::Error> {
        Ok(ChangeOutcome::done(match self {
            Self::SendTest(id) => {
                let result = client.change(changes::TEST_SUBSCRIPTION.at(*id), &TestDelivery::default()).await?;
                return Ok(tested(*id, &result));
            }
            Self::Enable(id, replay) => {
                client.change(changes::ENABLE_SUBSCRIPTION.at(*id), &EnableSubscription { replay: *replay }).await?;
                match replay {
                    MissedEventsChoice::None => format!("subscription {id} enabled"),
                    MissedEventsChoice::Missed => format!("subscription {id} enabled; missed events are being sent"),
                }
            }
            Self::Disable(id, reason) => {
                let body = DisableSubscription { reason: reason.clone(), only: DisableScope::Any };
                client.change(changes::DISABLE_SUBSCRIPTION.at(*id), &body).await?;
                format!("subscription {id} disabled")
            }
            Self::SetDisableReason(id, reason) => {
                let body = DisableSubscription { reason: Some(reason.clone()), only: DisableScope::Off };
                client.change(changes::DISABLE_SUBSCRIPTION.at(*id), &body).await?;
                format!("reason saved for subscription {id}")
            }
            Self::Delete(id) => {
                client.change(changes::DELETE_SUBSCRIPTION.at(*id), &NoBody {}).await?;
                format!("subscription {id} deleted")
            }
            Self::RollBack(id, revision) => {
                let body = RollbackRequest { revision: *revision };
                client.change(changes::ROLL_BACK_SUBSCRIPTION.at(*id), &body).await?;
                format!("subscription {id} rolled back to revision {revision}")
            }
            Self::Acknowledge(subject, standing, note) => {
                let body = NewAcknowledgement::new(*subject, *standing, note.clone());
                client.change(&changes::ACKNOWLEDGE_ALERT, &body).await?;
                format!("alert for {subject} acknowledged")
            }
            Self::EmitSampleEvent(company_id, kind) => {
                let event = NewEvent { company_id: *company_id, kind: *kind, payload: None, metadata: test_metadata() };
                format!("event {} emitted", client.change(&changes::EMIT_EVENT, &event).await?.id)
            }
            Self::Replay(id, wish, _) => {
                let body = NewReplay { dry_run: false, ..wish.clone() };
                return Ok(replay_started(&client.change(changes::REPLAY_SUBSCRIPTION.at(*id), &body).await?));
            }
            Self::SetReplayState(id, wanted) => return set_replay_state(client, *id, *wanted).await,
            Self::Resend(id) => {
                client.change(changes::RESEND_DELIVERY.at(*id), &NoBody {}).await?;
                return Ok(ChangeOutcome::about(id.0, format!("delivery {id} is being resent")));
            }
            Self::RevokeKey(id) => {
                let pending = client.change(changes::REVOKE_KEY.at(*id), &NoBody {}).await?.write_pending;
                let message = format!("key {id} revoked{}", pending_write_clause(pending.as_ref()));
                return Ok(ChangeOutcome::about(id.0, message));
            }
            Self::SetLimits(id, wish) => {
                let row = client.change(changes::LIMIT_KEY.at(*id), &LimitsPatch::from(wish)).await?;
                return Ok(limits_set(&row));
            }
            Self::CreateCompany(new) => {
                format!("company {} created", client.change(&changes::CREATE_COMPANY, new).await?.id)
            }
            Self::CreateKey(new) => {
                let CreatedKey { row, key } = client.change(&changes::CREATE_KEY, new).await?;
                let name = format!("key {} of company {}", row.id, row.company_id);
                return Ok(ChangeOutcome { secret: Some(key.into_secret()), ..ChangeOutcome::about(row.id.0, name) });
            }
            Self::CreateOperator(new) => {
                let CreatedOperator { row, token } = client.change(&changes::CREATE_OPERATOR, new).await?;
                let name = format!("token of operator {}", row.id);
                return Ok(ChangeOutcome { secret: Some(token.into_secret()), ..ChangeOutcome::about(row.id.0, name) });
            }
            Self::RevokeOperator(id) => {
                let pending = client.change(changes::REVOKE_OPERATOR.at(*id), &NoBody {}).await?.write_pending;
                format!("operator {id} revoked{}", pending_write_clause(pending.as_ref()))
            }
        }))
    }

    /// Number of things that the change affects. More than one must be confirmed by typing the number.
    #[must_use]
    pub const fn n_things(&self) -> u64 {
        match self {
            Self::Replay(_, _, n) => *n,
            _ => 1,
        }
    }
}

/// Outcome of a change that was made.
#[derive(Debug)]
pub struct ChangeOutcome {
    /// Outcome in one line; the description of the secret if there is one.
    pub message: String,
    /// Number of the object that was created or acted on, if the outcome is about one.
    pub id: Option<i64>,
    /// Whether the change achieved what was wanted.
    pub status: ChangeStatus,
    /// Secret that the answer carried, which is shown once.
    pub secret: Option<Secret>,
}

/// Whether a change that was made achieved what was wanted: an endpoint may fail its test, for example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeStatus {
    /// The change achieved what was wanted.
    Succeeded,
    /// The change was made, and its outcome is a failure.
    Failed,
}

impl ChangeOutcome {
    /// Creates the outcome of a change that succeeded.
    #[must_use]
    pub const fn done(message: String) -> Self {
        Self { message, id: None, status: ChangeStatus::Succeeded, secret: None }
    }

    /// Creates the outcome of a change that succeeded, about the object with this number.
    #[must_use]
    pub const fn about(id: i64, message: String) -> Self {
        Self { message, id: Some(id), status: ChangeStatus::Succeeded, secret: None }
    }
}

fn tested(id: SubscriptionId, result: &TestResult) -> ChangeOutcome {
    let came = match (result.status_code, &result.error) {
        (Some(status), _) => format!("answered the test with {status}"),
        (None, Some(error)) => format!("did not answer the test: {}", error.sanitized()),
        (None, None) => "did not answer the test".to_owned(),
    };
    let message = format!("subscription {id} {came}, after {} ms", result.elapsed_ms);
    let status = if result.success { ChangeStatus::Succeeded } else { ChangeStatus::Failed };
    ChangeOutcome { status, ..ChangeOutcome::done(message) }
}

fn replay_started(plan: &ReplayPlan) -> ChangeOutcome {
    let n = text::several(plan.n_selected, "delivery", "deliveries");
    match &plan.replay {
        Some(row) => ChangeOutcome::about(row.id.0, format!("replay {} of {n} started", row.id)),
        None => ChangeOutcome::done(format!("replay of {n} started")),
    }
}

/// Pauses, resumes or cancels a replay. A replay that has ended keeps its state.
async fn set_replay_state(
    client: &PlatformClient,
    id: ReplayId,
    wanted: ReplayState,
) -> Result<ChangeOutcome, client::Error> {
    let (route, verb) = match wanted {
        ReplayState::Paused => (&changes::PAUSE_REPLAY, "pause"),
        ReplayState::Running => (&changes::RESUME_REPLAY, "resume"),
        ReplayState::Cancelled | ReplayState::Finished => (&changes::CANCEL_REPLAY, "cancel"),
    };
    let phase = client.change(route.at(id), &NoBody {}).await?.phase;
    if phase == wanted {
        return Ok(ChangeOutcome::about(id.0, format!("replay {id} is {}", phase.name())));
    }
    let message = format!("replay {id} is already {}; nothing to {verb}", phase.name());
    Ok(ChangeOutcome { status: ChangeStatus::Failed, ..ChangeOutcome::about(id.0, message) })
}

/// Outcome of setting the rate limits of a key, with its limits after the change.
#[must_use]
pub fn limits_set(row: &KeyRow) -> ChangeOutcome {
    let message = match row.limits {
        Some(RateLimits { read, write, admin }) => {
            format!("key {} now has limits of {read} read, {write} write and {admin} admin calls a minute", row.id)
        }
        None => format!("limits of key {} set", row.id),
    };
    ChangeOutcome::about(row.id.0, message)
}

/// Metadata that mark an event as a test.
#[must_use]
pub fn test_metadata() -> Option<Box<RawValue>> {
    RawValue::from_string(r#"{"test":true}"#.to_owned()).ok()
}
