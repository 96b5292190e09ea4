//! Subjects of alerts, and acknowledgements of alerts with their lifetime.

use super::ids::{CompanyId, KeyId, SubscriptionId};
use super::standing::Standing;
use super::time::Timestamp;
use super::window::Bucket;
use std::fmt;
use std::time::Duration;

/// Lifetime of an acknowledgement, 24 hours; after that an alert that still lasts is raised again.
pub const HELD_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Maximum length in characters of the note on an acknowledgement and of the reason for disabling a subscription.
pub const REMARK: usize = 500;

/// Subject of an alert, displayed as `subscription 12` or `window 3 read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A subscription is failing or disabled.
    Subscription(SubscriptionId),
    /// An API key needs attention.
    Key(KeyId),
    /// A key is close to or over the rate limit of one bucket.
    Window(KeyId, Bucket),
    /// A company publishes no events although events are usual.
    Events(CompanyId),
    /// The delivery pipeline as a whole is impaired.
    Pipeline,
    /// The clocks of the platform and the console differ.
    Clock,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscription(id) => write!(f, "subscription {id}"),
            Self::Key(id) => write!(f, "key {id}"),
            Self::Window(id, bucket) => write!(f, "window {id} {bucket}"),
            Self::Events(id) => write!(f, "events {id}"),
            Self::Pipeline => f.write_str("pipeline"),
            Self::Clock => f.write_str("clock"),
        }
    }
}

impl Subject {
    /// Parses a subject from its displayed form; `None` if the text names no subject.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.split(' ').collect();
        let number = |text: &str| text.parse::<i64>().ok().filter(|id| *id > 0 && text == id.to_string());
        Some(match words.as_slice() {
            ["subscription", id] => Self::Subscription(SubscriptionId(number(id)?)),
            ["key", id] => Self::Key(KeyId(number(id)?)),
            ["window", id, bucket] => Self::Window(KeyId(number(id)?), Bucket::named(bucket)?),
            ["events", id] => Self::Events(CompanyId(number(id)?)),
            ["pipeline"] => Self::Pipeline,
            ["clock"] => Self::Clock,
            _ => return None,
        })
    }
}

/// An operator's statement that an alert is being handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Subject of the acknowledged alert.
    pub subject: Subject,
    /// Health status of the subject at that time; a worse status later is a new alert.
    pub standing: Standing,
    /// Time of the acknowledgement by the platform's clock.
    pub at: Timestamp,
    /// Name of the operator who acknowledged the alert.
    pub by: String,
    /// Optional note, at most [`REMARK`] characters.
    pub note: Option<String>,
}

impl Acknowledgement {
    /// Returns whether this acknowledgement covers an alert: same subject, a status no worse than the acknowledged one,
    /// not older than [`HELD_FOR`], and given at or after `since`, the beginning of the alert. An alert whose beginning
    /// is unknown stays covered when it returns within that time.
    #[must_use]
    pub fn holds(&self, (subject, standing): (Subject, Standing), since: Option<Timestamp>, now: Timestamp) -> bool {
        // `HealthStatus` orders the worst status first, so `<=` means "no worse than acknowledged".
        self.subject == subject
            && self.standing <= standing
            && since.is_none_or(|since| since <= self.at)
            && now.since(self.at) < HELD_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_found_by_the_names_they_have_and_by_no_others() {
        let all = [
            Subject::Subscription(SubscriptionId(17)),
            Subject::Key(KeyId(3)),
            Subject::Window(KeyId(3), Bucket::Write),
            Subject::Events(CompanyId(92)),
            Subject::Pipeline,
            Subject::Clock,
        ];
        for subject in all {
            assert_eq!(Subject::named(&subject.to_string()), Some(subject));
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
            assert_eq!(Subject::named(other), None, "{other}");
        }
    }

    #[test]
    fn an_acknowledgement_holds_for_what_it_was_given_for_and_for_a_day() {
        let subject = Subject::Key(KeyId(3));
        let at = Timestamp::from_millis(1_000_000);
        let said = Acknowledgement { subject, standing: Standing::Failing, at, by: "dana".to_owned(), note: None };
        let alert = (subject, Standing::Failing);
        let later = at.plus(Duration::from_secs(60));
        assert!(said.holds(alert, None, later) && said.holds(alert, Some(at), later));
        assert!(!said.holds(alert, Some(later), later), "it began anew");
        assert!(!said.holds((subject, Standing::Tripped), None, later), "it became worse");
        assert!(said.holds((subject, Standing::Attention), None, later), "it became better");
        assert!(!said.holds((Subject::Clock, Standing::Failing), None, later));
        assert!(!said.holds(alert, None, at.plus(HELD_FOR)), "a day is over");
    }
}
