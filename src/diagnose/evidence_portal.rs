//! Source of evidence: the read-only calls of the Portal API that a diagnosis makes, each filtered by the platform.

use super::evidence_set::{CallerVisibility, QueryOutcome};
use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::audit::AuditRow;
use crate::wire::coverage::{CoverageExtent, CoveredNoun, PlatformCoverage};
use crate::wire::deliveries::{DeliveryRow, EventRow};
use crate::wire::keys::{CompanyRow, KeyRow};
use crate::wire::limits::LimitDetail;
use crate::wire::log::{AttemptQuery, AuditQuery, DeliveryQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::wire::overview::PlatformOverview;
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use crate::wire::signature_check::SignatureCheck;
use crate::wire::stats::{AttemptPoint, TimeSeries};
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow};
use crate::wire::trips::TripRow;
use serde_json::Value;
use std::sync::OnceLock;

/// Position and size of a requested page of a log.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// Cursor of an earlier page; the newest row if `None`.
    pub cursor: Option<String>,
    /// Maximum number of rows of the page.
    pub limit: u32,
}

/// Platform that evidence is read from.
pub trait EvidencePortal: Sync {
    /// Returns the time of this machine's clock.
    fn now(&self) -> Timestamp;

    /// Returns how much of the platform can be seen.
    fn visibility(&self) -> CallerVisibility {
        CallerVisibility::Full
    }

    /// Returns the coverage of the platform, where an observer answers for it.
    fn platform_coverage(&self) -> Option<&PlatformCoverage> {
        None
    }

    /// Reads the state of the platform, with at most one row per list.
    fn overview(&self) -> impl Future<Output = QueryOutcome<PlatformOverview>> + Send;
    /// Asks whether the platform is ready; the error says why not.
    fn readiness(&self) -> impl Future<Output = QueryOutcome<()>> + Send;
    /// Lists the companies of the platform.
    fn companies(&self) -> impl Future<Output = QueryOutcome<Page<CompanyRow>>> + Send;
    /// Lists the keys of all companies.
    fn keys(&self) -> impl Future<Output = QueryOutcome<Page<KeyRow>>> + Send;
    /// Lists the subscriptions of all companies with their health.
    fn subscriptions(&self) -> impl Future<Output = QueryOutcome<Page<SubscriptionRow>>> + Send;
    /// Lists the rate windows with their callers.
    fn limits(&self) -> impl Future<Output = QueryOutcome<Page<LimitDetail>>> + Send;
    /// Reads a page of the trips of the breaker.
    fn trips(&self, of: &TripQuery, page: &PageRequest) -> impl Future<Output = QueryOutcome<LogPage<TripRow>>> + Send;
    /// Reads the newest page of the audit trail.
    fn audit(&self, page: &PageRequest) -> impl Future<Output = QueryOutcome<LogPage<AuditRow>>> + Send;
    /// Reads a page of the request log.
    fn requests(
        &self,
        of: &RequestQuery,
        page: &PageRequest,
    ) -> impl Future<Output = QueryOutcome<LogPage<RequestRow>>> + Send;
    /// Reads a page of the delivery log.
    fn attempts(
        &self,
        of: &AttemptQuery,
        page: &PageRequest,
    ) -> impl Future<Output = QueryOutcome<LogPage<AttemptRow>>> + Send;
    /// Reads a page of the deliveries.
    fn deliveries(
        &self,
        of: &DeliveryQuery,
        page: &PageRequest,
    ) -> impl Future<Output = QueryOutcome<LogPage<DeliveryRow>>> + Send;
    /// Reads a page of the events.
    fn events(
        &self,
        of: &EventQuery,
        page: &PageRequest,
    ) -> impl Future<Output = QueryOutcome<LogPage<EventRow>>> + Send;
    /// Reads one attempt in full.
    fn attempt(&self, id: AttemptId) -> impl Future<Output = QueryOutcome<AttemptDetail>> + Send;
    /// Asks the signature debugger about one attempt.
    fn signature(&self, id: AttemptId) -> impl Future<Output = QueryOutcome<SignatureCheck>> + Send;
    /// Reads the scheduled attempts of a subscription in each minute since a time, oldest first.
    fn minutes(
        &self,
        id: SubscriptionId,
        since: Timestamp,
    ) -> impl Future<Output = QueryOutcome<Vec<AttemptPoint>>> + Send;
    /// Lists the configurations of a subscription, the one in force first.
    fn revisions(&self, id: SubscriptionId) -> impl Future<Output = QueryOutcome<Page<RevisionRow>>> + Send;
}

