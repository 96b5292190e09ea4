//! Visibility of a platform: what a source with less than full coverage does not know of a noun, in lines for a screen.

use crate::domain::query::FilterQuery;
use crate::domain::query::field::Field;
use crate::domain::query::parse::QueryError;
use crate::domain::text::Untrusted;
use crate::wire::coverage::{CoveredNoun, NounCoverage, PlatformCoverage};
use crate::wire::readable::UnreadableRows;

/// Explains what is not known of a noun and what would help, then what could not be read; empty where the noun is
/// covered in full. The first line is a known limitation, the others are faults.
#[must_use]
pub fn limitations(coverage: Option<&PlatformCoverage>, noun: CoveredNoun) -> Vec<String> {
    let Some(of) = coverage.and_then(|coverage| coverage.of(noun)) else { return Vec::new() };
    std::iter::once(format!("{}.", capitalized(&of.summary_line()))).chain(reading_faults(of)).collect()
}

/// Lists what could not be read of a noun.
fn reading_faults(of: &NounCoverage) -> impl Iterator<Item = String> {
    let answers = of.unreadable_answers.iter().map(|answer| {
        format!(
            "UNREADABLE ANSWER at {} UTC: {}. It begins: {}",
            answer.utc.format("%H:%M:%S"),
            answer.why.sanitized(),
            answer.answer.sanitized()
        )
    });
    let unfinished = of.unfinished.iter().map(|list| {
        format!(
            "MORE {}: the list of company {} goes on after the {} that were read; the others are unknown.",
            of.noun.name().to_uppercase(),
            list.company_id,
            list.n_known
        )
    });
    answers.chain(unfinished).chain(UnreadableRows::summary_line(&of.unreadable_rows))
}

/// Finds the first term of a query about a value that the source never knows, and explains it; `None` if every value
/// may be known. `member_of` names the member of the rows that a field's values come from.
#[must_use]
pub fn find_unknown_term(
    query: &FilterQuery,
    member_of: fn(Field) -> Option<&'static str>,
    of: Option<&NounCoverage>,
) -> Option<QueryError> {
    let of = of?;
    query.terms_with_ranges().find_map(|(term, range)| {
        let field = term.field().filter(|field| is_never_known(*field, member_of, Some(of)))?;
        Some(QueryError {
            at: range.start,
            problem: format!("{} is never known here: {}", field.name(), of.summary_line()),
            remedy: "leave it out of the filter".to_owned(),
        })
    })
}

/// Whether the source never knows the values of a field.
#[must_use]
pub fn is_never_known(field: Field, member_of: fn(Field) -> Option<&'static str>, of: Option<&NounCoverage>) -> bool {
    of.zip(member_of(field)).is_some_and(|(of, member)| of.is_never_known(member))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Describes the age of an observed platform's data, and why it is not newer, in one line; `None` where the platform
/// itself answers, or an observer has heard it within its poll interval.
#[must_use]
pub fn source_remark(coverage: Option<&PlatformCoverage>) -> Option<String> {
    let source = coverage?.source.as_ref()?;
    let age = source.heard_utc.map(|at| source.observer_utc.since(at));
    let data = match age {
        None => "no data was received yet".to_owned(),
        Some(age) => format!("the data is {} s old", age.as_secs()),
    };
    match &source.failure {
        Some(failure) => Some(format!("{data}; {}", Untrusted::new(failure.why.raw()).sanitized())),
        None => age.is_none_or(|age| age.as_millis() > u128::from(source.poll_interval_ms) * 2).then_some(data),
    }
}
