//! Filter pushdown: splits a query into the filters that the platform evaluates and the rest that the client evaluates.

use super::field::Field;
use super::{FilterQuery, NumberRange, QueryTerm, TermSign, TermTest, TextPattern};
use crate::domain::delivery::DeliveryState;
use crate::domain::time::Timestamp;

/// A log of the platform that accepts filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// The log of delivery attempts.
    Attempts,
    /// The log of event deliveries.
    Deliveries,
    /// The log of published events.
    Events,
    /// The log of API requests.
    Requests,
}

impl LogKind {
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
pub enum RemoteFilter {
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
pub struct QuerySplit {
    /// Filters for the platform to evaluate.
    pub remote: Vec<RemoteFilter>,
    /// Remaining query for the client; empty if the platform evaluates all of it.
    pub local: FilterQuery,
}

impl FilterQuery {
    /// Splits the query for a log, at `now` by the platform's clock. Both parts together match exactly the rows that
    /// the whole query matches.
    #[must_use]
    pub fn split_for(&self, log: LogKind, now: Timestamp) -> QuerySplit {
        let mut asked: Vec<RemoteFilter> = Vec::new();
        let mut rest = Vec::new();
        for term in self.terms() {
            match remote_filter(term, log, now).filter(|new| !asked.iter().any(|old| old.field() == new.field())) {
                Some(question) => asked.push(question),
                None => rest.push(term.clone()),
            }
        }
        QuerySplit { remote: asked, local: rest.into_iter().collect() }
    }
}

impl RemoteFilter {
    /// Field of the filter, which can be sent only once; `None` for text.
    const fn field(&self) -> Option<Field> {
        match self {
            Self::Number(field, _) | Self::Word(field, _) | Self::Time(field, _) => Some(*field),
            Self::Text(_) => None,
        }
    }
}

fn remote_filter(term: &QueryTerm, log: LogKind, now: Timestamp) -> Option<RemoteFilter> {
    if term.sign == TermSign::MustNot {
        return None;
    }
    let takes = |field: &Field| log.fields().contains(field);
    match &term.test {
        // Only the attempt log searches text, for one text of 1 to 200 characters.
        TermTest::Text(text) => {
            let fits = log == LogKind::Attempts && (1..=200).contains(&text.chars().count());
            fits.then(|| RemoteFilter::Text(text.clone()))
        }
        TermTest::Number(field, spans) => match spans.as_slice() {
            [NumberRange { from, to }] if from == to && takes(field) => Some(RemoteFilter::Number(*field, *from)),
            _ => None,
        },
        TermTest::Word(field, patterns) => match patterns.as_slice() {
            // A state can also be a health status code, which the platform does not know.
            [TextPattern::Equals(word)] if *field == Field::State && DeliveryState::named(word).is_none() => None,
            [TextPattern::Equals(word)] if takes(field) => Some(RemoteFilter::Word(*field, word.clone())),
            _ => None,
        },
        TermTest::Time(field, moment) => takes(field).then(|| RemoteFilter::Time(*field, moment.resolve(now))),
    }
}
