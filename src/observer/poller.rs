//! Poller for platforms without a Portal. It lists each company's subscriptions, polls its events, and probes each
//! key once for each scope; the budget sets the interval. Observations are stored first and shown from the history.
//! Of the processes that share a history one polls, which holds the lock; the others read what it stores.

mod lists;

use super::board::OverviewBoard;
use super::coverage::ObservationContext;
use super::keyed_client::{ApiCall, CallFailure, KeyClient, RateLimitedClient};
use super::overview::build_overview;
use super::page_limits::PageLimits;
use super::poll_round::{ListProgress, RoundCall, RoundFailure};
use crate::client::integration::answer::RawAnswer;
use crate::client::integration::partner::{ScopeProbe, ScopeProbeResult};
use crate::clock::RuntimeEnv;
use crate::domain::ids::CompanyId;
use crate::domain::log::PageSpec;
use crate::domain::scope::KeyScope;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::history::HistoryError;
use crate::history::source::{PollFailure, PollLock, SourceState};
use crate::wire::log::AttemptQuery;
use crate::wire::overview::PlatformOverview;
use crate::wire::requests::OwnCallKind;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Minimum interval between two polls of a company's lists.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum interval between two polls of a company's lists, if the budget has any room.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(600);
/// Interval at which changes by other processes are looked for in the history.
const HISTORY_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum time between two rounds.
const MIN_ROUND_INTERVAL: Duration = Duration::from_millis(50);
/// Factor of the poll interval after which a process polls whose neighbour holds the lock: the neighbour may be stopped.
const UNLOCKED_FACTOR: u32 = 3;
/// Delay after a first failure; it doubles with each failure in a row, up to [`MAX_RETRY_DELAY`].
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(250);
/// Maximum delay between two tries.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(15);
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
/// Number of the newest received deliveries in the overview.
const RECEIPT_ROWS: u32 = 50;

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
    let board = Arc::new(OverviewBoard::new(PlatformOverview::default()));
    let mut rounds = PlatformPoller::new(post.clone(), ambient.clone(), board);
    rounds.lookback = ambient.now().since(since);
    rounds.is_waited_for = true;
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

/// State of a platform that was not heard yet.
pub(super) const UNHEARD: SourceState = SourceState { skew_ms: 0, poll_interval: MIN_POLL_INTERVAL, failure: None };

/// Poller of one platform, which publishes the overview on a board.
#[derive(Debug)]
pub struct PlatformPoller {
    post: RateLimitedClient,
    ambient: RuntimeEnv,
    board: Arc<OverviewBoard>,
    /// Lock of the process that polls; `None` while another process holds it.
    lock: Option<PollLock>,
    /// Whether a command waits for the poll: it polls a moment after another process did, within the budget.
    is_waited_for: bool,
    /// State of the platform, as this process or the polling one found it.
    source: SourceState,
    /// Time at which an answer was last received and understood.
    heard_at: Option<Timestamp>,
    /// Mark of the history and minute at which the overview was last built.
    built_at: Option<(i64, Timestamp)>,
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
}

impl PlatformPoller {
    /// Creates a poller that has not polled yet.
    #[must_use]
    pub fn new(post: RateLimitedClient, ambient: RuntimeEnv, board: Arc<OverviewBoard>) -> Self {
        Self {
            post,
            ambient,
            board,
            lock: None,
            is_waited_for: false,
            source: UNHEARD,
            heard_at: None,
            built_at: None,
            lookback: INITIAL_LOOKBACK,
            limits: PageLimits::default(),
            first: 0,
            unanswered: BTreeSet::new(),
            prune_at: None,
        }
    }

    /// Polls and publishes until the future is dropped.
    pub async fn run(mut self) {
        self.restore().await;
        loop {
            let began = self.ambient.now();
            let next = self.poll_round().await;
            self.prune().await;
            let now = self.ambient.now();
            let due = match &self.source.failure {
                Some(failure) if !failure.is_waiting && self.lock.is_some() => failure.retry_at,
                _ => next,
            };
            let wait = due.since(now).min(HISTORY_POLL_INTERVAL).max(MIN_ROUND_INTERVAL);
            let board = Arc::clone(&self.board);
            tokio::select! {
                () = self.ambient.sleep(wait) => {}
                () = board.wait_for_refresh() => self.built_at = None,
            }
            tracing::trace!(took_ms = self.ambient.now().since(began).as_millis(), "a round");
        }
    }

    /// Reads the history and polls once what is due, for a command that ends after its answer.
    pub async fn run_once(&mut self, limit: Duration) {
        self.restore().await;
        let ambient = self.ambient.clone();
        if ambient.timeout(limit, self.poll_round()).await.is_none() {
            self.built_at = None;
            self.publish().await;
        }
    }

    /// Stores the names of the keys, and publishes what is stored before the first call is made.
    async fn restore(&mut self) {
        let history = self.post.history().clone();
        let keys = self.post.holders().iter().map(|holder| holder.key.clone()).collect();
        if let Err(error) = history.record_keys(keys).await {
            tracing::warn!(%error, "the keys cannot be stored");
        }
        match history.source_state().await {
            Ok(source) => self.source = source.unwrap_or_else(|| self.source.clone()),
            Err(error) => tracing::warn!(%error, "the history cannot be read"),
        }
        self.heard_at = history.heard_at().await.unwrap_or_default();
        self.publish().await;
    }

