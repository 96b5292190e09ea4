//! Runs background jobs with the platform's client. In a read-only console every change is refused here, whatever a
//! screen offers.

use super::console::Access;
use super::consult::Consulted;
use super::effect::{Act, Finished, Found, Happening, Job, KeyStory, Known, Sent, WindowStory};
use super::format;
use super::once::Issued;
use super::places::Item;
use crate::ambient::RuntimeEnv;
use crate::api::deliveries::EventDeliveryTrace;
use crate::api::events::NewEvent;
use crate::api::keys::{CompanyRow, RateLimits, pending_write_clause};
use crate::api::log::RequestQuery;
use crate::api::paths;
use crate::api::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::api::requests::RequestRow;
use crate::api::signature_check::SignatureCheck;
use crate::api::subscriptions::{MissedEventsChoice, TestResult};
use crate::client::Error;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::diagnose::evidence_set::DiagnosisScope;
use crate::diagnose::incident::{IncidentEvidence, collect_incident};
use crate::diagnose::run::run_playbook;
use crate::diagnose::runbook::{begin_run, resume_run};
use crate::diagnose::secret_check;
use crate::domain::ids::{AttemptId, CompanyId, ReplayId, SubscriptionId};
use crate::domain::outbound::SecretGate;
use crate::domain::replay::ReplayState;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::escalation::bundle::{self, TicketBundle};
use crate::escalation::bundle_writer::{BundleFormat, write_bundle};
use crate::escalation::platform_scan;
use crate::escalation::ticket::ResponseBodies;
use crate::monitor::keyed_client::RateLimitedClient;
use crate::monitor::log_window::LOG_PAGE_ROWS;
use crate::monitor::logs::{LogPageRequest, LogPageResult};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// Number of attempts fetched with a subscription.
const N_ATTEMPTS: u32 = 20;
/// Number of requests fetched with a key or a window.
const N_REQUESTS: u32 = 10;

/// Runner of background jobs: the console's only access to the platform.
#[derive(Debug, Clone)]
pub struct Performer {
    client: PlatformClient,
    access: Access,
    /// Rate-limited client for a platform without a Portal, used in place of `client` where it is set.
    post: Option<RateLimitedClient>,
}

impl Performer {
    /// Creates a runner that calls through `client`, and makes changes only with [`RouteAccess::ScenarioStep`].
    #[must_use]
    pub const fn new(client: PlatformClient, access: Access) -> Self {
        Self { client, access, post: None }
    }

    /// Adds the rate-limited client for a platform without a Portal.
    #[must_use]
    pub fn with_post(self, post: RateLimitedClient) -> Self {
        Self { post: Some(post), ..self }
    }

    /// Runs a job. Errors are part of the result.
    pub async fn perform(&self, job: Job) -> Finished {
        match job {
            Job::Fetch(item) if self.post.is_some() => {
                Finished::Fetched(item, self.remembered(item).await.map(Box::new))
            }
            Job::Companies if self.post.is_some() => Finished::Companies(Ok(self.companies())),
            Job::Fetch(item) => Finished::Fetched(item, self.fetch(item).await.map(Box::new).map_err(inert)),
            Job::Companies => Finished::Companies(self.client.companies().await.map(|page| page.items).map_err(inert)),
            Job::Page(ask) => {
                let came = self.page(&ask).await.map(Box::new);
                Finished::Page(Box::new(ask), came)
            }
            Job::Replays => Finished::Replays(self.client.replays().await.map(|page| page.items).map_err(inert)),
            Job::Operators => Finished::Operators(self.client.operators().await.map(|page| page.items).map_err(inert)),
            Job::Count(id, wish) => {
                let plan = self.client.create_replay(id, &NewReplay { dry_run: true, ..wish.clone() }).await;
                Finished::Counted(id, wish, plan.map(Box::new).map_err(inert))
            }
            Job::Act(act) => match self.act(&act).await {
                Ok(Done::Said(what)) => Finished::Act(act, Ok(what)),
                Ok(Done::Issued(issued)) => Finished::Issued(act, issued),
                Ok(Done::Failed(why)) | Err(why) => Finished::Act(act, Err(why)),
            },
            consultation => Finished::Consulted(Box::new(self.consult(consultation).await)),
        }
    }

