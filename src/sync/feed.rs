//! Portal feed: follows the platform's event stream, fetches a new overview when something changed, and publishes
//! snapshots (the latest replaces older ones).

use super::alerts::{ActiveAlerts, Alert};
use super::link::{HEARTBEAT_INTERVAL, LinkState};
use super::snapshot::Snapshot;
use crate::client;
use crate::client::connection::{CALL_TIMEOUT, PlatformClient};
use crate::client::portal::overview::PulseStream;
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::history::PlatformHistory;
use crate::wire::overview::ChangePulse;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Minimum time between two overviews: at most four requests a second.
const MIN_OVERVIEW_INTERVAL: Duration = Duration::from_millis(250);

/// Settings of the Portal feed, fixed while it runs.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// Rows per list in the overview, 1 to 500.
    pub rows: u32,
    /// Store that survives restarts; `None` if it could not be opened.
    pub history: Option<PlatformHistory>,
}

/// Follows the platform behind `client` until every receiver of snapshots is dropped.
pub async fn follow(
    client: PlatformClient,
    ambient: RuntimeEnv,
    settings: FeedSettings,
    pictures: watch::Sender<Arc<Snapshot>>,
) {
    let heard = ambient.stopwatch();
    let mut feed =
        PortalFeed { client, ambient, settings, pictures, current: Snapshot::default(), fetched: None, heard };
    feed.restore_alerts().await;
    while !feed.pictures.is_closed() {
        let Err(error) = feed.run_connection().await else { break };
        let now = feed.ambient.now();
        feed.publish(feed.current.after_failure(error.to_string(), now)).await;
        if let LinkState::Offline { retry_at, .. } = feed.current.link {
            let gone = feed.pictures.clone();
            tokio::select! {
                () = feed.ambient.sleep(retry_at.since(now)) => {}
                () = gone.closed() => {}
            }
        }
    }
}

struct PortalFeed {
    client: PlatformClient,
    ambient: RuntimeEnv,
    settings: FeedSettings,
    pictures: watch::Sender<Arc<Snapshot>>,
    /// Current snapshot; the published one may be a heartbeat older.
    current: Snapshot,
    /// Time since the last overview was received; `None` before the first.
    fetched: Option<Stopwatch>,
    /// Time since the platform last sent anything.
    heard: Stopwatch,
}

/// Event that the feed waits for.
enum FeedEvent {
    Heartbeat(Option<ChangePulse>),
    Silence,
    NoReceivers,
}

impl PortalFeed {
    /// Restores the alerts of the last run, so that they keep their `since`.
    async fn restore_alerts(&mut self) {
        if let Some(history) = &self.settings.history {
            match history.alerts().await {
                Ok(alerts) => {
                    self.current.alerts = ActiveAlerts::restore(alerts.into_iter().map(Alert::from).collect());
                }
                Err(error) => tracing::warn!(%error, "the history cannot be read; alerts start over"),
            }
        }
    }

    /// Runs one connection, from its first overview to its end. Returns `Ok` when no receiver of snapshots is left.
    async fn run_connection(&mut self) -> Result<(), client::Error> {
        self.fetch_overview().await?;
        let (client, ambient) = (self.client.clone(), self.ambient.clone());
        let opened = self.while_ageing(ambient.timeout(CALL_TIMEOUT, client.stream())).await;
        let slow = || Err(client::Error::Timeout { base: client.base().to_owned(), limit: CALL_TIMEOUT });
        let mut pulses = opened.unwrap_or_else(slow)?;
        loop {
            match self.next_event(&mut pulses).await? {
                FeedEvent::NoReceivers => return Ok(()),
                FeedEvent::Silence => {
                    let silence = self.heard.elapsed();
                    let quiet = self.current.after_silence(silence);
                    let is_dead = silence > CALL_TIMEOUT;
                    self.publish(quiet).await;
                    if is_dead {
                        return Err(client::Error::Timeout {
                            base: self.client.base().to_owned(),
                            limit: CALL_TIMEOUT,
                        });
                    }
                }
                FeedEvent::Heartbeat(None) => {
                    let base = self.client.base().to_owned();
                    return Err(client::Error::Unreachable { base, why: "the platform closed the stream".to_owned() });
                }
                FeedEvent::Heartbeat(Some(pulse)) => {
                    // If the heartbeat's cursor equals that of the overview, nothing changed and no fetch is needed.
                    let known = self.current.overview.as_ref().map(|overview| overview.cursor);
                    if known == Some(pulse.cursor) {
                        self.heard = self.ambient.stopwatch();
                        let now = self.ambient.now();
                        self.publish(self.current.after_heartbeat(now)).await;
                    } else {
                        self.fetch_overview().await?;
                    }
                }
            }
        }
    }

    async fn next_event(&self, pulses: &mut PulseStream) -> Result<FeedEvent, client::Error> {
        tokio::select! {
            biased;
            pulse = pulses.next() => pulse.map(FeedEvent::Heartbeat),
            () = self.ambient.sleep(HEARTBEAT_INTERVAL) => Ok(FeedEvent::Silence),
            () = self.pictures.closed() => Ok(FeedEvent::NoReceivers),
        }
    }

    /// Waits for `work` and ages the snapshot meanwhile: a platform that hangs in the middle of an answer must not
    /// appear live.
    async fn while_ageing<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.ambient.sleep(HEARTBEAT_INTERVAL) => {
                    let quiet = self.current.after_silence(self.heard.elapsed());
                    self.publish(quiet).await;
                }
            }
        }
    }

    async fn fetch_overview(&mut self) -> Result<(), client::Error> {
        if let Some(fetched) = &self.fetched {
            self.ambient.sleep(MIN_OVERVIEW_INTERVAL.saturating_sub(fetched.elapsed())).await;
        }
        let client = self.client.clone();
        let rows = self.settings.rows;
        let overview = self.while_ageing(client.overview(rows)).await?;
        let now = self.ambient.now();
        self.fetched = Some(self.ambient.stopwatch());
        self.heard = self.ambient.stopwatch();
        let next = self.current.after_overview(overview, now);
        self.publish(next).await;
        Ok(())
    }

    /// Makes `next` the current snapshot, and publishes it if the overview or the link changed.
    async fn publish(&mut self, next: Snapshot) {
        let before = std::mem::replace(&mut self.current, next);
        let same_overview = match (&before.overview, &self.current.overview) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if !same_overview || before.link != self.current.link {
            self.pictures.send_replace(Arc::new(self.current.clone()));
        }
        let Some(history) = &self.settings.history else { return };
        // Only a change of the kind of link is recorded, not every new retry time.
        if std::mem::discriminant(&before.link) != std::mem::discriminant(&self.current.link)
            && let Err(error) =
                history.record_link(self.current.link.name(), self.current.link.reason(), self.ambient.now()).await
        {
            tracing::warn!(%error, "a change of the link could not be stored");
        }
        if before.alerts != self.current.alerts
            && let Err(error) = history.store_alerts(self.current.alerts.stored()).await
        {
            tracing::warn!(%error, "alerts could not be stored");
        }
    }
}