/// Reason for everything that no key of the Integration API can see.
pub const KEY_CANNOT_SEE: &str =
    "a key cannot see this; use an operator token (--token-file), or look in the Admin Portal";

/// The Portal API as a client reads it. Where an observer answers, the coverage of its overview says what is unknown:
/// such calls are not made, and their reason is the coverage's.
#[derive(Debug)]
pub struct ClientPortal<'a> {
    client: &'a PlatformClient,
    ambient: &'a RuntimeEnv,
    /// Coverage of the platform as its overview gave it.
    coverage: OnceLock<Option<PlatformCoverage>>,
}

impl<'a> ClientPortal<'a> {
    /// Reads through a client. The overview is to be read first, since it says what is covered.
    #[must_use]
    pub const fn new(client: &'a PlatformClient, ambient: &'a RuntimeEnv) -> Self {
        Self { client, ambient, coverage: OnceLock::new() }
    }

    fn coverage(&self) -> Option<&PlatformCoverage> {
        self.coverage.get()?.as_ref()
    }

    /// Checks whether anything is known of a noun.
    fn covered(&self, noun: CoveredNoun) -> QueryOutcome<()> {
        match self.coverage().and_then(|coverage| coverage.of(noun)) {
            Some(of) if of.extent == CoverageExtent::None => Err(of.summary_line()),
            _ => Ok(()),
        }
    }

    /// Checks whether rows of the period since a time may be missing from what an observer knows of a noun.
    fn is_partial(&self, noun: CoveredNoun, since: Option<Timestamp>) -> bool {
        self.coverage().and_then(|coverage| coverage.of(noun)).is_some_and(|of| {
            let is_late =
                noun == CoveredNoun::Events && of.since_utc.is_none_or(|at| since.is_none_or(|since| at > since));
            noun == CoveredNoun::Keys || is_late || !of.unfinished.is_empty() || !of.unreadable_answers.is_empty()
        })
    }

    async fn list<T>(
        &self,
        noun: CoveredNoun,
        read: impl Future<Output = Result<Page<T>, Error>>,
    ) -> QueryOutcome<Page<T>> {
        self.covered(noun)?;
        let mut page = read.await.map_err(why)?;
        page.has_more |= self.is_partial(noun, None);
        Ok(page)
    }

