//! What an alert can be about, and for how long somebody's word that they look after one holds.

use super::ids::{CompanyId, KeyId, SubscriptionId};
use super::standing::Standing;
use super::time::Timestamp;
use super::window::Bucket;
use std::fmt;
use std::time::Duration;

/// After this long an acknowledgement lapses: what was forgotten is to be seen again.
pub const HELD_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Characters of what may be said with an acknowledgement, or as the reason for switching something off.
pub const REMARK: usize = 500;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A subscription.
    Subscription(SubscriptionId),
    /// A key.
    Key(KeyId),
    /// A window of a key.
    Window(KeyId, Bucket),
    /// The events of a company.
    Events(CompanyId),
    /// The delivery pipeline as a whole.
    Pipeline,
    /// The platform's clock and ours.
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
    /// The subject of that name, as it is displayed.
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

/// Somebody's word that they look after an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// What it is about.
    pub subject: Subject,
    /// How it stood; when it becomes worse, it is another alert.
    pub standing: Standing,
    /// When it was said, by the platform's clock.
    pub at: Timestamp,
    /// Who said it.
    pub by: String,
    /// What else they said.
    pub note: Option<String>,
}

impl Acknowledgement {
    /// Whether it is about an alert that began at `since`, where it is known when it did, stands no worse than then, and has not lapsed. What
    /// has no known beginning and comes back within the day is the same alert.
    #[must_use]
    pub fn holds(&self, (subject, standing): (Subject, Standing), since: Option<Timestamp>, now: Timestamp) -> bool {
        // Worse ones come first.
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
