//! Coverage of an observer: what keys of the Integration API can show of each noun, since when, and what would show
//! more.

use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::history::keys::KeyName;
use crate::history::observations::PlatformObservations;
use crate::history::source::{PollFailure, SourceState};
use crate::wire::attempts::AttemptRow;
use crate::wire::coverage::{
    CoverageExtent, CoverageGap, CoveredNoun, NounCoverage, ObservedSource, PlatformCoverage, SourceFailure,
    SourceFailureKind, UnfinishedList, UnreadableAnswer,
};
use crate::wire::limits::OwnUse;
use std::collections::BTreeMap;

/// Inputs of an overview and its coverage beside the observations.
#[derive(Debug, Clone)]
pub struct ObservationContext {
    /// Address of the platform.
    pub platform: String,
    /// Keys of the profile, by name.
    pub keys: Vec<KeyName>,
    /// State of the platform, as the polling process found it.
    pub source: SourceState,
    /// Own use of each window: calls in the last minute, and calls allowed.
    pub own_use: BTreeMap<(KeyId, RateBucket), OwnUse>,
    /// Newest deliveries that `crow listen` received.
    pub receipts: Vec<AttemptRow>,
}

/// Builds the coverage of every noun, and the state of the platform, at `now`. `n_subscriptions` counts the known
/// subscriptions of a company.
#[must_use]
pub(super) fn build_coverage(
    seen: &PlatformObservations,
    frame: &ObservationContext,
    n_subscriptions: &dyn Fn(CompanyId) -> usize,
    now: Timestamp,
) -> PlatformCoverage {
    let nouns = CoveredNoun::ALL.into_iter().map(|noun| {
        let (extent, since_utc, reason, remedy) = cover(noun, seen, frame);
        let mut of = NounCoverage {
            extent,
            since_utc,
            reason: Some(Untrusted::new(reason)),
            remedy: Some(Untrusted::new(remedy)),
            ..NounCoverage::full(noun)
        };
        if let Some(resource) = polled_resource(noun) {
            add_reading_faults(&mut of, resource, seen);
        }
        if noun == CoveredNoun::Subscriptions {
            of.gaps =
                seen.gaps.iter().map(|(since, until)| CoverageGap { since_utc: *since, until_utc: *until }).collect();
            let unfinished = seen
                .unfinished
                .iter()
                .map(|company| UnfinishedList { company_id: *company, n_known: n_subscriptions(*company) as u64 });
            of.unfinished = unfinished.collect();
        }
        of
    });
    PlatformCoverage {
        nouns: nouns.collect(),
        source: Some(ObservedSource {
            platform: Untrusted::new(frame.platform.as_str()),
            observer_utc: now,
            heard_utc: seen.heard_at,
            poll_interval_ms: u64::try_from(frame.source.poll_interval.as_millis()).unwrap_or(u64::MAX),
            failure: frame.source.failure.as_ref().map(source_failure),
        }),
    }
}

fn source_failure(of: &PollFailure) -> SourceFailure {
    SourceFailure {
        kind: if of.is_waiting { SourceFailureKind::Waiting } else { SourceFailureKind::Failed },
        why: Untrusted::new(of.why.as_str()),
        n_tries: of.n_tries,
        retry_utc: of.retry_at,
    }
}

/// Resource that is polled for a noun, as the history names it.
const fn polled_resource(noun: CoveredNoun) -> Option<&'static str> {
    match noun {
        CoveredNoun::Subscriptions => Some("subscriptions"),
        CoveredNoun::Events => Some("events"),
        _ => None,
    }
}

/// Adds the answers and items of a polled resource that could not be read.
fn add_reading_faults(of: &mut NounCoverage, resource: &str, seen: &PlatformObservations) {
    let answers = seen.unreadable_answers.iter().filter(|answer| answer.what == resource);
    of.unreadable_answers = answers
        .map(|answer| UnreadableAnswer {
            utc: answer.at,
            why: Untrusted::new(answer.why.as_str()),
            answer: answer.answer.clone(),
        })
        .collect();
    of.unreadable_rows = seen.unreadable.get(resource).cloned().unwrap_or_default();
}

/// Extent of a noun, since when it is known, why not more, and what would help.
type CoverageWords = (CoverageExtent, Option<Timestamp>, &'static str, &'static str);

fn cover(noun: CoveredNoun, seen: &PlatformObservations, frame: &ObservationContext) -> CoverageWords {
    use CoverageExtent::{None as Nothing, Partial};
    let since = seen.since;
    match noun {
        CoveredNoun::Keys => (
            Partial,
            None,
            "keys of this profile, with scopes found by calls that change nothing; a key cannot see other keys or other callers",
            "the Admin Portal lists all keys",
        ),
        CoveredNoun::Subscriptions if lacks_everywhere(KeyScope::WebhooksWrite, seen, frame) => {
            (Nothing, None, "no key of the profile has the scope webhooks:write", "add a key with webhooks:write")
        }
        CoveredNoun::Subscriptions => (
            Partial,
            since.subscriptions,
            "subscriptions of the companies of this profile's keys, as last listed",
            "success rate, latency and backlog are in the Admin Portal",
        ),
        CoveredNoun::Events if lacks_everywhere(KeyScope::EventsRead, seen, frame) => {
            (Nothing, None, "no key of the profile has the scope events:read", "add a key with events:read")
        }
        CoveredNoun::Events => (
            Partial,
            since.events,
            "events as polled; whether they were delivered is not visible to a key",
            "crow reconcile compares them with the deliveries that crow listen received",
        ),
        CoveredNoun::Attempts if seen.n_receipts > 0 => (
            Partial,
            since.receipts,
            "deliveries that crow listen received; a key cannot read the delivery log",
            "the Admin Portal has the delivery log",
        ),
        CoveredNoun::Attempts | CoveredNoun::Deliveries => (
            Nothing,
            None,
            "a key cannot read the delivery log",
            "crow listen receives and records deliveries; the Admin Portal has the log",
        ),
        CoveredNoun::Limits => (
            Partial,
            since.calls,
            "from the rate limit headers of crow's own calls; calls by others only lower the remaining count",
            "the Admin Portal names the callers",
        ),
        CoveredNoun::Trips => (
            Partial,
            since.subscriptions,
            "subscriptions that went off between two listings; causes and missed events are not visible to a key",
            "the Admin Portal has the breaker's history",
        ),
        CoveredNoun::Requests if since.relayed.is_some() => (
            Partial,
            since.relayed.into_iter().chain(since.calls).min(),
            "calls that crow made with this profile, and calls that passed crow relay; other calls are not visible to a key",
            "the Admin Portal has the request log",
        ),
        CoveredNoun::Requests => (
            Partial,
            since.calls,
            "calls that crow made with this profile; a key cannot see the calls of others",
            "crow relay records the calls that pass it; the Admin Portal has the request log",
        ),
        CoveredNoun::Health => (
            Nothing,
            None,
            "success rate, latency, backlog and missed events are not visible to a key",
            "a test shows whether the receiver answers; the Admin Portal has the log",
        ),
        CoveredNoun::Audit | CoveredNoun::Other => {
            (Nothing, None, "changes are not visible to a key", "the Admin Portal has the audit trail")
        }
    }
}

/// Whether every key of the profile is known to lack a scope.
fn lacks_everywhere(scope: KeyScope, seen: &PlatformObservations, frame: &ObservationContext) -> bool {
    let lacks = |name: &str| seen.keys.iter().any(|key| key.name == name && key.lacking.contains(scope));
    !frame.keys.is_empty() && frame.keys.iter().all(|key| lacks(&key.name))
}
