//! Tolerant reading of what the documentation leaves open: lists and cursors under any of the usual names, numbers as
//! texts, times in any form of RFC 3339. What is ambiguous is not read but reported as an error.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::files::format_size;
use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use url::Url;

/// Maximum number of items on one page.
const MAX_PAGE_ITEMS: usize = 10_000;
/// Maximum number of members in one object.
const MAX_MEMBERS: usize = 1_000;
/// Maximum size of an item that is read, in bytes. An envelope is at most 1 MiB.
const MAX_ITEM_BYTES: usize = 2 * 1024 * 1024;
/// Maximum length of a cursor or link that is followed, in bytes.
const MAX_CURSOR_BYTES: usize = 4_096;
/// Maximum depth at which a list may be nested in wrappers.
const MAX_WRAPPER_DEPTH: usize = 3;
/// Usual names of a list, in lower case without dashes and underscores.
const LIST_NAMES: [&str; 14] = [
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
/// Usual names of the cursor of the next page, in lower case without dashes and underscores.
const CURSOR_NAMES: [&str; 12] = [
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
/// Usual names of an object that wraps such a cursor.
const CURSOR_WRAPPER_NAMES: [&str; 9] =
    ["pagination", "paging", "page", "pageinfo", "meta", "metadata", "links", "cursors", "next"];

/// Continuation of a list: how the next page is requested.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NextPage {
    /// The answer gives no next page.
    #[default]
    End,
    /// The next page is requested with this parameter added to the previous ones, because cursors are bound to their
    /// filters.
    Cursor(String, String),
    /// The next page is requested with exactly these parameters.
    Link(Vec<(String, String)>),
}

impl NextPage {
    /// Returns the query for the page after one that was requested with `query`; `None` if there is no next page.
    #[must_use]
    pub fn next_query(&self, query: &[(String, String)]) -> Option<Vec<(String, String)>> {
        match self {
            Self::End => None,
            Self::Link(parameters) => Some(parameters.clone()),
            Self::Cursor(name, value) => {
                let filters = query.iter().filter(|(other, _)| other != name).cloned();
                Some(filters.chain([(name.clone(), value.clone())]).collect())
            }
        }
    }
}

/// List as it was received: every item as raw JSON, readable or not.
#[derive(Debug)]
pub struct RawList<'a> {
    /// Items of the list as raw JSON.
    pub items: Vec<&'a RawValue>,
    /// Continuation of the list, as given by the answer.
    pub next: NextPage,
    /// Whether more rows exist now, if the answer says so.
    pub has_more: Option<bool>,
}

impl RawList<'_> {
    /// Returns the continuation, or none if the answer says that there are no more rows.
    #[must_use]
    pub fn continuation(&self) -> NextPage {
        if self.has_more == Some(false) { NextPage::End } else { self.next.clone() }
    }
}

type ObjectMembers<'a> = BTreeMap<String, &'a RawValue>;

/// Reads a list without reading its items, so that an unreadable item hides no other.
///
/// # Errors
/// A description of why the body cannot be read as one list.
pub fn read_list(body: &str) -> Result<RawList<'_>, String> {
    let whole: &RawValue = serde_json::from_str(body).map_err(|error| format!("not JSON: {error}"))?;
    find_list(whole, MAX_WRAPPER_DEPTH)?.ok_or_else(|| "no list under any of the usual names".to_owned())
}

