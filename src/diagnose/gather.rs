//! Gathering of evidence for a scope, with read-only calls that the platform narrows to the subject. A call that fails
//! is kept as the reason why something is unknown; a limit that was reached is kept as incomplete.

use super::caller_id::CallerId;
use super::diagnosis_subject::DiagnosisSubject;
use super::endpoint_findings;
use super::endpoint_gathering::gather_endpoints;
use super::evidence_portal::{EvidencePortal, KEY_CANNOT_SEE, PageRequest};
use super::evidence_set::{CallGroup, DeletedSubscription, DiagnosisScope, EvidenceSet, QueryOutcome, QueryRecord};
use super::gathering::{CONCURRENT_SUBJECTS, EvidenceGathering, MAX_PAGES, PAGE_ROWS, log_text, merge_records};
use super::listener_findings;
use super::subject::retain_subject;
use crate::domain::ids::{AttemptId, CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::AttemptDetail;
use crate::wire::audit::AuditRow;
use crate::wire::deliveries::DeliveryRow;
use crate::wire::log::{AttemptQuery, DeliveryQuery, EventQuery, RequestQuery, TripQuery};
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Maximum number of keys whose calls are read one by one.
const MAX_KEYS: usize = 24;
/// Maximum number of callers without a key in force whose later calls are read.
const MAX_CALLERS: usize = 24;
/// Minimum period after the last refused call in which good calls of the same system are looked for.
const MIN_RECOVERY: Duration = Duration::from_secs(30 * 60);
/// Maximum number of pages of good calls that are read of one caller.
const MAX_GOOD_PAGES: usize = 3;
/// Number of endpoints whose clocks are compared with the platform's.
const CLOCK_SAMPLES: usize = 5;
/// Maximum number of deleted subscriptions that are looked at.
const MAX_DELETED: usize = 8;
/// Difference of two clocks up to which they agree.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(30);
/// Statuses of refused calls that are read alone where one page does not show all, so that none hides another.
const REFUSED_STATUSES: [u16; 9] = [400, 401, 403, 404, 405, 409, 413, 415, 429];
/// Minimum period that is searched for deliveries that did not arrive.
const MIN_UNDELIVERED_LOOKBACK: Duration = Duration::from_secs(24 * 3_600);

/// Gathers all evidence for a scope. Never fails.
pub async fn gather_evidence<P: EvidencePortal>(portal: &P, scope: DiagnosisScope) -> EvidenceSet {
    let mut set = gather_lists(portal, scope).await;
    let calls = CallGathering {
        gathering: EvidenceGathering { portal, at: set.at, since: set.since() },
        filters: SubjectFilters::of(&set),
    };
    let (limits, trips, audit, events, refused, served) = tokio::join!(
        portal.limits(),
        calls.trips(),
        configuration_changes(&calls.gathering),
        calls.events(),
        calls.refused(),
        calls.served(),
    );
    let at = set.at;
    set.limits = listed(at, paths::LIMITS, limits);
    set.trips = trips;
    set.audit = audit;
    (set.events, set.refused, set.served) = (events, refused, served);
    retain_subject(&mut set);
    let gathering = EvidenceGathering { portal, at: set.at, since: set.since() };
    let (endpoints, key_calls, good_since, clock_samples, deleted) = tokio::join!(
        gather_endpoints(&gathering, &set),
        gather_key_calls(&gathering, &set),
        gather_good_calls(&gathering, &set),
        gather_clock_samples(&gathering, &set),
        gather_deleted(&gathering, &set),
    );
    (set.endpoints, set.key_calls, set.good_since) = (endpoints, key_calls, good_since);
    (set.clock_samples, set.deleted) = (clock_samples, deleted);
    set.endpoint_findings = endpoint_findings::judge_all(&set);
    listener_findings::add_all(&mut set);
    set
}

/// Gathers the lists alone: companies, keys, subscriptions, and the deliveries that did not arrive. Never fails.
pub async fn gather_lists<P: EvidencePortal>(portal: &P, scope: DiagnosisScope) -> EvidenceSet {
    let here = portal.now();
    let overview = portal.overview().await;
    let at = overview.as_ref().map_or(here, |overview| {
        // An observer counts the times of what it saw from its own clock.
        let source = overview.coverage.as_ref().and_then(|coverage| coverage.source.as_ref());
        source.map_or(overview.server_utc, |source| source.observer_utc)
    });
    let mut set = EvidenceSet {
        visibility: portal.visibility(),
        coverage: portal.platform_coverage().cloned(),
        ..EvidenceSet::empty(scope, at)
    };
    if let Ok(overview) = &overview {
        let refusals = overview.refused_deliveries.clone();
        set.listener_refusals =
            QueryRecord { at, found: Ok(refusals), ..QueryRecord::of(&format!("GET {}", paths::OVERVIEW)) };
    }
    // An observer answers with its own clock, and knows nothing of the platform's state.
    let overview = overview.and_then(|overview| match overview.coverage {
        Some(_) => Err(KEY_CANNOT_SEE.to_owned()),
        None => Ok(overview),
    });
    set.clock_ahead_ms = overview.as_ref().ok().map(|overview| overview.server_utc.millis() - here.millis());
    set.overview = QueryRecord { at, found: overview, ..QueryRecord::of(&format!("GET {}", paths::OVERVIEW)) };
    let (readiness, companies, keys, subscriptions) =
        tokio::join!(portal.readiness(), portal.companies(), portal.keys(), portal.subscriptions());
    set.readiness = QueryRecord { at, found: readiness, ..QueryRecord::of(&format!("GET {}", paths::READYZ)) };
    set.companies = listed(at, paths::COMPANIES, companies);
    set.keys = listed(at, paths::KEYS, keys);
    set.subscriptions = listed(at, paths::PORTAL_SUBSCRIPTIONS, subscriptions);
    let gathering = EvidenceGathering { portal, at: set.at, since: set.since() };
    set.undelivered = gather_undelivered(&gathering, &set).await;
    set
}

/// Wraps a list that was read as a whole.
fn listed<T>(at: Timestamp, path: &str, page: QueryOutcome<Page<T>>) -> QueryRecord<Vec<T>> {
    let is_incomplete = page.as_ref().is_ok_and(|page| page.has_more || page.unreadable.n > 0);
    QueryRecord { query: format!("GET {path}"), at, found: page.map(|page| page.items), is_incomplete }
}

/// Reads the newest changes of configuration. Changes of data (clients, events) are left out: an import of leads would
/// otherwise hide the change before it.
async fn configuration_changes<P: EvidencePortal>(gathering: &EvidenceGathering<'_, P>) -> QueryRecord<Vec<AuditRow>> {
    const DATA: [&str; 4] = ["client ", "event ", "affiliate ", "delivery "];
    let fetch = |page: PageRequest| async move { gathering.portal.audit(&page).await };
    let mut record = gathering.pages(format!("GET {}", paths::AUDIT), MAX_PAGES, fetch).await;
    if let Ok(rows) = &mut record.found {
        rows.retain(|row| !DATA.iter().any(|kind| row.subject.raw().starts_with(kind)));
    }
    record
}

/// Filters that the platform applies to its lists, so that rows of others do not count against the page limits here.
#[derive(Debug, Clone, Copy, Default)]
struct SubjectFilters {
    company: Option<CompanyId>,
    key: Option<KeyId>,
    subscription: Option<SubscriptionId>,
}

impl SubjectFilters {
    /// Resolves the subject to filters, with its company if that is known.
    fn of(set: &EvidenceSet) -> Self {
        match set.scope.subject {
            DiagnosisSubject::All => Self::default(),
            DiagnosisSubject::Company(id) => Self { company: Some(id), ..Self::default() },
            DiagnosisSubject::Key(id) => {
                Self { company: set.key(id).map(|key| key.company_id), key: Some(id), subscription: None }
            }
            DiagnosisSubject::Subscription(id) => {
                let company = set.subscription(id).map(|row| row.subscription.company_id);
                Self { company, key: None, subscription: Some(id) }
            }
        }
    }
}

/// Reads the deliveries that did not arrive, newest first, of a day at least, and since the named subscription is off.
async fn gather_undelivered<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    set: &EvidenceSet,
) -> QueryRecord<Vec<DeliveryRow>> {
    let filters = SubjectFilters::of(set);
    let off = filters.subscription.and_then(|id| set.subscription(id)?.subscription.disabled_utc);
    let since = gathering.since.min(gathering.at.minus(MIN_UNDELIVERED_LOOKBACK));
    let of = DeliveryQuery {
        company: filters.company.filter(|_| filters.subscription.is_none()).map(|id| id.0),
        subscription: filters.subscription.map(|id| id.0),
        since: Some(off.map_or(since, |off| off.min(since))),
        ..DeliveryQuery::default()
    };
    let states = ["missed", "exhausted", "on_hold"];
    let query = log_text(&DeliveryQuery { state: Some(states[0].to_owned()), ..of.clone() });
    let query = format!("{query}, and with state={}", states[1..].join(" and state="));
    let parts = states.iter().map(|state| {
        let of = DeliveryQuery { state: Some((*state).to_owned()), ..of.clone() };
        async move {
            let of = &of;
            let fetch = |page: PageRequest| async move { gathering.portal.deliveries(of, &page).await };
            gathering.pages(String::new(), MAX_PAGES, fetch).await
        }
    });
    merge_records(query, join_all(parts).await, |row| std::cmp::Reverse(row.id.0))
}

