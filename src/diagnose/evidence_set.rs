//! Evidence that playbooks use: every query with its time, and either its result or the reason why there is none.

use super::diagnosis_subject::DiagnosisSubject;
use super::report::Evidence;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::coverage::PlatformCoverage;
use crate::wire::deliveries::{DeliveryRow, EventRow};
use crate::wire::keys::KeyRow;
use crate::wire::limits::LimitDetail;
use crate::wire::requests::RequestRow;
use crate::wire::signature_check::SignatureCheck;
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;
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
    /// Creates a query that was not made, because the playbook does not need it.
    #[must_use]
    pub fn not_asked() -> Self {
        let found = Err("not needed by this playbook".to_owned());
        Self { query: String::new(), at: Timestamp::default(), found, is_incomplete: false }
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

/// Attempt that its receiver refused, with its bytes and the signature debugger's verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedAttempt {
    /// Attempt that the receiver refused.
    pub attempt: AttemptRow,
    /// Attempt with its exact bytes.
    pub detail: QueryRecord<AttemptDetail>,
    /// Verdict of the signature debugger.
    pub check: QueryRecord<SignatureCheck>,
}

/// Latest attempts of one subscription, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionAttempts {
    /// Number of the subscription that was attempted.
    pub subscription: SubscriptionId,
    /// Rows of the delivery log, newest first.
    pub rows: QueryRecord<Vec<AttemptRow>>,
}

/// Everything that was collected. Rows are those of the subject, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceSet {
    /// Scope that was collected for.
    pub scope: DiagnosisScope,
    /// Visibility with which the data was collected.
    pub visibility: CallerVisibility,
    /// Time of the collection, on the platform's clock; on this machine's if the platform did not answer.
    pub at: Timestamp,
    /// Keys of the subject's company; of all companies without a subject.
    pub keys: QueryRecord<Vec<KeyRow>>,
    /// Subscriptions of the subject, with their health.
    pub subscriptions: QueryRecord<Vec<SubscriptionRow>>,
    /// Requests of the period that were answered 400, 401, 403, 429 or 503.
    pub refused: QueryRecord<Vec<RequestRow>>,
    /// Requests of the period that were answered 200 or 201.
    pub served: QueryRecord<Vec<RequestRow>>,
    /// Attempts of each subscription that is disabled or fails, and of the subject's.
    pub attempts: Vec<SubscriptionAttempts>,
    /// Newest refused attempt of each subscription.
    pub refusals: QueryRecord<Vec<RefusedAttempt>>,
    /// Events that were published in the period.
    pub events: QueryRecord<Vec<EventRow>>,
    /// Deliveries of the period that did not arrive: missed, exhausted, or on hold.
    pub undelivered: QueryRecord<Vec<DeliveryRow>>,
    /// Rate windows, with their callers.
    pub limits: QueryRecord<Vec<LimitDetail>>,
    /// Trips of the circuit breaker.
    pub trips: QueryRecord<Vec<TripRow>>,
}

impl EvidenceSet {
    /// Creates a collection in which no query was made yet.
    #[must_use]
    pub fn empty(wish: DiagnosisScope, at: Timestamp) -> Self {
        Self {
            scope: wish,
            visibility: CallerVisibility::Full,
            at,
            keys: QueryRecord::not_asked(),
            subscriptions: QueryRecord::not_asked(),
            refused: QueryRecord::not_asked(),
            served: QueryRecord::not_asked(),
            attempts: Vec::new(),
            refusals: QueryRecord::not_asked(),
            events: QueryRecord::not_asked(),
            undelivered: QueryRecord::not_asked(),
            limits: QueryRecord::not_asked(),
            trips: QueryRecord::not_asked(),
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
    pub fn key_name(&self, id: Option<KeyId>) -> String {
        match id.and_then(|id| self.key(id)) {
            Some(key) => format!("{} (\u{2026}{})", key.name.sanitized(), key.last4.sanitized()),
            None => id.map_or_else(|| "an unknown key".to_owned(), |id| format!("key {id}")),
        }
    }

    /// Returns the display name of a request's caller: by its key, otherwise by the last four characters that were
    /// sent.
    #[must_use]
    pub fn caller(&self, row: &RequestRow) -> String {
        match (row.key_id, &row.last4) {
            (None, Some(last4)) => format!("key \u{2026}{}", last4.sanitized()),
            (id, _) => self.key_name(id),
        }
    }

    /// Iterates over the subscriptions of a company.
    pub fn subscriptions_of(&self, company: CompanyId) -> impl Iterator<Item = &SubscriptionRow> {
        let all = self.subscriptions.found.as_ref().map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |row| row.subscription.company_id == company)
    }
}

/// Formats a call as it is shown: `GET /portal/v1/requests?status=401`.
pub(super) fn call_text(path: &str, query: &[(&'static str, String)]) -> String {
    let parts: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if parts.is_empty() { "" } else { "?" };
    format!("GET {path}{mark}{}", parts.join("&"))
}
