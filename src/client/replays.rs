//! Replays.

use super::Error;
use super::connection::Client;
use crate::api::log::LogPage;
use crate::api::paths;
use crate::api::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::domain::ids::{ReplayId, SubscriptionId};

impl Client {
    /// Plans a replay of a subscription's deliveries, or only counts what it would select.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn replay(&self, of: SubscriptionId, new: &NewReplay) -> Result<ReplayPlan, Error> {
        self.post(&paths::with(paths::PORTAL_SUBSCRIPTION_REPLAY, of), new).await
    }

    /// The newest replays of all subscriptions.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn replays(&self) -> Result<LogPage<ReplayRow>, Error> {
        self.get(paths::REPLAYS, &[]).await
    }

    /// How one replay stands.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn replay_plan(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.get(&paths::with(paths::REPLAY, id), &[]).await
    }

    /// Pauses a replay; what it has taken is delivered.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn pause_replay(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.post(&paths::with(paths::REPLAY_PAUSE, id), &serde_json::json!({})).await
    }

    /// Lets a paused replay go on.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn resume_replay(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.post(&paths::with(paths::REPLAY_RESUME, id), &serde_json::json!({})).await
    }

    /// Gives a replay up, for good; what it has taken is delivered.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn cancel_replay(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.post(&paths::with(paths::REPLAY_CANCEL, id), &serde_json::json!({})).await
    }
}
