//! Playbook for events that are missing when polled: a missing scope, filters, cursors, progress, or no events.

use super::calls::{
    CallCount, GoodCalls, call_finding, code, join_groups, new_key, part_check, refused, remark, unless_key_only,
    without_noise,
};
use super::permissions::missing_scope;
use super::poll_stream::{PollFault, PollStream, is_poll};
use crate::diagnose::call_count::{event_count, of_code, of_status, part_count};
use crate::diagnose::caller_id::{CallerId, system_name};
use crate::diagnose::cause_subject::CauseSubject;
use crate::diagnose::evidence_set::{CallGroup, CallerVisibility, EvidenceSet};
use crate::diagnose::finding::{CauseFinding, ExplainedUnit, Occurrence};
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CheckVerdict, DiagnosisRemark, Evidence};
use crate::domain::cause::CauseKind;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::text::Untrusted;
use crate::text::count;
use crate::wire::coverage::CoveredNoun;
use crate::wire::deliveries::EventRow;
use crate::wire::requests::RequestRow;

/// Checks, in order: permitted, filters valid, cursors valid, polls returned events, polls progress, events happened.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::EventsMissing,
    checks: &[
        PlaybookCheck { id: "polls-permitted", text: "Do all pollers have the scope events:read?", check: permitted },
        PlaybookCheck {
            id: "types-exist",
            text: "Do all polls use valid filters and event types?",
            check: filters_valid,
        },
        PlaybookCheck { id: "cursors-valid", text: "Do all polls use valid cursors?", check: cursors },
        PlaybookCheck { id: "polls-filled", text: "Do polls get the events that happen?", check: polls_filled },
        PlaybookCheck { id: "filters-fit", text: "Do the time filters fit the published events?", check: filters_fit },
        PlaybookCheck { id: "polls-progress", text: "Do pollers advance from page to page?", check: progress },
        PlaybookCheck { id: "events-happened", text: "Did the pollers' companies have any events?", check: happened },
    ],
};

/// Reason of checks about polls where there was none.
const NO_POLL: &str = "no event poll was answered 2xx in the period";

fn refused_polls(set: &EvidenceSet, is_wanted: impl Fn(&RequestRow) -> bool) -> Vec<&CallGroup> {
    refused(set, |row| is_poll(row) && is_wanted(row))
}

/// Reason why no poll shows anything: there was none.
fn no_polls(set: &EvidenceSet) -> Option<String> {
    let is_known = set.served.found.is_ok() && !set.served.is_incomplete && set.visibility == CallerVisibility::Full;
    let has_polls = EvidenceSet::rows(&set.served).iter().any(|group| is_poll(&group.newest));
    (is_known && !has_polls && refused_polls(set, |row| !row.has_status(401)).is_empty()).then(|| NO_POLL.to_owned())
}

fn permitted(set: &EvidenceSet) -> CheckResult {
    let groups = refused_polls(set, |row| code(row) == "insufficient_scope");
    let joined = join_groups(groups.iter().copied(), CallGroup::caller);
    let findings = joined.iter().map(|(caller, groups)| {
        let scope = groups.first().and_then(|group| missing_scope(&group.newest));
        let scope = scope.map_or_else(String::new, |scope| format!("it lacks {scope}"));
        let finding =
            call_finding(set, CauseKind::EventsNoScope, groups, set.caller_name(caller), GoodCalls::SameRoute);
        finding.detail(scope).offers(new_key(groups.first().and_then(|group| group.newest.key_id)))
    });
    let findings = without_noise(findings.collect());
    unless_key_only(
        set,
        part_check(set, CallCount::new("polls without a scope", &groups, of_code("insufficient_scope")), findings)
            .skipped_without(no_polls(set)),
    )
}

fn invalid_findings(
    set: &EvidenceSet,
    kind: CauseKind,
    is_wanted: fn(&RequestRow) -> bool,
) -> (Vec<&CallGroup>, Vec<CauseFinding>) {
    let groups = refused_polls(set, is_wanted);
    let joined = join_groups(groups.iter().copied(), |group| (group.caller(), group.newest.reason.clone()));
    let findings = joined.iter().map(|((caller, reason), groups)| {
        let finding = call_finding(set, kind, groups, set.caller_name(caller), GoodCalls::SameRoute);
        finding.detail(reason.as_ref().map_or_else(String::new, Untrusted::sanitized))
    });
    let findings = without_noise(findings.collect());
    (groups, findings)
}

fn has_unknown_type(row: &RequestRow) -> bool {
    row.refusal().is_some_and(|reason| reason.has_invalid_field("type"))
}

