//! Alerts: rules over a picture. An alert keeps the time at which it was first seen for as long as its rule holds.

use super::reach::Reach;
use crate::api::keys::KeyRow;
use crate::api::overview::{Overview, SilenceRow};
use crate::api::subscriptions::SubscriptionRow;
use crate::domain::alert::Subject;
use crate::domain::silence::{GAPS, SHORTEST, TIMES};
use crate::domain::standing::{
    ABANDONED_DAYS, DORMANT_DAYS, Judgement, STREAKS, Standing, judge_key, judge_subscription, judge_window,
};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// A waiting delivery that is overdue by this much is an alert.
pub const OVERDUE: Duration = Duration::from_secs(300);
/// Clocks that differ by this much are an alert.
pub const SKEW: Duration = Duration::from_secs(30);

/// Something that needs somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is about.
    pub subject: Subject,
    /// Its name for people: a target, a key's name.
    pub name: Untrusted,
    /// How bad.
    pub standing: Standing,
    /// Rule, value and limit in one line.
    pub why: String,
    /// Since when: as the platform says it, else when it was first seen by this machine's clock.
    pub since: Timestamp,
    /// Who looks after it, as far as the last picture told.
    pub acknowledged: Option<Acknowledged>,
}

/// Somebody looks after an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who.
    pub by: Untrusted,
    /// When that was said, by the platform's clock.
    pub at: Timestamp,
    /// What else was said.
    pub note: Option<Untrusted>,
}

impl Acknowledged {
    /// In one line, fit for the screen.
    #[must_use]
    pub fn line(&self) -> String {
        let note = self.note.as_ref().map_or_else(String::new, |note| format!(": {}", note.inert()));
        format!("acknowledged by {} at {} UTC{note}", self.by.inert(), self.at.format("%H:%M"))
    }
}

/// All alerts: those that nobody looks after first, of these the worst first, then oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alerts(Vec<Alert>);

impl Alerts {
    /// Takes up alerts seen earlier, so that they keep their `since`.
    #[must_use]
    pub fn remembered(alerts: Vec<Alert>) -> Self {
        Self(alerts)
    }

    /// The alerts.
    #[must_use]
    pub fn list(&self) -> &[Alert] {
        &self.0
    }

