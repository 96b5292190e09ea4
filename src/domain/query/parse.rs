//! Parser of queries. Errors carry the byte offset of the problem and a remedy.

use super::field::{Field, Sort};
use super::{FilterQuery, NumberRange, QueryTerm, QueryTime, TermSign, TermTest, TextPattern};
use crate::domain::time::Timestamp;
use std::ops::Range;
use std::time::Duration;

/// Error of a query that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// Byte offset at which the problem begins.
    pub at: usize,
    /// Description of the problem found.
    pub problem: String,
    /// Instruction that resolves the problem.
    pub remedy: String,
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

/// Maximum length of a query in bytes.
pub const MAX_QUERY_BYTES: usize = 1_000;

/// Comparison between a field and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComparisonOperator {
    Holds,
    Is,
    IsNot,
    AtLeast,
    MoreThan,
    AtMost,
    LessThan,
}

/// Comparison operators with their spelling, longer ones first.
const RELATIONS: [(&str, ComparisonOperator); 7] = [
    (">=", ComparisonOperator::AtLeast),
    ("<=", ComparisonOperator::AtMost),
    ("!=", ComparisonOperator::IsNot),
    (">", ComparisonOperator::MoreThan),
    ("<", ComparisonOperator::LessThan),
    (":", ComparisonOperator::Holds),
    ("=", ComparisonOperator::Is),
];

/// A token of the query, delimited by spaces outside quotation marks.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueryToken<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> QueryToken<'a> {
    fn part(self, range: Range<usize>) -> Self {
        Self { text: &self.text[range.clone()], at: self.at + range.start }
    }

    fn error(self, what: impl Into<String>, remedy: impl Into<String>) -> QueryError {
        QueryError { at: self.at, problem: what.into(), remedy: remedy.into() }
    }

    /// Splits a token at its first operator outside quotation marks, into name, operator and value.
    pub(super) fn split_at_operator(self) -> Option<(Self, &'static str, Self)> {
        let end = self.text.find(['"', ':', '=', '<', '>', '!'])?;
        let (sign, _) = RELATIONS.into_iter().find(|(sign, _)| self.text[end..].starts_with(sign))?;
        Some((self.part(0..end), sign, self.part(end + sign.len()..self.text.len())))
    }
}

/// Splits a text into tokens.
pub(super) fn tokenize(text: &str) -> Vec<QueryToken<'_>> {
    let mut pieces = Vec::new();
    let mut begun = None;
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, character) in text.char_indices() {
        if begun.is_none() && !character.is_whitespace() {
            begun = Some(at);
        }
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            space if space.is_whitespace() && !is_quoted => {
                if let Some(from) = begun.take() {
                    pieces.push(QueryToken { text: &text[from..at], at: from });
                }
            }
            _ => {}
        }
    }
    pieces.extend(begun.map(|from| QueryToken { text: &text[from..], at: from }));
    pieces
}

/// Parses a query about rows that have these fields; [`Field::ALL`] permits every field.
///
/// # Errors
/// [`QueryError`] for the first token that cannot be parsed.
pub fn parse(text: &str, fields: &[Field]) -> Result<FilterQuery, QueryError> {
    if text.len() > MAX_QUERY_BYTES {
        let at = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX_QUERY_BYTES).last().unwrap_or(0);
        return Err(QueryError {
            at,
            problem: "the query is too long".into(),
            remedy: format!("{MAX_QUERY_BYTES} bytes at most"),
        });
    }
    let terms =
        tokenize(text).into_iter().map(|piece| Ok((term(piece, fields)?, piece.at..piece.at + piece.text.len())));
    Ok(FilterQuery { terms: terms.collect::<Result<_, QueryError>>()? })
}

