//! Poller for platforms without a Portal. It lists each company's subscriptions, polls its events, and probes each
//! key once for each scope; the budget sets the interval. Observations are stored first and shown from the history,
//! so that consoles which share a history show the same and poll only once.

mod lists;

use super::keyed_client::{ApiCall, CallFailure, KeyClient, RateLimitedClient};
use super::link::LinkState;
use super::observed_overview::{KeyName, OverviewContext, build_overview};
use super::page_limits::PageLimits;
use super::poll_round::{ListProgress, PollFailure, RoundCall};
use super::snapshot::Snapshot;
use crate::client::integration::answer::RawAnswer;
use crate::client::integration::partner::{ScopeProbe, ScopeProbeResult};
use crate::clock::RuntimeEnv;
use crate::database;
use crate::domain::ids::CompanyId;
use crate::domain::scope::KeyScope;
use crate::domain::time::Timestamp;
use crate::sync::alerts::ActiveAlerts;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Minimum interval between two polls of a company's lists.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum interval between two polls of a company's lists, if the budget has any room.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(600);
/// Interval at which changes by other consoles are read from the history.
const HISTORY_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Maximum number of busy answers in a row before a command that waits gives up.
const MAX_BUSY_ANSWERS: u32 = 2;
/// Period before the first poll for which events are fetched.
const INITIAL_LOOKBACK: Duration = Duration::from_secs(3_600);
/// Interval at which a scope is probed again whose probe was inconclusive.
const REPROBE_INTERVAL: Duration = Duration::from_secs(3_600);
/// Interval at which expired rows are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3_600);
/// Scopes that are probed, in this order; the last two are also learned from lists.
const PROBED: [KeyScope; 5] = [
    KeyScope::IntegrationsRead,
    KeyScope::IntegrationsWrite,
    KeyScope::Admin,
    KeyScope::WebhooksWrite,
    KeyScope::EventsRead,
];
/// Number of the newest received deliveries in the snapshot.
const RECEIPT_ROWS: u32 = 50;

/// Observes the platform behind `post` until every receiver of snapshots is dropped.
pub async fn observe(post: RateLimitedClient, ambient: RuntimeEnv, pictures: watch::Sender<Arc<Snapshot>>) {
    let mut rounds = PlatformPoller::new(post, ambient, pictures);
    rounds.restore().await;
    while !rounds.pictures.is_closed() {
        let began = rounds.ambient.now();
        let (next, trouble) = rounds.poll_due().await;
        rounds.publish(trouble, next).await;
        rounds.prune().await;
        let now = rounds.ambient.now();
        let wait = match &rounds.current.link {
            LinkState::Offline { retry_at, .. } => retry_at.since(now),
            _ => next.since(now).min(HISTORY_POLL_INTERVAL),
        };
        let gone = rounds.pictures.clone();
        tokio::select! {
            () = rounds.ambient.sleep(wait.max(Duration::from_millis(50))) => {}
            () = gone.closed() => {}
        }
        tracing::trace!(took_ms = rounds.ambient.now().since(began).as_millis(), "a round");
    }
}

/// Polls the events from `since` up to now, for a comparison. `waits` receives a line for each wait for a permit, a
/// rate limit or a busy platform. A platform that stays busy is given up.
///
/// # Errors
///
/// One line for the operator when the events of a company could not be polled: no answer, no key accepted, or no key
/// with `events:read`.
pub async fn poll_since(
    post: &RateLimitedClient,
    ambient: &RuntimeEnv,
    since: Timestamp,
    waits: impl Fn(&str),
) -> Result<(), String> {
    let (pictures, _) = watch::channel(Arc::new(Snapshot::default()));
    let mut rounds = PlatformPoller::new(post.clone(), ambient.clone(), pictures);
    rounds.lookback = ambient.now().since(since);
    rounds.restore().await;
    for company in rounds.companies() {
        let begun = post.history().start_polling_at(format!("events:{company}"), since).await;
        begun.map_err(|error| error.to_string())?;
        let (mut n_refused, mut n_busy) = (0, 0);
        loop {
            match rounds.poll_list(company, KeyScope::EventsRead).await {
                Ok(ListProgress::Complete) => break,
                Ok(ListProgress::More) => n_busy = 0,
                Ok(ListProgress::ScopeMissing) => {
                    let scope = KeyScope::EventsRead.name();
                    return Err(format!("no key for company {company} has the scope {scope}"));
                }
                Ok(ListProgress::KeyRefused(_)) if n_refused < post.holders().len() => n_refused += 1,
                Ok(ListProgress::KeyRefused(refusal)) => return Err(refusal.summary_line()),
                Err(setback @ CallFailure::RetryLater(..)) if n_busy == MAX_BUSY_ANSWERS => {
                    return Err(setback.line(ambient.now()));
                }
                Err(setback @ (CallFailure::NoPermit(until) | CallFailure::RetryLater(_, until))) => {
                    n_busy += u32::from(matches!(setback, CallFailure::RetryLater(..)));
                    waits(&setback.line(ambient.now()));
                    ambient.sleep_until(until).await;
                }
                Err(setback) => return Err(setback.line(ambient.now())),
            }
        }
    }
    Ok(())
}

