//! Evaluation of queries: matching rows against terms.

use super::field::Field;
use super::{FilterQuery, QueryTerm, TermSign, TermTest, TextPattern};
use crate::domain::time::Timestamp;
use std::borrow::Cow;

/// Value of a row for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// A whole number of the row.
    Number(i64),
    /// A word or text, as received.
    Text(Cow<'a, str>),
}

/// A row that can be matched against a query.
pub trait QueryableRow {
    /// Fields that rows of the type can be filtered by, in the order of sorting.
    fn fields() -> &'static [Field]
    where
        Self: Sized;

    /// Member of the row's JSON that a field's values come from, for fields whose values a source may never know.
    #[must_use]
    fn member_of(_: Field) -> Option<&'static str>
    where
        Self: Sized,
    {
        None
    }

    /// Values of the row for a field, none or several; `now` is the platform's time.
    fn values(&self, field: Field, now: Timestamp) -> Vec<FieldValue<'_>>;

    /// Time of the row; `None` for rows that are not events in time.
    fn at(&self) -> Option<Timestamp> {
        None
    }

    /// Texts of the row in which a term without a field is searched.
    fn texts(&self) -> Vec<Cow<'_, str>>;
}

impl FilterQuery {
    /// Returns whether a row matches, at `now` by the platform's clock. A row without the field fails a test of the
    /// field and passes the negated test.
    #[must_use]
    pub fn matches(&self, row: &dyn QueryableRow, now: Timestamp) -> bool {
        self.terms().all(|term| term.matches(row, now))
    }
}

impl QueryTerm {
    fn matches(&self, row: &dyn QueryableRow, now: Timestamp) -> bool {
        let holds = match &self.test {
            TermTest::Text(text) => row.texts().iter().any(|has| contains_ignoring_case(has, text)),
            TermTest::Number(field, spans) => row.values(*field, now).iter().any(|value| match value {
                FieldValue::Number(n) => spans.iter().any(|span| (span.from..=span.to).contains(n)),
                FieldValue::Text(_) => false,
            }),
            TermTest::Word(field, patterns) => row.values(*field, now).iter().any(|value| match value {
                FieldValue::Text(text) => patterns.iter().any(|pattern| pattern.matches(text)),
                FieldValue::Number(_) => false,
            }),
            TermTest::Time(field, moment) => row.at().is_some_and(|at| {
                let moment = moment.resolve(now);
                if *field == Field::Since { at >= moment } else { at < moment }
            }),
        };
        holds == (self.sign == TermSign::Must)
    }
}

impl TextPattern {
    /// Returns whether a text matches the pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equals(is) => text.eq_ignore_ascii_case(is),
            Self::Contains(part) => contains_ignoring_case(text, part),
            Self::Glob(like) => matches_glob(&text.to_ascii_lowercase(), &like.to_ascii_lowercase()),
        }
    }
}

fn contains_ignoring_case(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
}

/// Returns whether a text matches a pattern in which `*` means any text.
fn matches_glob(text: &str, like: &str) -> bool {
    let mut parts = like.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
