//! Formatting of values for the terminal: numbers, ages, countdowns, URLs, and text fitted to a width in columns.

use crate::domain::text::Untrusted;
use std::time::Duration;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Character that marks where text was cut.
pub const ELLIPSIS: &str = "…";

/// Width of a text in terminal columns.
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

fn head(text: &str, room: usize) -> String {
    let mut used = 0;
    text.graphemes(true)
        .take_while(|grapheme| {
            used += width(grapheme);
            used <= room
        })
        .collect()
}

fn tail(text: &str, room: usize) -> String {
    let mut used = 0;
    let kept: Vec<&str> = text
        .graphemes(true)
        .rev()
        .take_while(|grapheme| {
            used += width(grapheme);
            used <= room
        })
        .collect();
    kept.into_iter().rev().collect()
}

/// Text clipped to `room` columns, with an ellipsis at the end if it was longer.
#[must_use]
pub fn clip(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    if room == 0 {
        return String::new();
    }
    head(text, room - 1) + ELLIPSIS
}

/// Text clipped to `room` columns in its middle, because both ends of a URL or an id are informative.
#[must_use]
pub fn middle(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    if room < 5 {
        return clip(text, room);
    }
    let right = (room - 1) / 2;
    head(text, room - 1 - right) + ELLIPSIS + &tail(text, right)
}

/// Text cut into pieces of at most `room` columns, at least 2; an empty text gives one empty piece.
#[must_use]
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(2);
    let mut pieces = vec![String::new()];
    let mut used = 0;
    // A grapheme cluster that is wider than a whole line is split into its characters.
    let whole = |cluster: &&str| width(cluster) <= room;
    let clusters = text.graphemes(true).flat_map(|cluster| match Some(cluster).filter(whole) {
        Some(cluster) => vec![cluster],
        None => cluster.split("").collect(),
    });
    for grapheme in clusters {
        let wide = width(grapheme);
        if used + wide > room {
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(grapheme);
        }
    }
    pieces
}

/// Text wrapped between words into lines of at most `room` columns; longer words are cut.
#[must_use]
pub fn wrap_words(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in text.split(' ').flat_map(|word| wrap(word, room)) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&piece) <= room => {
                line.push(' ');
                line.push_str(&piece);
            }
            _ => lines.push(piece),
        }
    }
    lines
}

/// Duration in its greatest unit: `9 s`, `3 m`, `4 h`, `97 d`.
#[must_use]
pub fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} m", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Remaining time below which a countdown is shown by the second.
pub const COUNTDOWN_THRESHOLD: Duration = Duration::from_secs(600);

/// Remaining time: `0:42` below ten minutes, an age such as `3 h` otherwise.
#[must_use]
pub fn countdown(left: Duration) -> String {
    if left >= COUNTDOWN_THRESHOLD {
        return age(left);
    }
    let seconds = left.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Count in at most five columns: `9999`, `12k`, `3M`.
#[must_use]
pub fn count(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        _ => format!("{}M", n / 1_000_000),
    }
}

/// URL without its scheme and its trailing slash, for lists.
#[must_use]
pub fn target(url: &Untrusted) -> String {
    let text = url.sanitized();
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(&text);
    bare.strip_suffix('/').unwrap_or(bare).to_owned()
}

/// Sparkline of counts, scaled to the largest one; a count of 0 is blank.
#[must_use]
pub fn sparkline(counts: &[u32]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or(0);
    counts
        .iter()
        .map(|count| match *count {
            0 => ' ',
            n => BLOCKS[(n as usize * (BLOCKS.len() - 1)).div_ceil(most.max(1) as usize)],
        })
        .collect()
}

/// Sparkline like [`sparkline`], with a question mark for counts that are not known.
#[must_use]
pub fn gapped_sparkline(counts: &[Option<u32>]) -> String {
    let known: Vec<u32> = counts.iter().map(|count| count.unwrap_or(0)).collect();
    counts.iter().zip(sparkline(&known).chars()).map(|(count, bar)| if count.is_none() { '?' } else { bar }).collect()
}

/// Progress bar of `room` columns including its brackets, filled to `part` of `whole`.
#[must_use]
pub fn bar(part: u64, whole: u64, room: usize) -> String {
    let inner = room.saturating_sub(2);
    let share = part.min(whole) * inner as u64;
    let filled = usize::try_from(share.checked_div(whole).unwrap_or(0)).unwrap_or(inner);
    // A part greater than 0 fills at least one column.
    let filled = match (part, filled) {
        (0, _) => 0,
        (_, 0) => 1.min(inner),
        _ => filled,
    };
    format!("[{}{}]", "█".repeat(filled), "░".repeat(inner - filled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_look_as_the_console_says() {
        let age_of = |seconds| age(Duration::from_secs(seconds));
        assert_eq!([age_of(9), age_of(150), age_of(7_200), age_of(97 * 86_400)], ["9 s", "2 m", "2 h", "97 d"]);
        assert_eq!(countdown(Duration::from_secs(42)), "0:42");
        assert_eq!(countdown(Duration::from_secs(4_000)), "1 h");
        assert_eq!([count(9_999), count(12_345), count(3_000_000)], ["9999", "12k", "3M"]);
        assert_eq!(middle("https://hooks.acme.example/orders", 14), "https:/…orders");
        assert_eq!(clip("overlong", 5), "over…");
        assert_eq!(bar(1, 100, 12), "[█░░░░░░░░░]");
        assert_eq!(bar(99, 100, 12), "[█████████░]");
        assert_eq!(bar(0, 0, 4), "[░░]");
        assert_eq!(sparkline(&[0, 1, 4, 8]), " ▂▅█");
        assert_eq!(gapped_sparkline(&[Some(0), None, Some(4), Some(8)]), " ?▅█");
        assert_eq!(wrap_words("one two three", 7), ["one two", "three"]);
    }

    proptest! {
        #[test]
        fn nothing_is_ever_wider_than_its_room(text in "\\PC{0,40}", room in 0_usize..40) {
            prop_assert!(width(&clip(&text, room)) <= room);
            prop_assert!(width(&middle(&text, room)) <= room);
            prop_assert!(wrap(&text, room).iter().all(|piece| width(piece) <= room.max(2)));
        }
    }
}