fn term(whole: QueryToken<'_>, fields: &[Field]) -> Result<QueryTerm, QueryError> {
    let (sign, piece) = match whole.text.strip_prefix('!') {
        Some(_) => (TermSign::MustNot, whole.part(1..whole.text.len())),
        None => (TermSign::Must, whole),
    };
    if piece.text.is_empty() {
        return Err(whole.error("nothing follows !", "write a term to exclude: !kind:test"));
    }
    let Some((name, relation, value)) = piece.split_at_operator() else {
        return Ok(QueryTerm { sign, test: TermTest::Text(unquoted(piece)?.0) });
    };
    if name.text.is_empty() {
        return Err(name.error("the field name is missing", "write status>=500, or put text in quotes"));
    }
    let Some(field) = Field::named(name.text) else {
        return Err(name.error(format!("unknown field {}", name.text), unknown(name.text, fields)));
    };
    if !fields.contains(&field) {
        return Err(name.error(format!("no field {} here", field.name()), format!("fields: {}", names(fields))));
    }
    if value.text.is_empty() {
        return Err(value.error(format!("{} needs a value", field.name()), example(field)));
    }
    let relation =
        RELATIONS.into_iter().find(|(sign, _)| *sign == relation).map_or(ComparisonOperator::Is, |(_, named)| named);
    let (sign, relation) = match (relation, sign) {
        (ComparisonOperator::IsNot, TermSign::Must) => (TermSign::MustNot, ComparisonOperator::Is),
        (ComparisonOperator::IsNot, TermSign::MustNot) => (TermSign::Must, ComparisonOperator::Is),
        (relation, sign) => (sign, relation),
    };
    Ok(QueryTerm { sign, test: test(field, relation, value)? })
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(" ")
}

/// Remedy for an unknown field name: the nearest name, or all names if none is near.
fn unknown(name: &str, fields: &[Field]) -> String {
    let near = fields.iter().map(|field| (distance(name, field.name()), field.name())).min_by_key(|(far, _)| *far);
    match near {
        Some((1..=2, near)) => format!("write {near}, or put text in quotes"),
        _ => format!("put text in quotes, or use {}", names(fields)),
    }
}

/// Edit distance between two words, in inserted, removed and changed characters.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate().take(40) {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

/// Example of how to query a field, as a remedy.
fn example(field: Field) -> String {
    match field.sort() {
        Sort::Number => format!("write {0}:17, {0}>=500 or {0}:1,2", field.name()),
        Sort::Word => format!("one of {}", field.words().join(" ")),
        Sort::Text => format!("write part of the text: {}:acme", field.name()),
        Sort::Moment => format!("write {0}:15m, {0}:14:02 or {0}:2026-11-23", field.name()),
    }
}

fn test(field: Field, relation: ComparisonOperator, value: QueryToken<'_>) -> Result<TermTest, QueryError> {
    let compares = !matches!(relation, ComparisonOperator::Holds | ComparisonOperator::Is);
    let refuse = || value.error(format!("{} cannot be compared with < and >", field.name()), example(field));
    match field.sort() {
        Sort::Number if compares => Ok(TermTest::Number(field, vec![compared(relation, value, field)?])),
        Sort::Number => Ok(TermTest::Number(field, parse_list(value, |one| span(one, field))?)),
        _ if compares => Err(refuse()),
        Sort::Word | Sort::Text => Ok(TermTest::Word(field, parse_list(value, |one| pattern(one, field, relation))?)),
        Sort::Moment => Ok(TermTest::Time(field, moment(value, field)?)),
    }
}

