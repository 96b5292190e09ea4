//! Altered layouts that receivers sign by mistake instead of `{timestamp}.{body}`: a product of timestamps, separators
//! and orders.

use super::sample::SignatureSample;
use super::signature_fault::{DetectedFault, SignatureFault};
use crate::domain::time::Timestamp;
use chrono::{DateTime, SecondsFormat};

/// Layout of a signed message: bytes before and after the body.
#[derive(Debug, Clone)]
pub struct MessageLayout {
    /// Bytes signed before the body.
    pub before: Vec<u8>,
    /// Bytes signed after the body.
    pub behind: Vec<u8>,
    /// Faults that a match shows; none for the right layout.
    pub found: Vec<DetectedFault>,
}

/// Seconds before and after the timestamp that are tried in its place.
const MAX_TIMESTAMP_OFFSET_S: i64 = 900;
/// Body size in bytes above which only few timestamps and combinations are tried.
pub const MAX_FULL_SEARCH_BYTES: usize = 64 * 1024;

/// A text that takes the place of the timestamp or of the dot, with its description.
type Replacement = (String, String);

/// Texts in place of the dot, the commonest first.
const SEPARATORS: [(&str, &str); 28] = [
    ("", "no dot between timestamp and body"),
    (":", "a colon in place of the dot"),
    (",", "a comma in place of the dot"),
    ("\n", "a line break in place of the dot"),
    (" ", "a space in place of the dot"),
    ("|", "a bar in place of the dot"),
    ("-", "a dash in place of the dot"),
    ("_", "an underscore in place of the dot"),
    ("..", "two dots"),
    (". ", "a dot and a space"),
    (" . ", "a dot with spaces around it"),
    (" .", "a space and a dot"),
    (".\n", "a dot and a line break"),
    (";", "a semicolon in place of the dot"),
    ("/", "a slash in place of the dot"),
    ("+", "a plus in place of the dot"),
    ("&", "an ampersand in place of the dot"),
    ("=", "an equals sign in place of the dot"),
    ("\r\n", "CR and LF in place of the dot"),
    ("\t", "a tab in place of the dot"),
    ("\\n", "a backslash and an n in place of the dot"),
    ("\0", "a zero byte in place of the dot"),
    ("::", "two colons in place of the dot"),
    (": ", "a colon and a space in place of the dot"),
    (", ", "a comma and a space in place of the dot"),
    ("#", "a hash in place of the dot"),
    ("~", "a tilde in place of the dot"),
    ("\u{b7}", "a middle dot in place of the dot"),
];

/// Number of separators and timestamps that are combined with other alterations.
const N_COMMON: usize = 8;

/// Texts that programs put where a timestamp is missing.
const MISSING_TIMESTAMPS: [&str; 13] = [
    "undefined",
    "None",
    "null",
    "nil",
    "NaN",
    "0",
    "NULL",
    "<nil>",
    "false",
    "[object Object]",
    "",
    "-1",
    "Optional.empty",
];

