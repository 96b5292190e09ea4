//! Collection of a playbook's evidence, with read-only calls. A call that fails is kept as the reason why something
//! is unknown.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::call_text;
use super::evidence_set::{
    CallerVisibility, DiagnosisScope, EvidenceSet, QueryOutcome, QueryRecord, RefusedAttempt, SubscriptionAttempts,
};
use super::playbook::EvidenceSource;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use crate::wire::attempts::AttemptRow;
use crate::wire::coverage::{CoverageExtent, CoveredNoun, PlatformCoverage};
use crate::wire::deliveries::DeliveryRow;
use crate::wire::log::LogPage;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use futures_util::future::join_all;
use serde::de::DeserializeOwned;

/// Rows per page of a list.
const PAGE_ROWS: u32 = 200;
/// Maximum number of pages read from one list.
const MAX_PAGES: usize = 5;
/// Maximum number of subscriptions whose attempts are read.
const MAX_ATTEMPT_SUBSCRIPTIONS: usize = 24;
/// Maximum number of refused attempts that the signature debugger looks at.
const MAX_REFUSED_ATTEMPTS: usize = 8;

/// Collects the evidence that a playbook needs, as far as it is covered.
pub async fn collect_evidence(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    wish: DiagnosisScope,
    needs: &[EvidenceSource],
) -> EvidenceSet {
    let overview = client.overview(1).await;
    let at = overview.as_ref().map_or_else(|_| ambient.now(), |overview| overview.server_utc);
    let coverage = overview.ok().and_then(|overview| overview.coverage);
    let visibility = CallerVisibility::of(coverage.as_ref());
    let since = at.minus(wish.lookback);
    let mut desk = EvidenceCollector { client, coverage, at, since, filters: SubjectFilters::default() };
    let mut dossier = EvidenceSet { visibility, ..EvidenceSet::empty(wish, at) };
    // The subject's own list is needed to resolve the subject to its company.
    let subject = match wish.subject {
        DiagnosisSubject::Key(_) => Some(EvidenceSource::Keys),
        DiagnosisSubject::Subscription(_) => Some(EvidenceSource::Subscriptions),
        DiagnosisSubject::All | DiagnosisSubject::Company(_) => None,
    };
    let wants = |source| needs.contains(&source) || subject == Some(source);
    let (keys, subscriptions) = tokio::join!(
        desk.rows(wants(EvidenceSource::Keys), CoveredNoun::Keys, paths::KEYS, Vec::new()),
        desk.rows(
            wants(EvidenceSource::Subscriptions),
            CoveredNoun::Subscriptions,
            paths::PORTAL_SUBSCRIPTIONS,
            Vec::new()
        ),
    );
    (dossier.keys, dossier.subscriptions) = (keys, subscriptions);
    desk.filters = subject_filters(&dossier);
    let (limits, trips, events) = tokio::join!(
        desk.rows(wants(EvidenceSource::Limits), CoveredNoun::Limits, paths::LIMITS, Vec::new()),
        desk.rows(wants(EvidenceSource::Trips), CoveredNoun::Trips, paths::TRIPS, desk.filters.of_subscription()),
        desk.rows(
            wants(EvidenceSource::Events),
            CoveredNoun::Events,
            paths::PORTAL_EVENTS,
            [desk.window(), desk.filters.of_company()].concat()
        ),
    );
    (dossier.limits, dossier.trips, dossier.events) = (limits, trips, events);
    let (refused, served, undelivered) = tokio::join!(
        desk.requests(wants(EvidenceSource::Refused), &["400", "401", "403", "429", "503"]),
        desk.requests(wants(EvidenceSource::Served), &["200", "201"]),
        desk.undelivered(wants(EvidenceSource::Undelivered)),
    );
    (dossier.refused, dossier.served, dossier.undelivered) = (refused, served, undelivered);
    super::subject::retain_subject(&mut dossier);
    if wants(EvidenceSource::Attempts) || wants(EvidenceSource::Refusals) {
        dossier.attempts = desk.attempts(&dossier).await;
    }
    if wants(EvidenceSource::Refusals) {
        dossier.refusals = desk.refusals(&dossier).await;
    }
    dossier
}