/// Gathering of calls, narrowed to the subject.
struct CallGathering<'a, P> {
    gathering: EvidenceGathering<'a, P>,
    filters: SubjectFilters,
}

impl<P: EvidencePortal> CallGathering<'_, P> {
    fn of_caller(&self) -> RequestQuery {
        let company = self.filters.company.filter(|_| self.filters.key.is_none()).map(|id| id.0);
        let key = self.filters.key.map(|id| id.0);
        RequestQuery { company, key, since: Some(self.gathering.since), ..RequestQuery::default() }
    }

    async fn trips(&self) -> QueryRecord<Vec<crate::wire::trips::TripRow>> {
        let subscription = self.filters.subscription.map(|id| id.0);
        let company = self.filters.company.filter(|_| subscription.is_none()).map(|id| id.0);
        let of = &TripQuery { company, subscription };
        let fetch = |page: PageRequest| async move { self.gathering.portal.trips(of, &page).await };
        self.gathering.pages(log_text(of), 1, fetch).await
    }

    async fn events(&self) -> QueryRecord<Vec<crate::wire::deliveries::EventRow>> {
        let company = self.filters.company.map(|id| id.0);
        let of = &EventQuery { company, since: Some(self.gathering.since), ..EventQuery::default() };
        let fetch = |page: PageRequest| async move { self.gathering.portal.events(of, &page).await };
        self.gathering.pages(log_text(of), MAX_PAGES, fetch).await
    }

    /// Reads the calls of the period that were answered 2xx.
    async fn served(&self) -> QueryRecord<Vec<CallGroup>> {
        let of = RequestQuery { class: Some("2xx".to_owned()), ..self.of_caller() };
        grouped(self.gathering.requests(&of, MAX_PAGES).await)
    }

    /// Reads the calls of the period that were answered 4xx or 5xx. Where one page does not show all, each status is
    /// read alone.
    async fn refused(&self) -> QueryRecord<Vec<CallGroup>> {
        let base = self.of_caller();
        let of_class = |class: &str| RequestQuery { class: Some(class.to_owned()), ..base.clone() };
        let (refused, failed) = (of_class("4xx"), of_class("5xx"));
        let (refused, failed) =
            tokio::join!(self.gathering.requests(&refused, 1), self.gathering.requests(&failed, MAX_PAGES));
        let mut parts = vec![failed];
        if refused.is_incomplete {
            let queries: Vec<RequestQuery> =
                REFUSED_STATUSES.iter().map(|status| RequestQuery { status: Some(*status), ..base.clone() }).collect();
            parts.extend(join_all(queries.iter().map(|of| self.gathering.requests(of, MAX_PAGES))).await);
            // Rows of rarer statuses, as far as the first page shows them.
            parts.push(QueryRecord { is_incomplete: false, ..refused });
        } else {
            parts.push(refused);
        }
        // A call with a key that is not in force is logged with the key's claims but without a key number, so that
        // neither filter finds it.
        if self.filters.company.is_some() {
            let of_code =
                |code: &str| RequestQuery { code: Some(code.to_owned()), since: base.since, ..RequestQuery::default() };
            let queries = ["unknown_key", "revoked_key"].map(of_code);
            parts.extend(join_all(queries.iter().map(|of| self.gathering.requests(of, MAX_PAGES))).await);
        }
        let text = log_text(&RequestQuery { class: Some("4xx".to_owned()), ..base });
        let text = format!("{text}, and with class=5xx");
        let mut merged = merge_records(text, parts, |row| std::cmp::Reverse(row.id));
        if let Ok(rows) = &mut merged.found {
            rows.dedup_by_key(|row| row.id);
        }
        grouped(merged)
    }
}