struct PlatformPoller {
    post: RateLimitedClient,
    ambient: RuntimeEnv,
    pictures: watch::Sender<Arc<Snapshot>>,
    current: Snapshot,
    /// Interval at which each list is polled.
    poll_interval: Duration,
    /// Period before the first poll for which events are fetched.
    lookback: Duration,
    /// Page limits of lists whose pages exceeded the size limit of an answer.
    limits: PageLimits,
    /// Index of the call with which the next round begins.
    first: usize,
    /// Indices of the lists whose last request got no complete answer.
    unanswered: BTreeSet<usize>,
    /// Time at which expired rows are deleted next.
    prune_at: Option<Timestamp>,
    skew_ms: i64,
}

impl PlatformPoller {
    fn new(post: RateLimitedClient, ambient: RuntimeEnv, pictures: watch::Sender<Arc<Snapshot>>) -> Self {
        Self {
            post,
            ambient,
            pictures,
            current: Snapshot::default(),
            poll_interval: MIN_POLL_INTERVAL,
            lookback: INITIAL_LOOKBACK,
            limits: PageLimits::default(),
            first: 0,
            unanswered: BTreeSet::new(),
            prune_at: None,
            skew_ms: 0,
        }
    }

    async fn restore(&mut self) {
        let history = self.post.history();
        match history.alerts().await {
            Ok(alerts) => self.current.alerts = ActiveAlerts::restore(alerts),
            Err(error) => tracing::warn!(%error, "the history cannot be read; alerts start over"),
        }
        let keys = self.post.holders().iter().map(|holder| holder.key.clone()).collect();
        if let Err(error) = history.record_keys(keys).await {
            tracing::warn!(%error, "the keys cannot be stored");
        }
        // The stored observations are on the screen before the first call is made.
        self.publish(None, self.ambient.now()).await;
    }

    /// Deletes expired rows: one slice per round until none is left, then again after an hour.
    async fn prune(&mut self) {
        let now = self.ambient.now();
        if self.prune_at.is_some_and(|at| now < at) {
            return;
        }
        match self.post.history().delete_expired(now).await {
            Ok(true) => {}
            Ok(false) => self.prune_at = Some(now.plus(PRUNE_INTERVAL)),
            Err(error) => {
                self.prune_at = Some(now.plus(PRUNE_INTERVAL));
                tracing::warn!(%error, "old history could not be deleted");
            }
        }
    }

    fn companies(&self) -> BTreeSet<CompanyId> {
        self.post.holders().iter().map(|holder| holder.key.company).collect()
    }

    /// The calls of a round in their usual order: lists, then probes.
    fn calls(&self) -> Vec<RoundCall> {
        let lists = self.companies().into_iter().flat_map(|company| {
            [KeyScope::WebhooksWrite, KeyScope::EventsRead].map(|scope| RoundCall::List(company, scope))
        });
        let probes =
            (0..self.post.holders().len()).flat_map(|holder| PROBED.map(|scope| RoundCall::Probe(holder, scope)));
        lists.chain(probes).collect()
    }

    /// Makes the calls that are due, up to the first that gets no complete answer. Returns when the next call is due, and what failed.
    async fn poll_due(&mut self) -> (Timestamp, Option<PollFailure>) {
        let mut next = self.ambient.now().plus(MAX_POLL_INTERVAL);
        let mut trouble = None;
        let mut note = |setback: CallFailure, now: Timestamp| match setback {
            CallFailure::NoPermit(until) => next = next.min(until),
            CallFailure::RetryLater(why, until) => {
                next = next.min(until);
                trouble = trouble.take().or(Some(PollFailure::RetryLater(why, until)));
            }
            setback => trouble = Some(PollFailure::Failed(setback.line(now))),
        };
        let post = self.post.clone();
        let calls = self.calls();
        let first = std::mem::take(&mut self.first) % calls.len().max(1);
        for place in (first..calls.len()).chain(0..first) {
            let setback = match calls[place] {
                RoundCall::List(company, scope) => self.poll_list(company, scope).await.err(),
                RoundCall::Probe(holder, scope) => match self.probe_scope(&post.holders()[holder], scope).await {
                    Err(CallFailure::NoPermit(_) | CallFailure::KeyRefused(_) | CallFailure::Refused(_)) | Ok(()) => {
                        None
                    }
                    Err(setback) => Some(setback),
                },
            };
            let is_end = matches!(setback, Some(CallFailure::Unanswered(_)));
            match setback {
                Some(CallFailure::NoPermit(_)) => {}
                _ if is_end && matches!(calls[place], RoundCall::List(..)) => _ = self.unanswered.insert(place),
                _ => _ = self.unanswered.remove(&place),
            }
            if let Some(setback) = setback {
                note(setback, self.ambient.now());
            }
            if is_end {
                // What waits for an answer is said at once, and the others come first in the next round.
                self.first = place + 1;
                break;
            }
        }
        (next, trouble)
    }

