//! Rate-limited client for platforms that are observed with keys: every call goes through here. It needs a permit
//! within the budget first, and the outcome of its answer is recorded for all consoles.

use super::overview::key_number;
use crate::client;
use crate::client::connection::{CALL_TIMEOUT, PlatformClient};
use crate::client::integration::answer::{ApiRefusal, RawAnswer, StatusMeaning};
use crate::clock::RuntimeEnv;
use crate::domain::delivery::UnitRandom;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::scope::{KeyScope, ScopeSet};
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use crate::history::calls::{CallIntent, CallOutcome, CallPermit};
use crate::history::keys::KeyName;
use crate::history::{HistoryError, PlatformHistory};
use crate::wire::limits::OwnUse;
use crate::wire::requests::OwnCallKind;
use reqwest::Method;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Back-off after an answer that says the platform is busy, without `Retry-After`.
const BUSY_BACKOFF: Duration = Duration::from_secs(5);
/// Maximum delay that an answer may ask for; longer ones are cut.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// Key of the profile, with the client that calls with it.
#[derive(Debug, Clone)]
pub struct KeyClient {
    /// Key, as far as it is known without a call.
    pub key: KeyName,
    /// Client that authenticates with the key.
    pub client: PlatformClient,
}

/// Rate-limited client over all keys of the profile; clones share its state.
#[derive(Debug, Clone)]
pub struct RateLimitedClient {
    shared: Arc<RateLimitedClientState>,
}

#[derive(Debug)]
struct RateLimitedClientState {
    holders: Vec<KeyClient>,
    ambient: RuntimeEnv,
    history: PlatformHistory,
    percent: u8,
}

/// Call to make with a key.
#[derive(Debug, Clone)]
pub struct ApiCall {
    /// Purpose of the call; consoles that share a history take turns by purpose.
    pub purpose: String,
    /// Kind of the call, as the request log shows it.
    pub kind: OwnCallKind,
    /// Minimum time since the last permit for the same purpose; zero for a call that an operator asked for.
    pub interval: Duration,
    /// Minimum time since the last permit if its call brought no result.
    pub retry_interval: Duration,
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
pub enum CallFailure {
    /// Another console has the permit, or the budget of the window is used: not before this time.
    NoPermit(Timestamp),
    /// The platform rejected the call with its rate limit or because it is busy: not before this time.
    RetryLater(String, Timestamp),
    /// The answer is none that a working platform gives.
    Failed(String),
    /// No complete answer arrived.
    Unanswered(String),
    /// The answer exceeds the size limit; fewer rows can be requested.
    TooLarge(String),
    /// The platform does not accept the key.
    KeyRefused(ApiRefusal),
    /// The platform refused the call.
    Refused(ApiRefusal),
    /// The history cannot be read or written.
    Storage(HistoryError),
}

impl From<HistoryError> for CallFailure {
    fn from(error: HistoryError) -> Self {
        Self::Storage(error)
    }
}

impl CallFailure {
    /// Formats the reason in one line, for the operator.
    #[must_use]
    pub fn line(&self, now: Timestamp) -> String {
        match self {
            Self::NoPermit(until) => format!(
                "crow's share of the key's rate limit is used up; next call in {} s",
                until.since(now).as_millis().div_ceil(1_000)
            ),
            Self::RetryLater(why, until) => {
                format!("{why}; retry in {} s", until.since(now).as_millis().div_ceil(1_000))
            }
            Self::Failed(why) | Self::Unanswered(why) | Self::TooLarge(why) => why.clone(),
            Self::KeyRefused(refusal) | Self::Refused(refusal) => refusal.summary_line(),
            Self::Storage(error) => format!("stored history cannot be read: {error}"),
        }
    }
}

impl RateLimitedClient {
    /// Creates a client for these keys, which records in `history` and uses `percent` of each rate limit.
    #[must_use]
    pub fn new(mut holders: Vec<KeyClient>, ambient: RuntimeEnv, history: PlatformHistory, percent: u8) -> Self {
        holders.sort_by(|a, b| a.key.name.cmp(&b.key.name));
        Self { shared: Arc::new(RateLimitedClientState { holders, ambient, history, percent }) }
    }

    /// Returns the keys, ordered by name.
    #[must_use]
    pub fn holders(&self) -> &[KeyClient] {
        &self.shared.holders
    }