fn grouped(record: QueryRecord<Vec<RequestRow>>) -> QueryRecord<Vec<CallGroup>> {
    QueryRecord {
        query: record.query,
        at: record.at,
        found: record.found.map(|rows| CallGroup::group(&rows)),
        is_incomplete: record.is_incomplete,
    }
}

/// Reads a successful attempt of a few subscriptions, where the platform's clock differs from this machine's: the
/// answers carry the time of a third clock.
async fn gather_clock_samples<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    set: &EvidenceSet,
) -> QueryRecord<Vec<AttemptDetail>> {
    if set.clock_ahead_ms.is_none_or(|ms| Duration::from_millis(ms.unsigned_abs()) <= MAX_CLOCK_SKEW) {
        return QueryRecord::not_asked();
    }
    let of = AttemptQuery { outcome: Some("success".to_owned()), ..AttemptQuery::default() };
    let record = QueryRecord { at: gathering.at, ..QueryRecord::of(&log_text(&of)) };
    let page = match gathering.portal.attempts(&of, &PageRequest { cursor: None, limit: PAGE_ROWS }).await {
        Ok(page) => page,
        Err(why) => return QueryRecord { found: Err(why), ..record },
    };
    let mut seen = BTreeSet::new();
    let one_each = page.items.iter().filter(|row| seen.insert(row.subscription_id));
    let ids: Vec<AttemptId> = one_each.take(CLOCK_SAMPLES).map(|row| row.id).collect();
    let found = join_all(ids.into_iter().map(|id| gathering.portal.attempt(id))).await;
    QueryRecord { found: found.into_iter().collect(), ..record }
}

