//! Reading what the documentation leaves open: lists and cursors under any of the usual names, numbers as texts, times in any form of
//! RFC 3339. What is not unambiguous is not read, and it is said why.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use url::Url;

/// How deep a list may be wrapped.
const DEEPEST: usize = 3;
/// Names that a list goes by, without case, dashes and underscores.
const LISTS: [&str; 14] = [
    "items",
    "data",
    "results",
    "result",
    "records",
    "rows",
    "values",
    "value",
    "list",
    "entries",
    "events",
    "subscriptions",
    "webhooks",
    "content",
];
/// Names that the place to go on from goes by.
const CURSORS: [&str; 12] = [
    "nextcursor",
    "next",
    "nextpagetoken",
    "nexttoken",
    "continuationtoken",
    "continuation",
    "endcursor",
    "cursor",
    "after",
    "pagetoken",
    "nextpage",
    "nextlink",
];
/// Names of what such a place is wrapped in.
const WRAPPERS: [&str; 9] =
    ["pagination", "paging", "page", "pageinfo", "meta", "metadata", "links", "cursors", "next"];

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Next {
    /// Nowhere, as far as the answer says.
    #[default]
    Nowhere,
    /// With this parameter beside those that were asked with: cursors belong to their filters.
    Cursor(String, String),
    /// With these parameters and no others.
    Link(Vec<(String, String)>),
}

impl Next {
    /// The query that goes on from one that was asked; nothing if there is nowhere to go.
    #[must_use]
    pub fn after(&self, query: &[(String, String)]) -> Option<Vec<(String, String)>> {
        match self {
            Self::Nowhere => None,
            Self::Link(parameters) => Some(parameters.clone()),
            Self::Cursor(name, value) => {
                let filters = query.iter().filter(|(other, _)| other != name).cloned();
                Some(filters.chain([(name.clone(), value.clone())]).collect())
            }
        }
    }
}

/// A list as it came: every item in the bytes that it came with.
#[derive(Debug)]
pub struct Listed {
    /// The items.
    pub items: Vec<Box<RawValue>>,
    /// Where it goes on.
    pub next: Next,
    /// Whether there is more now, if that was told.
    pub has_more: Option<bool>,
}

impl Listed {
    /// Where it goes on now; nowhere where it was told that there is no more.
    #[must_use]
    pub fn onward(&self) -> Next {
        if self.has_more == Some(false) { Next::Nowhere } else { self.next.clone() }
    }
}

type Members = BTreeMap<String, Box<RawValue>>;

/// Reads a list.
///
/// # Errors
/// Why it cannot be read as one, for people.
pub fn list(body: &[u8]) -> Result<Listed, String> {
    let whole: &RawValue = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    found(whole, DEEPEST)?.ok_or_else(|| "there is no list in it under any of the usual names".to_owned())
}

fn found(value: &RawValue, depth: usize) -> Result<Option<Listed>, String> {
    if let Some(items) = array(value) {
        return Ok(Some(Listed { items, next: Next::Nowhere, has_more: None }));
    }
    let Some(members) = object(value) else { return Ok(None) };
    let arrays: Vec<(&String, Vec<Box<RawValue>>)> =
        members.iter().filter_map(|(name, value)| Some((name, array(value)?))).collect();
    let usual: Vec<usize> =
        arrays.iter().enumerate().filter(|(_, (name, _))| LISTS.contains(&&*plain(name))).map(|(at, _)| at).collect();
    let at = match (usual.as_slice(), arrays.len()) {
        ([at], _) => Some(*at),
        ([], 1) => Some(0),
        ([], 0) => None,
        _ => {
            let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("there are several lists in it: {}", names.join(", ")));
        }
    };
    let next = next(&members, DEEPEST);
    let has_more = members
        .iter()
        .find(|(name, _)| matches!(&*plain(name), "hasmore" | "hasnext" | "hasnextpage"))
        .and_then(|(_, value)| serde_json::from_str(value.get()).ok());
    if let Some(at) = at {
        return Ok(arrays.into_iter().nth(at).map(|(_, items)| Listed { items, next, has_more }));
    }
    if depth == 0 {
        return Ok(None);
    }
    let mut inner = Vec::new();
    for (name, value) in &members {
        if LISTS.contains(&&*plain(name)) || matches!(&*plain(name), "response" | "embedded" | "payload") {
            inner.extend(found(value, depth - 1)?);
        }
    }
    Ok((inner.len() == 1).then(|| inner.swap_remove(0)).map(|listed| match listed.next {
        Next::Nowhere => Listed { next, has_more: listed.has_more.or(has_more), ..listed },
        Next::Cursor(..) | Next::Link(_) => listed,
    }))
}