fn filters_valid(set: &EvidenceSet) -> CheckResult {
    let is_invalid = |row: &RequestRow| row.has_status(400) && code(row) != "invalid_cursor" && !has_unknown_type(row);
    let (with_types, types) = invalid_findings(set, CauseKind::EventsUnknownType, has_unknown_type);
    let (with_filters, filters) = invalid_findings(set, CauseKind::EventsPollInvalid, is_invalid);
    let result = {
        let count = CallCount::new("polls with invalid filters", &[with_types, with_filters].concat(), of_status(400));
        part_check(set, count, [types, filters].concat())
    };
    unless_key_only(set, result).skipped_without(no_polls(set))
}

fn cursors(set: &EvidenceSet) -> CheckResult {
    let (groups, findings) = invalid_findings(set, CauseKind::EventsCursorInvalid, |row| code(row) == "invalid_cursor");
    unless_key_only(
        set,
        part_check(set, CallCount::new("polls with an invalid cursor", &groups, of_code("invalid_cursor")), findings)
            .skipped_without(no_polls(set)),
    )
}

/// Polls of one system of a key.
struct EventPoller<'s> {
    key: KeyId,
    company: CompanyId,
    name: String,
    stream: PollStream<'s>,
}

fn pollers(set: &EvidenceSet) -> Vec<EventPoller<'_>> {
    let mut pollers = Vec::new();
    for (key, calls) in &set.key_calls {
        for stream in PollStream::split(EvidenceSet::rows(calls)) {
            let Some(company) = stream.polls.first().and_then(|poll| poll.row.company_id) else { continue };
            pollers.push(EventPoller { key: *key, company, name: set.key_name(*key), stream });
        }
    }
    pollers
}

fn events_of(set: &EvidenceSet, company: CompanyId) -> Vec<&EventRow> {
    EvidenceSet::rows(&set.events).iter().filter(|event| event.company_id == company).collect()
}

/// Reason why nothing can be said about polls; `None` if something can.
fn unreadable(set: &EvidenceSet) -> Option<CheckResult> {
    if set.visibility == CallerVisibility::KeyOnly {
        return Some(CheckResult::unknown(set.why_partial(CoveredNoun::Requests)));
    }
    if let Err(why) = set.served.result() {
        return Some(CheckResult::unknown(why));
    }
    if let Err(why) = set.events.result() {
        return Some(CheckResult::unknown(why));
    }
    set.key_calls.values().find_map(|calls| calls.result().err()).map(CheckResult::unknown)
}

fn stream_findings(set: &EvidenceSet) -> Vec<CauseFinding> {
    let findings = pollers(set).into_iter().filter_map(|poller| {
        let events = events_of(set, poller.company);
        let (fault, rows) = poller.stream.fault(&events)?;
        let (first, last) = (rows.first()?.utc, rows.last()?.utc);
        let (n, all) = (rows.len() as u64, poller.stream.polls.len() as u64);
        let good = poller.stream.n_good_since(last);
        let occurrence = Occurrence::judged(set.at, (n, Some(all), ExplainedUnit::Calls), (first, last), Some(good));
        let (kind, text) = match fault {
            PollFault::Future(since) => (CauseKind::EventsSinceFuture, format!("since={since}")),
            PollFault::Excludes(n, filters) => {
                (CauseKind::EventsFiltered, format!("{filters} excludes {}", count(n, "event")))
            }
            PollFault::SamePage(position) => (CauseKind::EventsStuck, position),
        };
        let subject = CauseSubject::Caller(CallerId::Key(poller.key));
        let mut evidence = poll_evidence(set, &poller, &rows);
        let what = format!("events of company {} in the period", poller.company);
        evidence.push(event_count(set, &what, Some(poller.company), events.len()));
        Some(CauseFinding::new(kind, subject, poller.name, occurrence).detail(text).evidence(evidence))
    });
    without_noise(findings.collect())
}

fn poll_evidence(set: &EvidenceSet, poller: &EventPoller<'_>, rows: &[&RequestRow]) -> Vec<Evidence> {
    let Some(record) = set.key_calls.get(&poller.key) else { return Vec::new() };
    let name = &poller.name;
    let returned = count(poller.stream.n_events(), "event");
    let mut evidence = vec![
        part_count(record, &format!("{name}: polls"), rows.len()),
        record.evidence(&format!("{name}: returned in the period"), returned, None),
    ];
    if let Some(last) = rows.last() {
        let query = last.query.as_ref().map_or_else(|| "none".to_owned(), Untrusted::sanitized);
        evidence.push(record.evidence(&format!("{name}: latest query"), query, None));
        let logged = last.detail.as_ref().map_or_else(String::new, Untrusted::sanitized);
        evidence.push(record.evidence(&format!("{name}: filters and events returned"), logged, None));
        evidence.push(record.evidence(&format!("{name}: latest poll"), last.utc.to_string(), None));
        if let (Some(address), Some(agent)) = (&last.address, &last.user_agent) {
            let system = system_name(address.raw(), agent.raw());
            evidence.push(record.evidence(&format!("{name}: caller"), Untrusted::new(system).sanitized(), None));
        }
        let id = last.request_id.as_ref().map_or_else(|| "none".to_owned(), Untrusted::sanitized);
        evidence.push(record.evidence(&format!("{name}: request id of the latest poll"), id, None));
    }
    evidence
}

