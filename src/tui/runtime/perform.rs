//! Runs background jobs with the platform's client. In a read-only console every change is refused here, whatever a
//! screen offers.

use crate::client::Error;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::RuntimeEnv;
use crate::diagnose::evidence_set::DiagnosisScope;
use crate::diagnose::incident::{IncidentEvidence, collect_incident};
use crate::diagnose::run::{run_all, run_playbook};
use crate::diagnose::runbook::{begin_run, resume_run};
use crate::diagnose::secret_check;
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::domain::outbound::SecretGate;
use crate::domain::secret::Secret;
use crate::domain::text::Untrusted;
use crate::export::bundle::TicketBundle;
use crate::export::bundle_writer::{BundleFormat, write_bundle};
use crate::export::ticket::ResponseBodies;
use crate::export::{bundle, platform_scan};
use crate::sync::logs::{LogPageRequest, LogPageResult};
use crate::sync::platform_change::{ChangeOutcome, ChangeStatus, PlatformChange};
use crate::tui::effect::{
    BackgroundJob, DiagnoseResult, FetchedAttempt, FetchedDetail, FetchedEvent, FetchedKey, FetchedSubscription,
    FetchedWindow, JobResult,
};
use crate::tui::ids::RowId;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::escalate::BundleFailure;
use crate::tui::state::issued_secret::IssuedSecret;
use crate::wire::changes;
use crate::wire::log::RequestQuery;
use crate::wire::paths;
use crate::wire::replays::NewReplay;
use crate::wire::requests::RequestRow;
use crate::wire::signature_check::SignatureCheck;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Number of attempts fetched with a subscription.
const MAX_ATTEMPTS_FETCHED: u32 = 20;

/// Number of requests fetched with a key or a window.
const MAX_REQUESTS_FETCHED: u32 = 10;

/// Runner of background jobs: the console's only access to the platform.
#[derive(Debug, Clone)]
pub struct JobRunner {
    client: PlatformClient,
    access: ConsoleAccess,
    /// Secrets beside the client's own credential that no text may carry: the keys with which a platform is observed.
    secrets: Arc<[Secret]>,
}

impl JobRunner {
    /// Creates a runner that calls through `client`, and makes changes only with [`ConsoleAccess::Act`].
    #[must_use]
    pub fn new(client: PlatformClient, access: ConsoleAccess) -> Self {
        Self { client, access, secrets: Arc::default() }
    }

    /// Adds secrets that no text may carry.
    #[must_use]
    pub fn with_secrets(self, secrets: Arc<[Secret]>) -> Self {
        Self { secrets, ..self }
    }

    /// Runs a job. Errors are part of the result.
    pub async fn perform(&self, job: BackgroundJob) -> JobResult {
        match job {
            BackgroundJob::FetchDetail(item) => {
                JobResult::DetailFetched(item, self.fetch(item).await.map(Box::new).map_err(sanitized))
            }
            BackgroundJob::ListCompanies => {
                JobResult::Companies(self.client.companies().await.map(|page| page.items).map_err(sanitized))
            }
            BackgroundJob::FetchLogPage(ask) => {
                let came = self.page(&ask).await.map(Box::new);
                JobResult::LogPage(Box::new(ask), came)
            }
            BackgroundJob::ListReplays => JobResult::Replays(self.client.newest_replays().await.map_err(sanitized)),
            BackgroundJob::ListOperators => JobResult::Operators(self.client.operators().await.map_err(sanitized)),
            BackgroundJob::CountReplay(id, wish) => {
                let body = NewReplay { dry_run: true, ..wish.clone() };
                let plan = self.client.change(changes::REPLAY_SUBSCRIPTION.at(id), &body).await;
                JobResult::ReplayCounted(id, wish, plan.map(Box::new).map_err(sanitized))
            }
            BackgroundJob::Change(act) => match self.make_change(&act).await {
                Ok(ChangeOutcome { secret: Some(secret), message: name, .. }) => {
                    JobResult::SecretIssued(act, IssuedSecret::new(name, secret))
                }
                Ok(ChangeOutcome { status: ChangeStatus::Succeeded, message, .. }) => {
                    JobResult::ChangeFinished(act, Ok(message))
                }
                Ok(ChangeOutcome { message: why, .. }) | Err(why) => JobResult::ChangeFinished(act, Err(why)),
            },
            consultation => JobResult::Diagnosed(Box::new(self.run_diagnose_job(consultation).await)),
        }
    }