/// Finds requests by their numbers among the newest of the log. Returns those found, and the reason why the others
/// are missing.
pub async fn find_requests(client: &PlatformClient, wanted: &[i64]) -> (Vec<RequestRow>, String) {
    let (mut found, mut cursor): (Vec<RequestRow>, Option<String>) = (Vec::new(), None);
    let newest = MAX_PAGES * usize::try_from(PAGE_ROWS).unwrap_or_default();
    for _ in 0..MAX_PAGES {
        if found.len() == wanted.len() {
            break;
        }
        let query: QueryParams = std::iter::once(("limit", PAGE_ROWS.to_string()))
            .chain(cursor.take().map(|cursor| ("cursor", cursor)))
            .collect();
        match client.get_any::<LogPage<RequestRow>>(paths::REQUESTS, &query).await {
            Ok(page) => {
                found.extend(page.items.into_iter().filter(|row| wanted.contains(&row.id)));
                cursor = page.next_cursor.filter(|_| page.has_more);
            }
            Err(error) => return (found, error.to_string()),
        }
        if cursor.is_none() {
            break;
        }
    }
    (found, format!("not among the newest {newest} requests of the log"))
}

/// Filters that the platform applies to its lists. Rows it leaves out do not count against the page limits here.
#[derive(Debug, Clone, Copy, Default)]
struct SubjectFilters {
    company: Option<CompanyId>,
    key: Option<KeyId>,
    subscription: Option<SubscriptionId>,
}

/// Resolves the subject to filters, with its company if that is known.
fn subject_filters(dossier: &EvidenceSet) -> SubjectFilters {
    let subject = dossier.scope.subject;
    match subject {
        DiagnosisSubject::All => SubjectFilters::default(),
        DiagnosisSubject::Company(id) => SubjectFilters { company: Some(id), ..SubjectFilters::default() },
        DiagnosisSubject::Key(id) => {
            let company = dossier.key(id).map(|key| key.company_id);
            SubjectFilters { company, key: Some(id), subscription: None }
        }
        DiagnosisSubject::Subscription(id) => {
            let row = dossier.subscriptions.found.iter().flatten().find(|row| row.subscription.id == id);
            SubjectFilters { company: row.map(|row| row.subscription.company_id), key: None, subscription: Some(id) }
        }
    }
}

impl SubjectFilters {
    fn of_company(self) -> QueryParams {
        self.company.map(|id| ("company", id.to_string())).into_iter().collect()
    }

    fn of_caller(self) -> QueryParams {
        self.key.map_or_else(|| self.of_company(), |id| vec![("key", id.to_string())])
    }

    fn of_subscription(self) -> QueryParams {
        self.subscription.map_or_else(|| self.of_company(), |id| vec![("subscription", id.to_string())])
    }
}

/// Collector of evidence: the client, with the time, the period and the filters of the run.
struct EvidenceCollector<'a> {
    client: &'a PlatformClient,
    coverage: Option<PlatformCoverage>,
    at: Timestamp,
    since: Timestamp,
    filters: SubjectFilters,
}

