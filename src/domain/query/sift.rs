//! Holding rows against a query.

use super::field::Field;
use super::{Pattern, Query, Sign, Term, Test};
use crate::domain::time::Timestamp;
use std::borrow::Cow;

/// What a row has for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number.
    Number(i64),
    /// A word or text, as it came.
    Text(Cow<'a, str>),
}

/// A row that can be sifted.
pub trait Row {
    /// What it has for a field, none or several; `now` is the platform's time.
    fn values(&self, field: Field, now: Timestamp) -> Vec<Value<'_>>;

    /// When it was, if it is something that happened.
    fn at(&self) -> Option<Timestamp>;

    /// Texts in which a text without a field is looked for.
    fn texts(&self) -> Vec<Cow<'_, str>>;
}

impl Query {
    /// Whether a row passes, at `now` by the platform's clock. A row without a field fails a test of it, and passes its contrary.
    #[must_use]
    pub fn passes(&self, row: &dyn Row, now: Timestamp) -> bool {
        self.terms().all(|term| term.passes(row, now))
    }
}

impl Term {
    fn passes(&self, row: &dyn Row, now: Timestamp) -> bool {
        let holds = match &self.test {
            Test::Text(text) => row.texts().iter().any(|has| holds(has, text)),
            Test::Number(field, spans) => row.values(*field, now).iter().any(|value| match value {
                Value::Number(n) => spans.iter().any(|span| (span.from..=span.to).contains(n)),
                Value::Text(_) => false,
            }),
            Test::Word(field, patterns) => row.values(*field, now).iter().any(|value| match value {
                Value::Text(text) => patterns.iter().any(|pattern| pattern.fits(text)),
                Value::Number(_) => false,
            }),
            Test::Time(field, moment) => row.at().is_some_and(|at| {
                let moment = moment.before(now);
                if *field == Field::Since { at >= moment } else { at < moment }
            }),
        };
        holds == (self.sign == Sign::Must)
    }
}

impl Pattern {
    /// Whether a text is like this.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::Is(is) => text.eq_ignore_ascii_case(is),
            Self::Holds(part) => holds(text, part),
            Self::Like(like) => is_like(&text.to_ascii_lowercase(), &like.to_ascii_lowercase()),
        }
    }
}

fn holds(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
}

/// Whether a text is made of the parts between the stars, in their order, the first at its beginning and the last at its end.
fn is_like(text: &str, like: &str) -> bool {
    let mut parts = like.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