/// Reads of which company the subscriptions were that the audit trail says were deleted.
async fn gather_deleted<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    set: &EvidenceSet,
) -> Vec<DeletedSubscription> {
    let is_deletion = |row: &&AuditRow| row.action.raw() == "delete subscription";
    let rows = EvidenceSet::rows(&set.audit).iter().filter(is_deletion).take(MAX_DELETED);
    let read = rows.map(|row| async move {
        let id: i64 = row.subject.raw().strip_prefix("subscription ")?.parse().ok()?;
        let of = AttemptQuery { subscription: Some(id), ..AttemptQuery::default() };
        let page = gathering.portal.attempts(&of, &PageRequest { cursor: None, limit: 1 }).await.ok()?;
        // Written as `TARGET [TYPE,TYPE] DESCRIPTION`.
        let (target, rest) = row.before.as_ref()?.raw().split_once(" [")?;
        let (types, _) = rest.split_once(']')?;
        Some(DeletedSubscription {
            id: SubscriptionId(id),
            company_id: page.items.first()?.company_id?,
            at: row.utc,
            by: row.actor.clone(),
            target_url: Untrusted::new(target),
            event_types: types.split(',').map(str::to_owned).collect(),
        })
    });
    let company = SubjectFilters::of(set).company;
    let found = join_all(read).await.into_iter().flatten();
    found.filter(|of| company.is_none_or(|company| company == of.company_id)).collect()
}

/// Reads the newest calls of each key with refused calls, and of each key that polls, oldest first.
async fn gather_key_calls<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    set: &EvidenceSet,
) -> BTreeMap<KeyId, QueryRecord<Vec<RequestRow>>> {
    let of_key = |groups: &QueryRecord<Vec<CallGroup>>| -> Vec<(KeyId, u64, bool)> {
        let rows = EvidenceSet::rows(groups).iter();
        rows.filter_map(|group| Some((group.newest.key_id?, group.n, group.newest.route.raw() == paths::EVENTS)))
            .collect()
    };
    let mut weights: BTreeMap<KeyId, u64> = BTreeMap::new();
    for (key, n, _) in of_key(&set.refused) {
        *weights.entry(key).or_default() += n;
    }
    for (key, ..) in of_key(&set.served).into_iter().filter(|(.., is_poll)| *is_poll) {
        weights.entry(key).or_default();
    }
    let mut keys: Vec<(KeyId, u64)> = weights.into_iter().collect();
    keys.sort_by_key(|(id, n)| (std::cmp::Reverse(*n), *id));
    let read = |(key, _): (KeyId, u64)| async move {
        let of = RequestQuery { key: Some(key.0), since: Some(gathering.since), ..RequestQuery::default() };
        let mut record = gathering.requests(&of, MAX_PAGES).await;
        if let Ok(rows) = &mut record.found {
            rows.reverse();
        }
        (key, record)
    };
    stream::iter(keys.into_iter().take(MAX_KEYS)).map(read).buffered(CONCURRENT_SUBJECTS).collect().await
}