    /// The alerts after a new overview, received at `now`.
    #[must_use]
    pub fn after(&self, overview: &Overview, reach: &Reach, now: Timestamp) -> Self {
        let mut alerts: Vec<Alert> = raised(overview, reach, now)
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

/// When a key that is dormant became so; nothing where something else is the matter with it.
fn dormant_since(row: &KeyRow, now: Timestamp) -> Option<Timestamp> {
    let facts = row.facts();
    let idle_since = facts.last_used_at.unwrap_or(facts.created_at);
    let days = |n: u64| Duration::from_secs(n * 86_400);
    let threshold = [ABANDONED_DAYS, DORMANT_DAYS].into_iter().find(|n| now.since(idle_since) >= days(*n))?;
    (facts.n_limited == 0 && facts.n_broken == 0).then(|| idle_since.plus(days(threshold)))
}

fn silent(row: &SilenceRow, now: Timestamp) -> String {
    let minutes = |duration: Duration| duration.as_secs() / 60;
    format!(
        "no events for {} min; the longest of the last {GAPS} gaps was {} min (limit {TIMES} times that, {} min at least)",
        minutes(now.since(row.last_event_utc)),
        minutes(Duration::from_millis(row.usual_gap_ms)),
        minutes(SHORTEST)
    )
}

/// When something began, as far as that is known.
#[derive(Debug, Clone, Copy)]
enum Began {
    /// The alert itself did.
    Itself(Timestamp),
    /// Something did that belongs to it, and may begin again while it goes on: a streak of failures, the delivery that waits longest.
    Part(Timestamp),
    /// It is not known.
    Unknown,
}

impl Began {
    fn itself(self) -> Option<Timestamp> {
        match self {
            Self::Itself(at) => Some(at),
            Self::Part(_) | Self::Unknown => None,
        }
    }

    fn at(self) -> Option<Timestamp> {
        match self {
            Self::Itself(at) | Self::Part(at) => Some(at),
            Self::Unknown => None,
        }
    }

    /// What the platform dates.
    fn dated(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Unknown, Self::Itself)
    }
}

/// When the alert of a subscription began: a streak is its beginning only where it is the reason.
fn began(row: &SubscriptionRow) -> Began {
    match (row.subscription.disabled_utc, row.health.streak_began_utc) {
        (Some(at), _) => Began::Itself(at),
        (None, Some(at)) if row.subscription.consecutive_failures >= STREAKS.0 => Began::Itself(at),
        (None, Some(at)) => Began::Part(at),
        (None, None) => Began::Unknown,
    }
}

/// Who looks after an alert that began at `since`, where that is known.
fn acknowledged(overview: &Overview, alert: (Subject, Standing), since: Option<Timestamp>) -> Option<Acknowledged> {
    overview.acknowledgements.rows.iter().rev().find_map(|row| {
        let said = row.said()?;
        let holds = said.holds(alert, since, overview.server_utc);
        holds.then(|| Acknowledged { by: row.by.clone(), at: row.utc, note: row.note.clone() })
    })
}

fn raised(overview: &Overview, reach: &Reach, now: Timestamp) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let mut raise = |subject, name: Untrusted, judgement: Judgement, began: Began| {
        let Judgement { standing, why } = judgement;
        if standing.is_alarming() {
            let acknowledged = acknowledged(overview, (subject, standing), began.itself());
            alerts.push(Alert { subject, name, standing, why, since: began.at().unwrap_or(now), acknowledged });
        }
    };
    for row in &overview.subscriptions.items {
        raise(
            Subject::Subscription(row.subscription.id),
            row.subscription.target_url.clone(),
            reach.judge_subscription(row.subscription.id).unwrap_or_else(|| judge_subscription(&row.facts())),
            began(row),
        );
    }
    for row in &overview.keys.items {
        raise(
            Subject::Key(row.id),
            row.name.clone(),
            reach.judge_key(row.id).unwrap_or_else(|| judge_key(&row.facts(), overview.server_utc)),
            Began::dated(dormant_since(row, overview.server_utc).filter(|_| reach.findings().is_none())),
        );
    }
    for row in &overview.limits.items {
        let name = Untrusted::new(format!("{} {}", row.key_name.raw(), row.bucket));
        raise(Subject::Window(row.key_id, row.bucket), name, judge_window(&row.facts()), Began::Unknown);
    }
    for row in &overview.silences.rows {
        let judgement = Judgement { standing: Standing::Attention, why: silent(row, overview.server_utc) };
        raise(Subject::Events(row.company_id), row.company_name.clone(), judgement, Began::Itself(row.since_utc));
    }
    if let Some(due) = overview.pipeline.oldest_due_utc {
        let late = overview.server_utc.since(due);
        if late > OVERDUE {
            let why = format!("oldest due delivery is {} s late (limit {} s)", late.as_secs(), OVERDUE.as_secs());
            raise(
                Subject::Pipeline,
                "delivery".into(),
                Judgement { standing: Standing::Failing, why },
                Began::Part(due.plus(OVERDUE)),
            );
        }
    }
    let skew = overview.server_utc.since(now).max(now.since(overview.server_utc));
    if skew > SKEW {
        let why = format!(
            "the platform's clock differs from this machine's by {} s (limit {} s)",
            skew.as_secs(),
            SKEW.as_secs()
        );
        raise(Subject::Clock, "clock".into(), Judgement { standing: Standing::Attention, why }, Began::Unknown);
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::subscriptions::{Health, Subscription};
    use crate::domain::ids::{CompanyId, SubscriptionId};

    /// A subscription with a streak that began at `streak_began`.
    fn row(streak: u32, streak_began: Option<i64>, disabled: Option<i64>) -> SubscriptionRow {
        let subscription = Subscription {
            id: SubscriptionId(7),
            company_id: CompanyId(92),
            target_url: "https://hooks.example/".into(),
            event_types: Vec::new(),
            is_enabled: disabled.is_none(),
            description: None,
            managed_by: None,
            consecutive_failures: streak,
            disabled_reason: None,
            disabled_utc: disabled.map(Timestamp::from_millis),
            last_attempt_utc: None,
            last_success_utc: None,
            created_utc: Timestamp::from_millis(1),
            updated_utc: Timestamp::from_millis(1),
        };
        let health = Health { streak_began_utc: streak_began.map(Timestamp::from_millis), ..Health::default() };
        SubscriptionRow { subscription, health, disabled_note: None }
    }

    #[test]
    fn an_alert_of_low_success_does_not_begin_anew_with_every_failure() {
        let itself = |row: &SubscriptionRow| began(row).itself().map(Timestamp::millis);
        assert_eq!(itself(&row(1, Some(900), None)), None, "the rate is low for longer than this failure");
        assert_eq!(began(&row(1, Some(900), None)).at().map(Timestamp::millis), Some(900), "it is shown all the same");
        assert_eq!(itself(&row(0, None, None)), None);
        assert_eq!(itself(&row(STREAKS.0, Some(900), None)), Some(900), "the streak is the reason");
        assert_eq!(itself(&row(20, Some(900), Some(950))), Some(950));
    }
}
