//! Calls about replays (Portal API).

use crate::client::Error;
use crate::client::connection::{PAGE_LIMIT, PlatformClient};
use crate::domain::ids::{ReplayId, SubscriptionId};
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::replays::ReplayRow;

impl PlatformClient {
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
}