/// The main check: decided by what all others found.
fn polls_filled(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = unreadable(set) {
        return unknown;
    }
    let pollers = pollers(set);
    let parts = [permitted(set), filters_valid(set), cursors(set)];
    let mut findings: Vec<CauseFinding> = parts.into_iter().flat_map(|part| part.findings).collect();
    findings.extend(stream_findings(set));
    if pollers.is_empty() && findings.is_empty() {
        return CheckResult::unknown(NO_POLL);
    }
    let evidence = pollers.iter().map(|poller| {
        let polls = poller.stream.polls.len();
        let value = format!("{} in {}", count(poller.stream.n_events(), "event"), count(polls, "poll"));
        set.served.evidence(&format!("{}: polled", poller.name), value, None)
    });
    let result = CheckResult::from_findings(findings, evidence.collect());
    let is_unread = set.key_calls.values().any(|calls| calls.is_incomplete) || set.served.is_incomplete;
    let verdict = match result.verdict {
        // Polls before those that were read may have been refused; those that were read got what happened.
        CheckVerdict::Pass if is_unread && pollers.is_empty() => {
            CheckVerdict::Unknown(format!("{} is incomplete", set.served.query))
        }
        other => other,
    };
    CheckResult { verdict, findings: Vec::new(), ..result }
}

fn stream_check(set: &EvidenceSet, kinds: &[CauseKind]) -> CheckResult {
    if let Some(unknown) = unreadable(set) {
        return unknown;
    }
    let pollers = pollers(set).len();
    let mine: Vec<CauseFinding> =
        stream_findings(set).into_iter().filter(|finding| kinds.contains(&finding.kind)).collect();
    let value = format!("{} of {pollers}", mine.len());
    CheckResult::from_findings(mine, vec![set.served.evidence("pollers with this fault", value, Some("0"))])
        .skipped_without((pollers == 0).then(|| NO_POLL.to_owned()))
}

fn filters_fit(set: &EvidenceSet) -> CheckResult {
    let result = stream_check(set, &[CauseKind::EventsFiltered, CauseKind::EventsSinceFuture]);
    let remarks = pollers(set).iter().filter_map(|poller| other_types(set, poller)).collect();
    result.with_remarks(remarks)
}

/// Observation that a poller asks for types that did not happen while others did. That is as its owner wants it, or not.
fn other_types(set: &EvidenceSet, poller: &EventPoller<'_>) -> Option<DiagnosisRemark> {
    let wanted = &poller.stream.polls.last()?.poll.types;
    if wanted.is_empty() || poller.stream.n_events() > 0 {
        return None;
    }
    let mut others: Vec<String> = events_of(set, poller.company)
        .iter()
        .filter(|event| !wanted.contains(&event.kind.raw()))
        .map(|event| event.kind.sanitized())
        .collect();
    let n = others.len();
    others.sort();
    others.dedup();
    let title = format!(
        "{} polls only {}: {} of other types happened ({})",
        poller.name,
        wanted.join(", "),
        count(n, "event"),
        others.join(", ")
    );
    (n > 0).then(|| remark(CauseKind::EventsFiltered, Untrusted::new(title).sanitized(), Vec::new()))
}

fn progress(set: &EvidenceSet) -> CheckResult {
    stream_check(set, &[CauseKind::EventsStuck])
}

fn happened(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = unreadable(set) {
        return unknown;
    }
    let mut remarks: Vec<DiagnosisRemark> = Vec::new();
    for poller in pollers(set) {
        if !events_of(set, poller.company).is_empty() || set.events.is_incomplete {
            continue;
        }
        let title = format!("company {} had no events while {} polled", poller.company, poller.name);
        let what = format!("events of company {} in the period", poller.company);
        let evidence = vec![event_count(set, &what, Some(poller.company), 0)];
        if !remarks.iter().any(|there| there.title == title) {
            remarks.push(remark(CauseKind::EventsNotHappened, title, evidence));
        }
    }
    let n = event_count(set, "events in the period", None, EvidenceSet::rows(&set.events).len());
    let no_poller = pollers(set).is_empty().then(|| NO_POLL.to_owned());
    CheckResult::pass(vec![n]).skipped_without(no_poller).with_remarks(remarks)
}
