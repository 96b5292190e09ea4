//! Alert rules, applied to an overview. An alert keeps the time at which it was first seen for as long as its rule
//! holds.

use crate::domain::alert::AlertSubject;
use crate::domain::alert_rule::AlertRule;
use crate::domain::health_status::{ABANDONED_DAYS, DORMANT_DAYS, HealthAssessment, HealthStatus, OVERDUE_THRESHOLD};
use crate::domain::reason::Reason;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::history::console::StoredAlert;
use crate::text::health::{PLAYBOOK_HINT, worded_with_hint};
use crate::wire::keys::KeyRow;
use crate::wire::overview::PlatformOverview;
use crate::wire::subscriptions::SubscriptionRow;
use std::time::Duration;

/// Clock difference above which an alert is raised.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(30);

/// Condition that needs an operator's attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Subject of the alert, such as a subscription or a key.
    pub subject: AlertSubject,
    /// Display name of the subject: a target URL, a key's name.
    pub name: Untrusted,
    /// Severity of the alert, as the health status of its subject.
    pub standing: HealthStatus,
    /// Reason in one line: rule, value and limit.
    pub why: String,
    /// Start of the alert: as the platform dates it, otherwise the time at which this machine first saw it.
    pub since: Timestamp,
    /// Acknowledgement of the alert, if the last overview held one.
    pub acknowledged: Option<AcknowledgedBy>,
}

impl From<StoredAlert> for Alert {
    fn from(of: StoredAlert) -> Self {
        let StoredAlert { subject, name, status: standing, reason: why, since } = of;
        Self { subject, name, standing, why, since, acknowledged: None }
    }
}

impl From<&Alert> for StoredAlert {
    fn from(of: &Alert) -> Self {
        let (subject, name, status) = (of.subject, of.name.clone(), of.standing);
        Self { subject, name, status, reason: of.why.clone(), since: of.since }
    }
}

/// Acknowledgement of an alert by an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgedBy {
    /// Name of the operator who acknowledged the alert.
    pub by: Untrusted,
    /// Time of the acknowledgement, on the platform's clock.
    pub at: Timestamp,
    /// Note that the operator added.
    pub note: Option<Untrusted>,
}

impl AcknowledgedBy {
    /// Formats the acknowledgement in one line, safe for the screen.
    #[must_use]
    pub fn line(&self) -> String {
        let note = self.note.as_ref().map_or_else(String::new, |note| format!(": {}", note.sanitized()));
        format!("acknowledged by {} at {} UTC{note}", self.by.sanitized(), self.at.format("%H:%M"))
    }
}

/// All alerts, in order: unacknowledged ones first, of these the worst first, then the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActiveAlerts(Vec<Alert>);

impl ActiveAlerts {
    /// Restores alerts that an earlier run stored, so that they keep their `since`.
    #[must_use]
    pub fn restore(alerts: Vec<Alert>) -> Self {
        Self(alerts)
    }

    /// Returns the alerts as the history stores them.
    #[must_use]
    pub fn stored(&self) -> Vec<StoredAlert> {
        self.0.iter().map(StoredAlert::from).collect()
    }

    /// Returns the alerts in order.
    #[must_use]
    pub fn list(&self) -> &[Alert] {
        &self.0
    }

    /// Computes the alerts of a new overview that was received at `now`. An alert that was there before keeps its
    /// `since`.
    #[must_use]
    pub fn updated(&self, overview: &PlatformOverview, now: Timestamp) -> Self {
        let mut alerts: Vec<Alert> = raise_alerts(overview, now)
            .into_iter()
            .map(|alert| {
                let before = self.0.iter().find(|old| old.subject == alert.subject && old.standing == alert.standing);
                Alert { since: before.map_or(alert.since, |old| old.since.min(alert.since)), ..alert }
            })
            .collect();
        alerts.sort_by_key(|a| (a.acknowledged.is_some(), a.standing, a.since, a.subject));
        Self(alerts)
    }
}

/// Returns when a key became dormant; `None` if it is not, or if its state has another reason.
fn key_dormant_since(row: &KeyRow, now: Timestamp) -> Option<Timestamp> {
    row.usage?;
    let idle_since = row.last_used_utc.or(row.created_utc)?;
    let days = |n: u64| Duration::from_secs(n * 86_400);
    let threshold = [ABANDONED_DAYS, DORMANT_DAYS].into_iter().find(|n| now.since(idle_since) >= days(*n))?;
    let is_dormant = AlertRule::of(&row.assess(now).reason) == Some(AlertRule::KeyDormant);
    is_dormant.then(|| idle_since.plus(days(threshold)))
}

/// Start of an alert, as far as it is known.
#[derive(Debug, Clone, Copy)]
enum AlertStart {
    /// The alert's condition itself began at this time.
    Exact(Timestamp),
    /// A part of the condition began at this time and may begin again while the alert lasts: a streak of failures,
    /// the delivery that waits longest.
    Earliest(Timestamp),
    /// The start of the condition is not known.
    Unknown,
}

impl AlertStart {
    fn own_start(self) -> Option<Timestamp> {
        match self {
            Self::Exact(at) => Some(at),
            Self::Earliest(_) | Self::Unknown => None,
        }
    }

    fn at(self) -> Option<Timestamp> {
        match self {
            Self::Exact(at) | Self::Earliest(at) => Some(at),
            Self::Unknown => None,
        }
    }

    /// Start that the platform dates; unknown if it has no date.
    fn from_date(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Unknown, Self::Exact)
    }
}

