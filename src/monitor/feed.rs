//! Portal feed: follows the platform's event stream, fetches a new overview when something changed, and publishes
//! snapshots (the latest replaces older ones).

use super::alerts::Alerts;
use super::history::History;
use super::link::{BEAT, Link};
use super::snapshot::Snapshot;
use crate::ambient::{RuntimeEnv, Stopwatch};
use crate::api::overview::ChangePulse;
use crate::client;
use crate::client::connection::{CALL_TIMEOUT, PlatformClient};
use crate::client::overview::PulseStream;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Minimum time between two overviews: at most four requests a second.
const PACE: Duration = Duration::from_millis(250);

/// Settings of the Portal feed, fixed while it runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rows per list in the overview, 1 to 500.
    pub rows: u32,
    /// Store that survives restarts; `None` if it could not be opened.
    pub history: Option<History>,
}

/// Follows the platform behind `client` until every receiver of snapshots is dropped.
pub async fn follow(
    client: PlatformClient,
    ambient: RuntimeEnv,
    settings: Settings,
    pictures: watch::Sender<Arc<Snapshot>>,
) {
    let heard = ambient.stopwatch();
    let mut feed = Feed { client, ambient, settings, pictures, current: Snapshot::default(), fetched: None, heard };
    feed.recall().await;
    while !feed.pictures.is_closed() {
        let Err(error) = feed.listen().await else { break };
        let now = feed.ambient.now();
        feed.publish(feed.current.after_failure(error.to_string(), now)).await;
        if let Link::Offline { retry_at, .. } = feed.current.link {
            let gone = feed.pictures.clone();
            tokio::select! {
                () = feed.ambient.sleep(retry_at.since(now)) => {}
                () = gone.closed() => {}
            }
        }
    }
}

struct Feed {
    client: PlatformClient,
    ambient: RuntimeEnv,
    settings: Settings,
    pictures: watch::Sender<Arc<Snapshot>>,
    /// Current snapshot; the published one may be a heartbeat older.
    current: Snapshot,
    /// Time since the last overview was received; `None` before the first.
    fetched: Option<Stopwatch>,
    /// Time since the platform last sent anything.
    heard: Stopwatch,
}

/// Event that the feed waits for.
enum Heard {
    Pulse(Option<ChangePulse>),
    Silence,
    NobodyLooks,
}

impl Feed {
    /// Restores the alerts of the last run, so that they keep their `since`.
    async fn recall(&mut self) {
        if let Some(history) = &self.settings.history {
            match history.alerts().await {
                Ok(alerts) => self.current.alerts = Alerts::remembered(alerts),
                Err(error) => tracing::warn!(%error, "the history cannot be read; alerts start over"),
            }
        }
    }

    /// Runs one connection, from its first overview to its end. Returns `Ok` when no receiver of snapshots is left.
    async fn listen(&mut self) -> Result<(), client::Error> {
        self.fetch().await?;
        let (client, ambient) = (self.client.clone(), self.ambient.clone());
        let opened = self.ageing(ambient.timeout(CALL_TIMEOUT, client.stream())).await;
        let slow = || Err(client::Error::Timeout { base: client.base().to_owned(), limit: CALL_TIMEOUT });
        let mut pulses = opened.unwrap_or_else(slow)?;
        loop {
            match self.hear(&mut pulses).await? {
                Heard::NobodyLooks => return Ok(()),
                Heard::Silence => {
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
                Heard::Pulse(None) => {
                    let base = self.client.base().to_owned();
                    return Err(client::Error::Unreachable { base, why: "the platform closed the stream".to_owned() });
                }
                Heard::Pulse(Some(pulse)) => {
                    // If the heartbeat's cursor equals that of the overview, nothing changed and no fetch is needed.
                    let known = self.current.overview.as_ref().map(|overview| overview.cursor);
                    if known == Some(pulse.cursor) {
                        self.heard = self.ambient.stopwatch();
                        let now = self.ambient.now();
                        self.publish(self.current.after_beat(now)).await;
                    } else {
                        self.fetch().await?;
                    }
                }
            }
        }
    }

    async fn hear(&self, pulses: &mut PulseStream) -> Result<Heard, client::Error> {
        tokio::select! {
            biased;
            pulse = pulses.next() => pulse.map(Heard::Pulse),
            () = self.ambient.sleep(BEAT) => Ok(Heard::Silence),
            () = self.pictures.closed() => Ok(Heard::NobodyLooks),
        }
    }

    /// Waits for `work` and ages the snapshot meanwhile: a platform that hangs in the middle of an answer must not
    /// appear live.
    async fn ageing<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.ambient.sleep(BEAT) => {
                    let quiet = self.current.after_silence(self.heard.elapsed());
                    self.publish(quiet).await;
                }
            }
        }
    }

    async fn fetch(&mut self) -> Result<(), client::Error> {
        if let Some(fetched) = &self.fetched {
            self.ambient.sleep(PACE.saturating_sub(fetched.elapsed())).await;
        }
        let client = self.client.clone();
        let rows = self.settings.rows;
        let overview = self.ageing(client.overview(rows)).await?;
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
            && let Err(error) = history.note_link(&self.current.link, self.ambient.now()).await
        {
            tracing::warn!(%error, "a change of the link could not be stored");
        }
        if before.alerts != self.current.alerts
            && let Err(error) = history.remember(self.current.alerts.list().to_vec()).await
        {
            tracing::warn!(%error, "alerts could not be stored");
        }
    }
}