fn find_list(value: &RawValue, depth: usize) -> Result<Option<RawList<'_>>, String> {
    if is_array(value) {
        return Ok(Some(RawList { items: split_array(value)?, next: NextPage::End, has_more: None }));
    }
    if !is_object(value) {
        return Ok(None);
    }
    let members = split_object(value)?;
    let arrays: Vec<(&String, &RawValue)> =
        members.iter().filter(|(_, value)| is_array(value)).map(|(name, value)| (name, *value)).collect();
    let mut usual = arrays.iter().filter(|(name, _)| LIST_NAMES.contains(&&*normalize_name(name)));
    let list = match (usual.next(), usual.next(), arrays.as_slice()) {
        (Some((_, list)), None, _) | (None, _, [(_, list)]) => Some(*list),
        (None, _, []) => None,
        _ => {
            let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("several lists found: {}", names.join(", ")));
        }
    };
    let next = find_next(&members, MAX_WRAPPER_DEPTH);
    let has_more = members
        .iter()
        .find(|(name, _)| matches!(&*normalize_name(name), "hasmore" | "hasnext" | "hasnextpage"))
        .and_then(|(_, value)| serde_json::from_str(value.get()).ok());
    if let Some(list) = list {
        return Ok(Some(RawList { items: split_array(list)?, next, has_more }));
    }
    if depth == 0 {
        return Ok(None);
    }
    let mut inner = Vec::new();
    for (name, value) in &members {
        if LIST_NAMES.contains(&&*normalize_name(name))
            || matches!(&*normalize_name(name), "response" | "embedded" | "payload")
        {
            inner.extend(find_list(value, depth - 1)?);
        }
    }
    Ok((inner.len() == 1).then(|| inner.swap_remove(0)).map(|listed| match listed.next {
        NextPage::End => RawList { next, has_more: listed.has_more.or(has_more), ..listed },
        NextPage::Cursor(..) | NextPage::Link(_) => listed,
    }))
}

/// Finds the continuation of a list among the members beside it.
fn find_next(members: &ObjectMembers<'_>, depth: usize) -> NextPage {
    let named = |wanted: &str| members.iter().find(|(name, _)| normalize_name(name) == wanted).map(|(_, value)| *value);
    for name in CURSOR_NAMES {
        match named(name).and_then(read_scalar) {
            Some(Value::String(text)) if (1..=MAX_CURSOR_BYTES).contains(&text.len()) => {
                return parse_cursor_or_link(&text);
            }
            Some(Value::Number(number)) => {
                let parameter = if name == "nextpage" { "page" } else { "cursor" };
                return NextPage::Cursor(parameter.to_owned(), number.to_string());
            }
            _ => {}
        }
    }
    for name in ["href", "url"] {
        if let Some(Value::String(text)) = named(name).and_then(read_scalar)
            && text.len() <= MAX_CURSOR_BYTES
        {
            return parse_cursor_or_link(&text);
        }
    }
    if depth > 0 {
        for name in CURSOR_WRAPPER_NAMES {
            let inner = named(name).filter(|value| is_object(value)).and_then(|value| self::split_object(value).ok());
            if let Some(inner) = inner {
                let found = find_next(&inner, depth - 1);
                if found != NextPage::End {
                    return found;
                }
            }
        }
    }
    NextPage::End
}

/// Interprets a text as a cursor or as a link. Only the parameters of a link are used, because a link may lead to
/// another host.
fn parse_cursor_or_link(text: &str) -> NextPage {
    let is_link = text.starts_with("http://") || text.starts_with("https://") || text.starts_with(['/', '?']);
    let base = Url::parse("http://crow.invalid/");
    match base.ok().filter(|_| is_link).and_then(|base| base.join(text).ok()) {
        Some(link) => NextPage::Link(link.query_pairs().into_owned().collect()),
        None => NextPage::Cursor("cursor".to_owned(), text.to_owned()),
    }
}

fn is_array(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// Reads a text, a number, a boolean or null; containers and numbers that cannot be represented are not read.
fn read_scalar(value: &RawValue) -> Option<Value> {
    (!is_array(value) && !is_object(value)).then(|| serde_json::from_str(value.get()).ok()).flatten()
}

/// Splits an array into its items, at most [`MAX_PAGE_ITEMS`].
fn split_array(value: &RawValue) -> Result<Vec<&RawValue>, String> {
    struct ElementsVisitor;
    impl<'de> Visitor<'de> for ElementsVisitor {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                if items.len() == MAX_PAGE_ITEMS {
                    return Err(A::Error::custom(format!("more than {MAX_PAGE_ITEMS} items on one page")));
                }
                items.push(item);
            }
            Ok(items)
        }
    }
    serde_json::Deserializer::from_str(value.get()).deserialize_seq(ElementsVisitor).map_err(|error| error.to_string())
}