/// Arrangement of timestamp, separator and body in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrangement {
    TimestampFirst,
    BodyFirst,
    Before(&'static str),
    Behind(&'static str),
    TrailingSeparator,
}

const ARRANGEMENTS: [Arrangement; 12] = [
    Arrangement::TimestampFirst,
    Arrangement::BodyFirst,
    Arrangement::Before("v0:"),
    Arrangement::Before("v1:"),
    Arrangement::Before("v1."),
    Arrangement::Before("v0."),
    Arrangement::Before("t="),
    Arrangement::Before("timestamp="),
    Arrangement::Before("sha256="),
    Arrangement::Before("."),
    Arrangement::TrailingSeparator,
    Arrangement::Behind("."),
];

impl Arrangement {
    fn build(self, stamp: &str, separator: &str) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::TimestampFirst => (format!("{stamp}{separator}").into_bytes(), Vec::new()),
            Self::BodyFirst => (Vec::new(), format!("{separator}{stamp}").into_bytes()),
            // Schemes with a version repeat its separator: `v0:{timestamp}:{body}`.
            Self::Before(prefix @ ("v0:" | "v1:")) => {
                let separator = if separator == "." { ":" } else { separator };
                (format!("{prefix}{stamp}{separator}").into_bytes(), Vec::new())
            }
            Self::Before(prefix) => (format!("{prefix}{stamp}{separator}").into_bytes(), Vec::new()),
            Self::Behind(end) => (format!("{stamp}{separator}").into_bytes(), end.as_bytes().to_vec()),
            Self::TrailingSeparator => (Vec::new(), format!("{separator}{stamp}{separator}").into_bytes()),
        }
    }

    fn fault(self) -> Option<DetectedFault> {
        match self {
            Self::TimestampFirst => None,
            Self::BodyFirst => Some(DetectedFault::new(
                SignatureFault::Order,
                "the signature matches the body first and the timestamp after it",
            )),
            Self::Before(prefix) => Some(DetectedFault::new(
                SignatureFault::Order,
                format!("the signature matches {prefix:?} before the timestamp, as in the scheme of another service"),
            )),
            Self::Behind(_) => {
                Some(DetectedFault::new(SignatureFault::NoDot, "the signature matches a second dot, after the body"))
            }
            Self::TrailingSeparator => Some(DetectedFault::new(
                SignatureFault::Order,
                "the signature matches the body first, and a separator on both sides of the timestamp",
            )),
        }
    }
}

/// Lists the layouts with one alteration, the commonest first.
#[must_use]
pub fn single_layouts(sample: &SignatureSample<'_>) -> Vec<MessageLayout> {
    let stamps = timestamps(sample);
    let mut layouts = alone();
    let mut add = |stamp: usize, separator: usize, arrangement| {
        layouts.extend(layout(sample.timestamp, &stamps, (stamp, separator, arrangement)));
    };
    (1..=N_COMMON).for_each(|separator| add(0, separator, Arrangement::TimestampFirst));
    ARRANGEMENTS[1..].iter().for_each(|arrangement| add(0, 0, *arrangement));
    (1..=stamps.len()).for_each(|stamp| add(stamp, 0, Arrangement::TimestampFirst));
    (N_COMMON + 1..=SEPARATORS.len()).for_each(|separator| add(0, separator, Arrangement::TimestampFirst));
    layouts
}

/// The layouts without a timestamp.
fn alone() -> Vec<MessageLayout> {
    let without = |before: &[u8], behind: &[u8], difference: &str| MessageLayout {
        before: before.to_vec(),
        behind: behind.to_vec(),
        found: vec![DetectedFault::new(SignatureFault::Timestamp, difference)],
    };
    vec![
        without(b"", b"", "the signature matches the body alone, without timestamp and dot"),
        without(b".", b"", "the signature matches a dot and the body, without a timestamp"),
        without(b"", b".", "the signature matches the body and a dot, without a timestamp"),
        without(b":", b"", "the signature matches a colon and the body, without a timestamp"),
        without(b"v0::", b"", "the signature matches v0 and the body, without a timestamp"),
    ]
}

/// Iterates over the layouts with two or three alterations, lazily and those with two first.
pub fn combined_layouts<'s>(sample: &SignatureSample<'s>) -> impl Iterator<Item = MessageLayout> + use<'s> {
    let stamps = timestamps(sample);
    let said = sample.timestamp;
    let n_stamps = stamps.len();
    let weights = [2_usize, 3];
    weights.into_iter().flat_map(move |weight| {
        let stamps = stamps.clone();
        (0..=n_stamps).flat_map(move |stamp| {
            let stamps = stamps.clone();
            (0..=SEPARATORS.len()).flat_map(move |separator| {
                let stamps = stamps.clone();
                ARRANGEMENTS.into_iter().filter_map(move |arrangement| {
                    let n = usize::from(stamp > 0)
                        + usize::from(separator > 0)
                        + usize::from(arrangement != Arrangement::TimestampFirst);
                    (n == weight).then(|| layout(said, &stamps, (stamp, separator, arrangement))).flatten()
                })
            })
        })
    })
}

