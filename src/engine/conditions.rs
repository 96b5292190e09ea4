//! Conditions that need attention and that only the platform can measure: one rule each. Consoles receive the
//! conditions with the overview and raise an alert for each, whatever rule found it.

use super::error::Error;
use super::handle::Engine;
use crate::domain::alert::{AlertCondition, AlertSubject};
use crate::domain::event_gap::{EventGap, GAP_SAMPLE_COUNT, MIN_EVENT_GAP};
use crate::domain::health_status::{HealthAssessment, HealthStatus, MIN_REFUSED_CALLS};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::ApiKey;
use crate::domain::log::RejectedKey;
use crate::domain::poll_watch::StuckPoller;
use crate::domain::reason::Reason;
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

/// Rule that finds the conditions of one kind at a time of the platform's clock.
type ConditionRule = fn(&Connection, Timestamp) -> Result<Vec<AlertCondition>, store::Error>;

/// Every rule about the database, in the order of the overview.
const RULES: [ConditionRule; 2] = [find_missing_events, find_refused_callers];

/// Period in which refused calls without a valid key are counted.
const REFUSAL_PERIOD: Duration = Duration::from_secs(600);

impl Engine {
    /// Lists the conditions that need attention now.
    pub(super) async fn conditions(&self) -> Result<Vec<AlertCondition>, Error> {
        let now = self.shared.ambient.now();
        let pollers = self.stuck_pollers(now);
        self.shared.store.read(move |connection| find(connection, now, &pollers)).await.map_err(Error::from)
    }
}

impl Engine {
    /// Lists the pollers that seem to make no progress at `now`.
    pub(super) fn stuck_pollers(&self, now: Timestamp) -> Vec<StuckPoller> {
        self.shared.poll_watch.lock().unwrap_or_else(PoisonError::into_inner).stuck(now)
    }
}

/// Finds the conditions that need attention at `now`, with the pollers that seem to make no progress.
pub(super) fn find(
    connection: &Connection,
    now: Timestamp,
    pollers: &[StuckPoller],
) -> Result<Vec<AlertCondition>, store::Error> {
    let mut found = Vec::new();
    for rule in RULES {
        found.extend(rule(connection, now)?);
    }
    found.extend(find_stuck_pollers(connection, pollers)?);
    Ok(found)
}

/// Finds the keys with pollers that make no progress although there are events for them: one condition for each key,
/// about its worst poller.
fn find_stuck_pollers(connection: &Connection, pollers: &[StuckPoller]) -> Result<Vec<AlertCondition>, store::Error> {
    let mut stuck: BTreeMap<KeyId, Vec<&StuckPoller>> = BTreeMap::new();
    for poller in pollers {
        let is_missing_events = match poller.excludes_since {
            Some(since) => store::events::latest_time_of(connection, poller.company, &poller.types)? >= Some(since),
            None => true,
        };
        if is_missing_events {
            stuck.entry(poller.key).or_default().push(poller);
        }
    }
    if stuck.is_empty() {
        return Ok(Vec::new());
    }
    let keys = store::keys::all(connection)?.into_iter().map(|(_, key)| key).filter(|key| key.revoked_at.is_none());
    let condition = |key: ApiKey| {
        let pollers = stuck.get(&key.id)?;
        let worst = pollers.first()?;
        let reason = Reason::PollerStuck { fault: worst.fault, n: worst.n, n_others: pollers.len() as u64 - 1 };
        Some(AlertCondition {
            subject: AlertSubject::Poller(key.id),
            name: key.name,
            judgement: HealthAssessment { status: HealthStatus::Warning, reason },
            began_at: pollers.iter().map(|of| of.began_at).min(),
        })
    };
    Ok(keys.filter_map(condition).collect())
}

/// Finds companies without an event for much longer than usual. The gap statistics are read only where the last event
/// is long ago.
fn find_missing_events(connection: &Connection, now: Timestamp) -> Result<Vec<AlertCondition>, store::Error> {
    let mut missing = Vec::new();
    for company in store::companies::all(connection)? {
        let last = store::events::latest_times(connection, company.id, 1)?;
        if last.first().is_some_and(|last| now.since(*last) >= MIN_EVENT_GAP) {
            let events = store::events::latest_times(connection, company.id, GAP_SAMPLE_COUNT + 1)?;
            missing.extend(EventGap::detect(&events, now).map(|gap| AlertCondition {
                subject: AlertSubject::Events(company.id),
                name: company.name,
                judgement: HealthAssessment {
                    status: HealthStatus::Warning,
                    reason: Reason::EventsMissing { since_last: now.since(gap.last_at), usual_gap: gap.usual_gap },
                },
                began_at: Some(gap.began_at()),
            }));
        }
    }
    Ok(missing)
}

/// Finds revoked keys that are still used, and callers that have no valid key, one condition for each company that they
/// name and one for those that name none.
fn find_refused_callers(connection: &Connection, now: Timestamp) -> Result<Vec<AlertCondition>, store::Error> {
    let refused = store::requests::refused_callers(connection, now.minus(REFUSAL_PERIOD), MIN_REFUSED_CALLS)?;
    if refused.is_empty() {
        return Ok(Vec::new());
    }
    let keys = store::keys::all(connection)?;
    let companies: BTreeMap<CompanyId, String> =
        store::companies::all(connection)?.into_iter().map(|company| (company.id, company.name)).collect();
    let mut found: BTreeMap<AlertSubject, (String, u64)> = BTreeMap::new();
    for caller in refused {
        let is_claimed = |of: &RejectedKey, key: &ApiKey| key.company == of.company && key.last4 == of.last4;
        let key =
            caller.claimed.as_ref().filter(|_| caller.code == "revoked_key").and_then(|of| {
                keys.iter().map(|(_, key)| key).find(|key| key.revoked_at.is_some() && is_claimed(of, key))
            });
        let company = caller.claimed.as_ref().and_then(|of| companies.get_key_value(&of.company));
        let (subject, name) = match (key, company) {
            (Some(key), _) => (AlertSubject::Key(key.id), key.name.clone()),
            (None, Some((id, name))) => (AlertSubject::Callers(Some(*id)), name.clone()),
            (None, None) => (AlertSubject::Callers(None), "callers without a key".to_owned()),
        };
        found.entry(subject).or_insert((name, 0)).1 += caller.n;
    }
    let condition = |(subject, (name, n)): (AlertSubject, (String, u64))| {
        let within = REFUSAL_PERIOD;
        let reason = match subject {
            AlertSubject::Key(_) => Reason::RevokedKeyUsed { n, within },
            _ => Reason::CallersRefused { n, within },
        };
        let judgement = HealthAssessment { status: HealthStatus::Warning, reason };
        AlertCondition { subject, name, judgement, began_at: None }
    };
    Ok(found.into_iter().map(condition).collect())
}
