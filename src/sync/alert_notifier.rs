//! Alert notifications: one when an alert has lasted for a while, one when it gets worse or better, and one when it
//! has been over for a while. Pure: time and alerts are inputs.

use super::alerts::{AcknowledgedBy, Alert};
use super::link::LinkState;
use super::notice::{AlertNotification, AlertTransition};
use crate::domain::alert::ACKNOWLEDGEMENT_TTL;
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::url_redaction::redact_urls;
use crate::text::health::{COMMAND_HINT, PLAYBOOK_HINT};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Failed tries in a row after which an unreachable platform is an alert.
const MIN_LINK_FAILURES: u32 = 3;

/// Alerts that were reported, and those that may be reported soon.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlertNotifier {
    open: BTreeMap<String, OpenAlert>,
    /// Times at which alerts ended recently: an acknowledgement from before does not apply to an alert that comes
    /// back.
    #[serde(default)]
    ended: BTreeMap<String, Timestamp>,
}

/// Alert that holds now or held a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OpenAlert {
    notice: AlertNotification,
    first_at: Timestamp,
    seen_at: Timestamp,
    told: ReportState,
    /// Whether an operator has acknowledged the alert.
    #[serde(default)]
    care: AlertCare,
}

/// Whether an operator has acknowledged an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AlertCare {
    #[default]
    #[serde(alias = "nobody")]
    Unacknowledged,
    #[serde(alias = "somebody")]
    Acknowledged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReportState {
    Yes,
    NotYet,
}

/// Inputs of one step: alerts, link and time.
#[derive(Debug, Clone, Copy)]
pub struct NotifierInputs<'a> {
    /// Base URL of the platform.
    pub platform: &'a str,
    /// Alerts of the current snapshot, in order.
    pub alerts: &'a [Alert],
    /// State of the link. While it is down, the alerts are those of the last snapshot, and none of them ends.
    pub link: &'a LinkState,
    /// Current time on this machine's clock.
    pub now: Timestamp,
}

impl NotifierInputs<'_> {
    fn notice(
        &self,
        subject: String,
        name: &Untrusted,
        standing: HealthStatus,
        why: &str,
        since: Timestamp,
    ) -> AlertNotification {
        AlertNotification {
            turn: AlertTransition::Raised,
            key: format!(
                "crow/{}/{}",
                self.platform.split("://").last().unwrap_or_default(),
                subject.replace(' ', "/")
            ),
            subject,
            name: Untrusted::new(redact_urls(name.raw()).0),
            state: standing.code().to_owned(),
            why: Untrusted::new(redact_urls(&without_console_keys(why)).0),
            since_utc: since,
            at_utc: self.now,
            platform: self.platform.to_owned(),
        }
    }

    /// Lists everything that holds now, with acknowledgements; an unreachable platform is included.
    fn active_alerts(&self) -> Vec<(AlertNotification, Option<&AcknowledgedBy>)> {
        let told = self.alerts.iter();
        let mut holding: Vec<(AlertNotification, Option<&AcknowledgedBy>)> = told
            .map(|alert| {
                let notice =
                    self.notice(alert.subject.to_string(), &alert.name, alert.standing, &alert.why, alert.since);
                (notice, alert.acknowledged.as_ref())
            })
            .collect();
        if let LinkState::Offline { why, n_tries, .. } = self.link
            && *n_tries >= MIN_LINK_FAILURES
        {
            holding.push((self.notice("link".to_owned(), &"link".into(), HealthStatus::Failing, why, self.now), None));
        }
        holding
    }
}

/// Reason of an alert whose reader may have no console: the command in place of the console's key.
fn without_console_keys(why: &str) -> Cow<'_, str> {
    match why.strip_suffix(PLAYBOOK_HINT) {
        Some(reason) => format!("{reason}{COMMAND_HINT}").into(),
        None => why.into(),
    }
}