type QueryParams = Vec<(&'static str, String)>;

impl EvidenceCollector<'_> {
    fn window(&self) -> QueryParams {
        vec![("since", self.since.to_string())]
    }

    /// Returns the reason why nothing is known of a noun; `None` if something is.
    fn uncovered(&self, noun: CoveredNoun) -> Option<String> {
        let of = self.coverage.as_ref()?.of(noun)?;
        (of.extent == CoverageExtent::None).then(|| of.summary_line())
    }

    /// Checks whether rows of the period may be missing from what an observer knows of a noun.
    fn is_partial(&self, noun: CoveredNoun) -> bool {
        self.coverage.as_ref().and_then(|coverage| coverage.of(noun)).is_some_and(|of| {
            let is_late = noun == CoveredNoun::Events && of.since_utc.is_none_or(|at| at > self.since);
            noun == CoveredNoun::Keys || is_late || !of.unfinished.is_empty() || !of.unreadable_answers.is_empty()
        })
    }

    /// Reads all rows of a list, up to the page limit.
    async fn rows<T: DeserializeOwned>(
        &self,
        is_wanted: bool,
        noun: CoveredNoun,
        path: &str,
        query: QueryParams,
    ) -> QueryRecord<Vec<T>> {
        if !is_wanted {
            return QueryRecord::not_asked();
        }
        let is_incomplete = self.is_partial(noun);
        let mut asked =
            QueryRecord { query: call_text(path, &query), at: self.at, found: Ok(Vec::new()), is_incomplete };
        if let Some(why) = self.uncovered(noun) {
            asked.found = Err(why);
            return asked;
        }
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut query = query.clone();
            if path != paths::KEYS && path != paths::LIMITS && path != paths::PORTAL_SUBSCRIPTIONS {
                query.push(("limit", PAGE_ROWS.to_string()));
            }
            query.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
            match self.client.get_any::<LogPage<T>>(path, &query).await {
                Ok(page) => {
                    if let Ok(rows) = &mut asked.found {
                        rows.extend(page.items);
                    }
                    asked.is_incomplete |= page.unreadable.n > 0;
                    cursor = page.next_cursor.filter(|_| page.has_more);
                    if cursor.is_none() {
                        return asked;
                    }
                }
                Err(error) => {
                    asked.found = Err(error.to_string());
                    return asked;
                }
            }
        }
        asked.is_incomplete = true;
        asked
    }

    /// Reads the requests that were answered with any of these statuses, newest first.
    async fn requests(&self, is_wanted: bool, statuses: &[&'static str]) -> QueryRecord<Vec<RequestRow>> {
        if !is_wanted {
            return QueryRecord::not_asked();
        }
        let of_caller = [self.window(), self.filters.of_caller()].concat();
        let mut queries: Vec<QueryParams> = statuses
            .iter()
            .map(|status| [of_caller.clone(), vec![("status", (*status).to_owned())]].concat())
            .collect();
        // A call with a key that is not in force is logged with the key's claims but without a key number, so that
        // the key filter misses it.
        if self.filters.company.is_some() && statuses.contains(&"401") {
            let claims = ["unknown_key", "revoked_key"];
            queries.extend(claims.map(|code| [self.window(), vec![("code", code.to_owned())]].concat()));
        }
        let query = call_text(paths::REQUESTS, &[of_caller, vec![("status", statuses.join("|"))]].concat());
        let asked = queries
            .into_iter()
            .map(|query| self.rows::<RequestRow>(true, CoveredNoun::Requests, paths::REQUESTS, query));
        let mut found = merge_results(query, join_all(asked).await, |row| std::cmp::Reverse(row.id));
        if let Ok(rows) = &mut found.found {
            rows.dedup_by_key(|row| row.id);
        }
        found
    }

    /// Reads the deliveries of the period that did not arrive.
    async fn undelivered(&self, is_wanted: bool) -> QueryRecord<Vec<DeliveryRow>> {
        if !is_wanted {
            return QueryRecord::not_asked();
        }
        let states = ["missed", "exhausted", "on_hold"];
        let ask = |state: &&str| {
            let query = [self.window(), self.filters.of_subscription(), vec![("state", (*state).to_owned())]].concat();
            self.rows::<DeliveryRow>(true, CoveredNoun::Deliveries, paths::DELIVERIES, query)
        };
        let query = [self.window(), self.filters.of_subscription(), vec![("state", states.join("|"))]].concat();
        let query = call_text(paths::DELIVERIES, &query);
        merge_results(query, join_all(states.iter().map(ask)).await, |row| std::cmp::Reverse(row.id))
    }

    /// Reads the attempts of subscriptions that are disabled or fail, and of the subject's subscription in any case.
    async fn attempts(&self, dossier: &EvidenceSet) -> Vec<SubscriptionAttempts> {
        let Ok(rows) = &dossier.subscriptions.found else { return Vec::new() };
        let is_named = |id| dossier.scope.subject == DiagnosisSubject::Subscription(id);
        let wanted = rows.iter().filter(|row| {
            let of = &row.subscription;
            !of.is_enabled || row.failures_in_a_row() > 0 || is_named(of.id)
        });
        let ids: Vec<SubscriptionId> = wanted.map(|row| row.subscription.id).take(MAX_ATTEMPT_SUBSCRIPTIONS).collect();
        join_all(ids.into_iter().map(|subscription| async move {
            let limit = (FAILURE_THRESHOLD * 2).to_string();
            let query = vec![("subscription", subscription.to_string()), ("limit", limit)];
            let text = call_text(paths::ATTEMPTS, &query);
            if let Some(why) = self.uncovered(CoveredNoun::Attempts) {
                return SubscriptionAttempts {
                    subscription,
                    rows: QueryRecord { found: Err(why), ..self.record(&text) },
                };
            }
            let found = self.client.get_any::<LogPage<AttemptRow>>(paths::ATTEMPTS, &query).await;
            let is_cut = found.as_ref().is_ok_and(|page| page.has_more || page.unreadable.n > 0);
            let found = found.map(|page| page.items).map_err(|error| error_text(&error));
            let rows = QueryRecord { query: text, at: self.at, found, is_incomplete: is_cut };
            SubscriptionAttempts { subscription, rows }
        }))
        .await
    }

    /// Reads the newest refused attempt of each receiver, with its bytes and the signature debugger's verdict.
    async fn refusals(&self, dossier: &EvidenceSet) -> QueryRecord<Vec<RefusedAttempt>> {
        if let Err(why) = &dossier.subscriptions.found {
            return QueryRecord { found: Err(why.clone()), ..self.record(&dossier.subscriptions.query) };
        }
        if let Some(Err(why)) = dossier.attempts.iter().map(|of| &of.rows.found).find(|found| found.is_err()) {
            return QueryRecord { found: Err(why.clone()), ..self.record("GET /portal/v1/attempts") };
        }
        let newest = dossier.attempts.iter().filter_map(|of| {
            let mut refused = of.rows.found.as_ref().ok()?.iter().filter(|row| is_signature_refusal(row));
            refused.next().cloned()
        });
        let chosen: Vec<AttemptRow> = newest.take(MAX_REFUSED_ATTEMPTS).collect();
        let found = join_all(chosen.into_iter().map(|attempt| async move {
            let (path, check) = (
                paths::with_value(paths::ATTEMPT, attempt.id),
                paths::with_value(paths::ATTEMPT_SIGNATURE, attempt.id),
            );
            let (detail, lab) = tokio::join!(self.client.get_any(&path, &[]), self.client.get_any(&check, &[]));
            RefusedAttempt {
                detail: QueryRecord {
                    found: detail.map_err(|error| error_text(&error)),
                    ..self.record(&format!("GET {path}"))
                },
                check: QueryRecord {
                    found: lab.map_err(|error| error_text(&error)),
                    ..self.record(&format!("GET {check}"))
                },
                attempt,
            }
        }))
        .await;
        QueryRecord { found: Ok(found), ..self.record("GET /portal/v1/attempts/{id}/signature") }
    }

    fn record<T>(&self, query: &str) -> QueryRecord<T> {
        QueryRecord { query: query.to_owned(), at: self.at, ..QueryRecord::not_asked() }
    }
}

/// Checks whether a receiver refused an attempt with a status that is typical for signature failures.
#[must_use]
pub fn is_signature_refusal(row: &AttemptRow) -> bool {
    matches!(row.status_code, Some(400 | 401 | 403))
}

fn error_text(error: &crate::client::Error) -> String {
    error.to_string()
}

/// Merges several results into one. If any of them failed, the merged result has failed.
fn merge_results<T, K: Ord>(
    query: String,
    parts: Vec<QueryRecord<Vec<T>>>,
    newest_first: impl Fn(&T) -> K,
) -> QueryRecord<Vec<T>> {
    let at = parts.first().map(|part| part.at).unwrap_or_default();
    let is_cut = parts.iter().any(|part| part.is_incomplete);
    let found: QueryOutcome<Vec<Vec<T>>> = parts.into_iter().map(|part| part.found).collect();
    let found = found.map(|lists| {
        let mut rows: Vec<T> = lists.into_iter().flatten().collect();
        rows.sort_by_key(newest_first);
        rows
    });
    QueryRecord { query, at, found, is_incomplete: is_cut }
}
