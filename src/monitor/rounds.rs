//! Poller for platforms without a Portal. It lists each company's subscriptions, polls its events, and probes each
//! key once for each scope; the budget sets the interval. Observations are stored first and shown from the history,
//! so that consoles which share a history show the same and poll only once.

use super::history::seen::{Listing, Told};
use super::link::Link;
use super::page_limits::PageLimits;
use super::picture::{Frame, KeyName, assemble};
use super::post::{Holder, Letter, Post, Setback};
use super::snapshot::Snapshot;
use crate::ambient::RuntimeEnv;
use crate::client::answer::{ApiRefusal, RawAnswer};
use crate::client::partner::{self, ScopeProbe, ScopeProbeResult, UnreadableItem};
use crate::client::tolerant_reading::{self, NextPage};
use crate::domain::ids::CompanyId;
use crate::domain::key::KeyScope;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::monitor::alerts::Alerts;
use crate::sqlite;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Minimum interval between two polls of a company's lists.
const BRISK: Duration = Duration::from_secs(10);
/// Maximum interval between two polls of a company's lists, if the budget has any room.
const SLOWEST: Duration = Duration::from_secs(600);
/// Delay before another console may retry a poll that brought no result.
const SOON: Duration = Duration::from_secs(2);
/// Interval at which changes by other consoles are read from the history.
const LOOK: Duration = Duration::from_secs(2);
/// Maximum number of busy answers in a row before a command that waits gives up.
const MAX_BUSY_ANSWERS: u32 = 2;
/// Maximum number of pages read from one list per round.
const PAGES: usize = 5;
/// Period before the first poll for which events are fetched.
const BACK: Duration = Duration::from_secs(3_600);
/// Interval at which a scope is probed again whose probe was inconclusive.
const AGAIN: Duration = Duration::from_secs(3_600);
/// Interval at which expired rows are deleted.
const TIDY: Duration = Duration::from_secs(3_600);
/// Scopes that are probed, in this order; the last two are also learned from lists.
const PROBED: [KeyScope; 5] = [
    KeyScope::IntegrationsRead,
    KeyScope::IntegrationsWrite,
    KeyScope::Admin,
    KeyScope::WebhooksWrite,
    KeyScope::EventsRead,
];
/// Number of the newest received deliveries in the snapshot.
const ROWS: u32 = 50;

