//! Conditions that need attention and that only the platform can measure: one rule each. Consoles receive the
//! conditions with the overview and raise an alert for each, whatever rule found it.

use super::error::Error;
use super::handle::Engine;
use crate::domain::alert::{AlertCondition, AlertSubject};
use crate::domain::event_gap::{EventGap, GAP_SAMPLE_COUNT, MIN_EVENT_GAP};
use crate::domain::health_status::{HealthAssessment, HealthStatus};
use crate::domain::reason::Reason;
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;

/// Rule that finds the conditions of one kind at a time of the platform's clock.
type ConditionRule = fn(&Connection, Timestamp) -> Result<Vec<AlertCondition>, store::Error>;

/// Every rule, in the order of the overview.
const RULES: [ConditionRule; 1] = [find_missing_events];

impl Engine {
    /// Lists the conditions that need attention now.
    pub(super) async fn conditions(&self) -> Result<Vec<AlertCondition>, Error> {
        let now = self.shared.ambient.now();
        self.shared.store.read(move |connection| find(connection, now)).await.map_err(Error::from)
    }
}

/// Finds the conditions that need attention at `now`.
pub(super) fn find(connection: &Connection, now: Timestamp) -> Result<Vec<AlertCondition>, store::Error> {
    let found = RULES.map(|rule| rule(connection, now)).into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
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
