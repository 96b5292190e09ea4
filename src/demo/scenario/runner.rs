//! Scenario runner: runs fault scenarios on a platform, each in a company of its own, until the fault is visible.

use super::caller::PartnerClient;
use super::raw_receiver::RawReceiver;
use super::script::{CallTiming, ScenarioBehaviour, ScenarioCall, ScenarioKeyOwner, ScenarioScript, ScenarioStep};
use crate::client;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::RuntimeEnv;
use crate::demo::Error;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::secret::Secret;
use crate::wire::changes::{self, NoBody};
use crate::wire::events::NewEvent;
use crate::wire::keys::{NewCompany, NewKey, RequestedLimits};
use crate::wire::log::RequestQuery;
use crate::wire::subscriptions::{DisableSubscription, EnableSubscription, NewSubscription, TestDelivery};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use tokio::task::JoinSet;

/// Function that locks the platform's database, as a backup job would, until its result is dropped.
pub type DatabaseLock = Box<dyn Fn() -> Result<Box<dyn Send>, String> + Send + Sync>;

/// Interval between two checks of the platform.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Checks in a row without work in flight that count as settled.
const MIN_QUIET_POLLS: u32 = 3;
/// Maximum number of checks before a scenario fails.
const MAX_POLLS: u32 = 6_000;
/// Time within which the platform writes its request log.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Number of 503 answers after which the database lock is released.
const CONTENDED_ANSWERS_LIMIT: usize = 40;

/// Runner of scenarios on one platform.
pub struct ScenarioRunner {
    /// Client with an admin token; the platform must permit private targets.
    pub operator: PlatformClient,
    /// Clock of the platform, advanced or slept on.
    pub ambient: RuntimeEnv,
    /// Function that locks the platform's database.
    pub lock_database: DatabaseLock,
}

impl fmt::Debug for ScenarioRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScenarioRunner").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// Scenario after its last step. Its receivers answer until this is dropped.
#[derive(Debug)]
pub struct RunningScenario {
    /// Company that the scenario created.
    pub company: CompanyId,
    /// API keys of the scenario in script order.
    pub keys: Vec<Secret>,
    serving: JoinSet<()>,
}

impl RunningScenario {
    /// Keeps the receivers running; never returns while they run.
    pub async fn serve(mut self) {
        while self.serving.join_next().await.is_some() {}
    }
}

/// Keys, receivers and subscriptions of a scenario while it runs.
#[derive(Debug, Default)]
struct ScenarioState {
    keys: BTreeMap<String, (KeyId, Secret)>,
    receivers: BTreeMap<String, RawReceiver>,
    subscriptions: BTreeMap<String, SubscriptionId>,
    /// Request id of the last answered call.
    last_call: Option<String>,
}

fn platform_error(what: &'static str) -> impl FnOnce(client::Error) -> Error {
    move |source| Error::Platform { what, source }
}

fn scenario_error(what: &'static str, why: impl fmt::Display) -> Error {
    Error::Platform { what, source: client::Error::Unusable(why.to_string()) }
}

impl ScenarioRunner {
    /// Runs all steps of a scenario.
    ///
    /// # Errors
    /// [`Error::Platform`] when the platform refuses, cannot be reached or does not settle; [`Error::Listen`] when no
    /// local port is free.
    pub async fn run(&self, script: &ScenarioScript) -> Result<RunningScenario, Error> {
        let company = self.create_company(&format!("Harbor Credit ({})", script.name)).await?;
        let mut serving = JoinSet::new();
        let mut cast = ScenarioState::default();
        let mut neighbour = None;
        for part in &script.keys {
            let of = match part.owner {
                ScenarioKeyOwner::Company => company,
                ScenarioKeyOwner::Neighbour => match neighbour {
                    Some(neighbour) => neighbour,
                    None => *neighbour.insert(self.create_company("Lakeside Credit").await?),
                },
            };
            let limits =
                part.limit.map(|limit| RequestedLimits { read: Some(limit), write: Some(limit), admin: Some(limit) });
            let new = NewKey { company_id: of, name: part.name.clone(), scopes: part.scopes.clone(), limits };
            let created =
                self.operator.change(&changes::CREATE_KEY, &new).await.map_err(platform_error("create a key"))?;
            cast.keys.insert(part.name.clone(), (created.row.id, created.key.into_secret()));
        }
        for part in &script.receivers {
            let post = RawReceiver::open(&part.path, part.manner, self.ambient.clone(), &mut serving).await?;
            cast.receivers.insert(part.name.clone(), post);
        }
        for act in &script.acts {
            self.run_step(script, company, act, &mut cast).await?;
        }
        self.wait_for_request_log(cast.last_call.as_deref()).await?;
        let keys = script.keys.iter().filter_map(|part| cast.keys.remove(&part.name)).map(|(_, key)| key).collect();
        Ok(RunningScenario { company, keys, serving })
    }