/// Observes the platform behind `post` until every receiver of snapshots is dropped.
pub async fn watch(post: Post, ambient: RuntimeEnv, pictures: watch::Sender<Arc<Snapshot>>) {
    let mut rounds = Rounds::new(post, ambient, pictures);
    rounds.begin().await;
    while !rounds.pictures.is_closed() {
        let began = rounds.ambient.now();
        let (next, trouble) = rounds.round().await;
        rounds.show(trouble, next).await;
        rounds.forget().await;
        let now = rounds.ambient.now();
        let wait = match &rounds.current.link {
            Link::Offline { retry_at, .. } => retry_at.since(now),
            _ => next.since(now).min(LOOK),
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
pub async fn catch_up(post: &Post, ambient: &RuntimeEnv, since: Timestamp, waits: impl Fn(&str)) -> Result<(), String> {
    let (pictures, _) = watch::channel(Arc::new(Snapshot::default()));
    let mut rounds = Rounds::new(post.clone(), ambient.clone(), pictures);
    rounds.back = ambient.now().since(since);
    rounds.begin().await;
    for company in rounds.companies() {
        let begun = post.history().begin_at(format!("events:{company}"), since).await;
        begun.map_err(|error| error.to_string())?;
        let (mut n_refused, mut n_busy) = (0, 0);
        loop {
            match rounds.list(company, KeyScope::EventsRead).await {
                Ok(Progress::Whole) => break,
                Ok(Progress::More) => n_busy = 0,
                Ok(Progress::Lacking) => {
                    let scope = KeyScope::EventsRead.name();
                    return Err(format!("no key for company {company} has the scope {scope}"));
                }
                Ok(Progress::KeyRefused(_)) if n_refused < post.holders().len() => n_refused += 1,
                Ok(Progress::KeyRefused(refusal)) => return Err(refusal.summary_line()),
                Err(setback @ Setback::Told(..)) if n_busy == MAX_BUSY_ANSWERS => {
                    return Err(setback.line(ambient.now()));
                }
                Err(setback @ (Setback::NotYet(until) | Setback::Told(_, until))) => {
                    n_busy += u32::from(matches!(setback, Setback::Told(..)));
                    waits(&setback.line(ambient.now()));
                    ambient.sleep_until(until).await;
                }
                Err(setback) => return Err(setback.line(ambient.now())),
            }
        }
    }
    Ok(())
}

/// How far a list was read in a round.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// The list was read to its end.
    Whole,
    /// No key of the company may read the list.
    Lacking,
    /// The key was not accepted, and there are others.
    KeyRefused(ApiRefusal),
    /// The list has more pages to read.
    More,
}

struct Rounds {
    post: Post,
    ambient: RuntimeEnv,
    pictures: watch::Sender<Arc<Snapshot>>,
    current: Snapshot,
    /// Interval at which each list is polled.
    every: Duration,
    /// Period before the first poll for which events are fetched.
    back: Duration,
    /// Page limits of lists whose pages exceeded the size limit of an answer.
    limits: PageLimits,
    /// Index of the call with which the next round begins.
    first: usize,
    /// Indices of the lists whose last request got no complete answer.
    unanswered: BTreeSet<usize>,
    /// Time at which expired rows are deleted next.
    forget_at: Option<Timestamp>,
    skew_ms: i64,
}

/// One call of a round.
#[derive(Debug, Clone, Copy)]
enum RoundCall {
    /// Request for a list of a company.
    List(CompanyId, KeyScope),
    /// Probe for a scope, with the key at this index.
    Probe(usize, KeyScope),
}

/// Failure of a round; the first kind is the worse one.
#[derive(Debug)]
enum Trouble {
    Broken(String),
    Waits(String, Timestamp),
}

impl Rounds {
    fn new(post: Post, ambient: RuntimeEnv, pictures: watch::Sender<Arc<Snapshot>>) -> Self {
        Self {
            post,
            ambient,
            pictures,
            current: Snapshot::default(),
            every: BRISK,
            back: BACK,
            limits: PageLimits::default(),
            first: 0,
            unanswered: BTreeSet::new(),
            forget_at: None,
            skew_ms: 0,
        }
    }

    async fn begin(&mut self) {
        let history = self.post.history();
        match history.alerts().await {
            Ok(alerts) => self.current.alerts = Alerts::remembered(alerts),
            Err(error) => tracing::warn!(%error, "the history cannot be read; alerts start over"),
        }
        let keys = self.post.holders().iter().map(|holder| holder.key.clone()).collect();
        if let Err(error) = history.note_keys(keys).await {
            tracing::warn!(%error, "the keys cannot be stored");
        }
        // The stored observations are on the screen before the first call is made.
        self.show(None, self.ambient.now()).await;
    }

    /// Deletes expired rows: one slice per round until none is left, then again after an hour.
    async fn forget(&mut self) {
        let now = self.ambient.now();
        if self.forget_at.is_some_and(|at| now < at) {
            return;
        }
        match self.post.history().forget(now).await {
            Ok(true) => {}
            Ok(false) => self.forget_at = Some(now.plus(TIDY)),
            Err(error) => {
                self.forget_at = Some(now.plus(TIDY));
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
    async fn round(&mut self) -> (Timestamp, Option<Trouble>) {
        let mut next = self.ambient.now().plus(SLOWEST);
        let mut trouble = None;
        let mut note = |setback: Setback, now: Timestamp| match setback {
            Setback::NotYet(until) => next = next.min(until),
            Setback::Told(why, until) => {
                next = next.min(until);
                trouble = trouble.take().or(Some(Trouble::Waits(why, until)));
            }
            setback => trouble = Some(Trouble::Broken(setback.line(now))),
        };
        let post = self.post.clone();
        let calls = self.calls();
        let first = std::mem::take(&mut self.first) % calls.len().max(1);
        for place in (first..calls.len()).chain(0..first) {
            let setback = match calls[place] {
                RoundCall::List(company, scope) => self.list(company, scope).await.err(),
                RoundCall::Probe(holder, scope) => match self.probe(&post.holders()[holder], scope).await {
                    Err(Setback::NotYet(_) | Setback::KeyRefused(_) | Setback::Refused(_)) | Ok(()) => None,
                    Err(setback) => Some(setback),
                },
            };
            let is_end = matches!(setback, Some(Setback::Unanswered(_)));
            match setback {
                Some(Setback::NotYet(_)) => {}
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

    /// Polls a company's subscriptions or events, with the key that has the most room in its budget.
    async fn list(&mut self, company: CompanyId, scope: KeyScope) -> Result<Progress, Setback> {
        let post = self.post.clone();
        let Some((holder, total)) = post.fittest(company, scope, RateBucket::Read).await? else {
            return Ok(Progress::Lacking);
        };
        // Two lists, and one page more than that, out of the whole budget of a minute.
        let every = Duration::from_secs(60) * 3 / total.max(1);
        self.every = every.clamp(BRISK, SLOWEST);
        let (what, path) = match scope {
            KeyScope::EventsRead => (format!("events:{company}"), ScopeProbe::for_scope(scope).path),
            _ => (format!("subscriptions:{company}"), ScopeProbe::for_scope(scope).path),
        };
        let is_events = scope == KeyScope::EventsRead;
        let mut query = if is_events { self.begins(&what).await? } else { Vec::new() };
        let mut has_place = query.iter().any(|(name, _)| name != "since");
        let mut every = self.every.mul_f64(0.95 + self.ambient.random_unit().0 / 10.0);
        let mut listed = Listing::default();
        for _ in 0..PAGES {
            let letter = Letter {
                what: what.clone(),
                every,
                again: every.min(SOON),
                bucket: RateBucket::Read,
                method: reqwest::Method::GET,
                route: path,
                path: path.to_owned(),
                query: self.limits.on(&what, &query),
                body: None,
            };
            let answer = match post.send(holder, &letter).await {
                Err(Setback::Refused(refusal)) if refusal.is_forbidden() => {
                    post.learn(holder, scope, None).await?;
                    // Another key may have the scope, so the list is tried again.
                    return Ok(Progress::More);
                }
                Err(Setback::Refused(_)) if is_events && has_place => {
                    // The platform no longer knows the cursor: polling restarts at the newest known event.
                    let newest = post.history().begin_anew(what.clone(), company).await?;
                    (query, has_place, every) = (self.since(newest), false, Duration::ZERO);
                    continue;
                }
                Err(Setback::TooLarge(why)) => {
                    self.limits.shrink(&what).ok_or(Setback::Broken(why))?;
                    every = Duration::ZERO;
                    continue;
                }
                Err(Setback::KeyRefused(refusal)) if post.holders().len() > 1 => {
                    return Ok(Progress::KeyRefused(refusal));
                }
                came => came?,
            };
            self.clock(&answer);
            post.learn(holder, scope, Some(scope)).await?;
            let read = if is_events {
                self.events(&what, company, &answer, &query).await
            } else {
                listed.take(company, &answer.text())
            };
            let (n, next) = match read {
                Ok(read) => read,
                Err(why) => return Err(self.puzzled(&what, &answer, why).await),
            };
            match next.next_query(&query).map(|place| self.limits.off(&what, place)) {
                Some(place) if n > 0 && place != query => query = place,
                _ => {
                    if is_events {
                        self.limits.forget(&what);
                    } else {
                        let told = self.told(&what);
                        post.history().note_subscriptions(told, company, listed).await?;
                    }
                    return Ok(Progress::Whole);
                }
            }
            // Further pages of the same list need no wait between permits.
            every = Duration::ZERO;
        }
        // More pages than a round reads: events continue at their cursor; an incomplete list of subscriptions is
        // discarded.
        Ok(Progress::More)
    }

    /// Returns the query at which polling of events continues or begins.
    async fn begins(&self, what: &str) -> Result<Vec<(String, String)>, sqlite::Error> {
        let history = self.post.history();
        if let Some(place) = history.place(what.to_owned()).await? {
            return Ok(place);
        }
        history.begin_at(what.to_owned(), self.ambient.now().minus(self.back)).await?;
        Ok(self.since(None))
    }

    /// Builds a query that begins at a time, by default at the start of the lookback period.
    fn since(&self, at: Option<Timestamp>) -> Vec<(String, String)> {
        let at = at.unwrap_or_else(|| self.ambient.now().minus(self.back));
        vec![("since".to_owned(), at.to_rfc3339_seconds())]
    }

    fn told(&self, what: &str) -> Told {
        Told { what: what.to_owned(), at: self.ambient.now(), reach: self.every * 3 }
    }

    async fn events(
        &self,
        what: &str,
        company: CompanyId,
        answer: &RawAnswer,
        query: &[(String, String)],
    ) -> Result<(usize, NextPage), String> {
        let text = answer.text();
        let listed = tolerant_reading::read_list(&text)?;
        let (mut events, mut unreadable) = (Vec::new(), Vec::new());
        for raw in &listed.items {
            match partner::read_event(raw, company) {
                Ok(event) => events.push(event),
                Err(why) => unreadable.push(UnreadableItem::new(raw, why)),
            }
        }
        let n = listed.items.len();
        let place = listed.next.next_query(query).map(|place| self.limits.off(what, place));
        let noted = self.post.history().note_events(self.told(what), events, unreadable, place).await;
        noted.map_err(|error| error.to_string())?;
        Ok((n, listed.continuation()))
    }

    /// Records an answer that could not be read, so that the pane shows it; the stored data stays.
    async fn puzzled(&self, what: &str, answer: &RawAnswer, why: String) -> Setback {
        let noun = what.split(':').next().unwrap_or_default().to_owned();
        let line = format!("unreadable answer to {noun}: {why}");
        let noted = self.post.history().note_riddle(noun, self.ambient.now(), why, answer.body.clone()).await;
        noted.map_or_else(Setback::Storage, |()| Setback::Broken(line))
    }

    /// Probes a key for a scope, unless the result is known: scopes never change.
    async fn probe(&mut self, holder: &Holder, scope: KeyScope) -> Result<(), Setback> {
        let seen = self.post.history().keys().await?;
        let known = seen.iter().find(|key| key.name == holder.key.name);
        if known.is_some_and(|key| key.held.contains(scope) || key.lacking.contains(scope) || key.refused.is_some()) {
            return Ok(());
        }
        let probe = ScopeProbe::for_scope(scope);
        let letter = Letter {
            what: format!("scope:{}:{scope}", holder.key.name),
            every: AGAIN,
            again: AGAIN,
            bucket: probe.bucket,
            method: probe.method.clone(),
            route: probe.path,
            path: probe.path.to_owned(),
            query: Vec::new(),
            body: probe.body.clone(),
        };
        let probed = match self.post.send(holder, &letter).await {
            Ok(answer) => {
                self.clock(&answer);
                ScopeProbeResult::Held
            }
            Err(Setback::Refused(refusal)) => probe.interpret(&refusal),
            Err(setback) => return Err(setback),
        };
        match probed {
            ScopeProbeResult::Held => self.post.learn(holder, scope, Some(scope)).await?,
            ScopeProbeResult::Missing => self.post.learn(holder, scope, None).await?,
            ScopeProbeResult::Unclear(_) => {}
        }
        Ok(())
    }

    fn clock(&mut self, answer: &RawAnswer) {
        if let Some(at) = answer.server_at {
            // The Date header has whole seconds; half a second is added, and small differences are ignored.
            let ahead = at.millis() + 500 - self.ambient.now().millis();
            self.skew_ms = if ahead.abs() < 2_000 { 0 } else { ahead };
        }
    }

    /// Builds the snapshot from the history, and publishes it if anything in it changed.
    async fn show(&mut self, trouble: Option<Trouble>, again_at: Timestamp) {
        let now = self.ambient.now();
        let next = match self.picture(now).await {
            Ok(next) => next,
            Err(error) => self.current.after_failure(format!("stored history cannot be read: {error}"), now),
        };
        let is_heard = next.heard_at != self.current.heard_at;
        let next = match trouble {
            // The failure remains until an answer arrives, and until every list that got none has been answered.
            None if (!is_heard || !self.unanswered.is_empty()) && self.current.link.is_trouble() => {
                Snapshot { link: self.current.link.again_at(again_at), ..next }
            }
            None => next,
            Some(Trouble::Broken(why)) => {
                Snapshot { link: self.current.link.failed_about(why, now, self.ambient.random_unit()), ..next }
            }
            Some(Trouble::Waits(why, until)) => Snapshot { link: Link::Waiting { why, until }, ..next },
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
            && let Err(error) = history.note_link(&self.current.link, now).await
        {
            tracing::warn!(%error, "a change of the link could not be stored");
        }
        if before.alerts != self.current.alerts
            && let Err(error) = history.remember(self.current.alerts.list().to_vec()).await
        {
            tracing::warn!(%error, "alerts could not be stored");
        }
    }

    async fn picture(&self, now: Timestamp) -> Result<Snapshot, sqlite::Error> {
        let history = self.post.history();
        let seen = history.seen(now).await?;
        let names: Vec<KeyName> = self.post.holders().iter().map(|holder| holder.key.clone()).collect();
        let receipts = history.receipt_page(crate::api::log::AttemptQuery::default(), None, ROWS).await?.items;
        let frame = Frame {
            keys: names,
            skew_ms: self.skew_ms,
            every: self.every,
            percent: self.post.percent(),
            own: self.post.own().await?,
            receipts,
        };
        let (overview, reach) = assemble(&seen, &frame, now);
        Ok(self.current.after_look((overview, reach), seen.heard_at, self.every, now))
    }
}