    /// Probes a key for a scope, unless the result is known: scopes never change.
    async fn probe_scope(&mut self, holder: &KeyClient, scope: KeyScope) -> Result<(), CallFailure> {
        let seen = self.post.history().keys().await?;
        let known = seen.iter().find(|key| key.name == holder.key.name);
        if known.is_some_and(|key| key.held.contains(scope) || key.lacking.contains(scope) || key.refused.is_some()) {
            return Ok(());
        }
        let probe = ScopeProbe::for_scope(scope);
        let letter = ApiCall {
            purpose: format!("scope:{}:{scope}", holder.key.name),
            interval: REPROBE_INTERVAL,
            retry_interval: REPROBE_INTERVAL,
            bucket: probe.bucket,
            method: probe.method.clone(),
            route: probe.path,
            path: probe.path.to_owned(),
            query: Vec::new(),
            body: probe.body.clone(),
        };
        let probed = match self.post.call(holder, &letter).await {
            Ok(answer) => {
                self.update_clock_skew(&answer);
                ScopeProbeResult::Held
            }
            Err(CallFailure::Refused(refusal)) => probe.interpret(&refusal),
            Err(setback) => return Err(setback),
        };
        match probed {
            ScopeProbeResult::Held => self.post.record_scope(holder, scope, Some(scope)).await?,
            ScopeProbeResult::Missing => self.post.record_scope(holder, scope, None).await?,
            ScopeProbeResult::Unclear(_) => {}
        }
        Ok(())
    }

    fn update_clock_skew(&mut self, answer: &RawAnswer) {
        if let Some(at) = answer.server_at {
            // The Date header has whole seconds; half a second is added, and small differences are ignored.
            let ahead = at.millis() + 500 - self.ambient.now().millis();
            self.skew_ms = if ahead.abs() < 2_000 { 0 } else { ahead };
        }
    }

    /// Builds the snapshot from the history, and publishes it if anything in it changed.
    async fn publish(&mut self, trouble: Option<PollFailure>, again_at: Timestamp) {
        let now = self.ambient.now();
        let next = match self.build_snapshot(now).await {
            Ok(next) => next,
            Err(error) => self.current.after_failure(format!("stored history cannot be read: {error}"), now),
        };
        let is_heard = next.heard_at != self.current.heard_at;
        let next = match trouble {
            // The failure remains until an answer arrives, and until every list that got none has been answered.
            None if (!is_heard || !self.unanswered.is_empty()) && self.current.link.is_failed() => {
                Snapshot { link: self.current.link.with_retry_at(again_at), ..next }
            }
            None => next,
            Some(PollFailure::Failed(why)) => Snapshot {
                link: self.current.link.after_failure_jittered(why, now, self.ambient.random_unit()),
                ..next
            },
            Some(PollFailure::RetryLater(why, until)) => Snapshot { link: LinkState::Waiting { why, until }, ..next },
        };
        let before = std::mem::replace(&mut self.current, next);
        if before.overview != self.current.overview
            || before.link != self.current.link
            || before.reach != self.current.reach
        {
            self.pictures.send_replace(Arc::new(self.current.clone()));
        }
        let history = self.post.history();
        // Only a change of the kind of link is recorded, not every new retry time.
        if std::mem::discriminant(&before.link) != std::mem::discriminant(&self.current.link)
            && let Err(error) = history.record_link(&self.current.link, now).await
        {
            tracing::warn!(%error, "a change of the link could not be stored");
        }
        if before.alerts != self.current.alerts
            && let Err(error) = history.store_alerts(self.current.alerts.list().to_vec()).await
        {
            tracing::warn!(%error, "alerts could not be stored");
        }
    }

    async fn build_snapshot(&self, now: Timestamp) -> Result<Snapshot, database::error::Error> {
        let history = self.post.history();
        let seen = history.observations(now).await?;
        let names: Vec<KeyName> = self.post.holders().iter().map(|holder| holder.key.clone()).collect();
        let receipts = history.receipt_page(crate::wire::log::AttemptQuery::default(), None, RECEIPT_ROWS).await?.items;
        let frame = OverviewContext {
            keys: names,
            skew_ms: self.skew_ms,
            poll_interval: self.poll_interval,
            percent: self.post.percent(),
            own_use: self.post.own_use().await?,
            receipts,
        };
        let (overview, reach) = build_overview(&seen, &frame, now);
        Ok(self.current.after_history((overview, reach), seen.heard_at, self.poll_interval, now))
    }
}