/// Counts the calls that succeeded after the last refused one, for callers without a key in force: those from the same
/// address with the same user agent. A key that the same system used all along belongs to another program there, and
/// shows nothing.
async fn gather_good_calls<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    set: &EvidenceSet,
) -> BTreeMap<CallerId, QueryRecord<u64>> {
    let mut callers: BTreeMap<CallerId, RefusedCaller> = BTreeMap::new();
    for group in EvidenceSet::rows(&set.refused) {
        let caller = group.caller();
        if matches!(caller, CallerId::Key(_)) {
            continue;
        }
        let (Some(address), Some(agent)) = (&group.newest.address, &group.newest.user_agent) else { continue };
        let (first, last) = (group.first(), group.last());
        let entry = callers.entry(caller).or_insert_with(|| RefusedCaller { first, last, systems: BTreeSet::new() });
        entry.first = entry.first.min(first);
        entry.last = entry.last.max(last);
        entry.systems.insert((address.raw().to_owned(), agent.raw().to_owned()));
    }
    let count =
        |(caller, of): (CallerId, RefusedCaller)| async move { (caller, count_good_calls(gathering, of).await) };
    stream::iter(callers.into_iter().take(MAX_CALLERS)).map(count).buffered(CONCURRENT_SUBJECTS).collect().await
}

/// Caller without a key in force: when it was refused, and from where it called.
struct RefusedCaller {
    first: Timestamp,
    last: Timestamp,
    systems: BTreeSet<(String, String)>,
}

/// Counts in two bounded readings: the first, of the time when the caller was refused, tells the keys of other programs
/// of the same system; the second counts calls with other keys from then on.
async fn count_good_calls<P: EvidencePortal>(
    gathering: &EvidenceGathering<'_, P>,
    caller: RefusedCaller,
) -> QueryRecord<u64> {
    let RefusedCaller { first, last, systems } = caller;
    let recovery = MIN_RECOVERY.max(last.since(first));
    let mut n = QueryRecord { at: gathering.at, found: Ok(0), ..QueryRecord::of("") };
    for (address, agent) in systems {
        let of = |since: Timestamp, until: Timestamp| RequestQuery {
            caller: Some(address.clone()),
            class: Some("2xx".to_owned()),
            since: Some(since),
            until: Some(until),
            ..RequestQuery::default()
        };
        let (during, after) = (of(first, last), of(last, last.plus(recovery)));
        let (during, after) =
            tokio::join!(gathering.requests(&during, MAX_GOOD_PAGES), gathering.requests(&after, MAX_GOOD_PAGES),);
        n.query.clone_from(&after.query);
        n.is_incomplete |= after.is_incomplete;
        let is_mine = |row: &&RequestRow| row.user_agent.as_ref().is_some_and(|of| of.raw() == agent);
        let good = during.found.and_then(|during| {
            let is_during = |row: &&RequestRow| row.utc > first && row.utc < last;
            let rows = during.iter().filter(is_mine).filter(is_during);
            let all_along: BTreeSet<KeyId> = rows.filter_map(|row| row.key_id).collect();
            let is_good = |row: &&RequestRow| row.utc > last && row.key_id.is_none_or(|id| !all_along.contains(&id));
            Ok(after.found?.iter().filter(is_mine).filter(is_good).count() as u64)
        });
        n.found = match (n.found, good) {
            (Ok(n), Ok(good)) => Ok(n + good),
            (Err(why), _) | (_, Err(why)) => Err(why),
        };
    }
    n
}
