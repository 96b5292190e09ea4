//! Evidence that playbooks use: every query with its time, and either its result or the reason why there is none.

use super::caller_id::{CallerId, system_name};
use super::diagnosis_subject::DiagnosisSubject;
use super::finding::CauseFinding;
use super::report::Evidence;
use crate::domain::ids::{AttemptId, CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::audit::AuditRow;
use crate::wire::coverage::{CoverageExtent, CoveredNoun, PlatformCoverage};
use crate::wire::deliveries::{DeliveryRow, EventRow};
use crate::wire::keys::{CompanyRow, KeyRow};
use crate::wire::limits::LimitDetail;
use crate::wire::overview::PlatformOverview;
use crate::wire::receipts::RefusedDeliveries;
use crate::wire::requests::RequestRow;
use crate::wire::signature_check::SignatureCheck;
use crate::wire::stats::AttemptPoint;
use crate::wire::subscriptions::{DeliveryHealth, RevisionRow, SubscriptionRow};
use crate::wire::trips::TripRow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Value that was read, or the reason why not.
pub type QueryOutcome<T> = Result<T, String>;

/// Default period that a playbook looks back.
pub const DEFAULT_LOOKBACK: Duration = Duration::from_secs(3_600);

/// Scope of a playbook run: subject and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiagnosisScope {
    /// Subject that the playbook looks at.
    pub subject: DiagnosisSubject,
    /// Period to look back from now.
    pub lookback: Duration,
}

impl DiagnosisScope {
    /// Creates a scope over the last hour of a subject.
    #[must_use]
    pub const fn last_hour_of(subject: DiagnosisSubject) -> Self {
        Self { subject, lookback: DEFAULT_LOOKBACK }
    }
}

/// Visibility of the platform to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallerVisibility {
    /// Everything: the caller has an operator token.
    #[default]
    Full,
    /// Only what keys see: their companies' subscriptions and events, and the answers to the observer's own calls.
    KeyOnly,
}

impl CallerVisibility {
    /// Returns the visibility on a platform with this coverage: everything, unless an observer answers for it.
    #[must_use]
    pub const fn of(coverage: Option<&PlatformCoverage>) -> Self {
        if coverage.is_some() { Self::KeyOnly } else { Self::Full }
    }
}

/// Health of a subscription's deliveries; zeros where an observer cannot know it, as the visibility of the set says.
#[must_use]
pub fn known_health(row: &SubscriptionRow) -> DeliveryHealth {
    row.health.unwrap_or_default()
}

/// Query to the platform, with its result.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryRecord<T> {
    /// Query as it is shown: `GET /portal/v1/requests?status=401`.
    pub query: String,
    /// Time of the query, on the platform's clock.
    pub at: Timestamp,
    /// Result of the query, or the reason why there is none.
    pub found: QueryOutcome<T>,
    /// Whether there are more rows than were read.
    pub is_incomplete: bool,
}

impl<T> QueryRecord<T> {
    /// Creates a query without a result.
    #[must_use]
    pub fn of(query: &str) -> Self {
        let found = Err("not asked".to_owned());
        Self { query: query.to_owned(), at: Timestamp::default(), found, is_incomplete: false }
    }

    /// Creates a query that was not made, because nothing needs its result.
    #[must_use]
    pub fn not_asked() -> Self {
        Self::of("")
    }

    /// Returns the result of the query.
    ///
    /// # Errors
    ///
    /// One line with the query and the reason why there is no result.
    pub fn result(&self) -> Result<&T, String> {
        self.found.as_ref().map_err(|why| format!("{}: {why}", self.query))
    }

    /// Creates evidence from the result. A number from an incomplete result is marked as a lower bound.
    #[must_use]
    pub fn evidence(&self, what: &str, value: impl Into<Untrusted>, limit: Option<&str>) -> Evidence {
        let cut = if self.is_incomplete { " (incomplete: more rows exist, or some are unreadable)" } else { "" };
        let value: Untrusted = value.into();
        let is_bound = self.is_incomplete && value.raw().bytes().all(|byte| byte.is_ascii_digit());
        Evidence {
            query: format!("{what}, {}{cut}", self.query),
            value: if is_bound { Untrusted::new(format!("at least {}", value.raw())) } else { value },
            limit: limit.map(ToOwned::to_owned),
            at_utc: self.at,
        }
    }
}

