//! Parser of queries. Errors carry the byte offset of the problem and a remedy.

use super::field::{Field, Sort};
use super::{Moment, Pattern, Query, Sign, Span, Term, Test};
use crate::domain::time::Timestamp;
use std::ops::Range;
use std::time::Duration;

/// Error of a query that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Byte offset at which the problem begins.
    pub at: usize,
    /// Description of the problem found.
    pub what: String,
    /// Instruction that resolves the problem.
    pub remedy: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Maximum length of a query in bytes.
pub const LONGEST: usize = 1_000;

/// Comparison between a field and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Holds,
    Is,
    IsNot,
    AtLeast,
    MoreThan,
    AtMost,
    LessThan,
}

/// Comparison operators with their spelling, longer ones first.
const RELATIONS: [(&str, Relation); 7] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("!=", Relation::IsNot),
    (">", Relation::MoreThan),
    ("<", Relation::LessThan),
    (":", Relation::Holds),
    ("=", Relation::Is),
];

/// A token of the query, delimited by spaces outside quotation marks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Piece<'a> {
    fn part(self, range: Range<usize>) -> Self {
        Self { text: &self.text[range.clone()], at: self.at + range.start }
    }

    fn fault(self, what: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault { at: self.at, what: what.into(), remedy: remedy.into() }
    }

    /// Splits a token at its first operator outside quotation marks, into name, operator and value.
    pub(super) fn cut(self) -> Option<(Self, &'static str, Self)> {
        let end = self.text.find(['"', ':', '=', '<', '>', '!'])?;
        let (sign, _) = RELATIONS.into_iter().find(|(sign, _)| self.text[end..].starts_with(sign))?;
        Some((self.part(0..end), sign, self.part(end + sign.len()..self.text.len())))
    }
}

/// Splits a text into tokens.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
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
                    pieces.push(Piece { text: &text[from..at], at: from });
                }
            }
            _ => {}
        }
    }
    pieces.extend(begun.map(|from| Piece { text: &text[from..], at: from }));
    pieces
}

/// Parses a query about rows that have these fields; [`Field::ALL`] permits every field.
///
/// # Errors
/// [`Fault`] for the first token that cannot be parsed.
pub fn parse(text: &str, fields: &[Field]) -> Result<Query, Fault> {
    if text.len() > LONGEST {
        let at = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST).last().unwrap_or(0);
        return Err(Fault { at, what: "the query is too long".into(), remedy: format!("{LONGEST} bytes at most") });
    }
    let terms = pieces(text).into_iter().map(|piece| Ok((term(piece, fields)?, piece.at..piece.at + piece.text.len())));
    Ok(Query { terms: terms.collect::<Result<_, Fault>>()? })
}

