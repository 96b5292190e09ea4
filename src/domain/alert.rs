//! Subjects of alerts, conditions that raise an alert, and acknowledgements of alerts with their lifetime.

use super::health_status::{HealthAssessment, HealthStatus};
use super::ids::{CompanyId, KeyId, SubscriptionId};
use super::time::Timestamp;
use super::window::RateBucket;
use std::fmt;
use std::time::Duration;

/// Lifetime of an acknowledgement, 24 hours; after that an alert that still lasts is raised again.
pub const ACKNOWLEDGEMENT_TTL: Duration = Duration::from_secs(24 * 3_600);
/// Maximum length in characters of the note on an acknowledgement and of the reason for disabling a subscription.
pub const MAX_NOTE_CHARS: usize = 500;

/// Subject of an alert, displayed as `subscription 12` or `window 3 read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertSubject {
    /// A subscription is failing or disabled.
    Subscription(SubscriptionId),
    /// An API key needs attention.
    Key(KeyId),
    /// A key is close to or over the rate limit of one bucket.
    Window(KeyId, RateBucket),
    /// Systems that poll events with a key make no progress.
    Poller(KeyId),
    /// A company publishes no events although events are usual.
    Events(CompanyId),
    /// Calls that claim to be of a company, or name none, are refused for want of a valid key.
    Callers(Option<CompanyId>),
    /// The delivery pipeline as a whole is impaired.
    Pipeline,
    /// The clocks of the platform and the console differ.
    Clock,
}

/// Record that an alert's subject belongs to, and without which the subject does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectRecord {
    /// Subscription with this id.
    Subscription(SubscriptionId),
    /// Key with this id.
    Key(KeyId),
    /// Company with this id.
    Company(CompanyId),
    /// The platform itself, which always exists.
    Platform,
}

impl fmt::Display for AlertSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscription(id) => write!(f, "subscription {id}"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Window(id, bucket) => write!(f, "window {id} {bucket}"),
            Self::Poller(id) => write!(f, "poller {id}"),
            Self::Events(id) => write!(f, "events {id}"),
            Self::Callers(Some(id)) => write!(f, "callers {id}"),
            Self::Callers(None) => f.write_str("callers"),
            Self::Pipeline => f.write_str("pipeline"),
            Self::Clock => f.write_str("clock"),
        }
    }
}

impl AlertSubject {
    /// Forms of all subjects, for errors about a text that names none.
    pub const FORMS: &'static str =
        "subscription N, key N, window N BUCKET, poller N, events N, callers N, callers, pipeline or clock";

    /// Returns the record that the subject belongs to.
    #[must_use]
    pub const fn record(self) -> SubjectRecord {
        match self {
            Self::Subscription(id) => SubjectRecord::Subscription(id),
            Self::Key(id) | Self::Window(id, _) | Self::Poller(id) => SubjectRecord::Key(id),
            Self::Events(id) | Self::Callers(Some(id)) => SubjectRecord::Company(id),
            Self::Callers(None) | Self::Pipeline | Self::Clock => SubjectRecord::Platform,
        }
    }

    /// Parses a subject from its displayed form; `None` if the text names no subject.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.split(' ').collect();
        let number = |text: &str| text.parse::<i64>().ok().filter(|id| *id > 0 && text == id.to_string());
        Some(match words.as_slice() {
            ["subscription", id] => Self::Subscription(SubscriptionId(number(id)?)),
            ["key", id] => Self::Key(KeyId(number(id)?)),
            ["window", id, bucket] => Self::Window(KeyId(number(id)?), RateBucket::named(bucket)?),
            ["poller", id] => Self::Poller(KeyId(number(id)?)),
            ["events", id] => Self::Events(CompanyId(number(id)?)),
            ["callers", id] => Self::Callers(Some(CompanyId(number(id)?))),
            ["callers"] => Self::Callers(None),
            ["pipeline"] => Self::Pipeline,
            ["clock"] => Self::Clock,
            _ => return None,
        })
    }
}

/// Condition that raises an alert, as the rule that found the condition describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertCondition {
    /// Subject of the alert.
    pub subject: AlertSubject,
    /// Name of the subject, for display.
    pub name: String,
    /// Severity of the condition and its reason.
    pub judgement: HealthAssessment,
    /// Time at which the condition began; `None` if unknown.
    pub began_at: Option<Timestamp>,
}

/// An operator's statement that an alert is being handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Subject of the acknowledged alert.
    pub subject: AlertSubject,
    /// Health status of the subject at that time; a worse status later is a new alert.
    pub status: HealthStatus,
    /// Time of the acknowledgement by the platform's clock.
    pub acknowledged_at: Timestamp,
    /// Name of the operator who acknowledged the alert.
    pub acknowledged_by: String,
    /// Optional note, at most [`MAX_NOTE_CHARS`] characters.
    pub note: Option<String>,
}

impl Acknowledgement {
    /// Returns whether this acknowledgement covers an alert: same subject, a status no worse than the acknowledged one,
    /// not older than [`ACKNOWLEDGEMENT_TTL`], and given at or after `since`, the beginning of the alert. An alert whose beginning
    /// is unknown stays covered when it returns within that time.
    #[must_use]
    pub fn is_active_for(
        &self,
        (subject, standing): (AlertSubject, HealthStatus),
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        // `HealthStatus` orders the worst status first, so `<=` means "no worse than acknowledged".
        self.subject == subject
            && self.status <= standing
            && since.is_none_or(|since| since <= self.acknowledged_at)
            && now.since(self.acknowledged_at) < ACKNOWLEDGEMENT_TTL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_found_by_the_names_they_have_and_by_no_others() {
        let all = [
            AlertSubject::Subscription(SubscriptionId(17)),
            AlertSubject::Key(KeyId(3)),
            AlertSubject::Window(KeyId(3), RateBucket::Write),
            AlertSubject::Poller(KeyId(3)),
            AlertSubject::Events(CompanyId(92)),
            AlertSubject::Callers(Some(CompanyId(92))),
            AlertSubject::Callers(None),
            AlertSubject::Pipeline,
            AlertSubject::Clock,
        ];
        for subject in all {
            assert_eq!(AlertSubject::named(&subject.to_string()), Some(subject));
        }
        for other in [
            "",
            "subscription",
            "subscription x",
            "subscription 0",
            "key +3",
            "key 03",
            "window 3 all",
            "clock 1",
            "Key 3",
        ] {
            assert_eq!(AlertSubject::named(other), None, "{other}");
        }
    }

    #[test]
    fn an_acknowledgement_holds_for_what_it_was_given_for_and_for_a_day() {
        let subject = AlertSubject::Key(KeyId(3));
        let at = Timestamp::from_millis(1_000_000);
        let said = Acknowledgement {
            subject,
            status: HealthStatus::Failing,
            acknowledged_at: at,
            acknowledged_by: "dana".to_owned(),
            note: None,
        };
        let alert = (subject, HealthStatus::Failing);
        let later = at.plus(Duration::from_secs(60));
        assert!(said.is_active_for(alert, None, later) && said.is_active_for(alert, Some(at), later));
        assert!(!said.is_active_for(alert, Some(later), later), "it began anew");
        assert!(!said.is_active_for((subject, HealthStatus::Tripped), None, later), "it became worse");
        assert!(said.is_active_for((subject, HealthStatus::Warning), None, later), "it became better");
        assert!(!said.is_active_for((AlertSubject::Clock, HealthStatus::Failing), None, later));
        assert!(!said.is_active_for(alert, None, at.plus(ACKNOWLEDGEMENT_TTL)), "a day is over");
    }
}
