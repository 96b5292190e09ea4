//! Facts of a health check. What could not be read is kept as the reason why.

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::alerts::ConditionRow;
use crate::wire::coverage::{CoverageExtent, CoveredNoun, PlatformCoverage};
use crate::wire::keys::KeyRow;
use crate::wire::limits::LimitDetail;
use crate::wire::log::RequestQuery;
use crate::wire::overview::{PipelineCounts, PlatformStatus};
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use crate::wire::requests::ProblemCodeCount;
use crate::wire::subscriptions::SubscriptionRow;
use serde_json::Value;
use std::time::Duration;

/// Value that was read, or the reason why not.
pub(super) type FactResult<T> = Result<T, String>;

/// Facts that the checks are computed from.
#[derive(Debug)]
pub(super) struct HealthFacts {
    /// Time on the platform's clock, and its difference to this machine's.
    pub(super) at: Timestamp,
    pub(super) skew: Duration,
    /// Version and operating state of the platform; `None` if they are not known.
    pub(super) platform: Option<PlatformStatus>,
    /// Coverage of the facts; `None` if everything is known.
    pub(super) coverage: Option<PlatformCoverage>,
    pub(super) pipeline: PipelineCounts,
    /// Conditions that the platform found.
    pub(super) conditions: Vec<ConditionRow>,
    pub(super) ready: FactResult<()>,
    pub(super) keys: FactResult<Vec<KeyRow>>,
    pub(super) subscriptions: FactResult<Vec<SubscriptionRow>>,
    pub(super) windows: FactResult<Vec<LimitDetail>>,
    /// Requests of the last hour, by status and code.
    pub(super) answers: FactResult<Vec<ProblemCodeCount>>,
    /// Rows of these lists that could not be read.
    pub(super) unreadable: UnreadableRows,
}

/// Reads all facts, with concurrent read-only calls.
///
/// # Errors
///
/// [`Error`] when not even the overview could be read.
pub(super) async fn read_facts(client: &PlatformClient, ambient: &RuntimeEnv) -> Result<HealthFacts, Error> {
    let overview = client.overview(1).await?;
    let (at, here) = (overview.server_utc, ambient.now());
    let requests = RequestQuery::default();
    let (ready, keys, subscriptions, windows, answers) = tokio::join!(
        client.get_any::<Value>(paths::READYZ, &[]),
        client.keys(),
        client.subscription_rows(),
        client.limits(),
        client.log_page(&requests, None, 1),
    );
    let mut unreadable = UnreadableRows::default();
    for (_, rows) in overview.unreadable_lists() {
        unreadable.extend(rows.clone());
    }
    let lists = [
        keys.as_ref().map(|page| &page.unreadable),
        subscriptions.as_ref().map(|page| &page.unreadable),
        windows.as_ref().map(|page| &page.unreadable),
        answers.as_ref().map(|log| &log.page.unreadable),
    ];
    lists.into_iter().flatten().for_each(|rows| unreadable.extend(rows.clone()));
    let coverage = overview.coverage;
    Ok(HealthFacts {
        at,
        skew: at.since(here).max(here.since(at)),
        platform: overview.platform,
        pipeline: overview.pipeline,
        conditions: overview.conditions.rows,
        ready: ready.map(drop).map_err(inert),
        keys: covered(coverage.as_ref(), CoveredNoun::Keys).and(keys.map_err(inert).and_then(Page::into_complete)),
        subscriptions: covered(coverage.as_ref(), CoveredNoun::Subscriptions)
            .and(subscriptions.map_err(inert).and_then(Page::into_complete)),
        windows: windows.map_err(inert).and_then(Page::into_complete),
        answers: answers.map(|log| log.last_hour).map_err(inert),
        unreadable,
        coverage,
    })
}

/// Returns the reason why nothing is known of a noun as the error.
fn covered(coverage: Option<&PlatformCoverage>, noun: CoveredNoun) -> FactResult<()> {
    match coverage.and_then(|coverage| coverage.of(noun)) {
        Some(of) if of.extent == CoverageExtent::None => Err(of.summary_line()),
        _ => Ok(()),
    }
}

/// Formats an error with control characters removed; it may quote text from outside.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn inert(error: Error) -> String {
    Untrusted::new(error.to_string()).sanitized()
}
