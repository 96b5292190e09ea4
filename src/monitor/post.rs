//! Rate-limited client for platforms that are observed with keys: every call goes through here. It needs a permit
//! within the budget first, and the outcome of its answer is recorded for all consoles.

use super::history::History;
use super::history::calls::{Outcome, Turn, Wish};
use super::history::pages::HERE;
use super::logs::{Ask, Came};
use super::picture::{KeyName, number};
use super::stretch::PAGE;
use crate::ambient::RuntimeEnv;
use crate::api::attempts::AttemptDetail;
use crate::api::deliveries::EventDetail;
use crate::api::paths;
use crate::api::subscriptions::TestResult;
use crate::client;
use crate::client::answer::{ApiRefusal, RawAnswer, StatusMeaning};
use crate::client::connection::{CALL_TIMEOUT, PlatformClient};
use crate::client::partner;
use crate::domain::delivery::UnitRandom;
use crate::domain::ids::{AttemptId, CompanyId, EventId, KeyId, SubscriptionId};
use crate::domain::key::{KeyScope, ScopeSet};
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use crate::sqlite;
use reqwest::Method;
use std::sync::Arc;
use std::time::Duration;

/// Back-off after an answer that says the platform is busy, without `Retry-After`.
const BUSY: Duration = Duration::from_secs(5);
/// Maximum delay that an answer may ask for; longer ones are cut.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Key of the profile, with the client that calls with it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Key, as far as it is known without a call.
    pub key: KeyName,
    /// Client that authenticates with the key.
    pub client: PlatformClient,
}

/// Rate-limited client over all keys of the profile; clones share its state.
#[derive(Debug, Clone)]
pub struct Post {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    holders: Vec<Holder>,
    ambient: RuntimeEnv,
    history: History,
    percent: u8,
}

/// Call to make with a key.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Purpose of the call; consoles that share a history take turns by purpose.
    pub what: String,
    /// Minimum time since the last permit for the same purpose; zero for a call that an operator asked for.
    pub every: Duration,
    /// Minimum time since the last permit if its call brought no result.
    pub again: Duration,
    /// Bucket in which the platform counts the call.
    pub bucket: RateBucket,
    /// HTTP method of the call.
    pub method: Method,
    /// Path of the call, with placeholders.
    pub route: &'static str,
    /// Path of the call as it is sent.
    pub path: String,
    /// Query parameters of the call.
    pub query: Vec<(String, String)>,
    /// Request body of the call.
    pub body: Option<Vec<u8>>,
}

/// Reason why a call did not succeed.
#[derive(Debug)]
pub enum Setback {
    /// Another console has the permit, or the budget of the window is used: not before this time.
    NotYet(Timestamp),
    /// The platform rejected the call with its rate limit or because it is busy: not before this time.
    Told(String, Timestamp),
    /// The answer is none that a working platform gives.
    Broken(String),
    /// No complete answer arrived.
    Unanswered(String),
    /// The answer exceeds the size limit; fewer rows can be requested.
    TooLarge(String),
    /// The platform does not accept the key.
    KeyRefused(ApiRefusal),
    /// The platform refused the call.
    Refused(ApiRefusal),
    /// The history cannot be read or written.
    Storage(sqlite::Error),
}

impl From<sqlite::Error> for Setback {
    fn from(error: sqlite::Error) -> Self {
        Self::Storage(error)
    }
}

impl Setback {
    /// Formats the reason in one line, for the operator.
    #[must_use]
    pub fn line(&self, now: Timestamp) -> String {
        match self {
            Self::NotYet(until) => format!(
                "crow's share of the key's rate limit is used up; next call in {} s",
                until.since(now).as_millis().div_ceil(1_000)
            ),
            Self::Told(why, until) => format!("{why}; retry in {} s", until.since(now).as_millis().div_ceil(1_000)),
            Self::Broken(why) | Self::Unanswered(why) | Self::TooLarge(why) => why.clone(),
            Self::KeyRefused(refusal) | Self::Refused(refusal) => refusal.summary_line(),
            Self::Storage(error) => format!("stored history cannot be read: {error}"),
        }
    }
}

impl Post {
    /// Creates a client for these keys, which records in `history` and uses `percent` of each rate limit.
    #[must_use]
    pub fn new(mut holders: Vec<Holder>, ambient: RuntimeEnv, history: History, percent: u8) -> Self {
        holders.sort_by(|a, b| a.key.name.cmp(&b.key.name));
        Self { shared: Arc::new(Shared { holders, ambient, history, percent }) }
    }

    /// Returns the keys, ordered by name.
    #[must_use]
    pub fn holders(&self) -> &[Holder] {
        &self.shared.holders
    }

