//! Counts of what needs attention now, by alert rule, for metrics; and the judgement of keys that they share with the
//! overview.

use super::conditions;
use super::handle::Engine;
use crate::domain::alert_rule::AlertRule;
use crate::domain::health_status::{
    HealthAssessment, KeyFacts, OVERDUE_THRESHOLD, SubscriptionFacts, WindowFacts, assess_key, assess_subscription,
    assess_window,
};
use crate::domain::ids::KeyId;
use crate::domain::key::ApiKey;
use crate::domain::poll_watch::StuckPoller;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::requests::KeyRequestCounts;
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Judges a key by its calls of the last minute.
pub(super) fn judge_key(key: &ApiKey, usage: &KeyRequestCounts, now: Timestamp) -> HealthAssessment {
    let facts = KeyFacts {
        created_at: Some(key.created_at),
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
        n_limited: usage.n_limited,
        n_server_errors: usage.n_server_errors,
        n_refused: usage.n_client_errors.saturating_sub(usage.n_limited),
        n_calls: usage.n,
    };
    assess_key(&facts, now)
}

/// Judgements that need the database.
pub(super) struct StoredJudgements {
    found: Vec<HealthAssessment>,
    usage: HashMap<KeyId, KeyRequestCounts>,
}

/// Judges what is stored: subscriptions, and the conditions that rules find.
pub(super) fn read_judgements(
    connection: &Connection,
    now: Timestamp,
    pollers: &[StuckPoller],
) -> Result<StoredJudgements, store::Error> {
    let mut found = Vec::new();
    let [minute, _] = store::attempt_rollups::ROLLUP_WIDTHS_MS;
    let since = now.minus(Duration::from_secs(3_600)).plus(Duration::from_millis(1));
    for (id, facts) in store::subscriptions::health_facts(connection)? {
        let (hour, _) = store::attempt_rollups::totals_since(connection, id, minute, since)?;
        found.push(assess_subscription(&SubscriptionFacts { hour, ..facts }));
    }
    found.extend(conditions::find(connection, now, pollers)?.into_iter().map(|condition| condition.judgement));
    Ok(StoredJudgements { found, usage: store::requests::last_minute(connection, now)?.into_iter().collect() })
}

impl Engine {
    /// Counts the subjects that need attention now by rule, each rule from zero, without those that a platform cannot
    /// measure.
    pub(super) fn count_alerts(
        &self,
        stored: StoredJudgements,
        oldest_due: Duration,
        now: Timestamp,
    ) -> BTreeMap<AlertRule, u64> {
        let mut judged = stored.found;
        for key in self.shared.api_keys.all() {
            judged.push(judge_key(&key, &stored.usage.get(&key.id).copied().unwrap_or_default(), now));
        }
        for (_, of) in self.sorted_windows(&[], now) {
            let limit = of.key.limits.for_bucket(of.bucket);
            let facts = WindowFacts { limit, used: of.window.used, n_refused: of.n_refused };
            judged.push(assess_window(&facts));
        }
        let measured = AlertRule::ALL.into_iter().filter(|rule| rule.unmeasured_because().is_none());
        let mut counts: BTreeMap<AlertRule, u64> = measured.map(|rule| (rule, 0)).collect();
        counts.insert(AlertRule::DeliveriesOverdue, u64::from(oldest_due > OVERDUE_THRESHOLD));
        let alarming = judged.iter().filter(|judgement| judgement.status.needs_action());
        for rule in alarming.filter_map(|judgement| AlertRule::of(&judgement.reason)) {
            *counts.entry(rule).or_default() += 1;
        }
        counts
    }
}
