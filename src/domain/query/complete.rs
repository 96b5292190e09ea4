//! Completion of queries: field names, and values that a field can have or currently has.

use super::field::{Field, Sort};
use super::parse::tokenize;
use super::{is_plain, quoted};

/// A completion that can replace the word being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionItem {
    /// Text to insert into the query.
    pub text: String,
    /// Explanation in a few words; empty if the text is self-explanatory.
    pub meaning: &'static str,
}

/// Completions for the word being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryCompletion {
    /// Byte offset from which a completion replaces the text up to the cursor.
    pub from: usize,
    /// Possible completions, the likeliest first.
    pub candidates: Vec<CompletionItem>,
}

/// Maximum number of completions offered.
const MAX_COMPLETIONS: usize = 12;

/// Completes `text` at the byte offset `cursor` for rows with `fields`. `seen` returns the values that current rows
/// have for a field.
#[must_use]
pub fn complete(text: &str, cursor: usize, fields: &[Field], seen: &dyn Fn(Field) -> Vec<String>) -> QueryCompletion {
    let before = text.get(..cursor).unwrap_or(text);
    let begun = tokenize(before).pop().filter(|piece| piece.at + piece.text.len() == before.len());
    let Some(piece) = begun else {
        return QueryCompletion { from: before.len(), candidates: names("", fields) };
    };
    let bare = piece.text.strip_prefix('!').unwrap_or(piece.text);
    let at = piece.at + piece.text.len() - bare.len();
    let cut = super::parse::QueryToken { text: bare, at }.split_at_operator();
    let Some((name, _, value)) = cut else {
        return QueryCompletion { from: at, candidates: names(bare, fields) };
    };
    let Some(field) = Field::named(name.text).filter(|field| fields.contains(field)) else {
        return QueryCompletion { from: before.len(), candidates: Vec::new() };
    };
    let last = value.text.rfind(',').map_or(0, |comma| comma + 1);
    let begun = &value.text[last..];
    let candidates = values(field, seen).into_iter().filter(|value| starts(value, begun) && value != begun);
    let candidates = candidates.take(MAX_COMPLETIONS).map(|text| CompletionItem { text, meaning: "" });
    QueryCompletion { from: value.at + last, candidates: candidates.collect() }
}

fn starts(text: &str, begun: &str) -> bool {
    text.get(..begun.len()).is_some_and(|start| start.eq_ignore_ascii_case(begun))
}

fn names(begun: &str, fields: &[Field]) -> Vec<CompletionItem> {
    let fits = fields.iter().filter(|field| starts(field.name(), begun));
    let candidate = |field: &Field| CompletionItem { text: format!("{}:", field.name()), meaning: field.meaning() };
    fits.map(candidate).take(MAX_COMPLETIONS).collect()
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
