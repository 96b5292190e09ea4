//! Course of an incident in a ticket: groups, impact, trend, acts and the last change, with every outside text redacted.

use super::redact::Redactor;
use super::ticket_behaviour::without_digests;
use super::ticket_parts::{
    TicketAct, TicketCallGroup, TicketFailure, TicketFailureGroup, TicketHeader, TicketImpact, TicketProblem,
    TicketReporter, TicketTrendPart,
};
use crate::diagnose::caller_id::system_name;
use crate::diagnose::evidence_set::CallGroup;
use crate::diagnose::incident_history::{FailureGroup, IncidentAct, IncidentHistory, TrendSlice};
use crate::diagnose::reporter::{ReporterStatement, TicketReader};
use crate::diagnose::tried_steps::TriedOutcome;
use crate::domain::text::Untrusted;
use crate::wire::attempts::HttpHeader;
use crate::wire::problem::map_texts;
use crate::wire::requests::RequestRow;
use serde_json::Value;

/// Headers of an answer that say something about a failure. Cookies and other headers are never in a ticket.
const TELLING_HEADERS: [&str; 19] = [
    "age",
    "allow",
    "cf-ray",
    "content-length",
    "content-type",
    "date",
    "location",
    "retry-after",
    "server",
    "via",
    "www-authenticate",
    "x-correlation-id",
    "x-ratelimit-limit",
    "x-ratelimit-policy",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-window",
    "x-request-id",
    "x-served-by",
];

/// Headers of a delivery by which a receiver verifies and finds it.
const SENT_HEADERS: [&str; 8] = [
    "content-type",
    "user-agent",
    "x-wlcro-attempt",
    "x-wlcro-delivery-id",
    "x-wlcro-event-id",
    "x-wlcro-event-type",
    "x-wlcro-signature",
    "x-wlcro-timestamp",
];

/// Longest value of a header in a ticket, in characters.
const MAX_HEADER_CHARS: usize = 200;

pub(super) fn reporter(
    of: &ReporterStatement,
    measured: &[TriedOutcome],
    redactor: &mut Redactor<'_>,
) -> TicketReporter {
    let mut text = |text: &String| redactor.redact_line(text);
    TicketReporter {
        tried: of.tried.iter().map(&mut text).collect(),
        tried_outcomes: measured.to_vec(),
        note: of.note.as_ref().map(&mut text),
        contact: of.contact.as_ref().map(&mut text),
    }
}

/// Keeps the telling headers of an answer, in their order.
pub(super) fn headers(of: &[HttpHeader], redactor: &mut Redactor<'_>) -> Vec<TicketHeader> {
    listed_headers(of, &TELLING_HEADERS, redactor)
}

/// Keeps the headers of a delivery by which a receiver verifies and finds it, as they were sent.
pub(super) fn sent_headers(of: &[HttpHeader], redactor: &mut Redactor<'_>) -> Vec<TicketHeader> {
    listed_headers(of, &SENT_HEADERS, redactor)
}

fn listed_headers(of: &[HttpHeader], names: &[&str], redactor: &mut Redactor<'_>) -> Vec<TicketHeader> {
    let is_listed = |header: &&HttpHeader| names.iter().any(|name| header.name.raw().eq_ignore_ascii_case(name));
    of.iter()
        .filter(is_listed)
        .take(names.len())
        .map(|header| TicketHeader {
            name: redactor.redact_line(header.name.raw()),
            value: redactor.redact_line(header.value.raw()).chars().take(MAX_HEADER_CHARS).collect(),
        })
        .collect()
}

