//! Playbook for events that are missing when polled: filters, a missing scope, an unknown event type, or no events.

use super::permissions::missing_scope;
use super::ranking::{capped_weight, new_key, ranked_cause, with_offers};
use super::refused_calls::{OTHER_CALLERS_UNKNOWN, code, detail, group_by, request_evidence};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::report::{Evidence, PlaybookTopic};
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use crate::text::count;
use crate::wire::deliveries::EventRow;
use crate::wire::paths;
use crate::wire::requests::RequestRow;

/// Checks, in order: permitted, types exist, polls returned events, filters, events happened.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::EventsMissing,
    needs: &[EvidenceSource::Keys, EvidenceSource::Refused, EvidenceSource::Served, EvidenceSource::Events],
    checks: &[
        PlaybookCheck {
            id: "polls-permitted",
            text: "May every poller read events?",
            condition: CheckCondition::Always,
            check: permitted,
        },
        PlaybookCheck {
            id: "types-exist",
            text: "Do all polls use valid event types?",
            condition: CheckCondition::Always,
            check: types,
        },
        PlaybookCheck {
            id: "polls-filled",
            text: "Did polls return events?",
            condition: CheckCondition::Always,
            check: polls_filled,
        },
        PlaybookCheck {
            id: "filters-fit",
            text: "Do the filters match the published events?",
            condition: CheckCondition::Failed("polls-filled"),
            check: filters,
        },
        PlaybookCheck {
            id: "events-happened",
            text: "Did the company have any events?",
            condition: CheckCondition::Failed("polls-filled"),
            check: events_happened,
        },
    ],
};

fn is_poll(row: &RequestRow) -> bool {
    row.route.raw() == paths::EVENTS && row.method.raw() == "GET"
}

fn refused_polls<'d>(dossier: &'d EvidenceSet, wanted: &str) -> Result<Vec<&'d RequestRow>, CheckResult> {
    let rows = dossier.refused.result().map_err(CheckResult::unknown)?;
    Ok(rows.iter().filter(|row| is_poll(row) && code(row) == wanted).collect())
}

fn permitted(dossier: &EvidenceSet) -> CheckResult {
    let rows = match refused_polls(dossier, "insufficient_scope") {
        Ok(rows) => rows,
        Err(unknown) => return unknown,
    };
    let n = dossier.refused.evidence("polls rejected for a missing scope", rows.len().to_string(), Some("0"));
    let groups = group_by(rows, |row| row.key_id.map(|id| id.0));
    let name = |rows: &Vec<&RequestRow>| {
        let scope = missing_scope(rows[0]).map_or_else(|| "a scope".to_owned(), |scope| scope.to_string());
        let title =
            format!("{} lacks {scope} and gets no events ({})", dossier.caller(rows[0]), count(rows.len(), "poll"));
        let weighed = ranked_cause(
            capped_weight(3_000, rows.len()),
            "events-no-scope",
            title,
            request_evidence(dossier, rows),
            "Scopes cannot be changed after a key is created. Create a key with events:read for the poller, and revoke the old one when it is no longer used.",
        );
        with_offers(weighed, new_key(rows[0].key_id))
    };
    poll_result(dossier, groups.values().map(name).collect(), n)
}

/// Creates the result of a check of poll calls. One key sees only its own calls, so without causes the result is
/// unknown.
fn poll_result(dossier: &EvidenceSet, causes: Vec<RankedCause>, evidence: Evidence) -> CheckResult {
    if causes.is_empty() && dossier.visibility == CallerVisibility::KeyOnly {
        return CheckResult { evidence: vec![evidence], ..CheckResult::unknown(OTHER_CALLERS_UNKNOWN) };
    }
    CheckResult::from_rows(&dossier.refused, causes, vec![evidence])
}

fn has_unknown_type(row: &&RequestRow) -> bool {
    row.refusal().is_some_and(|reason| reason.has_invalid_field("type"))
}

fn types(dossier: &EvidenceSet) -> CheckResult {
    let rows = match refused_polls(dossier, "validation_failed") {
        Ok(rows) => rows.into_iter().filter(has_unknown_type).collect::<Vec<_>>(),
        Err(unknown) => return unknown,
    };
    let n = dossier.refused.evidence("polls rejected for an unknown type", rows.len().to_string(), Some("0"));
    let groups = group_by(rows, |row| row.key_id.map(|id| id.0));
    let name = |rows: &Vec<&RequestRow>| {
        let title = format!(
            "{} polls for an event type that does not exist ({})",
            dossier.caller(rows[0]),
            count(rows.len(), "poll")
        );
        ranked_cause(
            capped_weight(2_500, rows.len()),
            "events-unknown-type",
            title,
            request_evidence(dossier, rows),
            "Use one of the ten event types. Names are lowercase and case-sensitive: client.created, not Client.Created.",
        )
    };
    poll_result(dossier, groups.values().map(name).collect(), n)
}

/// Polls of one key in the period, newest first.
struct EventPoller<'d> {
    company: CompanyId,
    name: String,
    polls: Vec<&'d RequestRow>,
    n_items: u64,
}

fn pollers(dossier: &EvidenceSet) -> Result<Vec<EventPoller<'_>>, CheckResult> {
    let rows = dossier.served.result().map_err(CheckResult::unknown)?;
    let polls: Vec<&RequestRow> = rows.iter().filter(|row| is_poll(row) && row.company_id.is_some()).collect();
    let groups = group_by(polls, |row| row.key_id.map(|id| id.0));
    let poller = |polls: Vec<&'_ RequestRow>| -> Option<(CompanyId, String, u64)> {
        let first = polls.first()?;
        let n = polls.iter().filter_map(|row| poll_filter(row, "n")?.parse::<u64>().ok()).sum();
        Some((first.company_id?, dossier.caller(first), n))
    };
    Ok(groups
        .into_values()
        .filter_map(|polls| {
            let (company, name, n_items) = poller(polls.clone())?;
            Some(EventPoller { company, name, polls, n_items })
        })
        .collect())
}

