//! One item as text: its members by name, with nested objects indented.

use crate::domain::delivery::DeliveryState;
use crate::domain::health_status::HealthStatus;
use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::widgets::format;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Members that are shown first, in this order.
const LEADING_MEMBERS: [&str; 6] = ["id", "name", "state", "why", "type", "status"];
/// Members whose labels are other words than their names.
const MEMBER_LABELS: [(&str, &str); 10] = [
    ("askedBy", "requested by"),
    ("nParked", "on hold"),
    ("nPassed", "not needed"),
    ("nSkipped", "missed"),
    ("nSkipped24h", "missed 24h"),
    ("nTaken", "queued"),
    ("phase", "state"),
    ("shedUtc", "content removed"),
    ("streakBeganUtc", "first failure in a row"),
    ("streakLatestUtc", "last failure in a row"),
];
/// Length from which on a list of numbers is drawn as a sparkline.
const MIN_SPARKLINE_LEN: usize = 13;

/// Formats a document as indented lines.
pub(in crate::cli) fn describe(value: &Value) -> String {
    let mut text = String::new();
    if let Value::Object(members) = value {
        write_object(&mut text, members, 0);
    }
    text.trim_end().to_owned()
}

fn write_object(text: &mut String, members: &Map<String, Value>, depth: usize) {
    // A body carries both members; `text` is readable, so `base64` is left out.
    let is_text = members.get("text").is_some_and(Value::is_string);
    let mut shown: Vec<(&String, &Value)> =
        members.iter().filter(|(name, _)| *name != "schema" && !(is_text && *name == "base64")).collect();
    // Identity and state come first, nested values last.
    shown.sort_by_key(|(name, value)| {
        (!fits_one_line(value), LEADING_MEMBERS.iter().position(|first| first == name).unwrap_or(LEADING_MEMBERS.len()))
    });
    let width = shown
        .iter()
        .filter(|(_, value)| fits_one_line(value))
        .map(|(name, _)| member_label(name).len())
        .max()
        .unwrap_or(0);
    for (name, value) in shown {
        let (indent, label) = (" ".repeat(depth), member_label(name));
        match value {
            Value::Object(members) => {
                let _ = writeln!(text, "{indent}{label}");
                write_object(text, members, depth + 2);
            }
            Value::Array(items) if !fits_one_line(value) => {
                let _ = writeln!(text, "{indent}{label}");
                for item in items {
                    match item {
                        Value::Object(members) => write_bullet(text, members, depth + 2),
                        other => {
                            let _ = writeln!(text, "{indent}  - {}", format_scalar(other));
                        }
                    }
                }
            }
            value => {
                let words = value.as_str().filter(|_| name == "state").and_then(state_words);
                let value = words.map_or_else(|| format_scalar(value), str::to_owned);
                let _ = writeln!(text, "{indent}{label:<width$}  {value}");
            }
        }
    }
}

/// Formats an item of a list: its members in lines behind a dash.
fn write_bullet(text: &mut String, members: &Map<String, Value>, depth: usize) {
    let mut item = String::new();
    write_object(&mut item, members, depth + 2);
    if let Some(rest) = item.get(depth + 2..) {
        let _ = write!(text, "{}- {rest}", " ".repeat(depth));
    }
}

/// Checks whether a value fits on one line; a list of plain values does.
fn fits_one_line(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
        _ => true,
    }
}

fn format_scalar(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(is) => (if *is { "yes" } else { "no" }).to_owned(),
        Value::String(text) => Untrusted::new(text.as_str()).sanitized(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) if items.len() >= MIN_SPARKLINE_LEN && items.iter().all(Value::is_u64) => {
            let counts = items.iter().map(|n| n.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX));
            let counts: Vec<u32> = counts.collect();
            format!("{}  at most {}", format::sparkline(&counts), counts.iter().max().unwrap_or(&0))
        }
        Value::Array(items) => items.iter().map(format_scalar).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Words for the state of an item; `None` if the state is not known.
fn state_words(state: &str) -> Option<&'static str> {
    HealthStatus::named(state).map(HealthStatus::name).or_else(|| DeliveryState::named(state).map(text::delivery))
}

/// Turns a member name into a label: `lastUsedUtc` into `last used`, `nFailed` into `failed`.
fn member_label(name: &str) -> String {
    if let Some((_, label)) = MEMBER_LABELS.iter().find(|(member, _)| *member == name) {
        return (*label).to_owned();
    }
    let name = name.strip_suffix("Utc").unwrap_or(name);
    let name = match name.strip_prefix('n') {
        Some(rest) if rest.starts_with(char::is_uppercase) => rest,
        _ => name,
    };
    let mut label = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !label.is_empty() && !label.ends_with(' ') {
            label.push(' ');
        }
        label.extend(character.to_lowercase());
    }
    Untrusted::new(label).sanitized()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_named_and_nested() {
        let value = json!({"schema": "crow.x/1", "id": 7, "lastUsedUtc": null, "isActive": true, "scopes": ["a", "b"],
            "state": "trp", "health": {"nFailed": 2, "nSkipped": 4}, "rows": [{"id": 1, "name": "\u{1b}x"}], "body": {"text": "t", "base64": "dA=="}});
        let text = describe(&value);
        for line in [
            "id         7",
            "last used  -",
            "is active  yes",
            "scopes     a b",
            "health",
            "state      tripped",
            "  failed  2",
            "  missed  4",
            "    name  ␛x",
            "  text  t",
        ] {
            assert!(text.lines().any(|has| has == line), "{line:?} in\n{text}");
        }
        assert!(!text.contains("crow.x") && !text.contains("dA=="), "{text}");
    }
}
