//! The post: every call to a platform that is watched with keys goes out here. Each takes a turn within the budget first, and what its answer
//! says is written down, whoever asked.

use super::history::History;
use super::history::calls::{Outcome, Turn, Wish};
use super::history::pages::HERE;
use super::logs::{Ask, Came};
use super::picture::{KeyName, number};
use super::stretch::PAGE;
use crate::ambient::Ambient;
use crate::api::attempts::AttemptDetail;
use crate::api::deliveries::EventDetail;
use crate::api::paths;
use crate::api::subscriptions::TestResult;
use crate::client;
use crate::client::answer::{Answer, Meaning, Refusal};
use crate::client::connection::{Client, LIMIT};
use crate::client::partner;
use crate::domain::delivery::Roll;
use crate::domain::ids::{AttemptId, CompanyId, EventId, KeyId, SubscriptionId};
use crate::domain::key::{Scope, Scopes};
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::Bucket;
use crate::sqlite;
use reqwest::Method;
use std::sync::Arc;
use std::time::Duration;

/// How long a platform is left alone that says it is busy and not for how long.
const BUSY: Duration = Duration::from_secs(5);
/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_secs(3_600);

/// A key with the client that asks with it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// What is known of it without asking.
    pub key: KeyName,
    /// Asks with it.
    pub client: Client,
}

/// The post; clones are the same one.
#[derive(Debug, Clone)]
pub struct Post {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    holders: Vec<Holder>,
    ambient: Ambient,
    history: History,
    percent: u8,
}

/// A call that is wanted of a key.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What for: consoles take turns at it.
    pub what: String,
    /// How long after the last turn; nothing for what somebody asked for.
    pub every: Duration,
    /// How long after a turn that came to nothing.
    pub again: Duration,
    /// In which window it is counted.
    pub bucket: Bucket,
    /// Its method.
    pub method: Method,
    /// Its path with placeholders.
    pub route: &'static str,
    /// Its path.
    pub path: String,
    /// Its query.
    pub query: Vec<(String, String)>,
    /// Its body.
    pub body: Option<Vec<u8>>,
}

/// Why a call brought nothing.
#[derive(Debug)]
pub enum Setback {
    /// It is not our turn, or our part of the window is used: not before this time.
    NotYet(Timestamp),
    /// The platform said that it has had enough of us, or is busy: not before this time.
    Told(String, Timestamp),
    /// No answer came, or none that a working platform gives.
    Broken(String),
    /// The key is not taken.
    KeyRefused(Refusal),
    /// The call was refused.
    Refused(Refusal),
    /// What is remembered cannot be used.
    Storage(sqlite::Error),
}

impl From<sqlite::Error> for Setback {
    fn from(error: sqlite::Error) -> Self {
        Self::Storage(error)
    }
}

impl Setback {
    /// In one line, for who asked.
    #[must_use]
    pub fn line(&self, now: Timestamp) -> String {
        match self {
            Self::NotYet(until) => format!(
                "our part of the key's rate window is used; free again in {} s",
                until.since(now).as_millis().div_ceil(1_000)
            ),
            Self::Told(why, until) => format!("{why}; again in {} s", until.since(now).as_millis().div_ceil(1_000)),
            Self::Broken(why) => why.clone(),
            Self::KeyRefused(refusal) | Self::Refused(refusal) => refusal.line(),
            Self::Storage(error) => format!("what is remembered of this platform cannot be used: {error}"),
        }
    }
}

impl Post {
    /// A post for these keys, by name, which remembers in `history` and uses `percent` of each window.
    #[must_use]
    pub fn new(mut holders: Vec<Holder>, ambient: Ambient, history: History, percent: u8) -> Self {
        holders.sort_by(|a, b| a.key.name.cmp(&b.key.name));
        Self { shared: Arc::new(Shared { holders, ambient, history, percent }) }
    }

    /// The keys, by name.
    #[must_use]
    pub fn holders(&self) -> &[Holder] {
        &self.shared.holders
    }

