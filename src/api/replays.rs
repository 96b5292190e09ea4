//! Replays: what is asked for, what it would select, and how a plan stands.

use crate::domain::delivery::State;
use crate::domain::ids::{CompanyId, ReplayId, SubscriptionId};
use crate::domain::replay::{Phase, Replay};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of `POST /portal/v1/subscriptions/{id}/replay`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewReplay {
    /// Of events at or after.
    pub since: Timestamp,
    /// Of events before; until now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Deliveries that stand so: some of `skipped`, `exhausted`, `parked`, `succeeded`.
    pub states: Vec<State>,
    /// True only counts and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Deliveries a second at most, 1 to 1,000; 20 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u32>,
}

/// Deliveries in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateCount {
    /// Which state.
    pub state: State,
    /// How many.
    pub n: u64,
}

/// What a replay selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayPlan {
    /// State by state.
    pub counts: Vec<StateCount>,
    /// In all.
    pub n_selected: u64,
    /// The plan that was made; null after a dry run.
    pub replay: Option<ReplayRow>,
}

/// A replay in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayRow {
    /// Its number.
    pub id: ReplayId,
    /// Of which subscription.
    pub subscription_id: SubscriptionId,
    /// Whose.
    pub company_id: CompanyId,
    /// How it stands. A running one waits while its subscription is off.
    pub phase: Phase,
    /// Of events at or after.
    pub since_utc: Timestamp,
    /// Of events before.
    pub until_utc: Timestamp,
    /// That stood so.
    pub states: Vec<State>,
    /// Deliveries a second at most.
    pub rate_per_second: u32,
    /// How far it has come.
    pub progress: ReplayProgress,
    /// Who asked for it.
    pub asked_by: Untrusted,
    /// When.
    pub created_utc: Timestamp,
    /// When it was over.
    pub ended_utc: Option<Timestamp>,
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayProgress {
    /// Deliveries selected when it was made.
    pub n_selected: u64,
    /// Those that it took.
    pub n_taken: u64,
    /// Those that needed it no longer when their turn came: on their way, arrived, or never to be sent.
    pub n_passed: u64,
    /// Taken ones that have arrived.
    pub n_succeeded: u64,
    /// Taken ones that were given up after all their attempts.
    pub n_exhausted: u64,
}

/// The query of `GET /portal/v1/replays`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ReplayQuery {
    /// Of a subscription.
    pub subscription: Option<i64>,
}

impl From<Replay> for ReplayRow {
    fn from(of: Replay) -> Self {
        let progress = ReplayProgress {
            n_selected: of.progress.n_selected,
            n_taken: of.progress.n_taken,
            n_passed: of.progress.n_passed,
            n_succeeded: of.progress.n_succeeded,
            n_exhausted: of.progress.n_exhausted,
        };
        Self {
            id: of.id,
            subscription_id: of.subscription,
            company_id: of.company,
            phase: of.phase,
            since_utc: of.choice.since,
            until_utc: of.choice.until,
            states: of.choice.states,
            rate_per_second: of.per_second,
            progress,
            asked_by: Untrusted::new(of.asked_by),
            created_utc: of.created_at,
            ended_utc: of.ended_at,
        }
    }
}
