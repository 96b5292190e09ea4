//! Evidence of numbers of rows in a log: each with the narrowest query that has these rows. Where the filters of the log
//! cannot tell the rows from others, the evidence says that they are among those of its query.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::{CallGroup, EvidenceSet, QueryRecord};
use super::gathering::log_text;
use super::report::Evidence;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::text::Untrusted;
use crate::wire::log::{EventQuery, RequestQuery};
use crate::wire::requests::RequestRow;
use std::collections::BTreeSet;

/// Query of the calls with a status.
pub(super) fn of_status(status: u16) -> RequestQuery {
    RequestQuery { status: Some(status), ..RequestQuery::default() }
}

/// Query of the calls with a class of statuses, such as `4xx`.
pub(super) fn of_class(class: &str) -> RequestQuery {
    RequestQuery { class: Some(class.to_owned()), ..RequestQuery::default() }
}

/// Query of the calls with a problem code.
pub(super) fn of_code(code: &str) -> RequestQuery {
    RequestQuery { code: Some(code.to_owned()), ..RequestQuery::default() }
}

/// Narrows a query to the status and the code that all groups have in common.
pub(super) fn in_common(groups: &[&CallGroup]) -> RequestQuery {
    let statuses: BTreeSet<Option<u16>> = groups.iter().map(|group| group.newest.status).collect();
    let codes: BTreeSet<Option<&str>> =
        groups.iter().map(|group| group.newest.code.as_ref().map(Untrusted::raw)).collect();
    let only =
        |codes: BTreeSet<Option<&str>>| -> Option<String> { codes.into_iter().next().flatten().map(str::to_owned) };
    match (statuses.len(), codes.len()) {
        (_, 1) if codes.iter().all(Option::is_some) => RequestQuery { code: only(codes), ..RequestQuery::default() },
        (1, _) => RequestQuery { status: statuses.into_iter().next().flatten(), ..RequestQuery::default() },
        _ => of_class("4xx"),
    }
}

/// Whether a call is among those of a query, apart from its time.
fn is_match(of: &RequestQuery, row: &RequestRow) -> bool {
    let class = row.status.map(|status| format!("{}xx", status / 100));
    of.company.is_none_or(|id| row.company_id == Some(CompanyId(id)))
        && of.key.is_none_or(|id| row.key_id == Some(KeyId(id)))
        && of.status.is_none_or(|status| row.has_status(status))
        && of.class.as_ref().is_none_or(|wanted| class.as_ref() == Some(wanted))
        && of.code.as_ref().is_none_or(|wanted| row.code.as_ref().is_some_and(|code| code.raw() == wanted))
        && of.caller.as_ref().is_none_or(|wanted| row.address.as_ref().is_some_and(|of| of.raw() == wanted))
}

/// Evidence of the number of calls in groups of a log.
pub(super) fn call_count(
    set: &EvidenceSet,
    log: &QueryRecord<Vec<CallGroup>>,
    what: &str,
    groups: &[&CallGroup],
    filter: RequestQuery,
) -> Evidence {
    let n: u64 = groups.iter().map(|group| group.n).sum();
    call_record(set, log, groups, filter).evidence(what, n.to_string(), None)
}

/// Narrowest query that has the calls in groups of a log, alone or among others.
pub(super) fn call_record(
    set: &EvidenceSet,
    log: &QueryRecord<Vec<CallGroup>>,
    groups: &[&CallGroup],
    filter: RequestQuery,
) -> QueryRecord<()> {
    let n: u64 = groups.iter().map(|group| group.n).sum();
    let has_owner = groups.iter().all(|group| group.newest.company_id.is_some());
    let keys: BTreeSet<Option<KeyId>> = groups.iter().map(|group| group.newest.key_id).collect();
    let key = keys.into_iter().next().flatten().filter(|_| groups.iter().all(|of| of.newest.key_id.is_some()));
    let is_one_key = key.is_some_and(|id| groups.iter().all(|of| of.newest.key_id == Some(id)));
    let subject = set.scope.subject;
    let mut query = RequestQuery { since: Some(set.since()), ..filter };
    match subject {
        // Calls with a key that is not in force are logged without their company.
        _ if !has_owner => {}
        _ if is_one_key => query.key = key.map(|id| id.0),
        DiagnosisSubject::All => {}
        DiagnosisSubject::Company(id) => query.company = Some(id.0),
        DiagnosisSubject::Key(id) => query.key = Some(id.0),
        DiagnosisSubject::Subscription(id) => {
            query.company = set.subscription(id).map(|row| row.subscription.company_id.0);
        }
    }
    let all = EvidenceSet::rows(log).iter().filter(|group| is_match(&query, &group.newest));
    let n_all: u64 = all.map(|group| group.n).sum();
    // Calls of others were not read, or were put aside.
    let is_whole = match subject {
        DiagnosisSubject::All => true,
        DiagnosisSubject::Subscription(_) => false,
        DiagnosisSubject::Company(_) | DiagnosisSubject::Key(_) => has_owner,
    };
    among(log, &log_text(&query), n == n_all && is_whole)
}

/// Evidence of the number of a key's calls from one address, of those that were read.
pub(super) fn caller_count(set: &EvidenceSet, key: KeyId, address: &str, what: &str, n: u64) -> Evidence {
    let Some(log) = set.key_calls.get(&key) else { return set.served.evidence(what, format!("{n} calls"), None) };
    let caller = (!address.is_empty()).then(|| address.to_owned());
    let query = RequestQuery { key: Some(key.0), caller, since: Some(set.since()), ..RequestQuery::default() };
    let n_all = EvidenceSet::rows(log).iter().filter(|row| is_match(&query, row)).count() as u64;
    among(log, &log_text(&query), n == n_all).evidence(what, n.to_string(), None)
}

/// Evidence of the number of events of a company, or of all that were read.
pub(super) fn event_count(set: &EvidenceSet, what: &str, company: Option<CompanyId>, n: usize) -> Evidence {
    let of_subject = match set.scope.subject {
        DiagnosisSubject::All => None,
        DiagnosisSubject::Company(id) => Some(id),
        DiagnosisSubject::Key(id) => set.key(id).map(|key| key.company_id),
        DiagnosisSubject::Subscription(id) => set.subscription(id).map(|row| row.subscription.company_id),
    };
    let query = EventQuery {
        company: company.or(of_subject).map(|id| id.0),
        since: Some(set.since()),
        ..EventQuery::default()
    };
    among(&set.events, &log_text(&query), true).evidence(what, n.to_string(), None)
}

/// Evidence of a number of the rows of a log, which may be a part of them.
pub(super) fn part_count<T>(log: &QueryRecord<Vec<T>>, what: &str, n: usize) -> Evidence {
    among(log, &log.query, n == EvidenceSet::rows(log).len()).evidence(what, n.to_string(), None)
}

/// A query as it is shown, with what is known of the log's result.
fn among<T>(log: &QueryRecord<T>, query: &str, is_exact: bool) -> QueryRecord<()> {
    let query = if is_exact { query.to_owned() } else { format!("among {query}") };
    QueryRecord { query, at: log.at, found: Ok(()), is_incomplete: log.is_incomplete }
}