    async fn create_company(&self, name: &str) -> Result<CompanyId, Error> {
        let new = NewCompany { name: name.to_owned() };
        Ok(self.operator.change(&changes::CREATE_COMPANY, &new).await.map_err(platform_error("create its company"))?.id)
    }

    async fn run_step(
        &self,
        script: &ScenarioScript,
        company: CompanyId,
        act: &ScenarioStep,
        cast: &mut ScenarioState,
    ) -> Result<(), Error> {
        let of = |cast: &ScenarioState, name: &str| {
            cast.subscriptions.get(name).copied().ok_or_else(|| scenario_error("find a subscription", name))
        };
        match act {
            ScenarioStep::Subscribe { key, to, types, managed_by } => {
                let new = NewSubscription {
                    description: Some(format!("{} of the scenario {}", to, script.name)),
                    managed_by: managed_by.clone(),
                    ..NewSubscription::new(receiver(cast, to)?.url(), types.iter().map(|kind| kind.name()))
                };
                self.subscribe(script, cast, key, to, &new).await?;
            }
            ScenarioStep::Emit { kind, times } => {
                for _ in 0..*times {
                    let event = NewEvent { company_id: company, kind: *kind, payload: None, metadata: None };
                    self.operator
                        .change(&changes::EMIT_EVENT, &event)
                        .await
                        .map_err(platform_error("emit an event"))?;
                }
            }
            ScenarioStep::Call(call) => cast.last_call = self.make_calls(call, cast).await?.or(cast.last_call.take()),
            ScenarioStep::Disable { of: name, reason } => {
                let target = changes::DISABLE_SUBSCRIPTION.at(of(cast, name)?);
                let disabled = self.operator.change(target, &DisableSubscription::because(reason)).await;
                disabled.map_err(platform_error("disable a subscription"))?;
            }
            ScenarioStep::Enable { of: name } => {
                let enabled = self
                    .operator
                    .change(changes::ENABLE_SUBSCRIPTION.at(of(cast, name)?), &EnableSubscription::default())
                    .await;
                enabled.map_err(platform_error("enable a subscription"))?;
            }
            ScenarioStep::Test { of: name } => {
                self.operator
                    .change(changes::TEST_SUBSCRIPTION.at(of(cast, name)?), &TestDelivery::default())
                    .await
                    .map_err(platform_error("send a test"))?;
            }
            ScenarioStep::Mend { of: name } => receiver(cast, name)?.repair(),
            ScenarioStep::Revoke { key } => {
                let (id, _) = cast.keys.get(key).ok_or_else(|| scenario_error("find a key", key))?;
                self.operator
                    .change(changes::REVOKE_KEY.at(*id), &NoBody {})
                    .await
                    .map_err(platform_error("revoke a key"))?;
            }
            ScenarioStep::Settle {} => self.wait_until_settled().await?,
        }
        Ok(())
    }

