//! Calls about replays (Portal API).

use crate::client::Error;
use crate::client::connection::{PAGE_LIMIT, PlatformClient};
use crate::domain::ids::{ReplayId, SubscriptionId};
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::replays::{NewReplay, ReplayPlan, ReplayRow};

impl PlatformClient {
    /// Creates a replay of a subscription's deliveries, or with `dry_run` only counts what the replay would select.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn create_replay(&self, of: SubscriptionId, new: &NewReplay) -> Result<ReplayPlan, Error> {
        self.post(&paths::with_value(paths::PORTAL_SUBSCRIPTION_REPLAY, of), new).await
    }

    /// Lists the replays of all subscriptions, newest first.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn replays(&self) -> Result<Page<ReplayRow>, Error> {
        self.list(paths::REPLAYS).await
    }

    /// Lists the newest replays of all subscriptions, one page of them.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn newest_replays(&self) -> Result<Page<ReplayRow>, Error> {
        self.get(paths::REPLAYS, &[("limit", PAGE_LIMIT.to_string())]).await
    }

    /// Lists the replays of a subscription, newest first.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn replays_of(&self, id: SubscriptionId) -> Result<Page<ReplayRow>, Error> {
        self.filtered_list(paths::REPLAYS, &[("subscription", id.to_string())]).await
    }

    /// Reads one replay with its progress.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn get_replay(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.get(&paths::with_value(paths::REPLAY, id), &[]).await
    }

    /// Pauses a replay; deliveries that it has queued are still sent.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn pause_replay(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.post(&paths::with_value(paths::REPLAY_PAUSE, id), &serde_json::json!({})).await
    }

    /// Resumes a paused replay where it stopped.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn resume_replay(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.post(&paths::with_value(paths::REPLAY_RESUME, id), &serde_json::json!({})).await
    }

    /// Cancels a replay permanently; deliveries that it has queued are still sent.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn cancel_replay(&self, id: ReplayId) -> Result<ReplayRow, Error> {
        self.post(&paths::with_value(paths::REPLAY_CANCEL, id), &serde_json::json!({})).await
    }
}