fn term(whole: Piece<'_>, fields: &[Field]) -> Result<Term, Fault> {
    let (sign, piece) = match whole.text.strip_prefix('!') {
        Some(_) => (Sign::MustNot, whole.part(1..whole.text.len())),
        None => (Sign::Must, whole),
    };
    if piece.text.is_empty() {
        return Err(whole.fault("nothing follows !", "write a term to exclude: !kind:test"));
    }
    let Some((name, relation, value)) = piece.cut() else {
        return Ok(Term { sign, test: Test::Text(unquoted(piece)?.0) });
    };
    if name.text.is_empty() {
        return Err(name.fault("the field name is missing", "write status>=500, or put text in quotes"));
    }
    let Some(field) = Field::named(name.text) else {
        return Err(name.fault(format!("unknown field {}", name.text), unknown(name.text, fields)));
    };
    if !fields.contains(&field) {
        return Err(name.fault(format!("no field {} here", field.name()), format!("fields: {}", names(fields))));
    }
    if value.text.is_empty() {
        return Err(value.fault(format!("{} needs a value", field.name()), example(field)));
    }
    let relation = RELATIONS.into_iter().find(|(sign, _)| *sign == relation).map_or(Relation::Is, |(_, named)| named);
    let (sign, relation) = match (relation, sign) {
        (Relation::IsNot, Sign::Must) => (Sign::MustNot, Relation::Is),
        (Relation::IsNot, Sign::MustNot) => (Sign::Must, Relation::Is),
        (relation, sign) => (sign, relation),
    };
    Ok(Term { sign, test: test(field, relation, value)? })
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

fn test(field: Field, relation: Relation, value: Piece<'_>) -> Result<Test, Fault> {
    let compares = !matches!(relation, Relation::Holds | Relation::Is);
    let refuse = || value.fault(format!("{} cannot be compared with < and >", field.name()), example(field));
    match field.sort() {
        Sort::Number if compares => Ok(Test::Number(field, vec![compared(relation, value, field)?])),
        Sort::Number => Ok(Test::Number(field, each(value, |one| span(one, field))?)),
        _ if compares => Err(refuse()),
        Sort::Word | Sort::Text => Ok(Test::Word(field, each(value, |one| pattern(one, field, relation))?)),
        Sort::Moment => Ok(Test::Time(field, moment(value, field)?)),
    }
}

/// Parses every value of a comma-separated list.
fn each<T>(values: Piece<'_>, read: impl Fn(Piece<'_>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let (mut from, mut is_quoted, mut is_escaped) = (0, false, false);
    let mut read_to = Vec::new();
    for (at, character) in values.text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                read_to.push(read(filled(values.part(from..at))?)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    read_to.push(read(filled(values.part(from..values.text.len()))?)?);
    Ok(read_to)
}

fn filled(piece: Piece<'_>) -> Result<Piece<'_>, Fault> {
    if piece.text.is_empty() {
        return Err(piece.fault("a value is missing", "write one, or remove the comma"));
    }
    Ok(piece)
}

fn number(piece: Piece<'_>, field: Field) -> Result<i64, Fault> {
    let wrong = piece.text.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    piece.text.parse().ok().filter(|_| wrong == 0).ok_or_else(|| {
        piece.part(wrong..piece.text.len()).fault(format!("{} must be a number", field.name()), example(field))
    })
}

fn compared(relation: Relation, value: Piece<'_>, field: Field) -> Result<Span, Fault> {
    let n = number(value, field)?;
    Ok(match relation {
        Relation::AtLeast => Span { from: n, to: i64::MAX },
        Relation::MoreThan => Span { from: n.saturating_add(1), to: i64::MAX },
        Relation::AtMost => Span { from: i64::MIN, to: n },
        _ => Span { from: i64::MIN, to: n.saturating_sub(1) },
    })
}

/// Parses a number, a range or a status class: `17`, `500..504`, `5xx`.
fn span(piece: Piece<'_>, field: Field) -> Result<Span, Fault> {
    if let Some(cut) = piece.text.find("..") {
        let (from, to) = (number(piece.part(0..cut), field)?, number(piece.part(cut + 2..piece.text.len()), field)?);
        if from > to {
            return Err(piece.fault("the range is reversed", format!("write {}:{to}..{from}", field.name())));
        }
        return Ok(Span { from, to });
    }
    match (field, piece.text.as_bytes()) {
        (Field::Status, [hundreds @ b'1'..=b'9', b'x' | b'X', b'x' | b'X']) => {
            let from = i64::from(hundreds - b'0') * 100;
            Ok(Span { from, to: from + 99 })
        }
        _ => number(piece, field).map(|n| Span { from: n, to: n }),
    }
}

/// Removes the quotation marks from a value and reports whether there were any.
fn unquoted(piece: Piece<'_>) -> Result<(String, Marks), Fault> {
    let Some(inside) = piece.text.strip_prefix('"') else {
        return match piece.text.find('"') {
            None => Ok((piece.text.to_owned(), Marks::None)),
            Some(at) => {
                let rest = piece.part(at..piece.text.len());
                Err(rest.fault("quotation mark inside the value", "quote the whole value"))
            }
        };
    };
    let mut text = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => text.extend(characters.next().map(|(_, character)| character)),
            '"' if at + 1 == inside.len() => return Ok((text, Marks::Around)),
            '"' => {
                let rest = piece.part(at + 2..piece.text.len());
                return Err(rest.fault("text after the closing quotation mark", "add a space"));
            }
            character => text.push(character),
        }
    }
    Err(piece.fault("missing closing quotation mark", "add \" at the end"))
}

/// Quotation marks around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    None,
    Around,
}

fn pattern(piece: Piece<'_>, field: Field, relation: Relation) -> Result<Pattern, Fault> {
    let (text, marks) = unquoted(piece)?;
    let is_closed = field.sort() == Sort::Word;
    let text = if is_closed { text.to_ascii_lowercase() } else { text };
    let pattern = if marks == Marks::None && text.contains('*') {
        Pattern::Like(text)
    } else if is_closed || relation == Relation::Is {
        Pattern::Is(text)
    } else {
        Pattern::Holds(text)
    };
    let words = field.words();
    if is_closed && !words.iter().any(|word| pattern.fits(word)) {
        let shown = piece.text;
        let near = words.iter().map(|word| (distance(shown, word), *word)).min_by_key(|(far, _)| *far);
        let remedy = match near {
            Some((0..=2, near)) => format!("write {}:{near}", field.name()),
            _ => example(field),
        };
        return Err(piece.fault(format!("{} cannot be {shown}", field.name()), remedy));
    }
    Ok(pattern)
}

/// Parses a time: `90s`, `15m`, `2h`, `7d`; `14:02`, `14:02:31`; `2026-11-23`, `2026-11-23T14:02:31Z`.
fn moment(piece: Piece<'_>, field: Field) -> Result<Moment, Fault> {
    let text = piece.text;
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
        Some(Moment::Ago(Duration::from_secs(u64::from(n) * seconds)))
    };
    let daily = || {
        let mut parts = text.split(':').map(|part| {
            let is_short = matches!(part.len(), 1 | 2) && part.bytes().all(|c| c.is_ascii_digit());
            part.parse::<u64>().ok().filter(|_| is_short)
        });
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
        let is_time = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
        is_time.then(|| Moment::Daily(Duration::from_secs(hours * 3_600 + minutes * 60 + seconds)))
    };
    let at = || Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z"))).map(Moment::At);
    ago().or_else(daily).or_else(at).ok_or_else(|| piece.fault(format!("{text} is not a time"), example(field)))
}