/// Returns a refused call's problem document, or the members that the request log has of it; `None` if the call was not
/// refused with one.
pub(super) fn problem(of: &RequestRow, redactor: &mut Redactor<'_>) -> Option<TicketProblem> {
    if let Some(document) = &of.problem {
        return Some(map_texts(document, &mut |text| redactor.redact_line(text)));
    }
    let (status, code) = (of.status.filter(|status| *status >= 400)?, of.code.as_ref()?);
    let mut text = |text: &Untrusted| Value::String(redactor.redact_line(text.raw()));
    let members = [
        ("status", Some(Value::from(status))),
        ("code", Some(text(code))),
        ("detail", of.detail.as_ref().map(&mut text)),
        ("reason", of.reason.as_ref().map(&mut text)),
        ("requestId", of.request_id.as_ref().map(&mut text)),
    ];
    Some(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// Names the system that made a call; `None` if its address and user agent are not known.
pub(super) fn caller(of: &RequestRow, redactor: &mut Redactor<'_>) -> Option<String> {
    let text = |text: &Option<Untrusted>| text.as_ref().map_or_else(String::new, |text| text.raw().to_owned());
    let (address, agent) = (text(&of.address), text(&of.user_agent));
    (!address.is_empty() || !agent.is_empty()).then(|| redactor.redact_line(&system_name(&address, &agent)))
}

/// Groups failed attempts; whether the answers are the same is known where the first and the last were read in full.
pub(super) fn failure_groups(
    of: &IncidentHistory,
    read: &[TicketFailure],
    redactor: &mut Redactor<'_>,
) -> Vec<TicketFailureGroup> {
    let find = |id: i64| read.iter().find(|failure| failure.attempt_id == id);
    let group = |group: &FailureGroup| {
        let pair = find(group.first.1.0).zip(find(group.last.1.0));
        TicketFailureGroup {
            subscription_id: group.subscription.0,
            outcome: redactor.redact_line(&group.outcome),
            n: group.n,
            is_at_least: group.is_at_least,
            first_utc: group.first.0,
            last_utc: group.last.0,
            first_attempt_id: group.first.1.0,
            last_attempt_id: group.last.1.0,
            is_same_answer: pair.map(|(first, last)| answer(first) == answer(last)),
        }
    };
    of.failures.iter().map(group).collect()
}

/// What two answers have to have in common to be the same.
fn answer(of: &TicketFailure) -> (Option<String>, Option<&str>) {
    (of.body.as_deref().map(without_digests), of.error.as_deref())
}

pub(super) fn call_groups(
    of: &IncidentHistory,
    reader: TicketReader,
    redactor: &mut Redactor<'_>,
) -> Vec<TicketCallGroup> {
    let mut group = |group: &CallGroup| {
        let row = &group.newest;
        let last4 = row.last4.as_ref().or(row.claimed_last4.as_ref());
        TicketCallGroup {
            call: redactor.redact_line(&format!("{} {}", row.method.raw(), row.route.raw())),
            status: row.status,
            code: row.code.as_ref().map(|code| redactor.redact_line(code.raw())),
            last4: last4.map(|last4| redactor.redact_line(last4.raw())),
            caller: caller(row, redactor),
            n: group.n,
            first_utc: group.first(),
            last_utc: group.last(),
            request_ids: group.request_ids.iter().map(|id| redactor.redact_line(id)).collect(),
        }
    };
    // A call without a readable key is nobody's, and no partner's matter.
    let is_shown = |group: &&CallGroup| {
        let row = &group.newest;
        reader == TicketReader::Support || row.key_id.is_some() || row.claimed_last4.is_some() || row.last4.is_some()
    };
    of.calls.iter().filter(is_shown).map(&mut group).collect()
}

pub(super) fn impact(of: &IncidentHistory) -> TicketImpact {
    TicketImpact {
        n_events: of.impact.events.len() as u64,
        n_undelivered: of.impact.undelivered.len() as u64,
        n_failed_attempts: of.failures.iter().map(|group| group.n).sum(),
        n_calls: of.calls.iter().map(|group| group.n).sum(),
        n_subscriptions: of.impact.subscriptions.len() as u64,
        n_keys: of.impact.keys.len() as u64,
        is_at_least: of.impact.is_at_least,
        since_utc: of.first_failure(),
        last_utc: of.last_failure(),
        causes: Vec::new(),
    }
}

pub(super) fn trend(of: &IncidentHistory) -> Vec<TicketTrendPart> {
    let part = |of: &TrendSlice| TicketTrendPart { since_utc: of.since, n_failed: of.n_failed, n: of.n };
    of.trend.iter().map(part).collect()
}

/// Copies an act; a partner is not told who acted and why.
pub(super) fn act(of: &IncidentAct, reader: TicketReader, redactor: &mut Redactor<'_>) -> TicketAct {
    let is_internal = reader == TicketReader::Support;
    TicketAct {
        utc: of.utc,
        action: redactor.redact_line(of.action.raw()),
        subject: redactor.redact_line(of.subject.raw()),
        by: is_internal.then(|| redactor.redact_line(of.by.raw())),
        reason: of.reason.as_ref().filter(|_| is_internal).map(|reason| redactor.redact_line(reason.raw())),
    }
}