    /// Returns the history that calls are recorded in.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.shared.history
    }

    /// Returns the share of each rate limit that may be used, in percent.
    #[must_use]
    pub fn percent(&self) -> u8 {
        self.shared.percent
    }

    /// Makes a call with a key, if a permit is granted.
    ///
    /// # Errors
    ///
    /// [`Setback`] when no permit is granted, or the answer is not a success.
    pub async fn send(&self, holder: &Holder, letter: &Letter) -> Result<RawAnswer, Setback> {
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
        let asked = holder.client.call_raw(letter.method.clone(), &letter.path, &letter.query, letter.body.clone());
        let slow = || Err(client::Error::Timeout { base: holder.client.base().to_owned(), limit: CALL_TIMEOUT });
        let came = ambient.timeout(CALL_TIMEOUT, asked).await.unwrap_or_else(slow);
        let now = ambient.now();
        let (outcome, came) = weigh(came, letter, now, ambient.random_unit());
        let outcome = Outcome { elapsed: watch.elapsed(), ..outcome };
        // If the answer's headers name a bucket, that is the one in which the platform counted the call.
        let wish =
            Wish { bucket: came.as_ref().ok().and_then(|answer| answer.window.bucket).unwrap_or(wish.bucket), ..wish };
        history.settle_call(id, wish, outcome, now).await?;
        if let Err(Setback::KeyRefused(refusal)) = &came {
            history.note_refused(holder.key.name.clone(), refusal.detail.clone()).await?;
        }
        came
    }

    /// Finds the key of a company that has, or may have, a scope, and has the most room in a bucket. Returns the key
    /// and the budget of all such keys together; `None` if no key may have the scope.
    ///
    /// # Errors
    ///
    /// [`sqlite::Error`] when the history cannot be read.
    pub async fn fittest(
        &self,
        company: CompanyId,
        scope: KeyScope,
        bucket: RateBucket,
    ) -> Result<Option<(&Holder, u32)>, sqlite::Error> {
        let Shared { holders, ambient, history, percent } = &*self.shared;
        let seen = history.keys().await?;
        let lacks = |name: &str| seen.iter().any(|key| key.name == name && key.lacking.contains(scope));
        // A refused key is tried only if there is no other.
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

    /// Returns a page of a log from the history, without a call to the platform.
    ///
    /// # Errors
    ///
    /// One line for the operator when the history cannot be read.
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

    /// Returns a polled event with its bytes.
    ///
    /// # Errors
    ///
    /// One line for the operator when the event is not stored or the history cannot be read.
    pub async fn event(&self, id: EventId) -> Result<EventDetail, String> {
        let found = self.shared.history.event(id).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("event {id} is no longer stored"))
    }

    /// Returns a delivery that `crow listen` received.
    ///
    /// # Errors
    ///
    /// One line for the operator when the delivery is not stored or the history cannot be read.
    pub async fn receipt(&self, id: AttemptId) -> Result<AttemptDetail, String> {
        let found = self.shared.history.receipt(id).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("delivery {id} received by {HERE} is no longer stored"))
    }

    /// Sends a test delivery to a subscription, with a key of its company that may have `webhooks:write`.
    ///
    /// # Errors
    ///
    /// One line for the operator that says why the test was not sent.
    pub async fn test(&self, id: SubscriptionId) -> Result<TestResult, String> {
        let letter = Letter {
            what: format!("test:{id}"),
            every: Duration::ZERO,
            again: Duration::ZERO,
            bucket: RateBucket::Admin,
            method: Method::POST,
            route: paths::SUBSCRIPTION_TEST,
            path: paths::with_value(paths::SUBSCRIPTION_TEST, id),
            query: Vec::new(),
            body: Some(b"{}".to_vec()),
        };
        let answer = self.deliver(id, &letter).await?;
        partner::read_test_result(&answer.body)
    }

    /// Enables or disables a subscription, with a key of its company that may have `webhooks:write`.
    ///
    /// # Errors
    ///
    /// One line for the operator that says why the subscription was not changed.
    pub async fn switch(&self, id: SubscriptionId, to: &'static str) -> Result<(), String> {
        let letter = Letter {
            what: format!("switch:{id}"),
            every: Duration::ZERO,
            again: Duration::ZERO,
            bucket: RateBucket::Admin,
            method: Method::PATCH,
            route: paths::SUBSCRIPTION,
            path: paths::with_value(paths::SUBSCRIPTION, id),
            query: Vec::new(),
            body: Some(format!("{{\"isEnabled\":{to}}}").into_bytes()),
        };
        self.deliver(id, &letter).await.map(|_| ())
    }

    async fn deliver(&self, id: SubscriptionId, letter: &Letter) -> Result<RawAnswer, String> {
        let owner = self.shared.history.owner(id).await.map_err(|error| error.to_string())?;
        let company = owner.ok_or_else(|| format!("subscription {id} is not listed"))?;
        let found =
            self.fittest(company, KeyScope::WebhooksWrite, letter.bucket).await.map_err(|error| error.to_string())?;
        let Some((holder, _)) = found else {
            return Err(format!("no key of the profile for company {company} has webhooks:write"));
        };
        self.send(holder, letter).await.map_err(|setback| setback.line(self.shared.ambient.now()))
    }

    /// Returns the own use of each window: calls in the last minute, and calls allowed.
    ///
    /// # Errors
    ///
    /// [`sqlite::Error`] when the history cannot be read.
    pub async fn own(&self) -> Result<std::collections::BTreeMap<(KeyId, RateBucket), (u32, u32)>, sqlite::Error> {
        let Shared { holders, ambient, history, percent } = &*self.shared;
        let names: Vec<KeyName> = holders.iter().map(|holder| holder.key.clone()).collect();
        let mut own = std::collections::BTreeMap::new();
        for holder in holders {
            for bucket in RateBucket::ALL {
                let window = history.window(holder.key.name.clone(), bucket, ambient.now()).await?;
                if let Some(id) = number(&names, &holder.key.name) {
                    own.insert((id, bucket), (window.n_own, window.allowance(*percent)));
                }
            }
        }
        Ok(own)
    }

    /// Stores the result of a scope probe.
    ///
    /// # Errors
    ///
    /// [`sqlite::Error`] when the history cannot be read or written.
    pub async fn learn(&self, holder: &Holder, scope: KeyScope, has: Option<KeyScope>) -> Result<(), sqlite::Error> {
        let history = &self.shared.history;
        let seen = history.keys().await?.into_iter().find(|key| key.name == holder.key.name).unwrap_or_default();
        let with = |scopes: ScopeSet, more: Option<KeyScope>| scopes.iter().chain(more).collect::<ScopeSet>();
        let lacking = if has.is_some() { None } else { Some(scope) };
        history.note_scopes(holder.key.name.clone(), with(seen.held, has), with(seen.lacking, lacking)).await
    }
}