/// Calls that are alike: same caller, route, status and reason.
#[derive(Debug, Clone, PartialEq)]
pub struct CallGroup {
    /// Newest of the calls, which carries what they have in common.
    pub newest: RequestRow,
    /// Oldest of the calls; the newest one if there is one only.
    pub oldest: RequestRow,
    /// Number of the calls.
    pub n: u64,
    /// Ids of the newest calls, at most three.
    pub request_ids: Vec<String>,
    /// Number of the calls that took [`SLOW_CALL_MS`] or more.
    pub n_slow: u64,
    /// Duration of the slowest call in milliseconds.
    pub slowest_ms: u64,
    /// Time of the first and of the last slow call; `None` without one.
    pub slow_span: Option<(Timestamp, Timestamp)>,
    /// Number of the calls after the last slow one.
    pub n_since_slow: u64,
}

/// Duration, in milliseconds, from which on a client may have given up.
pub const SLOW_CALL_MS: u64 = 5_000;

/// What the calls of a group have in common.
type CallKey<'r> = (
    (Option<KeyId>, Option<CompanyId>, Option<&'r str>),
    (&'r str, &'r str, Option<u16>),
    (Option<&'r str>, Option<&'r str>),
    (Option<&'r str>, Option<&'r str>),
);

impl CallGroup {
    /// Maximum number of request ids that a group keeps.
    const MAX_IDS: usize = 3;

    /// Groups calls, given newest first. The largest group comes first.
    #[must_use]
    pub fn group(rows: &[RequestRow]) -> Vec<Self> {
        let mut groups: BTreeMap<CallKey<'_>, (Self, &RequestRow)> = BTreeMap::new();
        for row in rows {
            let (group, oldest) = groups.entry(call_key(row)).or_insert_with(|| (Self::of(row), row));
            group.add(row);
            *oldest = row;
        }
        let with_oldest = |(group, oldest): (Self, &RequestRow)| Self { oldest: oldest.clone(), ..group };
        let mut groups: Vec<Self> = groups.into_values().map(with_oldest).collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.n), group.newest.id));
        groups
    }

    /// Creates an empty group of calls like this one.
    fn of(row: &RequestRow) -> Self {
        Self {
            newest: row.clone(),
            oldest: row.clone(),
            n: 0,
            request_ids: Vec::new(),
            n_slow: 0,
            slowest_ms: 0,
            slow_span: None,
            n_since_slow: 0,
        }
    }

    /// Counts a call that is older than those before.
    fn add(&mut self, row: &RequestRow) {
        self.n += 1;
        if self.request_ids.len() < Self::MAX_IDS {
            self.request_ids.extend(row.request_id.as_ref().map(Untrusted::sanitized));
        }
        self.slowest_ms = self.slowest_ms.max(row.elapsed_ms);
        if row.elapsed_ms >= SLOW_CALL_MS {
            self.n_slow += 1;
            let last = self.slow_span.map_or(row.utc, |(_, last)| last);
            self.slow_span = Some((row.utc, last));
        } else if self.n_slow == 0 {
            self.n_since_slow += 1;
        }
    }

    /// Time of the oldest call.
    #[must_use]
    pub const fn first(&self) -> Timestamp {
        self.oldest.utc
    }

    /// Time of the newest call.
    #[must_use]
    pub const fn last(&self) -> Timestamp {
        self.newest.utc
    }

    /// Caller of the calls.
    #[must_use]
    pub fn caller(&self) -> CallerId {
        CallerId::of(&self.newest)
    }
}

fn call_key(row: &RequestRow) -> CallKey<'_> {
    (
        (row.key_id, row.claimed_company_id, row.claimed_last4.as_ref().map(Untrusted::raw)),
        (row.method.raw(), row.route.raw(), row.status),
        (row.code.as_ref().map(Untrusted::raw), row.reason.as_ref().map(Untrusted::raw)),
        (row.address.as_ref().map(Untrusted::raw), row.user_agent.as_ref().map(Untrusted::raw)),
    )
}

/// Subscription that was deleted, as the audit trail shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedSubscription {
    /// Number of the subscription.
    pub id: SubscriptionId,
    /// Company that owned the subscription.
    pub company_id: CompanyId,
    /// Time of the deletion.
    pub at: Timestamp,
    /// Operator or key that deleted the subscription.
    pub by: Untrusted,
    /// Target of the subscription.
    pub target_url: Untrusted,
    /// Event types that the subscription listed.
    pub event_types: Vec<String>,
}