    /// Creates a subscription and gives its secret to the receivers that should have it.
    async fn subscribe(
        &self,
        script: &ScenarioScript,
        cast: &mut ScenarioState,
        key: &str,
        to: &str,
        new: &NewSubscription,
    ) -> Result<(), Error> {
        let (_, key) = cast.keys.get(key).ok_or_else(|| scenario_error("find a key", key))?;
        let credential = ClientCredential::Key(Secret::new(key.reveal().to_owned()));
        let partner =
            PlatformClient::new(self.operator.base(), credential).map_err(platform_error("call with a key"))?;
        let created = partner.create_subscription(new).await.map_err(platform_error("subscribe"))?;
        let secret = created.signing_secret.into_secret();
        for part in &script.receivers {
            if part.secret_of.as_deref().unwrap_or(&part.name) == to && part.manner != ScenarioBehaviour::WithoutSecret
            {
                receiver(cast, &part.name)?.set_secret(Secret::new(secret.reveal().to_owned()));
            }
        }
        cast.subscriptions.insert(to.to_owned(), created.subscription.id);
        Ok(())
    }

    /// Makes the calls of a step; returns the request id of the last answered one.
    async fn make_calls(&self, call: &ScenarioCall, cast: &ScenarioState) -> Result<Option<String>, Error> {
        let (_, key) = cast.keys.get(&call.key).ok_or_else(|| scenario_error("find a key", &call.key))?;
        let mut path = call.path.clone();
        for (name, id) in &cast.subscriptions {
            path = path.replace(&format!("{{{name}}}"), &id.to_string());
        }
        let caller = PartnerClient::new(self.operator.base()).map_err(|error| scenario_error("call", error))?;
        let mut last = None;
        if call.rush == CallTiming::Calm {
            for n in 0..call.times {
                last = Some(
                    caller.call(call, &path, key, n).await.map_err(|error| scenario_error("call", error))?.request_id,
                );
            }
            return Ok(last);
        }
        let mut held = Some((self.lock_database)().map_err(|why| scenario_error("hold the database", why))?);
        let mut calls: FuturesUnordered<_> = (0..call.times).map(|n| caller.call(call, &path, key, n)).collect();
        let mut n_contended = 0;
        while let Some(answered) = calls.next().await {
            if let Ok(answered) = answered {
                n_contended += usize::from(answered.status == 503);
                last = Some(answered.request_id);
            }
            if n_contended >= CONTENDED_ANSWERS_LIMIT {
                held = None;
            }
        }
        drop(held);
        Ok(last)
    }

    /// Waits until no delivery is in flight or due.
    async fn wait_until_settled(&self) -> Result<(), Error> {
        let mut n_quiet = 0;
        for _ in 0..MAX_POLLS {
            let pipeline =
                self.operator.overview(1).await.map_err(platform_error("read the platform's state"))?.pipeline;
            let is_quiet = pipeline.n_in_flight == Some(0) && pipeline.oldest_due_utc.is_none();
            n_quiet = if is_quiet { n_quiet + 1 } else { 0 };
            if n_quiet == MIN_QUIET_POLLS {
                return Ok(());
            }
            self.ambient.advance_or_sleep(POLL_INTERVAL).await;
        }
        Err(scenario_error("finish", "deliveries are still in progress"))
    }

    /// Waits until the request log contains the last answered call.
    async fn wait_for_request_log(&self, last: Option<&str>) -> Result<(), Error> {
        let mut left = LOG_FLUSH_TIMEOUT;
        for _ in 0..MAX_POLLS {
            if left.is_zero() && self.is_logged(last).await? {
                return Ok(());
            }
            self.operator.overview(1).await.map_err(platform_error("read the platform's state"))?;
            let step = if left.is_zero() { POLL_INTERVAL } else { POLL_INTERVAL * 15 };
            self.ambient.advance_or_sleep(step).await;
            left = left.saturating_sub(step);
        }
        Err(scenario_error("finish", "requests are not yet logged"))
    }

    async fn is_logged(&self, last: Option<&str>) -> Result<bool, Error> {
        let Some(last) = last else { return Ok(true) };
        let log = self.operator.log_page(&RequestQuery::default(), None, 200).await;
        let log = log.map_err(platform_error("read the request log"))?;
        Ok(log.page.items.iter().any(|row| row.request_id.as_ref().is_some_and(|id| id.raw() == last)))
    }
}

fn receiver<'c>(cast: &'c ScenarioState, name: &str) -> Result<&'c RawReceiver, Error> {
    cast.receivers.get(name).ok_or_else(|| scenario_error("find a receiver", name))
}
