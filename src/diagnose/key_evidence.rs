//! Collection of evidence with a key of the Integration API: its company's subscriptions and events, and the answers
//! to its own calls. Everything that needs the Portal API is recorded as unknown, with the reason.

use super::breaker::evidence::BreakerEvidence;
use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::call_text;
use super::evidence_set::{CallerVisibility, DiagnosisScope, EvidenceSet, QueryRecord, SubscriptionAttempts};
use super::playbook::EvidenceSource;
use super::subject::retain_subject;
use crate::client::Error;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::RuntimeEnv;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::key;
use crate::domain::secret::Secret;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::deliveries::EventRow;
use crate::wire::events::Envelope;
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::problem::ProblemCode;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::{DeliveryHealth, Subscription, SubscriptionRow};
use serde::de::DeserializeOwned;

/// Reason for everything that only the Portal API knows.
pub const PORTAL_ONLY_REASON: &str = "not available with an API key; use an operator token (--token-file)";
/// Maximum number of rows requested, with one call per list, because calls count against the key's rate limit.
const MAX_ROWS: u32 = 200;

/// Returns the key with which a client authenticates; `None` for an operator.
#[must_use]
pub fn client_key(client: &PlatformClient) -> Option<&Secret> {
    match client.credential() {
        ClientCredential::Key(key) => Some(key),
        ClientCredential::Operator(_) => None,
    }
}

/// Collects what a playbook needs as far as the key can see it, with at most two read-only calls.
pub async fn collect_with_key(
    client: &PlatformClient,
    key: &Secret,
    ambient: &RuntimeEnv,
    wish: DiagnosisScope,
    needs: &[EvidenceSource],
) -> EvidenceSet {
    let at = ambient.now();
    let mut dossier = EvidenceSet { visibility: CallerVisibility::KeyOnly, ..EvidenceSet::empty(wish, at) };
    mark_portal_only(&mut dossier);
    let mut desk = KeyEvidenceCollector {
        client,
        ambient,
        at,
        company: key::parse_key_company(key.reveal()).ok(),
        last4: key.last4(),
        rows: Vec::new(),
    };
    let wants = |source: &[EvidenceSource]| source.iter().any(|source| needs.contains(source));
    if wants(&[EvidenceSource::Subscriptions, EvidenceSource::Refused])
        || matches!(wish.subject, DiagnosisSubject::Subscription(_))
    {
        let query = [("limit", MAX_ROWS.to_string())];
        let found = desk.call::<Page<Subscription>>(paths::SUBSCRIPTIONS, &query, |_| None).await;
        dossier.subscriptions = found.map(|page| page.items.into_iter().map(bare_row).collect(), is_incomplete);
    }
    if wants(&[EvidenceSource::Events, EvidenceSource::Refused]) {
        let since = ("since", dossier.since().whole_second().to_string());
        let query = [since.clone(), ("limit", MAX_ROWS.to_string())];
        let narrowed = |page: &Page<Envelope>| Some(format!("since={};n={}", since.1, page.items.len()));
        let found = desk.call::<Page<Envelope>>(paths::EVENTS, &query, narrowed).await;
        dossier.events = found.map(|page| page.items.into_iter().rev().map(event).collect(), is_incomplete);
    }
    let (refused, served): (Vec<_>, Vec<_>) = desk.rows.into_iter().partition(|row| row.status >= 400);
    let own = |found| QueryRecord {
        query: "answers to this key's own calls".to_owned(),
        at,
        found: Ok(found),
        is_incomplete: false,
    };
    (dossier.refused, dossier.served) = (own(refused), own(served));
    retain_subject(&mut dossier);
    if needs.contains(&EvidenceSource::Attempts) {
        let rows = dossier.subscriptions.found.iter().flatten();
        dossier.attempts = rows
            .map(|row| SubscriptionAttempts {
                subscription: row.subscription.id,
                rows: portal_only(paths::ATTEMPTS, at),
            })
            .collect();
    }
    dossier
}

/// Checks whether a page is incomplete: there are more rows, or some could not be read.
fn is_incomplete<T>(page: &Page<T>) -> bool {
    page.has_more || page.unreadable.n > 0
}

/// Collects what the circuit breaker playbook can know with a key.
pub async fn collect_breaker_with_key(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    id: SubscriptionId,
) -> BreakerEvidence {
    let found = client.get_any::<Subscription>(&paths::with_value(paths::SUBSCRIPTION, id), &[]).await;
    BreakerEvidence {
        at: ambient.now(),
        visibility: CallerVisibility::KeyOnly,
        row: found.map(bare_row).map_err(|error| error.to_string()),
        attempts: Err(PORTAL_ONLY_REASON.to_owned()),
        trip: Err(PORTAL_ONLY_REASON.to_owned()),
    }
}

