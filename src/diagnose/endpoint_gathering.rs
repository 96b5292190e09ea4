//! Closer look at the subscriptions that are off, fail, or are slow: their attempts, the answers of their endpoints, and
//! their configurations.

use super::answer_reading::AnswerReading;
use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_portal::{EvidencePortal, PageRequest};
use super::evidence_set::{EndpointEvidence, EvidenceSet, QueryRecord, known_health};
use super::gathering::{CONCURRENT_SUBJECTS, EvidenceGathering, log_text};
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::log::AttemptQuery;
use crate::wire::paths;
use crate::wire::subscriptions::SubscriptionRow;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use std::collections::BTreeSet;
use std::time::Duration;

/// Maximum number of subscriptions that are looked at closely. The causes of others are named without their details.
pub(super) const MAX_ENDPOINTS: usize = 64;
/// Latency of the slowest twentieth, in milliseconds, above which an endpoint is looked at closely. It is a bound of the
/// bins in which latencies are counted, so that a percentile above it is one in truth.
pub(super) const NEAR_TIMEOUT_MS: u32 = 5_000;
/// Age of a change of the configuration up to which a subscription is looked at closely.
const RECENT_CHANGE: Duration = Duration::from_secs(24 * 3_600);
/// Maximum number of pages of failed attempts that are read of one subscription.
const MAX_FAILURE_PAGES: usize = 3;
/// Maximum number of outcomes whose newest attempt is read in full.
const MAX_OUTCOMES: usize = 4;
/// Number of attempts of each kind that are read in full where only a part fails.
const CONTRASTS: usize = 6;
/// Maximum number of refused attempts that the signature debugger looks at, for one subscription.
const MAX_CHECKS: usize = 2;

/// Looks closely at the subscriptions that need it, the worst first.
pub(super) async fn gather_endpoints<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    set: &EvidenceSet,
) -> Vec<EndpointEvidence> {
    if matches!(set.scope.subject, DiagnosisSubject::Key(_)) {
        return Vec::new();
    }
    let mut rows: Vec<&SubscriptionRow> =
        EvidenceSet::rows(&set.subscriptions).iter().filter(|row| needs_a_look(set, row)).collect();
    rows.sort_by_key(|row| {
        let of = &row.subscription;
        (of.is_enabled, std::cmp::Reverse((row.failures_in_a_row(), known_health(row).last_24h.n_failed)), of.id)
    });
    let look = |row: &SubscriptionRow| {
        let row = row.clone();
        async move { gather_endpoint(gathering, &row).await }
    };
    let looks: Vec<_> = rows.into_iter().take(MAX_ENDPOINTS).map(look).collect();
    stream::iter(looks).buffered(CONCURRENT_SUBJECTS).collect().await
}

fn needs_a_look(set: &EvidenceSet, row: &SubscriptionRow) -> bool {
    let of = &row.subscription;
    let is_named = set.scope.subject == DiagnosisSubject::Subscription(of.id);
    let health = known_health(row);
    let has_failed = health.last_1h.n_failed > 0 || health.last_24h.n_failed > 0;
    let is_slow = health.last_1h.p95_ms.is_some_and(|ms| ms > NEAR_TIMEOUT_MS);
    let has_only_failed = of.last_attempt_utc.is_some() && of.last_success_utc.is_none();
    let is_changed = of.updated_utc.is_some_and(|updated| set.at.since(updated) <= RECENT_CHANGE)
        && (of.updated_utc > of.created_utc || is_edited(set, of.id));
    let is_refused =
        EvidenceSet::rows(&set.listener_refusals).iter().any(|refusals| refusals.subscription_id == Some(of.id));
    is_refused
        || is_named
        || !of.is_enabled
        || row.failures_in_a_row() > 0
        || has_failed
        || is_slow
        || has_only_failed
        || is_changed
}

/// Whether the audit trail has a change of a subscription: its own times have whole seconds.
fn is_edited(set: &EvidenceSet, id: SubscriptionId) -> bool {
    let subject = format!("subscription {id}");
    EvidenceSet::rows(&set.audit)
        .iter()
        .any(|row| row.subject.raw() == subject && row.action.raw() == "change subscription")
}

/// Start of the period of a subscription: earlier than asked if it is off or fails since before.
fn start(since: Timestamp, at: Timestamp, row: &SubscriptionRow) -> Timestamp {
    let lookback = at.since(since);
    let off = row.subscription.disabled_utc.map(|off| off.minus(lookback));
    [off, known_health(row).streak_began_utc].into_iter().flatten().fold(since, Timestamp::min)
}