/// Closer look at the deliveries to one subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointEvidence {
    /// Subscription that was looked at.
    pub subscription: SubscriptionId,
    /// Failed attempts of the period, newest first.
    pub failures: QueryRecord<Vec<AttemptRow>>,
    /// Newest successful attempts of the period, newest first.
    pub successes: QueryRecord<Vec<AttemptRow>>,
    /// Scheduled attempts in each minute of the period, oldest first.
    pub minutes: QueryRecord<Vec<AttemptPoint>>,
    /// Attempts in full: the newest failure of each outcome, and a few of both kinds where only a part fails.
    pub details: QueryRecord<Vec<AttemptDetail>>,
    /// Verdicts of the signature debugger on refused attempts.
    pub checks: Vec<(AttemptId, QueryRecord<SignatureCheck>)>,
    /// Configurations of the subscription, the one in force first.
    pub revisions: QueryRecord<Vec<RevisionRow>>,
}

impl EndpointEvidence {
    /// Creates a look at two lists of attempts alone.
    #[cfg(test)]
    pub(crate) fn of_attempts(
        subscription: SubscriptionId,
        failures: QueryRecord<Vec<AttemptRow>>,
        successes: QueryRecord<Vec<AttemptRow>>,
    ) -> Self {
        Self {
            subscription,
            failures,
            successes,
            minutes: QueryRecord::not_asked(),
            details: QueryRecord::not_asked(),
            checks: Vec::new(),
            revisions: QueryRecord::not_asked(),
        }
    }

    /// Finds an attempt in full.
    #[must_use]
    pub fn detail(&self, id: AttemptId) -> Option<&AttemptDetail> {
        self.details.found.as_ref().ok()?.iter().find(|detail| detail.row.id == id)
    }
}

/// Everything that was collected for a scope. What was not asked, or could not be read, says why.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceSet {
    /// Scope that was collected for.
    pub scope: DiagnosisScope,
    /// Visibility with which the data was collected.
    pub visibility: CallerVisibility,
    /// Coverage of what an observer knows of the platform; `None` if the platform itself answered.
    pub coverage: Option<PlatformCoverage>,
    /// Time of the collection, on the platform's clock; on this machine's if the platform did not answer.
    pub at: Timestamp,
    /// Milliseconds by which the platform's clock is ahead of this machine's; `None` if the platform did not answer.
    pub clock_ahead_ms: Option<i64>,
    /// Overview of the platform, without its rows.
    pub overview: QueryRecord<PlatformOverview>,
    /// Successful attempts in full of a few subscriptions, for the clocks of their endpoints; read only where the
    /// platform's clock differs from this machine's.
    pub clock_samples: QueryRecord<Vec<AttemptDetail>>,
    /// Whether the platform is ready; the reason why not is in the error.
    pub readiness: QueryRecord<()>,
    /// Companies of the platform.
    pub companies: QueryRecord<Vec<CompanyRow>>,
    /// Keys of the subject's company; of all companies without a subject.
    pub keys: QueryRecord<Vec<KeyRow>>,
    /// Subscriptions of the subject, with their health.
    pub subscriptions: QueryRecord<Vec<SubscriptionRow>>,
    /// Subscriptions of the subject's company, for comparisons with the subject.
    pub siblings: QueryRecord<Vec<SubscriptionRow>>,
    /// Calls of the period that were refused or failed, the largest group first.
    pub refused: QueryRecord<Vec<CallGroup>>,
    /// Calls of the period that succeeded.
    pub served: QueryRecord<Vec<CallGroup>>,
    /// Newest calls of each key whose calls need a closer look, oldest first.
    pub key_calls: BTreeMap<KeyId, QueryRecord<Vec<RequestRow>>>,
    /// Number of calls that succeeded after the last refused one, of each caller that has no key in force.
    pub good_since: BTreeMap<CallerId, QueryRecord<u64>>,
    /// Deliveries of each subscription that needs a closer look.
    pub endpoints: Vec<EndpointEvidence>,
    /// Causes of failing endpoints, as judged from the closer looks; or why the log of a subscription could not be read.
    pub endpoint_findings: BTreeMap<SubscriptionId, QueryOutcome<Vec<CauseFinding>>>,
    /// Requests that listeners in front of receivers refused in the last 24 hours; where an observer answers.
    pub listener_refusals: QueryRecord<Vec<RefusedDeliveries>>,
    /// Events that were published in the period.
    pub events: QueryRecord<Vec<EventRow>>,
    /// Deliveries that did not arrive: missed, given up or on hold.
    pub undelivered: QueryRecord<Vec<DeliveryRow>>,
    /// Rate windows, with their callers.
    pub limits: QueryRecord<Vec<LimitDetail>>,
    /// Trips of the circuit breaker.
    pub trips: QueryRecord<Vec<TripRow>>,
    /// Newest changes of the audit trail.
    pub audit: QueryRecord<Vec<AuditRow>>,
    /// Subscriptions of the subject that were deleted lately.
    pub deleted: Vec<DeletedSubscription>,
}