/// Returns one filter of a poll from its logged detail: `type=lead.created;since=…;n=0`.
fn poll_filter<'r>(row: &'r RequestRow, name: &str) -> Option<&'r str> {
    detail(row).split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn is_filtered(row: &RequestRow) -> bool {
    ["type", "since", "until"].into_iter().any(|name| poll_filter(row, name).is_some())
}

/// Checks whether a poll's filters match an event.
fn filters_match(row: &RequestRow, event: &EventRow) -> bool {
    let types: Vec<&str> = detail(row).split(';').filter_map(|part| part.strip_prefix("type=")).collect();
    let at = |name| poll_filter(row, name).and_then(Timestamp::parse);
    (types.is_empty() || types.contains(&event.kind.raw()))
        && at("since").is_none_or(|since| event.created_utc >= since)
        && at("until").is_none_or(|until| event.created_utc < until)
}

fn polls_filled(dossier: &EvidenceSet) -> CheckResult {
    let pollers = match pollers(dossier) {
        Ok(pollers) => pollers,
        Err(unknown) => return unknown,
    };
    if pollers.is_empty() {
        return CheckResult::unknown("no event poll arrived in the period");
    }
    let evidence = pollers.iter().map(|poller| {
        let value = format!("{} in {}", count(poller.n_items, "event"), count(poller.polls.len(), "poll"));
        dossier.served.evidence(&format!("{}: polled", poller.name), value, Some("at least 1 event"))
    });
    let evidence = evidence.collect();
    if pollers.iter().any(|poller| poller.n_items == 0) {
        return CheckResult { verdict: crate::diagnose::report::CheckVerdict::Fail, evidence, causes: Vec::new() };
    }
    CheckResult::pass(evidence)
}

fn filters(dossier: &EvidenceSet) -> CheckResult {
    let (pollers, events) = match (pollers(dossier), dossier.events.result()) {
        (Ok(pollers), Ok(events)) => (pollers, events),
        (Err(unknown), _) => return unknown,
        (_, Err(why)) => return CheckResult::unknown(why),
    };
    let mut causes: Vec<RankedCause> = Vec::new();
    for poller in pollers.iter().filter(|poller| poller.n_items == 0 && poller.polls.iter().all(|row| is_filtered(row)))
    {
        let poll = poller.polls[0];
        let left_out: Vec<&EventRow> = events
            .iter()
            .filter(|event| {
                event.company_id == poller.company && event.created_utc <= poll.utc && !filters_match(poll, event)
            })
            .collect();
        if left_out.is_empty() {
            continue;
        }
        let mut kinds: Vec<String> = left_out.iter().map(|event| event.kind.sanitized()).collect();
        kinds.sort();
        kinds.dedup();
        let evidence = vec![
            dossier.served.evidence(&format!("{}: filters", poller.name), detail(poll).to_owned(), None),
            dossier.events.evidence(
                "events of the company that the filters exclude",
                left_out.len().to_string(),
                Some("0"),
            ),
            dossier.events.evidence("types of the excluded events", kinds.join(", "), None),
        ];
        let title = format!(
            "{} polls with filters that exclude {} of its company",
            poller.name,
            count(left_out.len(), "event")
        );
        causes.push(ranked_cause(capped_weight(2_000, left_out.len()), "events-filtered", title, evidence,
            "Remove the filters one at a time: since is inclusive, until exclusive, both in UTC; types are case-sensitive. Instead of since, \
             follow the cursor of the last page: it never skips events."));
    }
    let n = dossier.events.evidence("events in the period", events.len().to_string(), None);
    CheckResult::from_rows(&dossier.events, causes, vec![n])
}

fn events_happened(dossier: &EvidenceSet) -> CheckResult {
    let (pollers, events) = match (pollers(dossier), dossier.events.result()) {
        (Ok(pollers), Ok(events)) => (pollers, events),
        (Err(unknown), _) => return unknown,
        (_, Err(why)) => return CheckResult::unknown(why),
    };
    let mut causes: Vec<RankedCause> = Vec::new();
    for poller in pollers.iter().filter(|poller| poller.n_items == 0) {
        if events.iter().any(|event| event.company_id == poller.company) {
            continue;
        }
        // In an incomplete list, the absence of a company's events proves nothing.
        if dossier.events.is_incomplete {
            continue;
        }
        let elsewhere = dossier.events.evidence("events of other companies", events.len().to_string(), None);
        let elsewhere = (dossier.scope.subject == DiagnosisSubject::All).then_some(elsewhere);
        let evidence = [
            Some(dossier.events.evidence(
                &format!("events of company {} in the period", poller.company),
                "0",
                Some("at least 1"),
            )),
            elsewhere,
            Some(dossier.served.evidence(
                &format!("{}: answered polls", poller.name),
                poller.polls.len().to_string(),
                None,
            )),
        ];
        let evidence = evidence.into_iter().flatten().collect();
        let title = format!("company {} had no events while {} polled", poller.company, poller.name);
        causes.push(ranked_cause(1_500, "events-not-happened", title, evidence,
            "Check in the CRM that the action was done, and in this company: a key reads only its own company's events. A test event shows \
             whether polling works."));
    }
    let n = dossier.events.evidence("events in the period", events.len().to_string(), None);
    CheckResult::from_rows(&dossier.events, causes, vec![n])
}