/// Records everything that only the Portal API knows as unknown.
fn mark_portal_only(dossier: &mut EvidenceSet) {
    let at = dossier.at;
    dossier.keys = portal_only(paths::KEYS, at);
    dossier.refusals = portal_only(paths::ATTEMPT_SIGNATURE, at);
    dossier.undelivered = portal_only(paths::DELIVERIES, at);
    dossier.limits = portal_only(paths::LIMITS, at);
    dossier.trips = portal_only(paths::TRIPS, at);
}

/// Creates a query that was not made because a key is not allowed to make it.
fn portal_only<T>(path: &str, at: Timestamp) -> QueryRecord<T> {
    QueryRecord { query: format!("GET {path}"), at, found: Err(PORTAL_ONLY_REASON.to_owned()), is_incomplete: false }
}

/// Builds the row of a subscription as a key sees it, without health.
fn bare_row(subscription: Subscription) -> SubscriptionRow {
    SubscriptionRow { subscription, health: DeliveryHealth::default(), disabled_note: None }
}

fn event(of: Envelope) -> EventRow {
    EventRow {
        id: of.id,
        company_id: of.company_id,
        n_bytes: of.payload.get().len() as u64,
        n_deliveries: 0,
        kind: of.kind,
        created_utc: of.created_utc,
    }
}

/// Collector that makes the key's calls and records them as the platform's request log would.
struct KeyEvidenceCollector<'a> {
    client: &'a PlatformClient,
    ambient: &'a RuntimeEnv,
    at: Timestamp,
    company: Option<CompanyId>,
    last4: String,
    rows: Vec<RequestRow>,
}

impl KeyEvidenceCollector<'_> {
    async fn call<T: DeserializeOwned>(
        &mut self,
        path: &'static str,
        query: &[(&'static str, String)],
        detail: impl Fn(&T) -> Option<String>,
    ) -> QueryRecord<T> {
        let begun_at = self.ambient.now();
        let came = self.client.get_any::<T>(path, query).await;
        let elapsed_ms = u64::try_from(self.ambient.now().since(begun_at).as_millis()).unwrap_or(u64::MAX);
        let problem = match &came {
            Err(Error::Refused { problem }) => Some(problem),
            _ => None,
        };
        let status = match (&came, problem) {
            (Ok(_), _) => Some(200),
            (Err(_), problem) => problem.map(|problem| problem.status),
        };
        if let Some(status) = status {
            let told = came.as_ref().ok().and_then(detail).or_else(|| problem.map(|problem| problem.detail.clone()));
            let is_known = !matches!(status, 401);
            // Text that does not have the form of a key has no last four characters worth showing.
            let last4 = self.company.map(|_| Untrusted::new(self.last4.as_str()));
            self.rows.push(RequestRow {
                id: i64::try_from(self.rows.len()).unwrap_or(i64::MAX),
                utc: begun_at,
                key_id: None,
                company_id: self.company.filter(|_| is_known),
                last4: last4.clone().filter(|_| is_known),
                method: "GET".into(),
                route: path.into(),
                status,
                code: problem.and_then(|problem| code_name(problem.code)).map(Untrusted::new),
                detail: told.map(Untrusted::new),
                reason: problem.and_then(|problem| problem.refusal()).map(|reason| Untrusted::new(reason.word())),
                claimed_company_id: self.company.filter(|_| !is_known),
                claimed_last4: last4.filter(|_| !is_known),
                query: None,
                address: None,
                user_agent: None,
                request_id: problem.map_or_else(String::new, |problem| problem.request_id.clone()).into(),
                elapsed_ms,
            });
        }
        let found = came.map_err(|error| error.to_string());
        QueryRecord { query: call_text(path, query), at: self.at, found, is_incomplete: false }
    }
}

/// Returns a problem code as it is written on the wire.
fn code_name(code: ProblemCode) -> Option<String> {
    serde_json::to_value(code).ok()?.as_str().map(ToOwned::to_owned)
}

impl<T> QueryRecord<T> {
    /// Maps the result, and records whether it is incomplete.
    fn map<U>(self, of: impl FnOnce(T) -> U, is_cut: impl FnOnce(&T) -> bool) -> QueryRecord<U> {
        let cut = self.found.as_ref().is_ok_and(is_cut);
        QueryRecord { query: self.query, at: self.at, found: self.found.map(of), is_incomplete: cut }
    }
}