/// Splits an object into its members, at most [`MAX_MEMBERS`]; of members with the same name the last counts.
fn split_object(value: &RawValue) -> Result<ObjectMembers<'_>, String> {
    struct MembersVisitor;
    impl<'de> Visitor<'de> for MembersVisitor {
        type Value = ObjectMembers<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = ObjectMembers::new();
            while let Some((name, value)) = map.next_entry()? {
                if members.len() == MAX_MEMBERS {
                    return Err(A::Error::custom(format!("more than {MAX_MEMBERS} members in one object")));
                }
                members.insert(name, value);
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(value.get()).deserialize_map(MembersVisitor).map_err(|error| error.to_string())
}

/// Normalises a name: lower case, without dashes, underscores, `$` and `@`, so that `next_cursor` equals `nextCursor`.
fn normalize_name(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '$' | '@')).flat_map(char::to_lowercase).collect()
}

/// Returns the object that an object wraps under any of the names.
#[must_use]
pub fn unwrapped<'a>(value: &'a RawValue, wrappers: &[&str]) -> Option<&'a RawValue> {
    let members = split_object(value).ok()?;
    let is_wrapper = |name: &str| wrappers.contains(&&*normalize_name(name));
    members.into_iter().find(|(name, value)| is_wrapper(name) && is_object(value)).map(|(_, value)| value)
}

/// Object whose members are read by any of their usual names, each independently: an unreadable member does not affect
/// the others.
#[derive(Debug)]
pub struct ObjectFields<'a>(ObjectMembers<'a>);

impl<'a> ObjectFields<'a> {
    /// Reads an object, looking into members named in `wrappers` that are objects themselves.
    ///
    /// # Errors
    /// A description of why the value is not an object, or that it is too large.
    pub fn read(value: &'a RawValue, wrappers: &[&str]) -> Result<Self, String> {
        if value.get().len() > MAX_ITEM_BYTES {
            return Err(format!("longer than {}, the limit", format_size(MAX_ITEM_BYTES as u64)));
        }
        let read = |value: &'a RawValue| -> Result<ObjectMembers<'a>, String> {
            let members = split_object(value).map_err(|why| format!("not an object: {why}"))?;
            Ok(members.into_iter().map(|(name, value)| (normalize_name(&name), value)).collect())
        };
        let mut members = read(value)?;
        for name in wrappers {
            if let Some(inner) = members.get(*name).copied().filter(|value| is_object(value)) {
                members = read(inner)?;
            }
        }
        Ok(Self(members))
    }

