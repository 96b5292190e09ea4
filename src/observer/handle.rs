//! Observer of one platform: the poller with its board, the rate-limited client, and the operators it serves.

use super::board::OverviewBoard;
use super::coverage::ObservationContext;
use super::keyed_client::RateLimitedClient;
use super::operators::ObserverOperators;
use super::overview::build_overview;
use super::poller::{PlatformPoller, UNHEARD};
use crate::clock::{self, RuntimeEnv};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::history::PlatformHistory;
use crate::history::observations::PlatformObservations;
use crate::wire::overview::PlatformOverview;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Handle of an observer; clones share its state.
#[derive(Debug, Clone)]
pub struct PlatformObserver {
    shared: Arc<ObserverState>,
}

#[derive(Debug)]
struct ObserverState {
    calls: RateLimitedClient,
    ambient: RuntimeEnv,
    board: Arc<OverviewBoard>,
    operators: ObserverOperators,
    /// Secrets that no text may carry: the profile's keys.
    secrets: Arc<[Secret]>,
}

impl PlatformObserver {
    /// Creates an observer that has not polled yet. `secrets` are the profile's keys, which its secret scan knows.
    #[must_use]
    pub fn new(calls: RateLimitedClient, ambient: RuntimeEnv, secrets: Arc<[Secret]>) -> Self {
        // Until the history is read, nothing is known, and everything says so.
        let nothing = ObservationContext {
            platform: calls.platform().to_owned(),
            keys: calls.holders().iter().map(|holder| holder.key.clone()).collect(),
            source: UNHEARD,
            own_use: BTreeMap::new(),
            receipts: Vec::new(),
        };
        let first = build_overview(&PlatformObservations::default(), &nothing, ambient.now());
        let (board, operators) = (Arc::new(OverviewBoard::new(first)), ObserverOperators::default());
        Self { shared: Arc::new(ObserverState { calls, ambient, board, operators, secrets }) }
    }

    /// Starts polling; it ends when the task is aborted.
    #[must_use]
    pub fn start_polling(&self) -> JoinHandle<()> {
        clock::spawn(self.poller().run())
    }

    /// Reads the history and polls once what is due, within `limit`.
    pub async fn poll_once(&self, limit: Duration) {
        self.poller().run_once(limit).await;
    }

    fn poller(&self) -> PlatformPoller {
        PlatformPoller::new(self.shared.calls.clone(), self.shared.ambient.clone(), Arc::clone(&self.shared.board))
    }

    /// Returns the newest overview, with all rows of every list.
    #[must_use]
    pub fn overview(&self) -> Arc<PlatformOverview> {
        self.shared.board.overview()
    }

    /// Returns the board on which overviews are published.
    #[must_use]
    pub fn board(&self) -> &OverviewBoard {
        &self.shared.board
    }

    /// Returns the rate-limited client.
    #[must_use]
    pub fn calls(&self) -> &RateLimitedClient {
        &self.shared.calls
    }

    /// Returns the history of the platform.
    #[must_use]
    pub fn history(&self) -> &PlatformHistory {
        self.shared.calls.history()
    }

    /// Returns the observer's clock.
    #[must_use]
    pub fn ambient(&self) -> &RuntimeEnv {
        &self.shared.ambient
    }

    /// Returns the operators that the observer serves.
    #[must_use]
    pub fn operators(&self) -> &ObserverOperators {
        &self.shared.operators
    }

    /// Returns the secrets that no text may carry.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.shared.secrets
    }

    /// Returns the present time of the platform's clock, as far as it is known.
    #[must_use]
    pub fn platform_time(&self) -> Timestamp {
        let now = self.shared.ambient.now();
        let overview = self.overview();
        let observed = overview.coverage.as_ref().and_then(|coverage| coverage.source.as_ref());
        let skew = observed.map_or(0, |source| overview.server_utc.millis() - source.observer_utc.millis());
        Timestamp::from_millis(now.millis() + skew)
    }
}