    /// What is remembered.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.shared.history
    }

    /// The part of each window that is ours, in percent.
    #[must_use]
    pub fn percent(&self) -> u8 {
        self.shared.percent
    }

    /// Makes a call with a key, if it is its turn and our part of the window has room.
    ///
    /// # Errors
    /// Why it brought no success.
    pub async fn send(&self, holder: &Holder, letter: &Letter) -> Result<Answer, Setback> {
        let Shared { ambient, history, percent, .. } = &*self.shared;
        let wish = Wish {
            what: letter.what.clone(),
            key: holder.key.name.clone(),
            bucket: letter.bucket,
            method: if letter.method == Method::GET {
                "GET"
            } else if letter.method == Method::PATCH {
                "PATCH"
            } else {
                "POST"
            },
            route: letter.route,
            every: letter.every,
            again: letter.again,
            percent: *percent,
        };
        let id = match history.take_turn(wish.clone(), ambient.now()).await? {
            Turn::Granted(id) => id,
            Turn::Wait(until) => return Err(Setback::NotYet(until)),
        };
        let watch = ambient.stopwatch();
        let asked = holder.client.ask(letter.method.clone(), &letter.path, &letter.query, letter.body.clone());
        let slow = || Err(client::Error::Slow { base: holder.client.base().to_owned(), limit: LIMIT });
        let came = ambient.within(LIMIT, asked).await.unwrap_or_else(slow);
        let now = ambient.now();
        let (outcome, came) = weigh(came, letter.bucket, now, ambient.roll());
        let outcome = Outcome { elapsed: watch.elapsed(), ..outcome };
        let wish =
            Wish { bucket: came.as_ref().ok().and_then(|answer| answer.window.bucket).unwrap_or(wish.bucket), ..wish };
        history.settle_call(id, wish, outcome, now).await?;
        if let Err(Setback::KeyRefused(refusal)) = &came {
            history.note_refused(holder.key.name.clone(), refusal.detail.clone()).await?;
        }
        came
    }

    /// The key of a company that has, or may have, a scope and the most room in a window; nothing where none may have it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn fittest(
        &self,
        company: CompanyId,
        scope: Scope,
        bucket: Bucket,
    ) -> Result<Option<(&Holder, u32)>, sqlite::Error> {
        let Shared { holders, ambient, history, percent } = &*self.shared;
        let seen = history.keys().await?;
        let lacks = |name: &str| seen.iter().any(|key| key.name == name && key.lacking.grant(scope));
        // A key that was not taken is tried where there is no other one.
        let is_refused = |name: &str| seen.iter().any(|key| key.name == name && key.refused.is_some());
        let mut best: Option<(&Holder, u32, u32)> = None;
        let mut total = 0;
        for holder in holders.iter().filter(|holder| holder.key.company == company && !lacks(&holder.key.name)) {
            let window = history.window(holder.key.name.clone(), bucket, ambient.now()).await?;
            let allowance = window.allowance(*percent);
            let room = if is_refused(&holder.key.name) { 0 } else { allowance.saturating_sub(window.n_own) };
            total += allowance;
            if best.is_none_or(|(_, most, _)| room > most) {
                best = Some((holder, room, allowance));
            }
        }
        Ok(best.map(|(holder, ..)| (holder, total)))
    }

    /// A page of a log, from what is remembered. Nothing is asked of the platform for it.
    ///
    /// # Errors
    /// In one line, when what is remembered cannot be read.
    pub async fn page(&self, ask: &Ask) -> Result<Came, String> {
        let history = &self.shared.history;
        let cursor = |toward: &super::stretch::Toward| toward.cursor().map(str::to_owned);
        let came = match ask {
            Ask::Attempts(query, toward) => {
                history.receipt_page(query.clone(), cursor(toward), PAGE).await.map(Came::Attempts)
            }
            Ask::Events(query, toward) => {
                history.event_page(query.clone(), cursor(toward), PAGE).await.map(Came::Events)
            }
            Ask::Requests(query, toward) => {
                let now = self.shared.ambient.now();
                let came = history.request_page(query.clone(), cursor(toward), PAGE, now).await;
                came.map(|(page, hour)| Came::Requests(page, hour))
            }
            Ask::Trips(query, toward) => {
                history.outage_page(query.clone(), cursor(toward), PAGE).await.map(Came::Trips)
            }
        };
        came.map_err(|error| error.to_string())
    }

    /// An event with its bytes, if it was polled.
    ///
    /// # Errors
    /// In one line, when it was not, or what is remembered cannot be read.
    pub async fn event(&self, id: EventId) -> Result<EventDetail, String> {
        let found = self.shared.history.event(id).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("event {id} is no longer remembered"))
    }

    /// Something that `crow listen` received.
    ///
    /// # Errors
    /// In one line, when it is not remembered.
    pub async fn receipt(&self, id: AttemptId) -> Result<AttemptDetail, String> {
        let found = self.shared.history.receipt(id).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("what {HERE} received as {id} is no longer remembered"))
    }

    /// Sends a test to a subscription's endpoint, with a key of its company that may.
    ///
    /// # Errors
    /// In one line, what stood in the way.
    pub async fn test(&self, id: SubscriptionId) -> Result<TestResult, String> {
        let letter = Letter {
            what: format!("test:{id}"),
            every: Duration::ZERO,
            again: Duration::ZERO,
            bucket: Bucket::Admin,
            method: Method::POST,
            route: paths::SUBSCRIPTION_TEST,
            path: paths::with(paths::SUBSCRIPTION_TEST, id),
            query: Vec::new(),
            body: Some(b"{}".to_vec()),
        };
        let answer = self.deliver(id, &letter).await?;
        partner::tested(&answer.body)
    }

    /// Switches a subscription on or off, with a key of its company that may.
    ///
    /// # Errors
    /// In one line, what stood in the way.
    pub async fn switch(&self, id: SubscriptionId, to: &'static str) -> Result<(), String> {
        let letter = Letter {
            what: format!("switch:{id}"),
            every: Duration::ZERO,
            again: Duration::ZERO,
            bucket: Bucket::Admin,
            method: Method::PATCH,
            route: paths::SUBSCRIPTION,
            path: paths::with(paths::SUBSCRIPTION, id),
            query: Vec::new(),
            body: Some(format!("{{\"isEnabled\":{to}}}").into_bytes()),
        };
        self.deliver(id, &letter).await.map(|_| ())
    }

    async fn deliver(&self, id: SubscriptionId, letter: &Letter) -> Result<Answer, String> {
        let owner = self.shared.history.owner(id).await.map_err(|error| error.to_string())?;
        let company = owner.ok_or_else(|| format!("subscription {id} was not listed"))?;
        let found =
            self.fittest(company, Scope::WebhooksWrite, letter.bucket).await.map_err(|error| error.to_string())?;
        let Some((holder, _)) = found else {
            return Err(format!("no key of the profile for company {company} has webhooks:write"));
        };
        self.send(holder, letter).await.map_err(|setback| setback.line(self.shared.ambient.now()))
    }

    /// Our own use of each window, and what is ours of it a minute.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn own(&self) -> Result<std::collections::BTreeMap<(KeyId, Bucket), (u32, u32)>, sqlite::Error> {
        let Shared { holders, ambient, history, percent } = &*self.shared;
        let names: Vec<KeyName> = holders.iter().map(|holder| holder.key.clone()).collect();
        let mut own = std::collections::BTreeMap::new();
        for holder in holders {
            for bucket in Bucket::ALL {
                let window = history.window(holder.key.name.clone(), bucket, ambient.now()).await?;
                if let Some(id) = number(&names, &holder.key.name) {
                    own.insert((id, bucket), (window.n_own, window.allowance(*percent)));
                }
            }
        }
        Ok(own)
    }

    /// What a question after a scope told is remembered.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn learn(&self, holder: &Holder, scope: Scope, has: Option<Scope>) -> Result<(), sqlite::Error> {
        let history = &self.shared.history;
        let seen = history.keys().await?.into_iter().find(|key| key.name == holder.key.name).unwrap_or_default();
        let with = |scopes: Scopes, more: Option<Scope>| scopes.iter().chain(more).collect::<Scopes>();
        let lacking = if has.is_some() { None } else { Some(scope) };
        history.note_scopes(holder.key.name.clone(), with(seen.held, has), with(seen.lacking, lacking)).await
    }
}