    /// Runs a job of pane 9 or 0. These jobs only read from the platform.
    async fn consult(&self, job: Job) -> Consulted {
        let (client, ambient) = (&self.client, RuntimeEnv::real());
        match job {
            Job::Playbook(topic, subject, earlier) => {
                let report =
                    run_playbook(client, &ambient, topic, DiagnosisScope::last_hour_of(subject), earlier.as_deref())
                        .await;
                Consulted::Report(Box::new(report))
            }
            Job::Runbook(runbook, subject, earlier) => {
                let so_far = match earlier {
                    Some(progress) => *progress,
                    None => begin_run(client, &ambient, runbook, subject).await,
                };
                Consulted::Progress(Box::new(resume_run(client, &ambient, so_far).await))
            }
            Job::Lab(id, subject, computed) => {
                let query: Vec<(&str, String)> = computed.map(|text| ("computed", text)).into_iter().collect();
                let check = client.get_any(&paths::with_value(paths::ATTEMPT_SIGNATURE, id), &query).await;
                Consulted::Lab(id, subject, check.map(Box::new).map_err(inert))
            }
            Job::Held(id, subject, held) => Consulted::Lab(id, subject, self.held(id, held).await.map(Box::new)),
            Job::Bundle(matter, bodies) => {
                let case = collect_incident(client, &ambient, &matter).await;
                let built = self.bundle(&case, bodies).await;
                Consulted::Bundle(built.map(Box::new).map_err(|error| error.to_string()))
            }
            Job::Write(bundle, form) => Consulted::Written(written(*bundle, form).await),
            other => Consulted::Written(Err(format!("{other:?} is no consultation"))),
        }
    }

    /// Gate for every text that leaves the console; it knows the console's own credential as a secret.
    #[must_use]
    pub fn gate(&self) -> SecretGate {
        let (ClientCredential::Operator(secret) | ClientCredential::Key(secret)) = self.client.credential();
        SecretGate::new([secret])
    }

    /// Builds an escalation bundle, which a platform with a Portal also searches for its secrets.
    async fn bundle(
        &self,
        case: &IncidentEvidence,
        bodies: ResponseBodies,
    ) -> Result<TicketBundle, bundle::BundleError> {
        let gate = self.gate();
        let built = bundle::build_bundle(case, bodies, &gate)?;
        match self.client.credential() {
            ClientCredential::Key(_) => Ok(built),
            ClientCredential::Operator(_) => {
                let ask = |text| async { self.client.check_secrets(text).await.map_err(inert) };
                platform_scan::check_with_platform(built, &gate, ask).await
            }
        }
    }

    /// Checks the signature of an attempt with the secret the receiver holds.
    async fn held(&self, id: AttemptId, held: Issued) -> Result<SignatureCheck, String> {
        let (portal, detail) = match &self.post {
            Some(post) => (None, post.receipt(id).await?),
            None => (Some(&self.client), self.client.attempt(id).await.map_err(inert)?),
        };
        secret_check::check_with_secret(portal, &detail, held.shared()).await
    }

    async fn fetch(&self, item: Item) -> Result<Found, Error> {
        let client = &self.client;
        Ok(match item {
            Item::Subscription(id) => Found::Subscription(self.subscription(id).await?),
            Item::Trip(_) => Found::Nothing,
            Item::Attempt(id) => {
                let detail = client.attempt(id).await?;
                let delivery = match detail.row.delivery_id {
                    Some(id) => Some(client.delivery(id).await?),
                    None => None,
                };
                Found::Attempt(Sent { detail, delivery })
            }
            Item::Event(id) => {
                Found::Event(Happening { event: client.event(id).await?, trace: client.trace(id).await? })
            }
            Item::Key(id) => {
                let usage = client.key_usage(id).await?;
                let windows = client.limits().await?.items;
                let callers = windows.into_iter().find(|window| window.row.key_id == id).map(|window| window.callers);
                let requests = self.requests(RequestQuery { key: Some(id.0), ..RequestQuery::default() }).await?;
                Found::Key(KeyStory { usage, callers: callers.unwrap_or_default(), requests })
            }
            Item::Window(id, bucket) => {
                let windows = client.limits().await?.items;
                let detail = windows.into_iter().find(|window| window.row.key_id == id && window.row.bucket == bucket);
                let query =
                    RequestQuery { key: Some(id.0), code: Some("rate_limited".to_owned()), ..RequestQuery::default() };
                Found::Window(WindowStory { detail, refused: self.requests(query).await? })
            }
            Item::Request(_) => Found::Nothing,
        })
    }

    /// Details of an item that this console recorded itself, on a platform without a Portal.
    async fn remembered(&self, item: Item) -> Result<Found, String> {
        let Some(post) = &self.post else { return Ok(Found::Nothing) };
        Ok(match item {
            Item::Event(id) => {
                let event = post.event(id).await?;
                let trace = EventDeliveryTrace {
                    event: event.row.clone(),
                    subscriptions: Vec::new(),
                    next_cursor: None,
                    has_more: false,
                };
                Found::Event(Happening { event, trace })
            }
            Item::Attempt(id) => Found::Attempt(Sent { detail: post.receipt(id).await?, delivery: None }),
            _ => Found::Nothing,
        })
    }

