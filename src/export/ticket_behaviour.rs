//! Expected and actual behaviour in a ticket: what was measured, in numbers and times.

use super::bundle_documents::BehaviourComparison;
use super::redact::Redactor;
use super::ticket_parts::{TicketCallGroup, TicketFailure, TicketFailureGroup, TicketRequest};
use super::ticket_reasons::acting;
use crate::diagnose::incident::IncidentEvidence;
use crate::diagnose::reporter::TicketReader;
use crate::domain::delivery::ATTEMPT_TIMEOUT;
use crate::text::count;

/// Maximum number of groups that are named one by one.
const MAX_NAMED: usize = 5;

/// Failures and calls of a ticket, in groups and one by one.
pub(super) struct TicketRows<'t> {
    pub(super) failure_groups: &'t [TicketFailureGroup],
    pub(super) call_groups: &'t [TicketCallGroup],
    pub(super) failures: &'t [TicketFailure],
    pub(super) requests: &'t [TicketRequest],
}

/// Compares what is documented with what was measured.
pub(super) fn comparison(
    case: &IncidentEvidence,
    rows: &TicketRows<'_>,
    redactor: &mut Redactor<'_>,
) -> BehaviourComparison {
    let deliveries = format!("deliveries are answered 2xx within {} s", ATTEMPT_TIMEOUT.as_secs());
    let (has_failures, has_calls) = (
        !rows.failure_groups.is_empty() || !rows.failures.is_empty(),
        !rows.call_groups.is_empty() || !rows.requests.is_empty(),
    );
    let expected = match (has_failures, has_calls) {
        (true, true) => format!("{deliveries}; calls are answered 2xx"),
        (true, false) => deliveries,
        (false, true) => "calls are answered 2xx".to_owned(),
        (false, false) => {
            "events of subscribed types are delivered, and polls return the events that happened".to_owned()
        }
    };
    let mut actual: Vec<String> = rows.failure_groups.iter().map(failed).collect();
    actual.extend(refused(rows.call_groups));
    if actual.is_empty() {
        actual = selected(rows);
    }
    if actual.is_empty() {
        actual = acting(case).map(|cause| redactor.redact_line(&title(&cause.title, case))).collect();
    }
    let more = actual.len().saturating_sub(MAX_NAMED);
    actual.truncate(MAX_NAMED);
    if more > 0 {
        actual.push(format!("{} in the course below", count(more, "more group")));
    }
    let actual = if actual.is_empty() { "no failure was read".to_owned() } else { actual.join("; ") };
    BehaviourComparison { expected, actual }
}

/// Outcome in words: an HTTP status or a failure kind.
fn ended(outcome: &str) -> String {
    if outcome.parse::<u16>().is_ok() {
        format!("answered {outcome}")
    } else {
        format!("without an answer ({outcome})")
    }
}

fn failed(of: &TicketFailureGroup) -> String {
    let at_least = if of.is_at_least { "at least " } else { "" };
    format!("{at_least}{} to subscription {} {}", count(of.n, "attempt"), of.subscription_id, ended(&of.outcome))
}

/// Calls by their route and answer, over all callers.
fn refused(groups: &[TicketCallGroup]) -> Vec<String> {
    let mut merged: Vec<(String, u64)> = Vec::new();
    for of in groups {
        let code = of.code.as_ref().map_or_else(String::new, |code| format!(" {code}"));
        let text = match of.status {
            Some(status) => format!("{} answered {status}{code}", of.call),
            None => format!("{} without an answer", of.call),
        };
        match merged.iter_mut().find(|(other, _)| *other == text) {
            Some((_, n)) => *n += of.n,
            None => merged.push((text, of.n)),
        }
    }
    merged.into_iter().map(|(text, n)| format!("{} {text}", count(n, "call"))).collect()
}

/// Failures and calls that were selected one by one.
fn selected(rows: &TicketRows<'_>) -> Vec<String> {
    let failed = rows.failures.iter().filter(|of| !matches!(of.outcome.parse(), Ok(200..=299_u16)));
    let refused = rows.requests.iter().filter(|of| of.status.is_none_or(|status| status >= 400));
    let mut all: Vec<String> = failed.map(|of| format!("an attempt {}", ended(&of.outcome))).collect();
    all.extend(refused.map(|of| {
        let code = of.code.as_ref().map_or_else(String::new, |code| format!(" {code}"));
        match of.status {
            Some(status) => format!("a call answered {status}{code}"),
            None => "a call without an answer".to_owned(),
        }
    }));
    all.sort();
    all.dedup();
    all
}

/// What the causes that act explain and since when, for a ticket without a failed attempt or a refused call.
pub(super) fn measures(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for cause in acting(case) {
        let of = &cause.occurrence;
        let times = of.first_utc.map(|at| format!(", since {at}")).unwrap_or_default();
        let times = times + &of.last_utc.map(|at| format!(", last {at}")).unwrap_or_default();
        let what = match &of.explained {
            Some(share) => {
                let at_least = if share.is_at_least { "at least " } else { "" };
                format!("{at_least}{} ({})", count(share.n, share.unit.trim_end_matches('s')), cause.id)
            }
            None => title(&cause.title, case),
        };
        all.push(redactor.redact_line(&format!("{what}{times}")));
    }
    all
}

/// Minimum length of a run of hex or Base64 characters with a digit that is a digest.
const MIN_DIGEST_CHARS: usize = 32;

/// Text with its digests left out: answers that quote a signature each are the same answer.
pub(super) fn without_digests(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    let end = |run: &mut String, shown: &mut String| {
        let is_digest = run.len() >= MIN_DIGEST_CHARS && run.contains(|c: char| c.is_ascii_digit());
        shown.push_str(if is_digest { "\u{2026}" } else { run });
        run.clear();
    };
    for c in text.chars() {
        if is_part(c) {
            run.push(c);
        } else {
            end(&mut run, &mut shown);
            shown.push(c);
        }
    }
    end(&mut run, &mut shown);
    shown
}

/// Title of a cause for the reader of the ticket, with the target of the subscription that it names: a partner is not
/// told which operator acted, and why.
pub(super) fn title(text: &str, case: &IncidentEvidence) -> String {
    let mut text = text.to_owned();
    for row in case.subscriptions.found.iter().flatten().map(|of| &of.subscription) {
        if let Some(rest) = text.strip_prefix(&format!("subscription {}:", row.id)) {
            text = format!("subscription {} ({}):{rest}", row.id, row.target_url.sanitized());
            break;
        }
    }
    if case.reader == TicketReader::Support {
        return text;
    }
    for act in case.history.last_change.iter().chain(&case.history.acts) {
        let by = act.by.sanitized();
        if by.starts_with("operator") {
            text = text.replace(&by, "an operator");
        }
        if let Some(reason) = &act.reason {
            text = text.replace(&format!("; reason: {}", reason.sanitized()), "");
        }
    }
    text
}
