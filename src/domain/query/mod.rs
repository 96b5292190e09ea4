//! Field queries, `status>=500 company:92 type:payment.* since:15m !kind:test "text"`: one language for the console's filters, for
//! `--filter` and for replays. Terms are joined by "and", a comma between values is "or", `!` is "not".

pub mod complete;
pub mod field;
pub mod parse;
pub mod portion;
pub mod sift;
#[cfg(test)]
mod tests;

use super::time::Timestamp;
use field::Field;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// A query: all of its terms must hold. Two queries are equal if they ask the same, wherever their terms stand.
#[derive(Debug, Clone, Default)]
pub struct Query {
    terms: Vec<(Term, Range<usize>)>,
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether the test must hold or must not.
    pub sign: Sign,
    /// What is tested.
    pub test: Test,
}

/// Whether a test must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It must.
    Must,
    /// It must not.
    MustNot,
}

/// A test of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// One of the row's texts holds this, whatever the case of its ASCII letters.
    Text(String),
    /// The number lies in one of the spans.
    Number(Field, Vec<Span>),
    /// The word or text fits one of the patterns.
    Word(Field, Vec<Pattern>),
    /// The row is at or after the moment ([`Field::Since`]) or before it ([`Field::Until`]).
    Time(Field, Moment),
}

/// Numbers from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The least.
    pub from: i64,
    /// The greatest.
    pub to: i64,
}

/// What a word or text must be like, whatever the case of its ASCII letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// It is this.
    Is(String),
    /// It holds this.
    Holds(String),
    /// It is this, with anything in the place of each `*`.
    Like(String),
}

/// A moment in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long before now.
    Ago(Duration),
    /// The last time it was so long after midnight UTC.
    Daily(Duration),
    /// This one.
    At(Timestamp),
}

impl Moment {
    /// When that was, at `now`.
    #[must_use]
    pub fn before(self, now: Timestamp) -> Timestamp {
        const DAY: i64 = 86_400_000;
        match self {
            Self::Ago(ago) => now.minus(ago),
            Self::At(at) => at,
            Self::Daily(after) => {
                let today = now.slot(DAY).plus(after);
                if today > now { today.minus(Duration::from_millis(DAY.unsigned_abs())) } else { today }
            }
        }
    }
}

impl Query {
    /// Its terms, in the order in which they were written.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.terms.iter().map(|(term, _)| term)
    }

    /// Its terms with the bytes of the text that they were read from.
    pub fn spans(&self) -> impl Iterator<Item = (&Term, Range<usize>)> {
        self.terms.iter().map(|(term, span)| (term, span.clone()))
    }

    /// Whether it asks nothing: every row passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.terms().eq(other.terms())
    }
}

impl Eq for Query {}

impl FromIterator<Term> for Query {
    fn from_iter<T: IntoIterator<Item = Term>>(terms: T) -> Self {
        Self { terms: terms.into_iter().map(|term| (term, 0..0)).collect() }
    }
}

/// As it can be read again.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, term) in self.terms().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(f, "{space}{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sign == Sign::MustNot {
            f.write_str("!")?;
        }
        match &self.test {
            Test::Text(text) => f.write_str(&quoted(text)),
            Test::Number(field, spans) => match spans.as_slice() {
                [Span { from: i64::MIN, to: -1 }] => write!(f, "{}<0", field.name()),
                [Span { from: i64::MIN, to }] => write!(f, "{}<={to}", field.name()),
                [Span { from, to: i64::MAX }] if *from != i64::MAX => write!(f, "{}>={from}", field.name()),
                spans => write!(f, "{}:{}", field.name(), joined(spans)),
            },
            Test::Word(field, patterns) => {
                let exact = patterns.iter().any(|pattern| matches!(pattern, Pattern::Is(_)));
                let is = if exact && field.words().is_empty() { "=" } else { ":" };
                write!(f, "{}{is}{}", field.name(), joined(patterns))
            }
            Test::Time(field, moment) => write!(f, "{}:{moment}", field.name()),
        }
    }
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

/// Between quotation marks, with a backslash before those inside.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether a value needs no quotation marks.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\",*\\".contains(c))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { self.from.fmt(f) } else { write!(f, "{}..{}", self.from, self.to) }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Like(text) => f.write_str(text),
            Self::Is(text) | Self::Holds(text) if is_plain(text) => f.write_str(text),
            Self::Is(text) | Self::Holds(text) => f.write_str(&quoted(text)),
        }
    }
}

impl fmt::Display for Moment {
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