    /// Companies of the profile's keys, on a platform without a Portal; their names are unknown.
    fn companies(&self) -> Vec<CompanyRow> {
        let ids: BTreeSet<CompanyId> =
            self.post.iter().flat_map(RateLimitedClient::holders).map(|holder| holder.key.company).collect();
        let unnamed = |id| CompanyRow {
            id,
            name: Untrusted::new(format!("company {id}")),
            created_utc: Timestamp::from_millis(0),
        };
        ids.into_iter().map(unnamed).collect()
    }

    async fn requests(&self, query: RequestQuery) -> Result<Vec<RequestRow>, Error> {
        Ok(self.client.request_log(&query, None, N_REQUESTS).await?.page.items)
    }

    async fn subscription(&self, id: SubscriptionId) -> Result<Known, Error> {
        let client = &self.client;
        let row = client.subscription(id).await?;
        let attempts = client.attempts(Some(id), N_ATTEMPTS).await?.items;
        let revisions = client.revisions(id).await?.items;
        let minutes = client.subscription_minutes(id).await?.attempts;
        Ok(Known { row, attempts, revisions, minutes })
    }

    async fn page(&self, ask: &LogPageRequest) -> Result<LogPageResult, String> {
        if let Some(post) = &self.post {
            return post.page(ask).await;
        }
        let client = &self.client;
        let came = match ask {
            LogPageRequest::Attempts(query, toward) => {
                client.attempt_log(query, toward.cursor(), LOG_PAGE_ROWS).await.map(LogPageResult::Attempts)
            }
            LogPageRequest::Events(query, toward) => {
                client.event_log(query, toward.cursor(), LOG_PAGE_ROWS).await.map(LogPageResult::Events)
            }
            LogPageRequest::Requests(query, toward) => {
                let log = client.request_log(query, toward.cursor(), LOG_PAGE_ROWS).await;
                log.map(|log| LogPageResult::Requests(log.page, log.last_hour))
            }
            LogPageRequest::Trips(query, toward) => {
                client.trip_log(query, toward.cursor(), LOG_PAGE_ROWS).await.map(LogPageResult::Trips)
            }
        };
        came.map_err(inert)
    }

    /// Makes a change, unless the console is read-only. Every change goes through here.
    async fn act(&self, act: &Act) -> Result<Done, String> {
        if self.access == Access::ReadOnly {
            return Err("read-only: nothing was changed; start with --allow-actions".to_owned());
        }
        let failed = |why: String| format!("could not {}: {why}", act.verb());
        match &self.post {
            Some(post) => by_post(post, act).await.map_err(|why| failed(Untrusted::new(why).sanitized())),
            None => self.change(act).await.map_err(|error| failed(inert(error))),
        }
    }

    async fn change(&self, act: &Act) -> Result<Done, Error> {
        let client = &self.client;
        Ok(Done::Said(match act {
            Act::Test(id) => return Ok(tested(*id, &client.test_subscription(*id).await?)),
            Act::Enable(id, replay) => {
                client.enable_subscription(*id, *replay).await?;
                match replay {
                    MissedEventsChoice::None => format!("subscription {id} enabled"),
                    MissedEventsChoice::Skipped => format!("subscription {id} enabled; missed events are being sent"),
                }
            }
            Act::Disable(id, reason) => {
                client.disable_subscription(*id, reason.clone()).await?;
                format!("subscription {id} disabled")
            }
            Act::Delete(id) => {
                client.delete_subscription(*id).await?;
                format!("subscription {id} deleted")
            }
            Act::Intend(id, reason) => {
                client.set_disable_reason(*id, reason.clone()).await?;
                format!("reason saved for subscription {id}")
            }
            Act::Acknowledge(subject, standing, note) => {
                client.acknowledge(*subject, *standing, note.clone()).await?;
                format!("alert for {subject} acknowledged")
            }
            Act::RollBack(id, revision) => {
                client.roll_back_subscription(*id, *revision).await?;
                format!("subscription {id} rolled back to revision {revision}")
            }
            Act::Replay(id, wish, _) => {
                begun(&client.create_replay(*id, &NewReplay { dry_run: false, ..wish.clone() }).await?)
            }
            Act::Turn(id, wanted) => format!("replay {id} is {}", self.turn(*id, *wanted).await?.phase.name()),
            Act::Resend(id) => {
                client.resend(*id).await?;
                format!("delivery {id} is being resent")
            }
            Act::Emit(company_id, kind) => {
                let event = NewEvent { company_id: *company_id, kind: *kind, payload: None, metadata: marked() };
                format!("event {} emitted", client.emit(&event).await?.id)
            }
            Act::Revoke(id) => {
                let revoked = client.revoke_key(*id).await?;
                format!("key {id} revoked{}", pending_write_clause(revoked.write_pending.as_ref()))
            }
            Act::Limit(id, wish) => {
                let RateLimits { read, write, admin } = client.limit_key(*id, wish).await?.limits;
                format!("rate limits of key {id} set: read {read}, write {write}, admin {admin} calls per minute")
            }
            Act::CreateCompany(new) => format!("company {} created", client.create_company(new).await?.id),
            Act::CreateKey(new) => {
                let made = client.create_key(new).await?;
                let name = format!("key {} of company {}", made.row.id, made.row.company_id);
                return Ok(Done::Issued(Issued::new(name, made.key.into_secret())));
            }
            Act::CreateOperator(new) => {
                let made = client.create_operator(new).await?;
                let name = format!("token of operator {}", made.row.id);
                return Ok(Done::Issued(Issued::new(name, made.token.into_secret())));
            }
            Act::RevokeOperator(id) => {
                let revoked = client.revoke_operator(*id).await?;
                format!("operator {id} revoked{}", pending_write_clause(revoked.write_pending.as_ref()))
            }
        }))
    }