    /// Returns a value under any of the names as raw JSON; null counts as absent.
    #[must_use]
    pub fn raw(&self, names: &[&str]) -> Option<&'a RawValue> {
        names.iter().find_map(|name| self.0.get(*name)).copied().filter(|value| value.get() != "null")
    }

    fn get(&self, names: &[&str]) -> Option<Value> {
        read_scalar(self.raw(names)?)
    }

    /// Returns a whole number, also one that is written as a text.
    #[must_use]
    pub fn number(&self, names: &[&str]) -> Option<i64> {
        match self.get(names)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Returns a text under any of the names.
    #[must_use]
    pub fn text(&self, names: &[&str]) -> Option<Untrusted> {
        match self.get(names)? {
            Value::String(text) => Some(Untrusted::new(text)),
            _ => None,
        }
    }

    /// Returns a boolean, also one written as 0 or 1 or as a usual word such as `enabled`.
    #[must_use]
    pub fn boolean(&self, names: &[&str]) -> Option<bool> {
        match self.get(names)? {
            Value::Bool(is) => Some(is),
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

    /// Returns a point in time: RFC 3339, also without an offset (then UTC), or Unix seconds or milliseconds.
    #[must_use]
    pub fn timestamp(&self, names: &[&str]) -> Option<Timestamp> {
        match self.get(names)? {
            Value::String(text) => parse_timestamp(&text),
            Value::Number(number) => number.as_i64().map(timestamp_from_unix),
            _ => None,
        }
    }

    /// Returns a list of texts, also one written as a single text with commas.
    #[must_use]
    pub fn texts(&self, names: &[&str]) -> Option<Vec<Untrusted>> {
        let value = self.raw(names)?;
        if is_array(value) {
            let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok().map(Untrusted::new);
            return split_array(value).ok()?.into_iter().map(text).collect();
        }
        match read_scalar(value)? {
            Value::String(text) => {
                Some(text.split(',').take(MAX_PAGE_ITEMS).map(|part| Untrusted::new(part.trim())).collect())
            }
            _ => None,
        }
    }
}

/// Parses a point in time in RFC 3339, also without an offset or with a space instead of the `T`.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&format!("{text}Z")))
        .or_else(|| Timestamp::parse(&format!("{}Z", text.replacen(' ', "T", 1))))
}

/// Interprets a number as Unix seconds, or as Unix milliseconds if seconds would lie beyond the year 5138.
#[must_use]
pub fn timestamp_from_unix(number: i64) -> Timestamp {
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

    fn read(text: &str) -> Result<(usize, NextPage), String> {
        read_list(text).map(|listed| (listed.items.len(), listed.next))
    }

    fn at(name: &str, value: &str) -> NextPage {
        NextPage::Cursor(name.to_owned(), value.to_owned())
    }

    #[test]
    fn lists_and_cursors_are_found_under_the_usual_names() {
        let cases = [
            (r#"[{"id":1},{"id":2}]"#, 2, NextPage::End),
            (r#"{"items":[{"id":1}],"nextCursor":"abc","hasMore":true}"#, 1, at("cursor", "abc")),
            (r#"{"data":[{"id":1}],"next_cursor":"abc"}"#, 1, at("cursor", "abc")),
            (r#"{"Results":[],"Next":null}"#, 0, NextPage::End),
            (r#"{"data":{"events":[{"id":1}],"paging":{"cursors":{"after":"x"}}}}"#, 1, at("cursor", "x")),
            (r#"{"records":[{}],"meta":{"next_page_token":"t"}}"#, 1, at("cursor", "t")),
            (
                r#"{"value":[{}],"@next-link":"https://evil.example/x?cursor=9&type=a"}"#,
                1,
                NextPage::Link(vec![("cursor".to_owned(), "9".to_owned()), ("type".to_owned(), "a".to_owned())]),
            ),
            (
                r#"{"webhooks":[{}],"_links":{"next":{"href":"/api/v1/events?page=2"}}}"#,
                1,
                NextPage::Link(vec![("page".to_owned(), "2".to_owned())]),
            ),
            (r#"{"content":[{}],"nextPage":3,"warnings":["old"]}"#, 1, at("page", "3")),
            (r#"{"theThings":[{},{}]}"#, 2, NextPage::End),
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
        assert_eq!(at("cursor", "b").next_query(&first), Some(query(&[("since", "2026"), ("cursor", "b")])));
        assert_eq!(NextPage::Link(query(&[("page", "2")])).next_query(&first), Some(query(&[("page", "2")])));
        assert_eq!(NextPage::End.next_query(&first), None);
    }

    #[test]
    fn what_could_be_two_things_is_not_read() {
        for text in ["", "<html>", "7", r#"{"a":1}"#, r#"{"items":[],"data":[]}"#, r#"{"foo":[],"bar":[]}"#] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read(r#"{"items":[],"data":[]}"#).map(|_| ()), Err("several lists found: data, items".to_owned()));
    }

    #[test]
    fn fields_are_read_in_any_of_their_forms() {
        let raw: Box<RawValue> = serde_json::from_str(
            r#"{"subscription":{"Id":"17","is_enabled":"true","event_types":"a, b","createdAt":"2026-11-24T10:00:00.123+02:00","url":"https://x"}}"#,
        )
        .expect("JSON");
        let fields = ObjectFields::read(&raw, &["subscription"]).expect("an object");
        assert_eq!((fields.number(&["id"]), fields.boolean(&["isenabled"])), (Some(17), Some(true)));
        assert_eq!(fields.texts(&["eventtypes"]).map(|texts| texts.len()), Some(2));
        assert_eq!(fields.timestamp(&["createdutc", "createdat"]), Timestamp::parse("2026-11-24T08:00:00.123Z"));
        assert_eq!(fields.timestamp(&["gone"]), None);
        assert_eq!(parse_timestamp("2026-11-24 08:00:00"), Timestamp::parse("2026-11-24T08:00:00Z"));
        assert_eq!(timestamp_from_unix(1_795_430_410), timestamp_from_unix(1_795_430_410_000));
    }
}
