//! Filter pushdown: splits a query into the filters that the platform evaluates and the rest that the client evaluates.

use super::field::Field;
use super::{Pattern, Query, Sign, Span, Term, Test};
use crate::domain::delivery::State;
use crate::domain::time::Timestamp;

/// A log of the platform that accepts filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// The log of delivery attempts.
    Attempts,
    /// The log of event deliveries.
    Deliveries,
    /// The log of published events.
    Events,
    /// The log of API requests.
    Requests,
}

impl Log {
    /// Fields that the platform can filter the log by, with one value each.
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

/// A filter that the platform evaluates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Rows with this number in the field.
    Number(Field, i64),
    /// Rows with this word in the field.
    Word(Field, String),
    /// Rows at or after, or before, this time.
    Time(Field, Timestamp),
    /// Rows with this text in one of their columns.
    Text(String),
}

/// A query split between platform and client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// Filters for the platform to evaluate.
    pub asked: Vec<Asked>,
    /// Remaining query for the client; empty if the platform evaluates all of it.
    pub rest: Query,
}

impl Query {
    /// Splits the query for a log, at `now` by the platform's clock. Both parts together match exactly the rows that
    /// the whole query matches.
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
    /// Field of the filter, which can be sent only once; `None` for text.
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
        // Only the attempt log searches text, for one text of 1 to 200 characters.
        Test::Text(text) => {
            let fits = log == Log::Attempts && (1..=200).contains(&text.chars().count());
            fits.then(|| Asked::Text(text.clone()))
        }
        Test::Number(field, spans) => match spans.as_slice() {
            [Span { from, to }] if from == to && takes(field) => Some(Asked::Number(*field, *from)),
            _ => None,
        },
        Test::Word(field, patterns) => match patterns.as_slice() {
            // A state can also be a health status code, which the platform does not know.
            [Pattern::Is(word)] if *field == Field::State && State::named(word).is_none() => None,
            [Pattern::Is(word)] if takes(field) => Some(Asked::Word(*field, word.clone())),
            _ => None,
        },
        Test::Time(field, moment) => takes(field).then(|| Asked::Time(*field, moment.before(now))),
    }
}