/// Interprets an answer: the outcome to record, and the result for the caller.
fn weigh(
    came: Result<RawAnswer, client::Error>,
    letter: &Letter,
    now: Timestamp,
    roll: UnitRandom,
) -> (Outcome, Result<RawAnswer, Setback>) {
    let answer = match came {
        Ok(answer) => answer,
        Err(error) => {
            let is_slow = matches!(error, client::Error::Timeout { .. });
            let why = if is_slow { format!("{} {}: {error}", letter.method, letter.route) } else { error.to_string() };
            // A call that never reached the platform cannot have been counted in a window.
            let was_counted = !matches!(error, client::Error::Unreachable { .. });
            let outcome = Outcome { was_counted, detail: Some(Untrusted::new(why.clone())), ..Outcome::default() };
            let setback = match error {
                client::Error::Timeout { .. } | client::Error::Unreachable { .. } => Setback::Unanswered(why),
                client::Error::TooLarge { .. } => Setback::TooLarge(why),
                _ => Setback::Broken(why),
            };
            return (outcome, Err(setback));
        }
    };
    let refusal = answer.refusal();
    let window = answer.window.counts().map(|(limit, left)| (limit, left, answer.window.reset_at));
    let is_success = answer.meaning() == StatusMeaning::Success;
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
    // Up to 10 % longer, so that consoles that were told to wait do not return at the same moment.
    let jittered = |wait: Duration| now.plus(wait.min(LONGEST).mul_f64(1.0 + roll.0 / 10.0));
    let bucket = letter.bucket;
    let setback = match answer.meaning() {
        StatusMeaning::Success => return (outcome, Ok(answer)),
        StatusMeaning::RateLimited => {
            let reset = answer.window.reset_at.map(|at| at.since(now));
            let minute = now.floor_to(MINUTE_MS).plus(Duration::from_millis(60_000)).since(now);
            let until = jittered(answer.retry_after.or(reset).unwrap_or(minute));
            outcome.blocked_until = Some(until);
            Setback::Told(format!("rate limited ({bucket}): {}", refusal.summary_line()), until)
        }
        StatusMeaning::Busy => {
            let until = jittered(answer.retry_after.unwrap_or(BUSY));
            outcome.blocked_until = Some(until);
            Setback::Told(format!("platform busy (not a rate limit): {}", refusal.summary_line()), until)
        }
        StatusMeaning::Failing => Setback::Broken(format!("platform error: {}", refusal.summary_line())),
        StatusMeaning::KeyRefused => Setback::KeyRefused(refusal),
        StatusMeaning::Redirect => {
            Setback::Broken(format!("the platform redirects: {}; check the address", refusal.summary_line()))
        }
        // A scope probe reads the refusal, which is its expected answer.
        StatusMeaning::Forbidden | StatusMeaning::Refused => Setback::Refused(refusal),
    };
    (outcome, Err(setback))
}