    async fn log<T>(
        &self,
        (noun, since): (CoveredNoun, Option<Timestamp>),
        read: impl Future<Output = Result<LogPage<T>, Error>>,
    ) -> QueryOutcome<LogPage<T>> {
        self.covered(noun)?;
        let mut page = read.await.map_err(why)?;
        // A page without a next one that has more is incomplete.
        page.has_more |= page.next_cursor.is_none() && self.is_partial(noun, since);
        Ok(page)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn why(error: Error) -> String {
    error.to_string()
}

impl EvidencePortal for ClientPortal<'_> {
    fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    fn visibility(&self) -> CallerVisibility {
        CallerVisibility::of(self.coverage())
    }

    fn platform_coverage(&self) -> Option<&PlatformCoverage> {
        self.coverage()
    }

    async fn overview(&self) -> QueryOutcome<PlatformOverview> {
        let overview = self.client.overview(1).await.map_err(why)?;
        self.coverage.get_or_init(|| overview.coverage.clone());
        Ok(overview)
    }

    async fn readiness(&self) -> QueryOutcome<()> {
        if self.coverage().is_some() {
            // The observer is ready; the platform was not asked.
            return Err(KEY_CANNOT_SEE.to_owned());
        }
        self.client.get_any::<Value>(paths::READYZ, &[]).await.map(drop).map_err(why)
    }

    async fn companies(&self) -> QueryOutcome<Page<CompanyRow>> {
        self.list(CoveredNoun::Keys, self.client.companies()).await
    }

    async fn keys(&self) -> QueryOutcome<Page<KeyRow>> {
        self.list(CoveredNoun::Keys, self.client.keys()).await
    }

    async fn subscriptions(&self) -> QueryOutcome<Page<SubscriptionRow>> {
        self.list(CoveredNoun::Subscriptions, self.client.subscription_rows()).await
    }

    async fn limits(&self) -> QueryOutcome<Page<LimitDetail>> {
        self.list(CoveredNoun::Limits, self.client.limits()).await
    }

    async fn trips(&self, of: &TripQuery, page: &PageRequest) -> QueryOutcome<LogPage<TripRow>> {
        self.log((CoveredNoun::Trips, None), self.client.log_page(of, page.cursor.as_deref(), page.limit)).await
    }

    async fn audit(&self, page: &PageRequest) -> QueryOutcome<LogPage<AuditRow>> {
        self.log((CoveredNoun::Audit, None), self.client.log_page(&AuditQuery {}, page.cursor.as_deref(), page.limit))
            .await
    }

    async fn requests(&self, of: &RequestQuery, page: &PageRequest) -> QueryOutcome<LogPage<RequestRow>> {
        let read = self.client.log_page(of, page.cursor.as_deref(), page.limit);
        let mut page = self.log((CoveredNoun::Requests, of.since), async { read.await.map(|log| log.page) }).await?;
        if self.coverage().is_some() {
            // An observer finds out what a key may do with calls that the platform refuses.
            page.items.retain(|row| !row.is_answered_probe());
        }
        Ok(page)
    }

    async fn attempts(&self, of: &AttemptQuery, page: &PageRequest) -> QueryOutcome<LogPage<AttemptRow>> {
        self.log((CoveredNoun::Attempts, None), self.client.log_page(of, page.cursor.as_deref(), page.limit)).await
    }

    async fn deliveries(&self, of: &DeliveryQuery, page: &PageRequest) -> QueryOutcome<LogPage<DeliveryRow>> {
        self.log((CoveredNoun::Deliveries, None), self.client.log_page(of, page.cursor.as_deref(), page.limit)).await
    }

    async fn events(&self, of: &EventQuery, page: &PageRequest) -> QueryOutcome<LogPage<EventRow>> {
        self.log((CoveredNoun::Events, of.since), self.client.log_page(of, page.cursor.as_deref(), page.limit)).await
    }

    async fn attempt(&self, id: AttemptId) -> QueryOutcome<AttemptDetail> {
        self.client.attempt(id).await.map_err(why)
    }

    async fn signature(&self, id: AttemptId) -> QueryOutcome<SignatureCheck> {
        self.client.get_any(&paths::with_value(paths::ATTEMPT_SIGNATURE, id), &[]).await.map_err(why)
    }

    async fn minutes(&self, id: SubscriptionId, since: Timestamp) -> QueryOutcome<Vec<AttemptPoint>> {
        self.covered(CoveredNoun::Attempts)?;
        let query = [("span", "minute".to_owned()), ("subscription", id.to_string()), ("since", since.to_string())];
        self.client.get_any::<TimeSeries>(paths::STATS, &query).await.map(|series| series.attempts).map_err(why)
    }

    async fn revisions(&self, id: SubscriptionId) -> QueryOutcome<Page<RevisionRow>> {
        self.client.revisions(id).await.map_err(why)
    }
}