impl AlertNotifier {
    /// Returns the notifications to send now. An alert is reported once it has lasted for `hold`, and its end once it
    /// has been over for as long. An acknowledged alert is not reported again; the acknowledgement is.
    pub fn step(&mut self, seen: &NotifierInputs<'_>, hold: Duration) -> Vec<AlertNotification> {
        let now = seen.now;
        let mut told = Vec::new();
        let holding = seen.active_alerts();
        let is_live = matches!(seen.link, LinkState::Live | LinkState::Lagging);
        for (notice, acknowledged) in &holding {
            let open = self.open.entry(notice.key.clone()).or_insert_with(|| OpenAlert {
                notice: notice.clone(),
                first_at: now,
                seen_at: now,
                told: ReportState::NotYet,
                care: AlertCare::Unacknowledged,
            });
            let is_other = open.notice.state != notice.state;
            let ended = self.ended.get(&notice.key).copied();
            let acknowledged = acknowledged.filter(|said| ended.is_none_or(|ended| said.at > ended));
            let care = if acknowledged.is_some() { AlertCare::Acknowledged } else { AlertCare::Unacknowledged };
            let before = std::mem::replace(&mut open.care, care);
            open.seen_at = now;
            open.notice =
                AlertNotification { since_utc: open.notice.since_utc.min(notice.since_utc), ..notice.clone() };
            if open.told == ReportState::Yes && is_other && care == AlertCare::Unacknowledged {
                told.push(AlertNotification { turn: AlertTransition::Changed, ..open.notice.clone() });
            } else if open.told == ReportState::Yes
                && (before, care) == (AlertCare::Acknowledged, AlertCare::Unacknowledged)
            {
                // The acknowledgement ended, and the alert goes on: it is raised again.
                told.push(open.notice.clone());
            } else if open.told == ReportState::NotYet
                && care == AlertCare::Unacknowledged
                && now.since(open.first_at) >= hold
            {
                open.told = ReportState::Yes;
                told.push(open.notice.clone());
            }
            if open.told == ReportState::Yes && (before, care) == (AlertCare::Unacknowledged, AlertCare::Acknowledged) {
                let said = acknowledged.map_or_else(String::new, AcknowledgedBy::line);
                let why = Untrusted::new(format!("{}; {said}", open.notice.why.raw()));
                told.push(AlertNotification { turn: AlertTransition::Acknowledged, why, ..open.notice.clone() });
            }
        }
        self.ended.retain(|_, at| now.since(*at) < ACKNOWLEDGEMENT_TTL);
        self.open.retain(|key, open| {
            if holding.iter().any(|(notice, _)| notice.key == *key) {
                return true;
            }
            // Without a live link no alert is known to have ended, except that of the link itself.
            if !is_live {
                open.seen_at = now;
                return true;
            }
            if open.told == ReportState::NotYet {
                return false;
            }
            let is_over = now.since(open.seen_at) >= hold;
            if is_over {
                self.ended.insert(key.clone(), now);
                told.push(AlertNotification { turn: AlertTransition::Resolved, at_utc: now, ..open.notice.clone() });
            }
            !is_over
        });
        told
    }