    /// Runs a job of pane 9 or 0. These jobs only read from the platform.
    async fn run_diagnose_job(&self, job: BackgroundJob) -> DiagnoseResult {
        let (client, ambient) = (&self.client, RuntimeEnv::real());
        match job {
            BackgroundJob::RunAllPlaybooks(subject) => {
                let result = run_all(client, &ambient, DiagnosisScope::last_hour_of(subject)).await;
                DiagnoseResult::Combined(Box::new(result))
            }
            BackgroundJob::RunPlaybook(topic, subject, earlier) => {
                let report =
                    run_playbook(client, &ambient, topic, DiagnosisScope::last_hour_of(subject), earlier.as_deref())
                        .await;
                DiagnoseResult::Report(Box::new(report))
            }
            BackgroundJob::RunRunbook(runbook, subject, earlier) => {
                let so_far = match earlier {
                    Some(progress) => *progress,
                    None => begin_run(client, &ambient, runbook, subject).await,
                };
                DiagnoseResult::Runbook(Box::new(resume_run(client, &ambient, so_far).await))
            }
            BackgroundJob::CheckSignature(id, subject, computed) => {
                let query: Vec<(&str, String)> = computed.map(|text| ("computed", text)).into_iter().collect();
                let check = client.get_any(&paths::with_value(paths::ATTEMPT_SIGNATURE, id), &query).await;
                DiagnoseResult::SignatureCheck(id, subject, check.map(Box::new).map_err(sanitized))
            }
            BackgroundJob::CheckSignatureWithSecret(id, subject, held) => {
                DiagnoseResult::SignatureCheck(id, subject, self.check_with_secret(id, held).await.map(Box::new))
            }
            BackgroundJob::BuildBundle(matter, bodies, released) => {
                let case = collect_incident(client, &ambient, &matter).await;
                let built = self.bundle(&case, bodies, released).await;
                DiagnoseResult::Bundle(built.map(Box::new).map_err(BundleFailure::from))
            }
            BackgroundJob::WriteBundle(bundle, form) => DiagnoseResult::Written(written(*bundle, form).await),
            other => DiagnoseResult::Written(Err(format!("{other:?} is no consultation"))),
        }
    }

    /// Gate for every text that leaves the console; it knows the console's own credentials as secrets.
    #[must_use]
    pub fn gate(&self) -> SecretGate {
        let (ClientCredential::Operator(secret) | ClientCredential::Key(secret)) = self.client.credential();
        SecretGate::new(std::iter::once(secret).chain(self.secrets.iter()))
    }

    /// Builds a ticket, which the platform also searches for its secrets.
    async fn bundle(
        &self,
        case: &IncidentEvidence,
        bodies: ResponseBodies,
        released: BTreeSet<String>,
    ) -> Result<TicketBundle, bundle::BundleError> {
        let gate = self.gate().with_allowed(released);
        let built = bundle::build_bundle(case, bodies, &gate)?;
        let ask = |text| async { self.client.check_secrets(text).await.map_err(sanitized) };
        platform_scan::check_with_platform(built, &gate, ask).await
    }

    /// Checks the signature of an attempt with the secret the receiver holds.
    async fn check_with_secret(&self, id: AttemptId, held: IssuedSecret) -> Result<SignatureCheck, String> {
        let detail = self.client.attempt(id).await.map_err(sanitized)?;
        secret_check::check_with_secret(&self.client, &detail, held.shared()).await
    }

