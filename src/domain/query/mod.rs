//! Query language: `status>=500 company:92 type:payment.* since:15m !kind:test "text"`, for the console's filters, for
//! `--filter` and for replays. Terms are joined by "and", a comma between values means "or", `!` means "not".

pub mod complete;
pub mod field;
pub mod matching;
pub mod parse;
pub mod pushdown;
#[cfg(test)]
mod tests;

use super::time::Timestamp;
use field::Field;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// A query, all of whose terms must match. Equality ignores where in the text the terms were written.
#[derive(Debug, Clone, Default)]
pub struct FilterQuery {
    terms: Vec<(QueryTerm, Range<usize>)>,
}

/// One term of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryTerm {
    /// Whether the test must match or must not.
    pub sign: TermSign,
    /// Test that is applied to a row.
    pub test: TermTest,
}

/// Sign of a term in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermSign {
    /// The test must match the row.
    Must,
    /// The test must not match the row.
    MustNot,
}

/// Test of a term, applied to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermTest {
    /// One of the row's texts contains this text, without regard to the case of ASCII letters.
    Text(String),
    /// The number lies in one of the ranges.
    Number(Field, Vec<NumberRange>),
    /// The word or text matches one of the patterns.
    Word(Field, Vec<TextPattern>),
    /// The row's time is at or after ([`Field::Since`]) or before ([`Field::Until`]) this time.
    Time(Field, QueryTime),
}

/// Range of numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberRange {
    /// Least number of the range.
    pub from: i64,
    /// Greatest number of the range.
    pub to: i64,
}

/// Pattern of a word or text, without regard to the case of ASCII letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPattern {
    /// The text equals this text.
    Equals(String),
    /// The text contains this text.
    Contains(String),
    /// The text matches this pattern, in which `*` means any text.
    Glob(String),
}

/// A time in a query, absolute or relative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryTime {
    /// A duration before the present.
    Ago(Duration),
    /// The latest time that was this long after midnight UTC.
    Daily(Duration),
    /// An absolute point in time.
    At(Timestamp),
}

impl QueryTerm {
    /// Field that the term tests; `None` for a text without a field.
    #[must_use]
    pub const fn field(&self) -> Option<Field> {
        match &self.test {
            TermTest::Text(_) => None,
            TermTest::Number(field, _) | TermTest::Word(field, _) | TermTest::Time(field, _) => Some(*field),
        }
    }
}

impl QueryTime {
    /// Resolves the time, with `now` as the present.
    #[must_use]
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        const DAY: i64 = 86_400_000;
        match self {
            Self::Ago(ago) => now.minus(ago),
            Self::At(at) => at,
            Self::Daily(after) => {
                let today = now.floor_to(DAY).plus(after);
                if today > now { today.minus(Duration::from_millis(DAY.unsigned_abs())) } else { today }
            }
        }
    }
}

impl FilterQuery {
    /// Terms in the order in which they were written.
    pub fn terms(&self) -> impl Iterator<Item = &QueryTerm> {
        self.terms.iter().map(|(term, _)| term)
    }

    /// Terms with the byte ranges of the text that they were parsed from.
    pub fn terms_with_ranges(&self) -> impl Iterator<Item = (&QueryTerm, Range<usize>)> {
        self.terms.iter().map(|(term, span)| (term, span.clone()))
    }

    /// Returns whether the query has no terms and matches every row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

impl PartialEq for FilterQuery {
    fn eq(&self, other: &Self) -> bool {
        self.terms().eq(other.terms())
    }
}

impl Eq for FilterQuery {}

impl FromIterator<QueryTerm> for FilterQuery {
    fn from_iter<T: IntoIterator<Item = QueryTerm>>(terms: T) -> Self {
        Self { terms: terms.into_iter().map(|term| (term, 0..0)).collect() }
    }
}

/// Formats the query so that parsing yields it again.
impl fmt::Display for FilterQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, term) in self.terms().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(f, "{space}{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for QueryTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sign == TermSign::MustNot {
            f.write_str("!")?;
        }
        match &self.test {
            TermTest::Text(text) => f.write_str(&quoted(text)),
            TermTest::Number(field, spans) => match spans.as_slice() {
                [NumberRange { from: i64::MIN, to: -1 }] => write!(f, "{}<0", field.name()),
                [NumberRange { from: i64::MIN, to }] => write!(f, "{}<={to}", field.name()),
                [NumberRange { from, to: i64::MAX }] if *from != i64::MAX => write!(f, "{}>={from}", field.name()),
                spans => write!(f, "{}:{}", field.name(), joined(spans)),
            },
            TermTest::Word(field, patterns) => {
                let exact = patterns.iter().any(|pattern| matches!(pattern, TextPattern::Equals(_)));
                let is = if exact && field.words().is_empty() { "=" } else { ":" };
                write!(f, "{}{is}{}", field.name(), joined(patterns))
            }
            TermTest::Time(field, moment) => write!(f, "{}:{moment}", field.name()),
        }
    }
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

/// Encloses a text in quotation marks and escapes those inside with a backslash.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns whether a value needs no quotation marks.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\",*\\".contains(c))
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { self.from.fmt(f) } else { write!(f, "{}..{}", self.from, self.to) }
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(text) => f.write_str(text),
            Self::Equals(text) | Self::Contains(text) if is_plain(text) => f.write_str(text),
            Self::Equals(text) | Self::Contains(text) => f.write_str(&quoted(text)),
        }
    }
}

impl fmt::Display for QueryTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => f.write_str(&at.to_rfc3339_millis()),
            Self::Daily(after) => {
                let seconds = after.as_secs();
                write!(f, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
            }
            Self::Ago(ago) => match ago.as_secs() {
                n if n % 86_400 == 0 && n > 0 => write!(f, "{}d", n / 86_400),
                n if n % 3_600 == 0 && n > 0 => write!(f, "{}h", n / 3_600),
                n if n % 60 == 0 && n > 0 => write!(f, "{}m", n / 60),
                n => write!(f, "{n}s"),
            },
        }
    }
}