/// Layout of a timestamp, a separator and an arrangement; index 0 is the right one of each.
fn layout(
    said: &str,
    stamps: &[Replacement],
    (stamp, separator, arrangement): (usize, usize, Arrangement),
) -> Option<MessageLayout> {
    let mut found = Vec::new();
    let text = match stamp.checked_sub(1) {
        None => said,
        Some(at) => {
            let (text, what) = stamps.get(at)?;
            found.push(DetectedFault::new(SignatureFault::Timestamp, format!("the signature matches {what}")));
            text
        }
    };
    let between = match separator.checked_sub(1) {
        None => ".",
        Some(at) => {
            let (text, what) = SEPARATORS.get(at)?;
            found.push(DetectedFault::new(SignatureFault::NoDot, format!("the signature matches {what}")));
            text
        }
    };
    found.extend(arrangement.fault());
    let (before, behind) = arrangement.build(text, between);
    Some(MessageLayout { before, behind, found })
}

/// Texts that programs sign in place of the timestamp, the commonest first.
fn timestamps(sample: &SignatureSample<'_>) -> Vec<Replacement> {
    let said = sample.timestamp;
    let mut stamps: Vec<Replacement> = Vec::new();
    if let Ok(seconds) = said.trim().parse::<i64>() {
        stamps.push((format!("{seconds}000"), "the timestamp in milliseconds".to_owned()));
        stamps.push((format!("{seconds}.0"), "the timestamp with .0 after it".to_owned()));
        stamps.push((format!("{seconds}000000"), "the timestamp in microseconds".to_owned()));
        stamps.push((format!("{seconds}000000000"), "the timestamp in nanoseconds".to_owned()));
        stamps.extend(dates(seconds));
        stamps.push((format!("{}", seconds / 1_000), "the timestamp divided by 1000".to_owned()));
        stamps.push((format!("{seconds:x}"), "the timestamp in hex".to_owned()));
        stamps.push((scientific(seconds), "the timestamp as a floating-point number".to_owned()));
        stamps.push((grouped(seconds), "the timestamp with thousands separators".to_owned()));
        stamps.push((format!("{}", seconds / 60), "the timestamp in minutes".to_owned()));
        let ticks = i128::from(seconds).saturating_add(62_135_596_800).saturating_mul(10_000_000);
        stamps.push((ticks.to_string(), "the timestamp in ticks of .NET".to_owned()));
        stamps.push((format!("{seconds},{seconds}"), "the timestamp twice, as of a list".to_owned()));
    }
    for missing in MISSING_TIMESTAMPS {
        stamps.push((missing.to_owned(), format!("{missing:?} in place of the timestamp")));
    }
    let quoted: [(&str, &str, &str); 18] = [
        ("", "s", "an s after it, as Rust prints a duration"),
        ("000", "", "zeros before it"),
        ("\"", "\"", "quotes"),
        ("'", "'", "single quotes"),
        ("[", "]", "brackets, as of a list"),
        ("['", "']", "brackets and quotes, as of a list"),
        ("[\"", "\"]", "brackets and quotes, as of a list"),
        ("b'", "'", "b and quotes, as Python prints bytes"),
        ("Some(\"", "\")", "Some and quotes, as Rust prints an option"),
        ("Optional[", "]", "Optional, as Java prints one"),
        (" ", "", "a space before it"),
        ("", " ", "a space after it"),
        ("", "\n", "a line break after it"),
        ("", "\r", "CR after it"),
        ("X-Wlcro-Timestamp:", "", "the header's name before it"),
        ("X-Wlcro-Timestamp: ", "", "the header's name before it"),
        ("x-wlcro-timestamp: ", "", "the header's name before it"),
        ("+", "", "a plus before it"),
    ];
    for (before, behind, what) in quoted {
        stamps.push((format!("{before}{said}{behind}"), format!("the timestamp with {what}")));
    }
    if let Some(id) = event_id(sample.body) {
        stamps.push((format!("{id}.{said}"), "the event's id before the timestamp".to_owned()));
        stamps.push((id, "the event's id in place of the timestamp".to_owned()));
    }
    for text in creation_times(sample.body) {
        let what = format!("{text}, the time in the body, in place of the timestamp {said}");
        stamps.push((text, what));
    }
    let mut seen = std::collections::HashSet::from([said.to_owned()]);
    stamps.retain(|(text, _)| seen.insert(text.clone()));
    stamps
}

