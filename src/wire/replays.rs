//! Replays: the request, the number of deliveries that it selects, and the progress of a stored replay.

use crate::domain::delivery::DeliveryState;
use crate::domain::ids::{CompanyId, ReplayId, SubscriptionId};
use crate::domain::replay::{Replay, ReplayState};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Body of `POST /portal/v1/subscriptions/{id}/replay`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewReplay {
    /// Start of the range: events published at or after this time are selected.
    pub since: Timestamp,
    /// End of the range: events published before this time are selected; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Delivery states to select: some of `missed`, `exhausted`, `on_hold`, `succeeded`.
    pub states: Vec<DeliveryState>,
    /// Whether to only count the selected deliveries and change nothing; false if absent.
    #[serde(default)]
    pub dry_run: bool,
    /// Maximum number of deliveries per second, 1 to 1,000; 20 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u32>,
}

/// Number of selected deliveries in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StateCount {
    /// Delivery state that is counted.
    pub state: DeliveryState,
    /// Number of selected deliveries in the state.
    pub n: u64,
}

/// Selection of a replay: exact counts and, unless it was a dry run, the stored replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayPlan {
    /// Number of selected deliveries per state.
    pub counts: Vec<StateCount>,
    /// Number of selected deliveries in all states.
    pub n_selected: u64,
    /// Replay that was created; null after a dry run.
    pub replay: Option<ReplayRow>,
}

/// Stored replay of a subscription's deliveries, with its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayRow {
    /// ID of the replay, unique on the platform.
    pub id: ReplayId,
    /// Subscription whose deliveries are replayed.
    pub subscription_id: SubscriptionId,
    /// Company that owns the subscription.
    pub company_id: CompanyId,
    /// State of the replay. A running replay waits while its subscription is disabled.
    pub phase: ReplayState,
    /// Start of the range: events published at or after this time are selected.
    pub since_utc: Timestamp,
    /// End of the range: events published before this time are selected.
    pub until_utc: Timestamp,
    /// Delivery states that were selected when the replay was created.
    pub states: Vec<DeliveryState>,
    /// Maximum number of deliveries per second.
    pub rate_per_second: u32,
    /// Number of deliveries handled so far, by result.
    pub progress: ReplayProgress,
    /// Name of the operator who created the replay.
    pub asked_by: Untrusted,
    /// Time at which the replay was created.
    pub created_utc: Timestamp,
    /// Time at which the replay finished or was cancelled; null before.
    pub ended_utc: Option<Timestamp>,
}

/// Progress of a replay, in numbers of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplayProgress {
    /// Number of deliveries selected when the replay was created.
    pub n_selected: u64,
    /// Number of deliveries queued again by the replay.
    pub n_taken: u64,
    /// Number of deliveries passed over because they were already in flight, had succeeded since, or will never be
    /// sent.
    pub n_passed: u64,
    /// Number of queued deliveries that succeeded.
    pub n_succeeded: u64,
    /// Number of queued deliveries that were given up after their last attempt.
    pub n_exhausted: u64,
}

/// Query of `GET /portal/v1/replays`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReplayQuery {
    /// Subscription whose replays are listed; all subscriptions if absent.
    pub subscription: Option<i64>,
}

impl From<Replay> for ReplayRow {
    fn from(of: Replay) -> Self {
        let progress = ReplayProgress {
            n_selected: of.progress.n_selected,
            n_taken: of.progress.n_enqueued,
            n_passed: of.progress.n_skipped,
            n_succeeded: of.progress.n_succeeded,
            n_exhausted: of.progress.n_exhausted,
        };
        Self {
            id: of.id,
            subscription_id: of.subscription,
            company_id: of.company,
            phase: of.state,
            since_utc: of.selection.since,
            until_utc: of.selection.until,
            states: of.selection.states,
            rate_per_second: of.per_second,
            progress,
            asked_by: Untrusted::new(of.requested_by),
            created_utc: of.created_at,
            ended_utc: of.ended_at,
        }
    }
}