    async fn turn(&self, id: ReplayId, wanted: ReplayState) -> Result<ReplayRow, Error> {
        match wanted {
            ReplayState::Paused => self.client.pause_replay(id).await,
            ReplayState::Running => self.client.resume_replay(id).await,
            ReplayState::Cancelled | ReplayState::Finished => self.client.cancel_replay(id).await,
        }
    }
}

/// Makes a change through the Integration API, which supports testing, enabling and disabling.
async fn by_post(post: &RateLimitedClient, act: &Act) -> Result<Done, String> {
    Ok(Done::Said(match act {
        Act::Test(id) => return Ok(tested(*id, &post.test(*id).await?)),
        Act::Enable(id, MissedEventsChoice::None) => {
            post.set_enabled(*id, "true").await?;
            format!("subscription {id} enabled")
        }
        Act::Disable(id, _) => {
            post.set_enabled(*id, "false").await?;
            format!("subscription {id} disabled")
        }
        _ => return Err("not possible with an API key; use the Admin Portal".to_owned()),
    }))
}

/// Outcome of a change that was made.
enum Done {
    /// Description of what happened, in one line.
    Said(String),
    /// Change was made, and its outcome is a failure, such as an endpoint that fails its test.
    Failed(String),
    /// Secret that the answer carried, which is shown once.
    Issued(Issued),
}

fn begun(plan: &ReplayPlan) -> String {
    let n = format::several(plan.n_selected, "delivery", "deliveries");
    match &plan.replay {
        Some(row) => format!("replay {} of {n} started; r shows its progress", row.id),
        None => format!("replay of {n} started"),
    }
}

/// Metadata that mark an event as a test.
fn marked() -> Option<Box<RawValue>> {
    RawValue::from_string(r#"{"test":true}"#.to_owned()).ok()
}

/// Writes a bundle into the folder in which the console was started.
async fn written(bundle: TicketBundle, form: BundleFormat) -> Result<String, String> {
    let work = move || {
        let path = std::path::absolute(form.default_path(&bundle)).map_err(|error| error.to_string())?;
        write_bundle(&bundle, &path).map(|()| path.display().to_string()).map_err(|error| error.to_string())
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err("the ticket could not be written".to_owned()))
}

fn tested(id: SubscriptionId, result: &TestResult) -> Done {
    let came = match (result.status_code, &result.error) {
        (Some(status), _) => format!("HTTP {status}"),
        (None, Some(error)) => format!("no response ({})", error.sanitized()),
        (None, None) => "no response".to_owned(),
    };
    let line = format!("test to subscription {id}: {came} after {} ms", result.elapsed_ms);
    if result.success { Done::Said(line) } else { Done::Failed(line) }
}

/// Makes an error's text harmless for the terminal, because errors quote received text.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn inert(error: Error) -> String {
    Untrusted::new(error.to_string()).sanitized()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    /// A performer whose platform does not exist: nothing listens on the port for discarding.
    pub(in crate::tui) fn without_platform(access: Access) -> Performer {
        let client =
            PlatformClient::new("http://127.0.0.1:9", ClientCredential::Operator(Secret::new("none".to_owned())));
        Performer::new(client.expect("a client"), access)
    }

    #[tokio::test]
    async fn no_change_leaves_a_read_only_console() {
        let act = Act::Disable(SubscriptionId(1), None);
        let Finished::Act(_, Err(why)) = without_platform(Access::ReadOnly).perform(Job::Act(act.clone())).await else {
            panic!("it was done");
        };
        assert!(why.starts_with("read-only"), "{why}");
        let Finished::Act(_, Err(why)) = without_platform(Access::Act).perform(Job::Act(act)).await else {
            panic!("it was done");
        };
        assert!(why.starts_with("could not disable subscription 1: cannot reach"), "{why}");
    }
}