/// Parses every value of a comma-separated list.
fn parse_list<T>(
    values: QueryToken<'_>,
    read: impl Fn(QueryToken<'_>) -> Result<T, QueryError>,
) -> Result<Vec<T>, QueryError> {
    let (mut from, mut is_quoted, mut is_escaped) = (0, false, false);
    let mut read_to = Vec::new();
    for (at, character) in values.text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                read_to.push(read(require_value(values.part(from..at))?)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    read_to.push(read(require_value(values.part(from..values.text.len()))?)?);
    Ok(read_to)
}

fn require_value(piece: QueryToken<'_>) -> Result<QueryToken<'_>, QueryError> {
    if piece.text.is_empty() {
        return Err(piece.error("a value is missing", "write one, or remove the comma"));
    }
    Ok(piece)
}

fn number(piece: QueryToken<'_>, field: Field) -> Result<i64, QueryError> {
    let wrong = piece.text.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    piece.text.parse().ok().filter(|_| wrong == 0).ok_or_else(|| {
        piece.part(wrong..piece.text.len()).error(format!("{} must be a number", field.name()), example(field))
    })
}

fn compared(relation: ComparisonOperator, value: QueryToken<'_>, field: Field) -> Result<NumberRange, QueryError> {
    let n = number(value, field)?;
    Ok(match relation {
        ComparisonOperator::AtLeast => NumberRange { from: n, to: i64::MAX },
        ComparisonOperator::MoreThan => NumberRange { from: n.saturating_add(1), to: i64::MAX },
        ComparisonOperator::AtMost => NumberRange { from: i64::MIN, to: n },
        _ => NumberRange { from: i64::MIN, to: n.saturating_sub(1) },
    })
}

/// Parses a number, a range or a status class: `17`, `500..504`, `5xx`.
fn span(piece: QueryToken<'_>, field: Field) -> Result<NumberRange, QueryError> {
    if let Some(cut) = piece.text.find("..") {
        let (from, to) = (number(piece.part(0..cut), field)?, number(piece.part(cut + 2..piece.text.len()), field)?);
        if from > to {
            return Err(piece.error("the range is reversed", format!("write {}:{to}..{from}", field.name())));
        }
        return Ok(NumberRange { from, to });
    }
    match (field, piece.text.as_bytes()) {
        (Field::Status, [hundreds @ b'1'..=b'9', b'x' | b'X', b'x' | b'X']) => {
            let from = i64::from(hundreds - b'0') * 100;
            Ok(NumberRange { from, to: from + 99 })
        }
        _ => number(piece, field).map(|n| NumberRange { from: n, to: n }),
    }
}

/// Removes the quotation marks from a value and reports whether there were any.
fn unquoted(piece: QueryToken<'_>) -> Result<(String, QuotationMarks), QueryError> {
    let Some(inside) = piece.text.strip_prefix('"') else {
        return match piece.text.find('"') {
            None => Ok((piece.text.to_owned(), QuotationMarks::None)),
            Some(at) => {
                let rest = piece.part(at..piece.text.len());
                Err(rest.error("quotation mark inside the value", "quote the whole value"))
            }
        };
    };
    let mut text = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => text.extend(characters.next().map(|(_, character)| character)),
            '"' if at + 1 == inside.len() => return Ok((text, QuotationMarks::Around)),
            '"' => {
                let rest = piece.part(at + 2..piece.text.len());
                return Err(rest.error("text after the closing quotation mark", "add a space"));
            }
            character => text.push(character),
        }
    }
    Err(piece.error("missing closing quotation mark", "add \" at the end"))
}

/// Quotation marks around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QuotationMarks {
    None,
    Around,
}

fn pattern(piece: QueryToken<'_>, field: Field, relation: ComparisonOperator) -> Result<TextPattern, QueryError> {
    let (text, marks) = unquoted(piece)?;
    let is_closed = field.sort() == Sort::Word;
    let text = if is_closed { text.to_ascii_lowercase() } else { text };
    let text = field.current_word(&text).to_owned();
    let pattern = if marks == QuotationMarks::None && text.contains('*') {
        TextPattern::Glob(text)
    } else if is_closed || relation == ComparisonOperator::Is {
        TextPattern::Equals(text)
    } else {
        TextPattern::Contains(text)
    };
    let words = field.words();
    if is_closed && !words.iter().any(|word| pattern.matches(word)) {
        let shown = piece.text;
        let near = words.iter().map(|word| (distance(shown, word), *word)).min_by_key(|(far, _)| *far);
        let remedy = match near {
            Some((0..=2, near)) => format!("write {}:{near}", field.name()),
            _ => example(field),
        };
        return Err(piece.error(format!("{} cannot be {shown}", field.name()), remedy));
    }
    Ok(pattern)
}

fn moment(piece: QueryToken<'_>, field: Field) -> Result<QueryTime, QueryError> {
    let text = piece.text;
    QueryTime::parse(text).ok_or_else(|| piece.error(format!("{text} is not a time"), example(field)))
}

impl QueryTime {
    /// Parses a time: `90s`, `15m`, `2h`, `7d`; `14:02`, `14:02:31`; `2026-11-23`, `2026-11-23T14:02:31Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ago = || {
            let (n, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 86_400,
                _ => return None,
            };
            let n: u32 = n.parse().ok().filter(|_| n.bytes().all(|c| c.is_ascii_digit()))?;
            Some(QueryTime::Ago(Duration::from_secs(u64::from(n) * seconds)))
        };
        let daily = || {
            let mut parts = text.split(':').map(|part| {
                let is_short = matches!(part.len(), 1 | 2) && part.bytes().all(|c| c.is_ascii_digit());
                part.parse::<u64>().ok().filter(|_| is_short)
            });
            let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
            let is_time = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
            is_time.then(|| QueryTime::Daily(Duration::from_secs(hours * 3_600 + minutes * 60 + seconds)))
        };
        let at =
            || Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z"))).map(QueryTime::At);
        ago().or_else(daily).or_else(at)
    }
}
