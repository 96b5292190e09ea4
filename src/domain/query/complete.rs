//! What could be written next in a query: fields, and the values that a field can have or has just now.

use super::field::{Field, Sort};
use super::parse::pieces;
use super::{is_plain, quoted};

/// What could stand in the place of what was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The text for it.
    pub text: String,
    /// What it means, in a few words; empty if it speaks for itself.
    pub meaning: &'static str,
}

/// Candidates for what is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The byte from which on, up to the cursor, a candidate replaces what is there.
    pub from: usize,
    /// The likeliest first.
    pub candidates: Vec<Candidate>,
}

/// Candidates at most.
const MOST: usize = 12;

/// What could be written at the byte `cursor` of `text`, about rows with `fields`. `seen` knows the values that rows have for a field now.
#[must_use]
pub fn complete(text: &str, cursor: usize, fields: &[Field], seen: &dyn Fn(Field) -> Vec<String>) -> Completion {
    let before = text.get(..cursor).unwrap_or(text);
    let begun = pieces(before).pop().filter(|piece| piece.at + piece.text.len() == before.len());
    let Some(piece) = begun else {
        return Completion { from: before.len(), candidates: names("", fields) };
    };
    let bare = piece.text.strip_prefix('!').unwrap_or(piece.text);
    let at = piece.at + piece.text.len() - bare.len();
    let cut = super::parse::Piece { text: bare, at }.cut();
    let Some((name, _, value)) = cut else {
        return Completion { from: at, candidates: names(bare, fields) };
    };
    let Some(field) = Field::named(name.text).filter(|field| fields.contains(field)) else {
        return Completion { from: before.len(), candidates: Vec::new() };
    };
    let last = value.text.rfind(',').map_or(0, |comma| comma + 1);
    let begun = &value.text[last..];
    let candidates = values(field, seen).into_iter().filter(|value| starts(value, begun) && value != begun);
    let candidates = candidates.take(MOST).map(|text| Candidate { text, meaning: "" });
    Completion { from: value.at + last, candidates: candidates.collect() }
}

fn starts(text: &str, begun: &str) -> bool {
    text.get(..begun.len()).is_some_and(|start| start.eq_ignore_ascii_case(begun))
}

fn names(begun: &str, fields: &[Field]) -> Vec<Candidate> {
    let fits = fields.iter().filter(|field| starts(field.name(), begun));
    let candidate = |field: &Field| Candidate { text: format!("{}:", field.name()), meaning: field.meaning() };
    fits.map(candidate).take(MOST).collect()
}

fn values(field: Field, seen: &dyn Fn(Field) -> Vec<String>) -> Vec<String> {
    match field.sort() {
        Sort::Word => field.words().into_iter().map(str::to_owned).collect(),
        Sort::Moment => ["5m", "15m", "1h", "6h", "24h", "7d"].map(str::to_owned).to_vec(),
        Sort::Number | Sort::Text => {
            seen(field).into_iter().map(|value| if is_plain(&value) { value } else { quoted(&value) }).collect()
        }
    }
}