    async fn fetch(&self, item: RowId) -> Result<FetchedDetail, Error> {
        let client = &self.client;
        Ok(match item {
            RowId::Subscription(id) => FetchedDetail::Subscription(self.subscription(id).await?),
            RowId::Attempt(id) => {
                let detail = client.attempt(id).await?;
                let delivery = match detail.row.delivery_id {
                    Some(id) => Some(client.delivery(id).await?),
                    None => None,
                };
                FetchedDetail::Attempt(FetchedAttempt { detail, delivery })
            }
            RowId::Event(id) => {
                FetchedDetail::Event(FetchedEvent { event: client.event(id).await?, trace: client.trace(id).await? })
            }
            RowId::Key(id) => {
                let usage = client.key_usage(id).await?;
                let windows = client.limits().await?.items;
                let window = windows.into_iter().find(|window| window.row.key_id == id);
                let callers = window.map_or_else(|| Some(Vec::new()), |window| window.callers);
                let requests = self.requests(RequestQuery { key: Some(id.0), ..RequestQuery::default() }).await?;
                FetchedDetail::Key(FetchedKey { usage, callers, requests })
            }
            RowId::Window(id, bucket) => {
                let windows = client.limits().await?.items;
                let detail = windows.into_iter().find(|window| window.row.key_id == id && window.row.bucket == bucket);
                let query =
                    RequestQuery { key: Some(id.0), code: Some("rate_limited".to_owned()), ..RequestQuery::default() };
                FetchedDetail::Window(FetchedWindow { detail, refused: self.requests(query).await? })
            }
            _ => FetchedDetail::Nothing,
        })
    }

    async fn requests(&self, query: RequestQuery) -> Result<Vec<RequestRow>, Error> {
        Ok(self.client.log_page(&query, None, MAX_REQUESTS_FETCHED).await?.page.items)
    }

    async fn subscription(&self, id: SubscriptionId) -> Result<FetchedSubscription, Error> {
        let client = &self.client;
        let row = client.subscription(id).await?;
        let attempts = client.attempts(Some(id), MAX_ATTEMPTS_FETCHED).await?.items;
        let revisions = client.revisions(id).await?.items;
        let minutes = client.subscription_minutes(id).await?.attempts;
        Ok(FetchedSubscription { row, attempts, revisions, minutes })
    }

    async fn page(&self, ask: &LogPageRequest) -> Result<LogPageResult, String> {
        ask.fetch(&self.client).await.map_err(sanitized)
    }

    /// Makes a change, unless the console is read-only. Every change goes through here.
    async fn make_change(&self, act: &PlatformChange) -> Result<ChangeOutcome, String> {
        if self.access == ConsoleAccess::ReadOnly {
            return Err("read-only: nothing was changed; start with --allow-actions".to_owned());
        }
        act.make(&self.client).await.map_err(|error| format!("could not {}: {}", act.description(), sanitized(error)))
    }
}

/// Writes a bundle into the folder in which the console was started.
async fn written(bundle: TicketBundle, form: BundleFormat) -> Result<String, String> {
    let work = move || {
        let path = std::path::absolute(form.default_path(&bundle)).map_err(|error| error.to_string())?;
        write_bundle(&bundle, &path).map(|()| path.display().to_string()).map_err(|error| error.to_string())
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err("the ticket could not be written".to_owned()))
}

/// Makes an error's text harmless for the terminal, because errors quote received text.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn sanitized(error: Error) -> String {
    Untrusted::new(error.to_string()).sanitized()
}

#[cfg(test)]
pub(in crate::tui) mod tests {
    use super::*;

    /// A performer whose platform does not exist: nothing listens on the port for discarding.
    pub(in crate::tui) fn without_platform(access: ConsoleAccess) -> JobRunner {
        let client =
            PlatformClient::new("http://127.0.0.1:9", ClientCredential::Operator(Secret::new("none".to_owned())));
        JobRunner::new(client.expect("a client"), access)
    }

    #[tokio::test]
    async fn no_change_leaves_a_read_only_console() {
        let act = PlatformChange::Disable(SubscriptionId(1), None);
        let JobResult::ChangeFinished(_, Err(why)) =
            without_platform(ConsoleAccess::ReadOnly).perform(BackgroundJob::Change(act.clone())).await
        else {
            panic!("it was done");
        };
        assert!(why.starts_with("read-only"), "{why}");
        let JobResult::ChangeFinished(_, Err(why)) =
            without_platform(ConsoleAccess::Act).perform(BackgroundJob::Change(act)).await
        else {
            panic!("it was done");
        };
        assert!(why.starts_with("could not disable subscription 1: cannot reach"), "{why}");
    }
}