/// Where a list goes on, by the members beside it.
fn next(members: &Members, depth: usize) -> Next {
    let named = |wanted: &str| members.iter().find(|(name, _)| plain(name) == wanted).map(|(_, value)| value);
    for name in CURSORS {
        match named(name).map(|value| serde_json::from_str::<Value>(value.get())) {
            Some(Ok(Value::String(text))) if !text.is_empty() => return place(&text),
            Some(Ok(Value::Number(number))) => {
                let parameter = if name == "nextpage" { "page" } else { "cursor" };
                return Next::Cursor(parameter.to_owned(), number.to_string());
            }
            _ => {}
        }
    }
    for name in ["href", "url"] {
        if let Some(Ok(text)) = named(name).map(|value| serde_json::from_str::<String>(value.get())) {
            return place(&text);
        }
    }
    if depth > 0 {
        for name in WRAPPERS {
            if let Some(inner) = named(name).and_then(|value| object(value)) {
                let found = next(&inner, depth - 1);
                if found != Next::Nowhere {
                    return found;
                }
            }
        }
    }
    Next::Nowhere
}

/// A cursor, or the parameters of a link. Of a link nothing but its parameters is used: it may lead to another host.
fn place(text: &str) -> Next {
    let is_link = text.starts_with("http://") || text.starts_with("https://") || text.starts_with(['/', '?']);
    let base = Url::parse("http://crow.invalid/");
    match base.ok().filter(|_| is_link).and_then(|base| base.join(text).ok()) {
        Some(link) => Next::Link(link.query_pairs().into_owned().collect()),
        None => Next::Cursor("cursor".to_owned(), text.to_owned()),
    }
}

fn array(value: &RawValue) -> Option<Vec<Box<RawValue>>> {
    value.get().trim_start().starts_with('[').then(|| serde_json::from_str(value.get()).ok()).flatten()
}

fn object(value: &RawValue) -> Option<Members> {
    value.get().trim_start().starts_with('{').then(|| serde_json::from_str(value.get()).ok()).flatten()
}

/// A name without case, dashes and underscores: `next_cursor` and `nextCursor` are the same.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '$' | '@')).flat_map(char::to_lowercase).collect()
}

/// One object, whose members are read by any of their usual names.
#[derive(Debug)]
pub struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// Reads an object; one that wraps nothing but an object of these names is looked into.
    ///
    /// # Errors
    /// When it is no object.
    pub fn read(value: &RawValue, wrappers: &[&str]) -> Result<Self, String> {
        let read = |value: &RawValue| -> Result<BTreeMap<String, Value>, String> {
            let members: BTreeMap<String, Value> =
                serde_json::from_str(value.get()).map_err(|error| format!("not an object: {error}"))?;
            Ok(members.into_iter().map(|(name, value)| (plain(&name), value)).collect())
        };
        let mut members = read(value)?;
        for name in wrappers {
            if let Some(Value::Object(inner)) = members.get(*name) {
                members = inner.iter().map(|(name, value)| (plain(name), value.clone())).collect();
            }
        }
        Ok(Self(members))
    }

    fn get(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.0.get(*name)).filter(|value| !value.is_null())
    }

    /// A whole number, also one that is written as a text.
    #[must_use]
    pub fn number(&self, names: &[&str]) -> Option<i64> {
        match self.get(names)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A text.
    #[must_use]
    pub fn text(&self, names: &[&str]) -> Option<Untrusted> {
        self.get(names)?.as_str().map(Untrusted::new)
    }

    /// Yes or no, also in words.
    #[must_use]
    pub fn answer(&self, names: &[&str]) -> Option<bool> {
        match self.get(names)? {
            Value::Bool(is) => Some(*is),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "enabled" | "active" => Some(true),
                "false" | "disabled" | "inactive" => Some(false),
                _ => None,
            },
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            _ => None,
        }
    }

    /// A moment: RFC 3339 with fractions or an offset, without one (then it is UTC), or Unix seconds or milliseconds.
    #[must_use]
    pub fn moment(&self, names: &[&str]) -> Option<Timestamp> {
        match self.get(names)? {
            Value::String(text) => moment(text),
            Value::Number(number) => number.as_i64().map(unix),
            _ => None,
        }
    }

    /// Texts in a list, or in one text with commas between them.
    #[must_use]
    pub fn texts(&self, names: &[&str]) -> Option<Vec<Untrusted>> {
        match self.get(names)? {
            Value::Array(values) => values.iter().map(|value| value.as_str().map(Untrusted::new)).collect(),
            Value::String(text) => Some(text.split(',').map(|part| Untrusted::new(part.trim())).collect()),
            _ => None,
        }
    }
}

