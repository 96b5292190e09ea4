//! Rounds: how a platform without a Portal is watched. Each company's subscriptions are listed and its events polled, each key is asked once
//! after each scope; the budget says how often. What was seen is remembered first and shown from there, so that consoles which share a file
//! show the same and ask only once.

use super::history::seen::{Listing, Told};
use super::link::Link;
use super::picture::{Frame, KeyName, assemble};
use super::post::{Holder, Letter, Post, Setback};
use super::snapshot::Snapshot;
use crate::ambient::Ambient;
use crate::client::answer::{Answer, Refusal};
use crate::client::partner::{self, Probe, Probed, Unreadable};
use crate::client::reading::{self, Next};
use crate::domain::ids::CompanyId;
use crate::domain::key::Scope;
use crate::domain::time::Timestamp;
use crate::domain::window::Bucket;
use crate::monitor::alerts::Alerts;
use crate::sqlite;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A company's lists are asked for at most this often.
const BRISK: Duration = Duration::from_secs(10);
/// And at least this often, if the budget has room at all.
const SLOWEST: Duration = Duration::from_secs(600);
/// How long consoles leave each other a turn that came to nothing.
const SOON: Duration = Duration::from_secs(2);
/// How often it is looked what other consoles wrote.
const LOOK: Duration = Duration::from_secs(2);
/// Answers in a row that a platform may be busy in before it is given up where somebody waits.
const MAX_BUSY_ANSWERS: u32 = 2;
/// Pages that are read of one list in a round.
const PAGES: usize = 5;
/// How far back polling of events begins.
const BACK: Duration = Duration::from_secs(3_600);
/// Scopes that nobody could tell are asked after again this often.
const AGAIN: Duration = Duration::from_secs(3_600);
/// How often what is old is let go of.
const TIDY: Duration = Duration::from_secs(3_600);
/// Rows of the newest deliveries that stand in the picture.
const ROWS: u32 = 50;