    /// Iterates over the alerts that were reported and have not ended.
    pub fn reported(&self) -> impl Iterator<Item = &AlertNotification> {
        self.open.values().filter(|open| open.told == ReportState::Yes).map(|open| &open.notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::AlertSubject;
    use crate::domain::ids::SubscriptionId;

    const HOLD: Duration = Duration::from_secs(30);

    fn alert(standing: HealthStatus) -> Alert {
        let subject = AlertSubject::Subscription(SubscriptionId(17));
        Alert {
            subject,
            name: "hooks".into(),
            standing,
            why: "14 failures".to_owned(),
            since: Timestamp::from_millis(5),
            acknowledged: None,
        }
    }

    struct NotifierTestClock(AlertNotifier);

    impl NotifierTestClock {
        fn at(&mut self, seconds: i64, alerts: &[Alert], link: &LinkState) -> Vec<(AlertTransition, String)> {
            let now = Timestamp::from_millis(seconds * 1_000);
            let seen = NotifierInputs { platform: "http://p:1", alerts, link, now };
            self.0.step(&seen, HOLD).into_iter().map(|notice| (notice.turn, notice.key)).collect()
        }
    }

    #[test]
    fn an_alert_is_told_once_it_holds_and_ended_once_it_is_gone() {
        let mut clock = NotifierTestClock(AlertNotifier::default());
        let (key, live) = ("crow/p:1/subscription/17".to_owned(), LinkState::Live);
        let failing = [alert(HealthStatus::Failing)];
        assert_eq!(clock.at(0, &failing, &live), []);
        assert_eq!(clock.at(10, &[], &live), [], "it did not hold");
        assert_eq!(clock.at(20, &failing, &live), []);
        assert_eq!(clock.at(50, &failing, &live), [(AlertTransition::Raised, key.clone())]);
        assert_eq!(clock.at(51, &failing, &live), [], "once");
        assert_eq!(clock.at(52, &[alert(HealthStatus::Tripped)], &live), [(AlertTransition::Changed, key.clone())]);
        assert_eq!(clock.at(60, &[], &live), []);
        let json = serde_json::to_string(&clock.0).expect("plain data");
        // An earlier version wrote other words.
        let earlier = json.replace("\"unacknowledged\"", "\"nobody\"");
        assert_ne!(earlier, json);
        clock = NotifierTestClock(serde_json::from_str(&earlier).expect("the same"));
        assert_eq!(clock.at(70, &[alert(HealthStatus::Tripped)], &live), [], "it came back in time");
        assert_eq!(clock.at(80, &[], &live), []);
        assert_eq!(clock.at(100, &[], &live), [(AlertTransition::Resolved, key)]);
        assert_eq!(clock.0.reported().count(), 0);
    }

    #[test]
    fn an_alert_that_somebody_looks_after_calls_nobody_else_until_it_changes() {
        let mut clock = NotifierTestClock(AlertNotifier::default());
        let (key, live) = ("crow/p:1/subscription/17".to_owned(), LinkState::Live);
        let cared_for = |standing| {
            let dana = AcknowledgedBy { by: "dana".into(), at: Timestamp::from_millis(9), note: Some("on it".into()) };
            [Alert { acknowledged: Some(dana), ..alert(standing) }]
        };
        clock.at(0, &[alert(HealthStatus::Failing)], &live);
        assert_eq!(clock.at(30, &[alert(HealthStatus::Failing)], &live), [(AlertTransition::Raised, key.clone())]);
        assert_eq!(
            clock.at(31, &cared_for(HealthStatus::Failing), &live),
            [(AlertTransition::Acknowledged, key.clone())]
        );
        assert_eq!(clock.at(32, &cared_for(HealthStatus::Failing), &live), [], "once");
        let told = clock.0.step(
            &NotifierInputs {
                platform: "http://p:1",
                alerts: &[alert(HealthStatus::Tripped)],
                link: &live,
                now: Timestamp::from_millis(33_000),
            },
            HOLD,
        );
        assert_eq!(
            told.iter().map(|notice| notice.turn).collect::<Vec<_>>(),
            [AlertTransition::Changed],
            "a worse alert is unacknowledged again"
        );
        // An alert that improves sends no notification; one whose acknowledgement ended sends another.
        clock.at(34, &cared_for(HealthStatus::Tripped), &live);
        assert_eq!(clock.at(35, &cared_for(HealthStatus::Failing), &live), []);
        assert_eq!(
            clock.at(36, &[alert(HealthStatus::Failing)], &live),
            [(AlertTransition::Raised, key.clone())],
            "a day is over"
        );
        // What was said of one that ended is not about the next.
        clock.at(37, &[], &live);
        assert_eq!(clock.at(80, &[], &live), [(AlertTransition::Resolved, key.clone())]);
        clock.at(90, &cared_for(HealthStatus::Failing), &live);
        assert_eq!(clock.at(120, &cared_for(HealthStatus::Failing), &live), [(AlertTransition::Raised, key.clone())]);
        let mut quiet = NotifierTestClock(AlertNotifier::default());
        quiet.at(0, &cared_for(HealthStatus::Failing), &live);
        assert_eq!(quiet.at(30, &cared_for(HealthStatus::Failing), &live), [], "acknowledged before it was reported");
        assert_eq!(
            quiet.at(31, &[alert(HealthStatus::Failing)], &live),
            [(AlertTransition::Raised, key)],
            "the acknowledgement has ended"
        );
    }

    #[test]
    fn a_notification_names_the_command_and_not_the_key_of_the_console() {
        let alert = Alert { why: format!("3 failures in a row{PLAYBOOK_HINT}"), ..alert(HealthStatus::Failing) };
        let mut notifier = AlertNotifier::default();
        let mut step = |seconds: i64| {
            let now = Timestamp::from_millis(seconds * 1_000);
            let link = LinkState::Live;
            let alerts = std::slice::from_ref(&alert);
            notifier.step(&NotifierInputs { platform: "http://p:1", alerts, link: &link, now }, HOLD)
        };
        step(0);
        let told = step(30);
        assert_eq!(told[0].why.raw(), "3 failures in a row; crow diagnose finds out why");
    }

    #[test]
    fn without_a_link_nothing_ends_but_the_link_itself_is_told() {
        let mut clock = NotifierTestClock(AlertNotifier::default());
        let failing = [alert(HealthStatus::Failing)];
        clock.at(0, &failing, &LinkState::Live);
        clock.at(30, &failing, &LinkState::Live);
        let lost =
            |n_tries| LinkState::Offline { why: "refused".to_owned(), n_tries, retry_at: Timestamp::from_millis(0) };
        assert_eq!(clock.at(40, &[], &lost(1)), []);
        assert_eq!(clock.at(41, &[], &lost(3)), []);
        assert_eq!(clock.at(71, &[], &lost(4)), [(AlertTransition::Raised, "crow/p:1/link".to_owned())]);
        assert_eq!(clock.at(900, &[], &LinkState::Stale), [], "nothing is known to have ended");
        assert_eq!(clock.at(901, &failing, &LinkState::Live), []);
        assert_eq!(
            clock.at(931, &failing, &LinkState::Live),
            [(AlertTransition::Resolved, "crow/p:1/link".to_owned())]
        );
    }
}