/// A time in the notations of common libraries.
fn dates(seconds: i64) -> Vec<Replacement> {
    let Some(at) = DateTime::from_timestamp(seconds, 0) else { return Vec::new() };
    let texts = [
        at.to_rfc3339_opts(SecondsFormat::Secs, true),
        at.to_rfc3339_opts(SecondsFormat::Millis, true),
        at.to_rfc3339(),
        at.format("%Y-%m-%d %H:%M:%S").to_string(),
        at.format("%Y-%m-%dT%H:%M:%S").to_string(),
        at.format("%Y-%m-%d %H:%M:%S+00:00").to_string(),
        at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        at.format("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
        at.format("%Y-%m-%dT%H:%M:%S.0000000Z").to_string(),
        at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        at.format("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)").to_string(),
        at.format("%m/%d/%Y %H:%M:%S").to_string(),
        at.format("%m/%d/%Y %H:%M:%S +00:00").to_string(),
        at.format("%a %b %e %H:%M:%S %Y").to_string(),
        at.format("%a %b %e %H:%M:%S UTC %Y").to_string(),
    ];
    texts.into_iter().map(|text| (text.clone(), format!("the timestamp as the date {text}"))).collect()
}

/// A number as Go prints a float64: `1.79543041e+09`.
fn scientific(seconds: i64) -> String {
    let digits = seconds.to_string();
    let (first, rest) = digits.split_at(digits.len().min(1));
    let rest = rest.trim_end_matches('0');
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{first}{dot}{rest}e+{:02}", digits.len().saturating_sub(1))
}

/// A number with thousands separators: `1,795,430,410`.
fn grouped(seconds: i64) -> String {
    let digits = seconds.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Lists layouts with another time in seconds: those around the sent one and the receiver's clock.
#[must_use]
pub fn other_timestamps(sample: &SignatureSample<'_>) -> Vec<MessageLayout> {
    let around = if sample.body.len() > MAX_FULL_SEARCH_BYTES { 5 } else { MAX_TIMESTAMP_OFFSET_S };
    let mut seconds: Vec<i64> = sample.received_at.into_iter().collect();
    if let Ok(sent) = sample.timestamp.trim().parse::<i64>() {
        seconds.extend((1..=around).flat_map(|n| [sent.saturating_sub(n), sent.saturating_add(n)]));
    }
    let said = if sample.timestamp.is_empty() { "no timestamp".to_owned() } else { sample.timestamp.to_owned() };
    let layout = |at: i64| MessageLayout {
        before: format!("{at}.").into_bytes(),
        behind: Vec::new(),
        found: vec![DetectedFault::new(
            SignatureFault::Timestamp,
            format!("the signature matches the timestamp {at}, and {said} arrived"),
        )],
    };
    seconds.into_iter().map(layout).collect()
}

/// Members of the event's envelope.
fn envelope(body: &[u8]) -> Vec<(String, super::json::JsonNode)> {
    match super::json::parse(body) {
        Some(super::json::JsonNode::Object(members)) => members,
        _ => Vec::new(),
    }
}

/// Id of the event from the body.
fn event_id(body: &[u8]) -> Option<String> {
    envelope(body).into_iter().find_map(|(name, node)| match node {
        super::json::JsonNode::Number(text) | super::json::JsonNode::Text(text) if name == "id" => Some(text),
        _ => None,
    })
}

/// Creation time of the event from the body, as text and in Unix seconds and milliseconds.
fn creation_times(body: &[u8]) -> Vec<String> {
    let text = envelope(body).into_iter().find_map(|(name, node)| match node {
        super::json::JsonNode::Text(text) if name == "createdUtc" => Some(text),
        _ => None,
    });
    let Some(text) = text else { return Vec::new() };
    let seconds = Timestamp::parse(&text).map(Timestamp::seconds);
    let times = seconds.into_iter().flat_map(|at| [at.to_string(), format!("{at}000")]);
    std::iter::once(text).chain(times).collect()
}