/// Reads a moment as people write them for programs.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&format!("{text}Z")))
        .or_else(|| Timestamp::parse(&format!("{}Z", text.replacen(' ', "T", 1))))
}

/// Unix seconds, or milliseconds where seconds would be far in the future.
#[must_use]
pub fn unix(number: i64) -> Timestamp {
    const YEAR_5138: i64 = 100_000_000_000;
    if number.abs() < YEAR_5138 {
        Timestamp::from_millis(number.saturating_mul(1_000))
    } else {
        Timestamp::from_millis(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(usize, Next), String> {
        list(text.as_bytes()).map(|listed| (listed.items.len(), listed.next))
    }

    fn at(name: &str, value: &str) -> Next {
        Next::Cursor(name.to_owned(), value.to_owned())
    }

    #[test]
    fn lists_and_cursors_are_found_under_the_usual_names() {
        let cases = [
            (r#"[{"id":1},{"id":2}]"#, 2, Next::Nowhere),
            (r#"{"items":[{"id":1}],"nextCursor":"abc","hasMore":true}"#, 1, at("cursor", "abc")),
            (r#"{"data":[{"id":1}],"next_cursor":"abc"}"#, 1, at("cursor", "abc")),
            (r#"{"Results":[],"Next":null}"#, 0, Next::Nowhere),
            (r#"{"data":{"events":[{"id":1}],"paging":{"cursors":{"after":"x"}}}}"#, 1, at("cursor", "x")),
            (r#"{"records":[{}],"meta":{"next_page_token":"t"}}"#, 1, at("cursor", "t")),
            (
                r#"{"value":[{}],"@next-link":"https://evil.example/x?cursor=9&type=a"}"#,
                1,
                Next::Link(vec![("cursor".to_owned(), "9".to_owned()), ("type".to_owned(), "a".to_owned())]),
            ),
            (
                r#"{"webhooks":[{}],"_links":{"next":{"href":"/api/v1/events?page=2"}}}"#,
                1,
                Next::Link(vec![("page".to_owned(), "2".to_owned())]),
            ),
            (r#"{"content":[{}],"nextPage":3,"warnings":["old"]}"#, 1, at("page", "3")),
            (r#"{"theThings":[{},{}]}"#, 2, Next::Nowhere),
        ];
        for (text, n, next) in cases {
            assert_eq!(read(text), Ok((n, next)), "{text}");
        }
    }

    #[test]
    fn a_cursor_goes_on_with_the_filters_that_it_belongs_to() {
        let query = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let first = query(&[("since", "2026"), ("cursor", "a")]);
        assert_eq!(at("cursor", "b").after(&first), Some(query(&[("since", "2026"), ("cursor", "b")])));
        assert_eq!(Next::Link(query(&[("page", "2")])).after(&first), Some(query(&[("page", "2")])));
        assert_eq!(Next::Nowhere.after(&first), None);
    }

    #[test]
    fn what_could_be_two_things_is_not_read() {
        for text in ["", "<html>", "7", r#"{"a":1}"#, r#"{"items":[],"data":[]}"#, r#"{"foo":[],"bar":[]}"#] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(
            read(r#"{"items":[],"data":[]}"#).map(|_| ()),
            Err("there are several lists in it: data, items".to_owned())
        );
    }

    #[test]
    fn fields_are_read_in_any_of_their_forms() {
        let raw: Box<RawValue> = serde_json::from_str(
            r#"{"subscription":{"Id":"17","is_enabled":"true","event_types":"a, b","createdAt":"2026-11-24T10:00:00.123+02:00","url":"https://x"}}"#,
        )
        .expect("JSON");
        let fields = Fields::read(&raw, &["subscription"]).expect("an object");
        assert_eq!((fields.number(&["id"]), fields.answer(&["isenabled"])), (Some(17), Some(true)));
        assert_eq!(fields.texts(&["eventtypes"]).map(|texts| texts.len()), Some(2));
        assert_eq!(fields.moment(&["createdutc", "createdat"]), Timestamp::parse("2026-11-24T08:00:00.123Z"));
        assert_eq!(fields.moment(&["gone"]), None);
        assert_eq!(moment("2026-11-24 08:00:00"), Timestamp::parse("2026-11-24T08:00:00Z"));
        assert_eq!(unix(1_795_430_410), unix(1_795_430_410_000));
    }
}