    /// Makes the calls that are due, and publishes the result. Returns when the next call is due.
    async fn poll_round(&mut self) -> Timestamp {
        if self.lock.is_none() {
            self.lock = self.post.history().try_poll_lock();
        }
        if self.is_backing_off() {
            self.publish().await;
            return self.ambient.now().plus(HISTORY_POLL_INTERVAL);
        }
        let (next, trouble) = self.poll_due().await;
        self.note_round(trouble, next).await;
        self.publish().await;
        next
    }

    /// Whether the platform failed a moment ago and is not tried yet.
    fn is_backing_off(&self) -> bool {
        let now = self.ambient.now();
        self.source.failure.as_ref().is_some_and(|failure| !failure.is_waiting && failure.retry_at > now)
    }

    /// Deletes expired rows: one slice per round until none is left, then again after an hour.
    async fn prune(&mut self) {
        let now = self.ambient.now();
        if self.lock.is_none() || self.prune_at.is_some_and(|at| now < at) {
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
    async fn poll_due(&mut self) -> (Timestamp, Option<RoundFailure>) {
        let mut next = self.ambient.now().plus(MAX_POLL_INTERVAL);
        let mut trouble = None;
        let mut note = |setback: CallFailure, now: Timestamp| match setback {
            CallFailure::NoPermit(until) => next = next.min(until),
            CallFailure::RetryLater(why, until) => {
                next = next.min(until);
                trouble = trouble.take().or(Some(RoundFailure::RetryLater(why, until)));
            }
            setback => trouble = Some(RoundFailure::Failed(setback.line(now))),
        };
        let post = self.post.clone();
        let calls = self.calls();
        let first = std::mem::take(&mut self.first) % calls.len().max(1);
        for place in (first..calls.len()).chain(0..first) {
            let setback = match calls[place] {
                RoundCall::List(company, scope) => self.poll_list(company, scope).await.err(),
                // Scopes are probed by the process that polls; the result is stored for all.
                RoundCall::Probe(..) if self.lock.is_none() => None,
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
            kind: OwnCallKind::ScopeProbe,
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
            self.source.skew_ms = if ahead.abs() < 2_000 { 0 } else { ahead };
        }
    }

    /// Notes how a round ended. A failure remains until an answer arrives, and until every list that got none has been
    /// answered. The process that polls stores the state for the others.
    async fn note_round(&mut self, trouble: Option<RoundFailure>, again_at: Timestamp) {
        let now = self.ambient.now();
        let history = self.post.history().clone();
        let heard_at = history.heard_at().await.unwrap_or(self.heard_at);
        let is_heard = std::mem::replace(&mut self.heard_at, heard_at) != heard_at;
        let before = self.source.clone();
        let n_tries = before.failure.as_ref().filter(|failure| !failure.is_waiting).map_or(0, |of| of.n_tries);
        self.source.failure = match trouble {
            None if !is_heard || !self.unanswered.is_empty() => {
                before.failure.clone().map(|failure| PollFailure { retry_at: again_at, ..failure })
            }
            None => None,
            Some(RoundFailure::RetryLater(why, retry_at)) => {
                Some(PollFailure { is_waiting: true, why, n_tries: 1, retry_at })
            }
            Some(RoundFailure::Failed(why)) => {
                let n_tries = n_tries.saturating_add(1);
                let retry_at = now.plus(self.retry_delay(n_tries));
                Some(PollFailure { is_waiting: false, why, n_tries, retry_at })
            }
        };
        let is_polling = self.lock.is_some() || is_heard;
        if is_polling
            && self.source != before
            && let Err(error) = history.store_source_state(self.source.clone()).await
        {
            tracing::warn!(%error, "the state of the platform could not be stored");
        }
    }

    /// Delay before the next try, with up to 10 % of jitter, so that processes that failed together do not retry
    /// together.
    fn retry_delay(&self, n_tries: u32) -> Duration {
        let delay = FIRST_RETRY_DELAY.saturating_mul(1 << (n_tries.max(1) - 1).min(10)).min(MAX_RETRY_DELAY);
        delay.mul_f64(1.0 + self.ambient.random_unit().0 / 10.0)
    }

    /// Builds the overview from the history if anything changed since the last one, and publishes it.
    async fn publish(&mut self) {
        let now = self.ambient.now();
        let history = self.post.history();
        let mark = history.change_mark().await.ok().map(|mark| (mark, now.floor_to(MINUTE_MS)));
        if mark.is_some() && mark == self.built_at {
            return;
        }
        match self.build_overview(now).await {
            Ok(overview) => {
                self.board.publish(overview);
                self.built_at = mark;
            }
            Err(error) => tracing::warn!(%error, "the history cannot be read"),
        }
    }

    async fn build_overview(&mut self, now: Timestamp) -> Result<PlatformOverview, HistoryError> {
        let history = self.post.history();
        if self.lock.is_none()
            && let Some(source) = history.source_state().await?
        {
            self.source = source;
        }
        let seen = history.observations(now).await?;
        let receipts = history.receipt_page(AttemptQuery::default(), PageSpec::newest(RECEIPT_ROWS)).await?.items;
        let frame = ObservationContext {
            platform: self.post.platform().to_owned(),
            keys: self.post.holders().iter().map(|holder| holder.key.clone()).collect(),
            source: self.source.clone(),
            own_use: self.post.own_use().await?,
            receipts,
        };
        Ok(build_overview(&seen, &frame, now))
    }
}