async fn gather_endpoint<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    row: &SubscriptionRow,
) -> EndpointEvidence {
    let id = row.subscription.id;
    let since = start(gathering.since, gathering.at, row);
    let of = |outcome: &str| AttemptQuery {
        subscription: Some(id.0),
        outcome: Some(outcome.to_owned()),
        since: Some(since),
        ..AttemptQuery::default()
    };
    let (failed, succeeded) = (of("failure"), of("success"));
    let read = async |of: &AttemptQuery, most: usize| {
        let fetch = |page: PageRequest| async move { gathering.portal.attempts(of, &page).await };
        gathering.pages(log_text(of), most, fetch).await
    };
    let (failures, successes, minutes, revisions) = tokio::join!(
        read(&failed, MAX_FAILURE_PAGES),
        read(&succeeded, 1),
        gathering.portal.minutes(id, since),
        gathering.portal.revisions(id),
    );
    let details = gather_details(gathering, &failures, &successes).await;
    let checks = gather_checks(gathering, &details).await;
    let asked = |path: &str| format!("GET {}", paths::with_value(path, id));
    EndpointEvidence {
        subscription: id,
        failures,
        successes,
        minutes: QueryRecord { at: gathering.at, found: minutes, ..QueryRecord::of(&stats_query(id)) },
        details,
        checks,
        revisions: QueryRecord {
            at: gathering.at,
            found: revisions.map(|page| page.items),
            ..QueryRecord::of(&asked(paths::PORTAL_SUBSCRIPTION_REVISIONS))
        },
    }
}

fn stats_query(id: SubscriptionId) -> String {
    format!("GET {}?span=minute&subscription={id}", paths::STATS)
}

/// Chooses the attempts to read in full: the newest failure of each outcome, the oldest failure, and, where only a part
/// fails, some of both kinds.
fn chosen(failures: &[AttemptRow], successes: &[AttemptRow]) -> Vec<AttemptId> {
    let mut outcomes: BTreeSet<String> = BTreeSet::new();
    let newest = failures.iter().filter(|row| row.outcome().is_about_receiver());
    let mut ids: Vec<AttemptId> = newest
        .filter(|row| outcomes.len() < MAX_OUTCOMES && outcomes.insert(row.outcome().to_string()))
        .map(|row| row.id)
        .collect();
    ids.extend(failures.last().map(|row| row.id));
    if successes.is_empty() || failures.len() < 2 {
        // The clock of an endpoint that works is in its answers, too.
        ids.extend(successes.first().map(|row| row.id));
    } else {
        ids.extend(spread(failures));
        ids.extend(spread(successes));
    }
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(*id));
    ids
}

/// Picks some rows, evenly spread.
fn spread(rows: &[AttemptRow]) -> impl Iterator<Item = AttemptId> {
    let step = rows.len().div_ceil(CONTRASTS).max(1);
    rows.iter().step_by(step).map(|row| row.id)
}

async fn gather_details<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    failures: &QueryRecord<Vec<AttemptRow>>,
    successes: &QueryRecord<Vec<AttemptRow>>,
) -> QueryRecord<Vec<AttemptDetail>> {
    let record = QueryRecord { at: gathering.at, ..QueryRecord::of(&format!("GET {}", paths::ATTEMPT)) };
    if let Err(why) = &failures.found {
        return QueryRecord { found: Err(why.clone()), ..record };
    }
    let ids = chosen(EvidenceSet::rows(failures), EvidenceSet::rows(successes));
    let found = join_all(ids.into_iter().map(|id| gathering.portal.attempt(id))).await;
    QueryRecord { found: found.into_iter().collect(), ..record }
}

/// Asks the signature debugger about the refused attempts whose answer may be about the signature.
async fn gather_checks<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    details: &QueryRecord<Vec<AttemptDetail>>,
) -> Vec<(AttemptId, QueryRecord<crate::wire::signature_check::SignatureCheck>)> {
    let may_be = |detail: &&AttemptDetail| {
        let reading = AnswerReading::of(detail);
        matches!(detail.row.status_code, Some(400 | 401 | 403))
            || detail.row.status_code.is_some_and(|status| status >= 400) && reading.is_about_signature()
    };
    let ids: Vec<AttemptId> = EvidenceSet::rows(details).iter().filter(may_be).map(|detail| detail.row.id).collect();
    let checks = ids.into_iter().take(MAX_CHECKS).map(|id| async move {
        let query = format!("GET {}", paths::with_value(paths::ATTEMPT_SIGNATURE, id));
        let found = gathering.portal.signature(id).await;
        (id, QueryRecord { at: gathering.at, found, ..QueryRecord::of(&query) })
    });
    join_all(checks).await
}