impl EvidenceSet {
    /// Reason why not everything is known of a noun, and what would help, as the source says it.
    #[must_use]
    pub fn why_partial(&self, noun: CoveredNoun) -> String {
        match self.coverage.as_ref().and_then(|coverage| coverage.of(noun)) {
            None => format!("not all {} are known", noun.name()),
            Some(of) if of.extent == CoverageExtent::None => of.summary_line(),
            Some(of) => format!("{} are known in part: {}", noun.name(), of.summary_line()),
        }
    }

    /// Creates a collection in which no query was made yet.
    #[must_use]
    pub fn empty(scope: DiagnosisScope, at: Timestamp) -> Self {
        Self {
            scope,
            visibility: CallerVisibility::Full,
            coverage: None,
            at,
            clock_ahead_ms: None,
            overview: QueryRecord::not_asked(),
            clock_samples: QueryRecord::not_asked(),
            readiness: QueryRecord::not_asked(),
            companies: QueryRecord::not_asked(),
            keys: QueryRecord::not_asked(),
            subscriptions: QueryRecord::not_asked(),
            siblings: QueryRecord::not_asked(),
            refused: QueryRecord::not_asked(),
            served: QueryRecord::not_asked(),
            key_calls: BTreeMap::new(),
            good_since: BTreeMap::new(),
            endpoints: Vec::new(),
            endpoint_findings: BTreeMap::new(),
            listener_refusals: QueryRecord::not_asked(),
            events: QueryRecord::not_asked(),
            undelivered: QueryRecord::not_asked(),
            limits: QueryRecord::not_asked(),
            trips: QueryRecord::not_asked(),
            audit: QueryRecord::not_asked(),
            deleted: Vec::new(),
        }
    }

    /// Returns the start of the period.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.at.minus(self.scope.lookback)
    }

    /// Finds the key of that number.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&KeyRow> {
        self.keys.found.as_ref().ok()?.iter().find(|key| key.id == id)
    }

    /// Returns the display name of a key: `Zapier Production (…aZ3k)`.
    #[must_use]
    pub fn key_name(&self, id: KeyId) -> String {
        self.key(id).map_or_else(
            || format!("key {id}"),
            |key| format!("{} (\u{2026}{})", key.name.sanitized(), key.last4.sanitized()),
        )
    }

    /// Returns the display name of a caller.
    #[must_use]
    pub fn caller_name(&self, caller: &CallerId) -> String {
        match caller {
            CallerId::Key(id) => self.key_name(*id),
            CallerId::Claim(company, last4) => {
                format!("key \u{2026}{} of company {company}", Untrusted::new(last4.as_str()).sanitized())
            }
            CallerId::Anonymous(address, agent) => system_name(address, agent),
        }
    }

    /// Finds the subscription of that number.
    #[must_use]
    pub fn subscription(&self, id: SubscriptionId) -> Option<&SubscriptionRow> {
        let rows = self.subscriptions.found.as_ref().ok()?;
        rows.iter().find(|row| row.subscription.id == id)
    }

    /// Finds the closer look at a subscription.
    #[must_use]
    pub fn endpoint(&self, id: SubscriptionId) -> Option<&EndpointEvidence> {
        self.endpoints.iter().find(|of| of.subscription == id)
    }

    /// Returns the rows of a list, or none where it could not be read.
    pub fn rows<T>(of: &QueryRecord<Vec<T>>) -> &[T] {
        of.found.as_ref().map_or(&[], Vec::as_slice)
    }
}

/// Formats a call as it is shown: `GET /portal/v1/requests?status=401`.
pub(super) fn call_text(path: &str, query: &[(&str, String)]) -> String {
    let parts: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if parts.is_empty() { "" } else { "?" };
    format!("GET {path}{mark}{}", parts.join("&"))
}