/// What an answer comes to: what is written down, and what the caller gets.
fn weigh(
    came: Result<Answer, client::Error>,
    bucket: Bucket,
    now: Timestamp,
    roll: Roll,
) -> (Outcome, Result<Answer, Setback>) {
    let answer = match came {
        Ok(answer) => answer,
        Err(error) => {
            let why = error.to_string();
            // Who was never reached has counted nothing.
            let was_counted = !matches!(error, client::Error::Unreachable { .. });
            let outcome = Outcome { was_counted, detail: Some(Untrusted::new(why.clone())), ..Outcome::default() };
            return (outcome, Err(Setback::Broken(why)));
        }
    };
    let refusal = answer.refusal();
    let window = answer.window.counts().map(|(limit, left)| (limit, left, answer.window.reset_at));
    let is_success = answer.meaning() == Meaning::Success;
    let mut outcome = Outcome {
        status: Some(answer.status),
        meaning: Some(answer.meaning()),
        was_counted: true,
        code: refusal.code.clone().filter(|_| !is_success),
        detail: Some(refusal.detail.clone()).filter(|_| !is_success),
        request_id: answer.request_id.clone(),
        window,
        ..Outcome::default()
    };
    let jittered = |wait: Duration| now.plus(wait.min(LONGEST).mul_f64(1.0 + roll.0 / 10.0));
    let setback = match answer.meaning() {
        Meaning::Success => return (outcome, Ok(answer)),
        Meaning::RateLimited => {
            let reset = answer.window.reset_at.map(|at| at.since(now));
            let minute = now.slot(MINUTE_MS).plus(Duration::from_millis(60_000)).since(now);
            let until = jittered(answer.retry_after.or(reset).unwrap_or(minute));
            outcome.blocked_until = Some(until);
            Setback::Told(format!("rate limited in the {bucket} window: {}", refusal.line()), until)
        }
        Meaning::Busy => {
            let until = jittered(answer.retry_after.unwrap_or(BUSY));
            outcome.blocked_until = Some(until);
            Setback::Told(format!("the platform is busy, which is no rate limit: {}", refusal.line()), until)
        }
        Meaning::Failing => Setback::Broken(format!("the platform fails: {}", refusal.line())),
        Meaning::KeyRefused => Setback::KeyRefused(refusal),
        Meaning::Redirect => {
            Setback::Broken(format!("the platform redirects: {}; is the address right?", refusal.line()))
        }
        // Probes read refusals, which are what they ask for.
        Meaning::ScopeLacking | Meaning::Refused => Setback::Refused(refusal),
    };
    (outcome, Err(setback))
}