    /// Returns the address of the platform.
    #[must_use]
    pub fn platform(&self) -> &str {
        self.shared.holders.first().map_or("", |holder| holder.client.base())
    }

    /// Returns the history that calls are recorded in.
    #[must_use]
    pub fn history(&self) -> &PlatformHistory {
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
    /// [`CallFailure`] when no permit is granted, or the answer is not a success.
    pub async fn call(&self, holder: &KeyClient, letter: &ApiCall) -> Result<RawAnswer, CallFailure> {
        let RateLimitedClientState { ambient, history, percent, .. } = &*self.shared;
        let wish = CallIntent {
            purpose: letter.purpose.clone(),
            kind: letter.kind,
            key: holder.key.name.clone(),
            bucket: letter.bucket,
            method: if letter.method == Method::GET {
                "GET"
            } else if letter.method == Method::PATCH {
                "PATCH"
            } else if letter.method == Method::DELETE {
                "DELETE"
            } else {
                "POST"
            },
            route: letter.route,
            interval: letter.interval,
            retry_interval: letter.retry_interval,
            percent: *percent,
        };
        let id = match history.acquire_permit(wish.clone(), ambient.now()).await? {
            CallPermit::Granted(id) => id,
            CallPermit::Wait(until) => return Err(CallFailure::NoPermit(until)),
        };
        let watch = ambient.stopwatch();
        let asked = holder.client.call_raw(letter.method.clone(), &letter.path, &letter.query, letter.body.clone());
        let slow = || Err(client::Error::Timeout { base: holder.client.base().to_owned(), limit: CALL_TIMEOUT });
        let came = ambient.timeout(CALL_TIMEOUT, asked).await.unwrap_or_else(slow);
        let now = ambient.now();
        let (outcome, came) = interpret_answer(came, letter, now, ambient.random_unit());
        let outcome = CallOutcome { elapsed: watch.elapsed(), ..outcome };
        // If the answer's headers name a bucket, that is the one in which the platform counted the call.
        let wish = CallIntent {
            bucket: came.as_ref().ok().and_then(|answer| answer.window.bucket).unwrap_or(wish.bucket),
            ..wish
        };
        history.record_outcome(id, wish, outcome, now).await?;
        if let Err(CallFailure::KeyRefused(refusal)) = &came {
            history.record_key_refusal(holder.key.name.clone(), refusal.detail.clone()).await?;
        }
        came
    }

    /// Finds the key of a company that has, or may have, a scope, and has the most room in a bucket. Returns the key
    /// and the budget of all such keys together; `None` if no key may have the scope.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the history cannot be read.
    pub async fn best_key(
        &self,
        company: CompanyId,
        scope: KeyScope,
        bucket: RateBucket,
    ) -> Result<Option<(&KeyClient, u32)>, HistoryError> {
        let RateLimitedClientState { holders, ambient, history, percent } = &*self.shared;
        let seen = history.keys().await?;
        let lacks = |name: &str| seen.iter().any(|key| key.name == name && key.lacking.contains(scope));
        // A refused key is tried only if there is no other.
        let is_refused = |name: &str| seen.iter().any(|key| key.name == name && key.refused.is_some());
        let mut best: Option<(&KeyClient, u32, u32)> = None;
        let mut total = 0;
        for holder in holders.iter().filter(|holder| holder.key.company == company && !lacks(&holder.key.name)) {
            let window = history.window(holder.key.name.clone(), bucket, ambient.now()).await?;
            let allowance = window.allowance(*percent);
            let room = if is_refused(&holder.key.name) { 0 } else { allowance.saturating_sub(window.own_calls) };
            total += allowance;
            if best.is_none_or(|(_, most, _)| room > most) {
                best = Some((holder, room, allowance));
            }
        }
        Ok(best.map(|(holder, ..)| (holder, total)))
    }

    /// Returns the own use of each window.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the history cannot be read.
    pub async fn own_use(&self) -> Result<BTreeMap<(KeyId, RateBucket), OwnUse>, HistoryError> {
        let RateLimitedClientState { holders, ambient, history, percent } = &*self.shared;
        let names: Vec<KeyName> = holders.iter().map(|holder| holder.key.clone()).collect();
        let mut own = BTreeMap::new();
        for holder in holders {
            for bucket in RateBucket::ALL {
                let window = history.window(holder.key.name.clone(), bucket, ambient.now()).await?;
                if let Some(id) = key_number(&names, &holder.key.name) {
                    let own_use = OwnUse { n_calls: window.own_calls, allowance: window.allowance(*percent) };
                    own.insert((id, bucket), own_use);
                }
            }
        }
        Ok(own)
    }

    /// Stores the result of a scope probe.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the history cannot be read or written.
    pub async fn record_scope(
        &self,
        holder: &KeyClient,
        scope: KeyScope,
        has: Option<KeyScope>,
    ) -> Result<(), HistoryError> {
        let history = &self.shared.history;
        let seen = history.keys().await?.into_iter().find(|key| key.name == holder.key.name).unwrap_or_default();
        let with = |scopes: ScopeSet, more: Option<KeyScope>| scopes.iter().chain(more).collect::<ScopeSet>();
        let lacking = if has.is_some() { None } else { Some(scope) };
        history.record_scopes(holder.key.name.clone(), with(seen.held, has), with(seen.lacking, lacking)).await
    }
}

/// Interprets an answer: the outcome to record, and the result for the caller.
fn interpret_answer(
    came: Result<RawAnswer, client::Error>,
    letter: &ApiCall,
    now: Timestamp,
    roll: UnitRandom,
) -> (CallOutcome, Result<RawAnswer, CallFailure>) {
    let answer = match came {
        Ok(answer) => answer,
        Err(error) => {
            let is_slow = matches!(error, client::Error::Timeout { .. });
            let why = if is_slow { format!("{} {}: {error}", letter.method, letter.route) } else { error.to_string() };
            // A call that never reached the platform cannot have been counted in a window.
            let was_counted = !matches!(error, client::Error::Unreachable { .. });
            let outcome =
                CallOutcome { was_counted, detail: Some(Untrusted::new(why.clone())), ..CallOutcome::default() };
            let setback = match error {
                client::Error::Timeout { .. } | client::Error::Unreachable { .. } => CallFailure::Unanswered(why),
                client::Error::TooLarge { .. } => CallFailure::TooLarge(why),
                _ => CallFailure::Failed(why),
            };
            return (outcome, Err(setback));
        }
    };
    let refusal = answer.refusal();
    let window = answer.window.counts().map(|(limit, left)| (limit, left, answer.window.reset_at));
    let is_success = answer.meaning() == StatusMeaning::Success;
    let mut outcome = CallOutcome {
        status: Some(answer.status),
        is_success,
        is_rate_limited: answer.meaning() == StatusMeaning::RateLimited,
        was_counted: true,
        code: refusal.code.clone().filter(|_| !is_success),
        detail: Some(refusal.detail.clone()).filter(|_| !is_success),
        request_id: answer.request_id.clone(),
        window,
        ..CallOutcome::default()
    };
    // Up to 10 % longer, so that consoles that were told to wait do not return at the same moment.
    let jittered = |wait: Duration| now.plus(wait.min(MAX_RETRY_AFTER).mul_f64(1.0 + roll.0 / 10.0));
    let bucket = letter.bucket;
    let setback = match answer.meaning() {
        StatusMeaning::Success => return (outcome, Ok(answer)),
        StatusMeaning::RateLimited => {
            let reset = answer.window.reset_at.map(|at| at.since(now));
            let minute = now.floor_to(MINUTE_MS).plus(Duration::from_millis(60_000)).since(now);
            let until = jittered(answer.retry_after.or(reset).unwrap_or(minute));
            outcome.blocked_until = Some(until);
            CallFailure::RetryLater(format!("rate limited ({bucket}): {}", refusal.summary_line()), until)
        }
        StatusMeaning::Busy => {
            let until = jittered(answer.retry_after.unwrap_or(BUSY_BACKOFF));
            outcome.blocked_until = Some(until);
            CallFailure::RetryLater(format!("platform busy (not a rate limit): {}", refusal.summary_line()), until)
        }
        StatusMeaning::Failing => CallFailure::Failed(format!("platform error: {}", refusal.summary_line())),
        StatusMeaning::KeyRefused => CallFailure::KeyRefused(refusal),
        StatusMeaning::Redirect => {
            CallFailure::Failed(format!("the platform redirects: {}; check the address", refusal.summary_line()))
        }
        // A scope probe reads the refusal, which is its expected answer.
        StatusMeaning::Forbidden | StatusMeaning::Refused => CallFailure::Refused(refusal),
    };
    (outcome, Err(setback))
}
