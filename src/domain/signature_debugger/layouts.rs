//! Altered layouts that receivers sign by mistake instead of `{timestamp}.{body}`.

use super::sample::SignatureSample;
use super::signature_fault::{DetectedFault, SignatureFault};

/// Layout of a signed message: bytes before and after the body.
#[derive(Debug, Clone)]
pub struct MessageLayout {
    /// Bytes signed before the body.
    pub before: Vec<u8>,
    /// Bytes signed after the body.
    pub behind: Vec<u8>,
    /// Fault that a match shows; `None` for the right layout.
    pub found: Option<DetectedFault>,
}

/// Seconds before and after the timestamp that are tried in its place.
const MAX_TIMESTAMP_OFFSET_S: i64 = 900;
/// Body size in bytes above which only few timestamps are tried.
pub const MAX_FULL_SEARCH_BYTES: usize = 64 * 1024;

/// Lists the layouts that are combined with other alterations, the right one first.
#[must_use]
pub fn common_layouts(timestamp: &str) -> Vec<MessageLayout> {
    let stamp = timestamp.as_bytes();
    let layout = |before: &[u8], behind: &[u8], flaw, difference: &str| MessageLayout {
        before: before.to_vec(),
        behind: behind.to_vec(),
        found: Some(DetectedFault::new(flaw, difference)),
    };
    let mut layouts = vec![MessageLayout { before: joined(stamp, b"."), behind: Vec::new(), found: None }];
    layouts.push(layout(stamp, b"", SignatureFault::NoDot, "it fits {timestamp}{body}, without the dot"));
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
        layouts.push(layout(&joined(stamp, other), b"", SignatureFault::NoDot, &difference));
    }
    layouts.push(layout(b"", &joined(b".", stamp), SignatureFault::Order, "it fits {body}.{timestamp}"));
    layouts.push(layout(b"", stamp, SignatureFault::Order, "it fits {body}{timestamp}, and without the dot"));
    layouts.push(layout(
        b"",
        b"",
        SignatureFault::Timestamp,
        "the signature matches the body alone, without timestamp and dot",
    ));
    layouts.push(layout(b".", b"", SignatureFault::Timestamp, "it fits a dot and the body, without a timestamp"));
    if let Ok(seconds) = timestamp.trim().parse::<i64>() {
        let millis = format!("{seconds}000.");
        layouts.push(layout(
            millis.as_bytes(),
            b"",
            SignatureFault::Timestamp,
            "it fits the timestamp in milliseconds",
        ));
        let float = format!("{seconds}.0.");
        layouts.push(layout(
            float.as_bytes(),
            b"",
            SignatureFault::Timestamp,
            "it fits the timestamp with .0 behind it",
        ));
    }
    layouts
}

/// Lists layouts with another timestamp: seconds around the sent one, the receiver's clock and the creation time in the
/// body.
#[must_use]
pub fn other_timestamps(sample: &SignatureSample<'_>) -> Vec<MessageLayout> {
    let around = if sample.body.len() > MAX_FULL_SEARCH_BYTES { 5 } else { MAX_TIMESTAMP_OFFSET_S };
    let mut seconds: Vec<i64> = sample.received_at.into_iter().collect();
    if let Ok(sent) = sample.timestamp.trim().parse::<i64>() {
        seconds.extend((1..=around).flat_map(|n| [sent.saturating_sub(n), sent.saturating_add(n)]));
    }
    let layout = |text: String, difference: String| MessageLayout {
        before: joined(text.as_bytes(), b"."),
        behind: Vec::new(),
        found: Some(DetectedFault::new(SignatureFault::Timestamp, difference)),
    };
    let said = if sample.timestamp.is_empty() { "no timestamp".to_owned() } else { sample.timestamp.to_owned() };
    let mut layouts: Vec<MessageLayout> = seconds
        .into_iter()
        .map(|at| layout(at.to_string(), format!("it fits the timestamp {at}, and {said} arrived")))
        .collect();
    layouts.extend(creation_times(sample.body).into_iter().map(|text| {
        let difference = format!("it fits {text}, the time in the body, in place of the timestamp {said}");
        layout(text, difference)
    }));
    layouts
}

/// Creation time of the event from the body, as text and in Unix seconds.
fn creation_times(body: &[u8]) -> Vec<String> {
    let Some(super::json::JsonNode::Object(members)) = super::json::parse(body) else { return Vec::new() };
    let text = members.into_iter().find_map(|(name, node)| match node {
        super::json::JsonNode::Text(text) if name == "createdUtc" => Some(text),
        _ => None,
    });
    let Some(text) = text else { return Vec::new() };
    let seconds = crate::domain::time::Timestamp::parse(&text).map(|at| at.seconds().to_string());
    std::iter::once(text).chain(seconds).collect()
}

fn joined(one: &[u8], other: &[u8]) -> Vec<u8> {
    [one, other].concat()
}
