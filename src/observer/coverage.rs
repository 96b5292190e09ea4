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
        let words = cover(noun, seen, frame);
        let mut of = NounCoverage {
            extent: if words.is_partial { CoverageExtent::Partial } else { CoverageExtent::None },
            since_utc: words.since,
            reason: Some(Untrusted::new(words.reason)),
            remedy: Some(Untrusted::new(words.remedy)),
            unknown_members: unknown_members(noun, seen).iter().map(|member| (*member).to_owned()).collect(),
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

/// What is known of a noun, since when, why not more, and what would help.
struct CoverageWords {
    is_partial: bool,
    since: Option<Timestamp>,
    reason: String,
    remedy: &'static str,
}

impl CoverageWords {
    fn partial(since: Option<Timestamp>, reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { is_partial: true, since, reason: reason.into(), remedy }
    }

    fn nothing(reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { is_partial: false, since: None, reason: reason.into(), remedy }
    }
}

/// Says what is known of a noun. A sentence is about what was looked at: about relayed calls and received deliveries only
/// where there are some, and about the companies whose keys may read a list.
fn cover(noun: CoveredNoun, seen: &PlatformObservations, frame: &ObservationContext) -> CoverageWords {
    let is_relayed = seen.since.relayed.is_some();
    match noun {
        CoveredNoun::Keys => {
            let others = if is_relayed { "other keys" } else { "other keys or other callers" };
            let reason = "keys of this profile, with scopes found by calls that change nothing; a key cannot see";
            CoverageWords::partial(None, format!("{reason} {others}"), "the Admin Portal lists all keys")
        }
        CoveredNoun::Subscriptions | CoveredNoun::Trips => cover_subscriptions(noun, seen, frame),
        CoveredNoun::Events => cover_events(seen, frame),
        CoveredNoun::Attempts if seen.n_receipts > 0 => CoverageWords::partial(
            seen.since.receipts,
            "deliveries that passed crow listen; a key cannot read the delivery log",
            "the Admin Portal has the delivery log",
        ),
        CoveredNoun::Attempts | CoveredNoun::Deliveries => CoverageWords::nothing(
            "a key cannot read the delivery log",
            "crow listen --forward URL records the deliveries that pass it; the Admin Portal has the log",
        ),
        CoveredNoun::Limits => {
            let of_others = if is_relayed { " and of calls that passed crow relay" } else { "" };
            let reason = format!(
                "from the rate limit headers of crow's own calls{of_others}; calls by others only lower the remaining count"
            );
            CoverageWords::partial(seen.since.calls, reason, "the Admin Portal names the callers")
        }
        CoveredNoun::Requests => cover_requests(seen),
        CoveredNoun::Health => cover_health(seen),
        CoveredNoun::Audit | CoveredNoun::Other => {
            CoverageWords::nothing("changes are not visible to a key", "the Admin Portal has the audit trail")
        }
    }
}

fn cover_subscriptions(noun: CoveredNoun, seen: &PlatformObservations, frame: &ObservationContext) -> CoverageWords {
    let scope = KeyScope::WebhooksWrite;
    let Some(unread) = unread_companies(scope, seen, frame) else {
        return CoverageWords::nothing(
            "no key of the profile has the scope webhooks:write",
            "add a key with webhooks:write",
        );
    };
    let since = seen.since.subscriptions;
    if noun == CoveredNoun::Trips {
        let reason =
            "subscriptions that went off between two listings; causes and missed events are not visible to a key";
        return CoverageWords::partial(
            since,
            reason.to_owned() + &unread,
            "the Admin Portal has the breaker's history",
        );
    }
    let (reason, remedy) = if seen.receipt_health.is_empty() {
        (
            "subscriptions of the companies of this profile's keys, as last listed",
            "success rate, latency and backlog are in the Admin Portal",
        )
    } else {
        (
            "subscriptions of the companies of this profile's keys, as last listed; success rate and latency as crow listen saw them",
            "the backlog and missed events are in the Admin Portal",
        )
    };
    CoverageWords::partial(since, reason.to_owned() + &unread, remedy)
}

/// Covers the health of subscriptions, which listeners in front of their receivers see.
fn cover_health(seen: &PlatformObservations) -> CoverageWords {
    match seen.receipt_health.values().map(|of| of.since).min() {
        Some(since) => CoverageWords::partial(
            Some(since),
            "from deliveries that passed crow listen for subscriptions named to it; attempts that reached no listener, backlog and missed events are not visible",
            "put crow listen in front of the other receivers, and name their subscriptions with --subscription",
        ),
        None => CoverageWords::nothing(
            "success rate, latency, backlog and missed events are not visible to a key",
            "crow listen in front of a receiver shows most of it; the Admin Portal has the log",
        ),
    }
}

fn cover_events(seen: &PlatformObservations, frame: &ObservationContext) -> CoverageWords {
    let Some(unread) = unread_companies(KeyScope::EventsRead, seen, frame) else {
        return CoverageWords::nothing("no key of the profile has the scope events:read", "add a key with events:read");
    };
    let (reason, remedy) = if seen.n_receipts > 0 {
        (
            "events as polled; of their deliveries only those that passed crow listen are known",
            "crow reconcile compares the two",
        )
    } else {
        (
            "events as polled; whether they were delivered is not visible to a key",
            "crow reconcile compares them with the deliveries that pass crow listen",
        )
    };
    CoverageWords::partial(seen.since.events, reason.to_owned() + &unread, remedy)
}

/// Words about the request log: own calls, and relayed ones since the first that is kept.
fn cover_requests(seen: &PlatformObservations) -> CoverageWords {
    let Some(relayed) = seen.since.relayed else {
        return CoverageWords::partial(
            seen.since.calls,
            "calls that crow made with this profile; a key cannot see the calls of others",
            "crow relay records the calls that pass it; the Admin Portal has the request log",
        );
    };
    let reason = format!(
        "calls that crow made with this profile, and since {} UTC the calls that passed crow relay; a key cannot see others",
        relayed.format("%Y-%m-%d %H:%M:%S")
    );
    // Both kinds are known from the later of the two on.
    CoverageWords::partial(seen.since.calls.max(Some(relayed)), reason, "the Admin Portal has the request log")
}

/// Words about the companies none of whose keys has a scope, to end a sentence with; empty if there are none. `None` if
/// that is every company of the profile.
fn unread_companies(scope: KeyScope, seen: &PlatformObservations, frame: &ObservationContext) -> Option<String> {
    let lacks = |name: &str| seen.keys.iter().any(|key| key.name == name && key.lacking.contains(scope));
    let mut may_read: BTreeMap<CompanyId, bool> = BTreeMap::new();
    for key in &frame.keys {
        *may_read.entry(key.company).or_default() |= !lacks(&key.name);
    }
    let unread: Vec<String> =
        may_read.iter().filter(|(_, may_read)| !**may_read).map(|(company, _)| company.to_string()).collect();
    match (unread.len(), may_read.len()) {
        (0, _) => Some(String::new()),
        (n, all) if n == all => None,
        _ => Some(format!("; no key of company {} has {}", unread.join(", "), scope.name())),
    }
}

/// Members of a noun's rows that no key shows, by their names on the wire.
fn unknown_members(noun: CoveredNoun, seen: &PlatformObservations) -> &'static [&'static str] {
    match noun {
        CoveredNoun::Keys => &["createdUtc", "revokedUtc", "usage"],
        CoveredNoun::Subscriptions if seen.receipt_health.is_empty() => &["health"],
        CoveredNoun::Subscriptions => &["health.nBacklog", "health.nParked", "health.nSkipped", "health.nextDueUtc"],
        CoveredNoun::Attempts => &["targetUrl", "deliveryId", "kind", "of", "cause"],
        CoveredNoun::Events => &["nDeliveries"],
        CoveredNoun::Limits => &["topRoutes", "callers"],
        CoveredNoun::Trips => &["causes", "enabledBy", "nMissed"],
        CoveredNoun::Requests if seen.since.relayed.is_none() => {
            &["reason", "claimedCompanyId", "claimedLast4", "query", "address", "userAgent", "callerName"]
        }
        CoveredNoun::Requests
        | CoveredNoun::Deliveries
        | CoveredNoun::Health
        | CoveredNoun::Audit
        | CoveredNoun::Other => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::ScopeSet;
    use crate::history::observations::{ObservedKey, ObservedSince};
    use std::time::Duration;

    const AT: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    /// What was looked at: relayed calls, received deliveries, and the scopes that the keys of two companies lack.
    struct Looked {
        is_relayed: bool,
        n_receipts: u64,
        lacking: [&'static str; 2],
    }

    fn coverage(looked: &Looked) -> PlatformCoverage {
        let names = ["one", "two"];
        let keys = names.iter().zip(looked.lacking).map(|(name, lacking)| ObservedKey {
            name: (*name).to_owned(),
            held: ScopeSet::default(),
            lacking: ScopeSet::parse(lacking),
            refused: None,
            used_at: None,
        });
        let since = ObservedSince {
            calls: Some(AT),
            relayed: looked.is_relayed.then(|| AT.plus(Duration::from_secs(60))),
            receipts: (looked.n_receipts > 0).then_some(AT),
            ..ObservedSince::default()
        };
        let seen =
            PlatformObservations { keys: keys.collect(), n_receipts: looked.n_receipts, since, ..Default::default() };
        let key = |(name, company): (&&str, i64)| KeyName {
            name: (*name).to_owned(),
            company: CompanyId(company),
            last4: "abcd".to_owned(),
        };
        let frame = ObservationContext {
            platform: "https://platform.example".to_owned(),
            keys: names.iter().zip([92, 93]).map(key).collect(),
            source: SourceState { skew_ms: 0, poll_interval: Duration::from_secs(10), failure: None },
            own_use: BTreeMap::new(),
            receipts: Vec::new(),
        };
        build_coverage(&seen, &frame, &|_| 0, AT)
    }

    const ALONE: Looked = Looked { is_relayed: false, n_receipts: 0, lacking: ["", ""] };

    const RELAYED: Looked = Looked { is_relayed: true, ..ALONE };
    const RECEIVED: Looked = Looked { n_receipts: 3, ..ALONE };
    const HALF: Looked = Looked { lacking: ["", "webhooks:write,events:read"], ..ALONE };
    const WITHOUT: Looked = Looked { lacking: ["webhooks:write", "webhooks:write"], ..ALONE };

    /// What was looked at, and the sentence about a noun.
    const SENTENCES: [(&Looked, CoveredNoun, &str); 15] = [
        (
            &ALONE,
            CoveredNoun::Requests,
            "calls that crow made with this profile; a key cannot see the calls of others; crow relay records the calls that pass it; the Admin Portal has the request log",
        ),
        (
            &RELAYED,
            CoveredNoun::Requests,
            "calls that crow made with this profile, and since 2026-09-21 14:14:20 UTC the calls that passed crow relay; a key cannot see others; the Admin Portal has the request log",
        ),
        (
            &ALONE,
            CoveredNoun::Limits,
            "from the rate limit headers of crow's own calls; calls by others only lower the remaining count; the Admin Portal names the callers",
        ),
        (
            &RELAYED,
            CoveredNoun::Limits,
            "from the rate limit headers of crow's own calls and of calls that passed crow relay; calls by others only lower the remaining count; the Admin Portal names the callers",
        ),
        (
            &ALONE,
            CoveredNoun::Keys,
            "keys of this profile, with scopes found by calls that change nothing; a key cannot see other keys or other callers; the Admin Portal lists all keys",
        ),
        (
            &RELAYED,
            CoveredNoun::Keys,
            "keys of this profile, with scopes found by calls that change nothing; a key cannot see other keys; the Admin Portal lists all keys",
        ),
        (
            &ALONE,
            CoveredNoun::Attempts,
            "a key cannot read the delivery log; crow listen --forward URL records the deliveries that pass it; the Admin Portal has the log",
        ),
        (
            &RECEIVED,
            CoveredNoun::Attempts,
            "deliveries that passed crow listen; a key cannot read the delivery log; the Admin Portal has the delivery log",
        ),
        (
            &RECEIVED,
            CoveredNoun::Deliveries,
            "a key cannot read the delivery log; crow listen --forward URL records the deliveries that pass it; the Admin Portal has the log",
        ),
        (
            &ALONE,
            CoveredNoun::Events,
            "events as polled; whether they were delivered is not visible to a key; crow reconcile compares them with the deliveries that pass crow listen",
        ),
        (
            &RECEIVED,
            CoveredNoun::Events,
            "events as polled; of their deliveries only those that passed crow listen are known; crow reconcile compares the two",
        ),
        (
            &HALF,
            CoveredNoun::Events,
            "events as polled; whether they were delivered is not visible to a key; no key of company 93 has events:read; crow reconcile compares them with the deliveries that pass crow listen",
        ),
        (
            &HALF,
            CoveredNoun::Subscriptions,
            "subscriptions of the companies of this profile's keys, as last listed; no key of company 93 has webhooks:write; success rate, latency and backlog are in the Admin Portal",
        ),
        (
            &WITHOUT,
            CoveredNoun::Subscriptions,
            "no key of the profile has the scope webhooks:write; add a key with webhooks:write",
        ),
        (
            &WITHOUT,
            CoveredNoun::Trips,
            "no key of the profile has the scope webhooks:write; add a key with webhooks:write",
        ),
    ];

    #[test]
    fn each_sentence_is_about_what_was_looked_at() {
        for (looked, noun, sentence) in SENTENCES {
            let coverage = coverage(looked);
            let of = coverage.of(noun).expect("not in full");
            assert_eq!(of.summary_line(), sentence, "{noun:?}");
            let is_nothing = sentence.starts_with("no key of the profile") || sentence.starts_with("a key cannot read");
            assert_eq!(of.extent == CoverageExtent::None, is_nothing, "{noun:?}");
        }
        // Relayed calls are not known from the first own call on.
        let since = |looked| coverage(looked).of(CoveredNoun::Requests).and_then(|of| of.since_utc);
        assert_eq!(since(&RELAYED), Some(AT.plus(Duration::from_secs(60))));
        assert_eq!(since(&ALONE), Some(AT));
    }
}
