//! What receivers put together instead of `{timestamp}.{body}`.

use super::Sample;
use super::flaw::{Flaw, Found};

/// How the timestamp and the body are put together.
#[derive(Debug, Clone)]
pub struct Layout {
    /// What stands before the body.
    pub before: Vec<u8>,
    /// What stands behind it.
    pub behind: Vec<u8>,
    /// What is wrong if it fits; none for the right one.
    pub found: Option<Found>,
}

/// Seconds around the timestamp that are tried.
const AROUND: i64 = 900;
/// Bodies above this many bytes are tried with few timestamps only.
pub const LARGE: usize = 64 * 1024;

/// The layouts that are tried together with everything else, the right one first.
#[must_use]
pub fn usual(timestamp: &str) -> Vec<Layout> {
    let stamp = timestamp.as_bytes();
    let layout = |before: &[u8], behind: &[u8], flaw, difference: &str| Layout {
        before: before.to_vec(),
        behind: behind.to_vec(),
        found: Some(Found::new(flaw, difference)),
    };
    let mut layouts = vec![Layout { before: joined(stamp, b"."), behind: Vec::new(), found: None }];
    layouts.push(layout(stamp, b"", Flaw::NoDot, "it fits {timestamp}{body}, without the dot"));
    for (other, name) in [
        (&b":"[..], "a colon"),
        (b",", "a comma"),
        (b"\n", "a line end"),
        (b" ", "a space"),
        (b"|", "a bar"),
        (b"-", "a dash"),
        (b"_", "an underscore"),
        (b"..", "two dots"),
        (b". ", "a dot and a space"),
    ] {
        let difference = format!("it fits {name} in place of the dot");
        layouts.push(layout(&joined(stamp, other), b"", Flaw::NoDot, &difference));
    }
    layouts.push(layout(b"", &joined(b".", stamp), Flaw::Order, "it fits {body}.{timestamp}"));
    layouts.push(layout(b"", stamp, Flaw::Order, "it fits {body}{timestamp}, and without the dot"));
    layouts.push(layout(b"", b"", Flaw::Timestamp, "it fits the body alone, without timestamp and dot"));
    layouts.push(layout(b".", b"", Flaw::Timestamp, "it fits a dot and the body, without a timestamp"));
    if let Ok(seconds) = timestamp.trim().parse::<i64>() {
        let millis = format!("{seconds}000.");
        layouts.push(layout(millis.as_bytes(), b"", Flaw::Timestamp, "it fits the timestamp in milliseconds"));
        let float = format!("{seconds}.0.");
        layouts.push(layout(float.as_bytes(), b"", Flaw::Timestamp, "it fits the timestamp with .0 behind it"));
    }
    layouts
}

/// Other timestamps: those around the one that arrived, the receiver's own clock, and those that stand in the body.
#[must_use]
pub fn other_timestamps(sample: &Sample<'_>) -> Vec<Layout> {
    let around = if sample.body.len() > LARGE { 5 } else { AROUND };
    let mut seconds: Vec<i64> = sample.received_at.into_iter().collect();
    if let Ok(sent) = sample.timestamp.trim().parse::<i64>() {
        seconds.extend((1..=around).flat_map(|n| [sent.saturating_sub(n), sent.saturating_add(n)]));
    }
    let layout = |text: String, difference: String| Layout {
        before: joined(text.as_bytes(), b"."),
        behind: Vec::new(),
        found: Some(Found::new(Flaw::Timestamp, difference)),
    };
    let said = if sample.timestamp.is_empty() { "no timestamp".to_owned() } else { sample.timestamp.to_owned() };
    let mut layouts: Vec<Layout> = seconds
        .into_iter()
        .map(|at| layout(at.to_string(), format!("it fits the timestamp {at}, and {said} arrived")))
        .collect();
    layouts.extend(created(sample.body).into_iter().map(|text| {
        let difference = format!("it fits {text}, the time in the body, in place of the timestamp {said}");
        layout(text, difference)
    }));
    layouts
}

/// The time at which the event was created, as it stands in the body, as text and in Unix seconds.
fn created(body: &[u8]) -> Vec<String> {
    let Some(super::json::Node::Object(members)) = super::json::parse(body) else { return Vec::new() };
    let text = members.into_iter().find_map(|(name, node)| match node {
        super::json::Node::Text(text) if name == "createdUtc" => Some(text),
        _ => None,
    });
    let Some(text) = text else { return Vec::new() };
    let seconds = crate::domain::time::Timestamp::parse(&text).map(|at| at.seconds().to_string());
    std::iter::once(text).chain(seconds).collect()
}

fn joined(one: &[u8], other: &[u8]) -> Vec<u8> {
    [one, other].concat()
}
