//! What of a query the platform can sift by itself (contract: portal, logs), and what is left to be sifted here.

use super::field::Field;
use super::{Pattern, Query, Sign, Span, Term, Test};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;

/// A log of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Attempts.
    Attempts,
    /// Deliveries.
    Deliveries,
    /// Events.
    Events,
    /// Requests.
    Requests,
}

impl Log {
    /// The fields it can be asked by, one value each.
    const fn fields(self) -> &'static [Field] {
        use Field::{Code, Company, Event, Key, Outcome, Since, State, Status, Subscription, Type, Until};
        match self {
            Self::Attempts => &[Company, Subscription, Event, Type, Outcome, Status, Since, Until],
            Self::Deliveries => &[Company, Subscription, Event, Type, State, Since, Until],
            Self::Events => &[Company, Type, Since, Until],
            Self::Requests => &[Company, Key, Status, Code, Since, Until],
        }
    }
}

/// A question that the platform answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Rows with this number.
    Number(Field, i64),
    /// Rows with this word.
    Word(Field, String),
    /// Rows at or after, or before, this moment.
    Time(Field, Timestamp),
    /// Rows with this in one of their texts.
    Text(String),
}

/// A query cut in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// For the platform.
    pub asked: Vec<Asked>,
    /// For us; empty if the platform can do it all.
    pub rest: Query,
}

impl Query {
    /// Cuts the query for a log, at `now` by the platform's clock. Both parts together let through exactly what the whole does.
    #[must_use]
    pub fn portion(&self, log: Log, now: Timestamp) -> Portion {
        let mut asked: Vec<Asked> = Vec::new();
        let mut rest = Vec::new();
        for term in self.terms() {
            match question(term, log, now).filter(|new| !asked.iter().any(|old| old.field() == new.field())) {
                Some(question) => asked.push(question),
                None => rest.push(term.clone()),
            }
        }
        Portion { asked, rest: rest.into_iter().collect() }
    }
}

impl Asked {
    /// What it is about; each can be asked once.
    const fn field(&self) -> Option<Field> {
        match self {
            Self::Number(field, _) | Self::Word(field, _) | Self::Time(field, _) => Some(*field),
            Self::Text(_) => None,
        }
    }
}

fn question(term: &Term, log: Log, now: Timestamp) -> Option<Asked> {
    if term.sign == Sign::MustNot {
        return None;
    }
    let takes = |field: &Field| log.fields().contains(field);
    match &term.test {
        // A log looks for one text of 1 to 200 characters, attempts alone do.
        Test::Text(text) => {
            let fits = log == Log::Attempts && (1..=200).contains(&text.chars().count());
            fits.then(|| Asked::Text(text.clone()))
        }
        Test::Number(field, spans) => match spans.as_slice() {
            [Span { from, to }] if from == to && takes(field) => Some(Asked::Number(*field, *from)),
            _ => None,
        },
        Test::Word(field, patterns) => match patterns.as_slice() {
            // A state can also be one of the words of the screen, which the platform does not know.
            [Pattern::Is(word)] if *field == Field::State && State::named(word).is_none() => None,
            [Pattern::Is(word)] if takes(field) => Some(Asked::Word(*field, word.clone())),
            _ => None,
        },
        Test::Time(field, moment) => takes(field).then(|| Asked::Time(*field, moment.before(now))),
    }
}