/// Watches the platform behind `post` until every receiver is gone.
pub async fn watch(post: Post, ambient: Ambient, pictures: watch::Sender<Arc<Snapshot>>) {
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

/// Polls what happened since `since` up to now, for who wants to compare. Where a turn, a rate limit or a busy platform has to be waited for,
/// `waits` gets a line that says for how long; a platform that is busy time after time is given up.
///
/// # Errors
/// In one line, when the events of a company could not be polled: nobody answers, no key is accepted, none has `events:read`.
pub async fn catch_up(post: &Post, ambient: &Ambient, since: Timestamp, waits: impl Fn(&str)) -> Result<(), String> {
    let (pictures, _) = watch::channel(Arc::new(Snapshot::default()));
    let mut rounds = Rounds::new(post.clone(), ambient.clone(), pictures);
    rounds.back = ambient.now().since(since);
    rounds.begin().await;
    for company in rounds.companies() {
        let begun = post.history().begin_at(format!("events:{company}"), since).await;
        begun.map_err(|error| error.to_string())?;
        let (mut n_refused, mut n_busy) = (0, 0);
        loop {
            match rounds.list(company, Scope::EventsRead).await {
                Ok(Progress::Whole) => break,
                Ok(Progress::More) => n_busy = 0,
                Ok(Progress::Lacking) => {
                    let scope = Scope::EventsRead.name();
                    return Err(format!("no key for company {company} has the scope {scope}"));
                }
                Ok(Progress::KeyRefused(_)) if n_refused < post.holders().len() => n_refused += 1,
                Ok(Progress::KeyRefused(refusal)) => return Err(refusal.line()),
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

/// How far a list was read.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// To its end.
    Whole,
    /// Not at all: no key of the company may read it.
    Lacking,
    /// Not at all: the key was not accepted, and there are others.
    KeyRefused(Refusal),
    /// It goes on.
    More,
}

struct Rounds {
    post: Post,
    ambient: Ambient,
    pictures: watch::Sender<Arc<Snapshot>>,
    current: Snapshot,
    /// How often each list is asked for.
    every: Duration,
    /// How far back polling of events begins.
    back: Duration,
    /// When what is old is let go of again.
    forget_at: Option<Timestamp>,
    skew_ms: i64,
}

/// What stands in the way of a round: the worst first.
#[derive(Debug)]
enum Trouble {
    Broken(String),
    Waits(String, Timestamp),
}

impl Rounds {
    fn new(post: Post, ambient: Ambient, pictures: watch::Sender<Arc<Snapshot>>) -> Self {
        Self {
            post,
            ambient,
            pictures,
            current: Snapshot::default(),
            every: BRISK,
            back: BACK,
            forget_at: None,
            skew_ms: 0,
        }
    }

    async fn begin(&mut self) {
        let history = self.post.history();
        match history.alerts().await {
            Ok(alerts) => self.current.alerts = Alerts::remembered(alerts),
            Err(error) => tracing::warn!(%error, "the history cannot be read; alerts begin anew"),
        }
        let keys = self.post.holders().iter().map(|holder| holder.key.clone()).collect();
        if let Err(error) = history.note_keys(keys).await {
            tracing::warn!(%error, "the keys cannot be remembered");
        }
        // What is remembered is on the screen before anything is asked.
        self.show(None, self.ambient.now()).await;
    }

    /// Lets go of what is old, a slice an hour or more.
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
                tracing::warn!(%error, "what is old could not be let go of");
            }
        }
    }

    fn companies(&self) -> BTreeSet<CompanyId> {
        self.post.holders().iter().map(|holder| holder.key.company).collect()
    }

    /// Does what is due. Answers when something is due again, and what stood in the way.
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
        for company in self.companies() {
            for list in [Scope::WebhooksWrite, Scope::EventsRead] {
                if let Err(setback) = self.list(company, list).await {
                    note(setback, self.ambient.now());
                }
            }
        }
        let post = self.post.clone();
        for holder in post.holders() {
            for scope in [
                Scope::IntegrationsRead,
                Scope::IntegrationsWrite,
                Scope::Admin,
                Scope::WebhooksWrite,
                Scope::EventsRead,
            ] {
                match self.probe(holder, scope).await {
                    Err(Setback::NotYet(_) | Setback::KeyRefused(_) | Setback::Refused(_)) | Ok(()) => {}
                    Err(setback) => note(setback, self.ambient.now()),
                }
            }
        }
        (next, trouble)
    }

    /// Asks for a company's subscriptions or events, with whichever key has most room.
    async fn list(&mut self, company: CompanyId, scope: Scope) -> Result<Progress, Setback> {
        let post = self.post.clone();
        let Some((holder, total)) = post.fittest(company, scope, Bucket::Read).await? else {
            return Ok(Progress::Lacking);
        };
        // Two lists and a page more than one, out of all that is ours in a minute.
        let every = Duration::from_secs(60) * 3 / total.max(1);
        self.every = every.clamp(BRISK, SLOWEST);
        let (what, path) = match scope {
            Scope::EventsRead => (format!("events:{company}"), Probe::of(scope).path),
            _ => (format!("subscriptions:{company}"), Probe::of(scope).path),
        };
        let is_events = scope == Scope::EventsRead;
        let mut query = if is_events { self.begins(&what).await? } else { Vec::new() };
        let mut has_place = query.iter().any(|(name, _)| name != "since");
        let mut every = self.every.mul_f64(0.95 + self.ambient.roll().0 / 10.0);
        let mut listed = Listing::default();
        for _ in 0..PAGES {
            let letter = Letter {
                what: what.clone(),
                every,
                again: every.min(SOON),
                bucket: Bucket::Read,
                method: reqwest::Method::GET,
                route: path,
                path: path.to_owned(),
                query: query.clone(),
                body: None,
            };
            let answer = match post.send(holder, &letter).await {
                Err(Setback::Refused(refusal)) if refusal.is_for_scope() => {
                    post.learn(holder, scope, None).await?;
                    // Another key may have the scope.
                    return Ok(Progress::More);
                }
                Err(Setback::Refused(_)) if is_events && has_place => {
                    // Where it was to go on is no longer known there.
                    let newest = post.history().begin_anew(what.clone(), company).await?;
                    (query, has_place, every) = (self.since(newest), false, Duration::ZERO);
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
                subscriptions(company, &answer, &mut listed)
            };
            let (n, next) = match read {
                Ok(read) => read,
                Err(why) => return Err(self.puzzled(&what, &answer, why).await),
            };
            match next.after(&query) {
                Some(place) if n > 0 && place != query => query = place,
                _ => {
                    if !is_events {
                        let told = self.told(&what);
                        post.history().note_subscriptions(told, company, listed).await?;
                    }
                    return Ok(Progress::Whole);
                }
            }
            // Pages that follow one another are one turn.
            every = Duration::ZERO;
        }
        // Longer than a round reads: events go on where they stopped, of subscriptions nothing is taken that is not whole.
        Ok(Progress::More)
    }

    /// Where polling of events goes on, or begins.
    async fn begins(&self, what: &str) -> Result<Vec<(String, String)>, sqlite::Error> {
        let history = self.post.history();
        if let Some(place) = history.place(what.to_owned()).await? {
            return Ok(place);
        }
        history.begin_at(what.to_owned(), self.ambient.now().minus(self.back)).await?;
        Ok(self.since(None))
    }

    /// The query that begins at a time, or as far back as is looked.
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
        answer: &Answer,
        query: &[(String, String)],
    ) -> Result<(usize, Next), String> {
        let text = answer.text();
        let listed = reading::list(&text)?;
        let (mut events, mut unreadable) = (Vec::new(), Vec::new());
        for raw in &listed.items {
            match partner::event(raw, company) {
                Ok(event) => events.push(event),
                Err(why) => unreadable.push(Unreadable::new(raw, why)),
            }
        }
        let n = listed.items.len();
        let noted =
            self.post.history().note_events(self.told(what), events, unreadable, listed.next.after(query)).await;
        noted.map_err(|error| error.to_string())?;
        Ok((n, listed.onward()))
    }

    /// An answer was not understood: the pane shows it, and nothing that was known is given up.
    async fn puzzled(&self, what: &str, answer: &Answer, why: String) -> Setback {
        let noun = what.split(':').next().unwrap_or_default().to_owned();
        let line = format!("the answer to {noun} was not understood: {why}");
        let noted = self.post.history().note_riddle(noun, self.ambient.now(), why, answer.body.clone()).await;
        noted.map_or_else(Setback::Storage, |()| Setback::Broken(line))
    }

    /// Asks a key after a scope, unless it is known: scopes never change.
    async fn probe(&mut self, holder: &Holder, scope: Scope) -> Result<(), Setback> {
        let seen = self.post.history().keys().await?;
        let known = seen.iter().find(|key| key.name == holder.key.name);
        if known.is_some_and(|key| key.held.grant(scope) || key.lacking.grant(scope) || key.refused.is_some()) {
            return Ok(());
        }
        let probe = Probe::of(scope);
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
                Probed::Held
            }
            Err(Setback::Refused(refusal)) => probe.weigh(&refusal),
            Err(setback) => return Err(setback),
        };
        match probed {
            Probed::Held => self.post.learn(holder, scope, Some(scope)).await?,
            Probed::Lacking => self.post.learn(holder, scope, None).await?,
            Probed::Unclear(_) => {}
        }
        Ok(())
    }

    fn clock(&mut self, answer: &Answer) {
        if let Some(at) = answer.server_at {
            // The head tells whole seconds.
            let ahead = at.millis() + 500 - self.ambient.now().millis();
            self.skew_ms = if ahead.abs() < 2_000 { 0 } else { ahead };
        }
    }

    /// Puts together what is remembered, and shows it if there is anything new in it.
    async fn show(&mut self, trouble: Option<Trouble>, again_at: Timestamp) {
        let now = self.ambient.now();
        let next = match self.picture(now).await {
            Ok(next) => next,
            Err(error) => self.current.after_failure(format!("what is remembered cannot be read: {error}"), now),
        };
        let is_heard = next.heard_at != self.current.heard_at;
        let next = match trouble {
            // Nothing was asked since it failed: it goes on being so until something is heard.
            None if !is_heard && self.current.link.is_trouble() => {
                Snapshot { link: self.current.link.again_at(again_at), ..next }
            }
            None => next,
            Some(Trouble::Broken(why)) => {
                Snapshot { link: self.current.link.failed_about(why, now, self.ambient.roll()), ..next }
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
        if std::mem::discriminant(&before.link) != std::mem::discriminant(&self.current.link)
            && let Err(error) = history.note_link(&self.current.link, now).await
        {
            tracing::warn!(%error, "a change of the link could not be remembered");
        }
        if before.alerts != self.current.alerts
            && let Err(error) = history.remember(self.current.alerts.list().to_vec()).await
        {
            tracing::warn!(%error, "alerts could not be remembered");
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

/// Reads a page of subscriptions into what was listed so far.
fn subscriptions(company: CompanyId, answer: &Answer, into: &mut Listing) -> Result<(usize, Next), String> {
    let text = answer.text();
    let listed = reading::list(&text)?;
    for raw in &listed.items {
        match partner::subscription(raw, company) {
            Ok(read) => into.rows.push((read, (*raw).to_owned())),
            Err(why) => into.unreadable.push(Unreadable::new(raw, why)),
        }
    }
    Ok((listed.items.len(), listed.onward()))
}