/// Returns the start of a subscription's alert. A streak of failures dates the alert only if the streak is its
/// reason.
fn alert_start(row: &SubscriptionRow) -> AlertStart {
    match (row.subscription.disabled_utc, row.health.and_then(|health| health.streak_began_utc)) {
        (Some(at), _) => AlertStart::Exact(at),
        (None, Some(at)) if AlertRule::of(&row.assess().reason) == Some(AlertRule::FailuresInARow) => {
            AlertStart::Exact(at)
        }
        (None, Some(at)) => AlertStart::Earliest(at),
        (None, None) => AlertStart::Unknown,
    }
}

/// Finds the acknowledgement of an alert that began at `since`, if one is still valid.
fn find_acknowledgement(
    overview: &PlatformOverview,
    alert: (AlertSubject, HealthStatus),
    since: Option<Timestamp>,
) -> Option<AcknowledgedBy> {
    overview.acknowledgements.rows.iter().rev().find_map(|row| {
        let said = row.to_acknowledgement()?;
        let holds = said.is_active_for(alert, since, overview.server_utc);
        holds.then(|| AcknowledgedBy { by: row.by.clone(), at: row.utc, note: row.note.clone() })
    })
}

fn raise_alerts(overview: &PlatformOverview, now: Timestamp) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let mut raise = |subject, name: Untrusted, judgement: HealthAssessment<String>, began: AlertStart| {
        let HealthAssessment { status: standing, reason: why } = judgement;
        if standing.needs_action() {
            let acknowledged = find_acknowledgement(overview, (subject, standing), began.own_start());
            let since = began.at().unwrap_or(now);
            alerts.push(Alert { subject, name, standing, why, since, acknowledged });
        }
    };
    for row in &overview.subscriptions.items {
        raise(
            AlertSubject::Subscription(row.subscription.id),
            row.subscription.target_url.clone(),
            worded_with_hint(&row.assess()),
            alert_start(row),
        );
    }
    for row in &overview.keys.items {
        raise(
            AlertSubject::Key(row.id),
            row.name.clone(),
            worded_with_hint(&row.assess(overview.server_utc)),
            AlertStart::from_date(key_dormant_since(row, overview.server_utc)),
        );
    }
    for row in &overview.limits.items {
        let name = Untrusted::new(format!("{} {}", row.key_name.raw(), row.bucket));
        raise(AlertSubject::Window(row.key_id, row.bucket), name, worded_with_hint(&row.assess()), AlertStart::Unknown);
    }
    for row in &overview.conditions.rows {
        let judgement =
            HealthAssessment { status: row.state, reason: format!("{}{PLAYBOOK_HINT}", row.why.sanitized()) };
        raise(row.subject, row.name.clone(), judgement, AlertStart::from_date(row.since_utc));
    }
    if let Some(due) = overview.pipeline.oldest_due_utc {
        let late = overview.server_utc.since(due);
        if late > OVERDUE_THRESHOLD {
            let why = Reason::Overdue { late, limit: OVERDUE_THRESHOLD };
            let judgement = worded_with_hint(&HealthAssessment { status: HealthStatus::Failing, reason: why });
            let began = AlertStart::Earliest(due.plus(OVERDUE_THRESHOLD));
            raise(AlertSubject::Pipeline, "delivery".into(), judgement, began);
        }
    }
    let skew = overview.server_utc.since(now).max(now.since(overview.server_utc));
    if skew > MAX_CLOCK_SKEW {
        let why = Reason::ClockSkew { by: skew, limit: MAX_CLOCK_SKEW };
        let judgement = worded_with_hint(&HealthAssessment { status: HealthStatus::Warning, reason: why });
        raise(AlertSubject::Clock, "clock".into(), judgement, AlertStart::Unknown);
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health_status::FAILURES_IN_A_ROW_LIMITS;
    use crate::domain::ids::{CompanyId, SubscriptionId};
    use crate::wire::subscriptions::{DeliveryHealth, Subscription};

    /// A subscription with a streak that began at `streak_began`.
    fn row(streak: u32, streak_began: Option<i64>, disabled: Option<i64>) -> SubscriptionRow {
        let subscription = Subscription {
            is_enabled: disabled.is_none(),
            consecutive_failures: Some(streak),
            disabled_utc: disabled.map(Timestamp::from_millis),
            ..Subscription::new(
                SubscriptionId(7),
                CompanyId(92),
                "https://hooks.example/".into(),
                Timestamp::from_millis(1),
            )
        };
        let health =
            DeliveryHealth { streak_began_utc: streak_began.map(Timestamp::from_millis), ..DeliveryHealth::default() };
        SubscriptionRow { subscription, health: Some(health), disabled_after_utc: None, disabled_note: None }
    }

    #[test]
    fn an_alert_of_low_success_does_not_begin_anew_with_every_failure() {
        let itself = |row: &SubscriptionRow| alert_start(row).own_start().map(Timestamp::millis);
        assert_eq!(itself(&row(1, Some(900), None)), None, "the rate is low for longer than this failure");
        assert_eq!(
            alert_start(&row(1, Some(900), None)).at().map(Timestamp::millis),
            Some(900),
            "it is shown all the same"
        );
        assert_eq!(itself(&row(0, None, None)), None);
        assert_eq!(itself(&row(FAILURES_IN_A_ROW_LIMITS.0, Some(900), None)), Some(900), "the streak is the reason");
        assert_eq!(itself(&row(20, Some(900), Some(950))), Some(950));
    }
}
