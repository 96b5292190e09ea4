//! Charts as lines of text. Missing measurements are drawn as a space or a dot, never as a bar of height 0.

use crate::domain::time::Timestamp;
use crate::tui::widgets::theme::CharacterSet;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Character drawn for a point without a measurement.
pub const GAP_SYMBOL: char = '·';

/// Sparkline of values, scaled to the largest one. `None` is drawn as [`GAP_SYMBOL`], and 0 at the lowest level.
#[must_use]
pub fn spark(values: &[Option<u64>], charset: CharacterSet) -> String {
    let most = values.iter().flatten().copied().max().unwrap_or(0).max(1);
    scaled(values, most, charset)
}

/// Sparkline of values scaled to `most`, for percentages; see [`spark`].
#[must_use]
pub fn scaled(values: &[Option<u64>], most: u64, charset: CharacterSet) -> String {
    match charset {
        CharacterSet::Braille => values.chunks(2).map(|pair| braille(pair, most)).collect(),
        CharacterSet::Unicode | CharacterSet::Ascii => {
            values.iter().map(|value| value.map_or(GAP_SYMBOL, |value| block(value, most))).collect()
        }
    }
}

fn block(value: u64, most: u64) -> char {
    let step = (value.min(most) * 7).div_ceil(most.max(1));
    BLOCKS[usize::try_from(step).unwrap_or(7).min(7)]
}

/// Two values in one braille cell, each a column of up to four dots.
fn braille(pair: &[Option<u64>], most: u64) -> char {
    const LEFT: [u32; 5] = [0, 0x40, 0x44, 0x46, 0x47];
    const RIGHT: [u32; 5] = [0, 0x80, 0xa0, 0xb0, 0xb8];
    if pair.iter().all(Option::is_none) {
        return GAP_SYMBOL;
    }
    let height = |value: Option<&Option<u64>>| match value {
        Some(Some(value)) => usize::try_from((value.min(&most) * 3).div_ceil(most.max(1)) + 1).unwrap_or(4).min(4),
        _ => 0,
    };
    char::from_u32(0x2800 + LEFT[height(pair.first())] + RIGHT[height(pair.get(1))]).unwrap_or(GAP_SYMBOL)
}

/// Column chart of counts in `height` lines, scaled to the largest count, top line first. A count of 0 is blank.
#[must_use]
pub fn columns(counts: &[u64], height: usize) -> Vec<String> {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let full = height as u64 * 8;
    (0..height)
        .rev()
        .map(|line| {
            let below = line as u64 * 8;
            let cell = |count: &u64| match (count * full).div_ceil(most).saturating_sub(below) {
                0 => ' ',
                eighths => BLOCKS[usize::try_from(eighths).unwrap_or(8).min(8) - 1],
            };
            counts.iter().map(cell).collect()
        })
        .collect()
}

/// Histogram of `times`: how many fall into each of `room` equal parts of the time from `since` to `until`, without
/// the end.
#[must_use]
pub fn histogram(
    times: impl IntoIterator<Item = Timestamp>,
    since: Timestamp,
    until: Timestamp,
    room: usize,
) -> Vec<u64> {
    let mut parts = vec![0; room];
    let whole = u128::from(u64::try_from(until.millis() - since.millis()).unwrap_or(0)).max(1);
    for time in times {
        if time < since || time >= until {
            continue;
        }
        let part = time.since(since).as_millis() * room as u128 / whole;
        if let Some(n) = usize::try_from(part).ok().and_then(|part| parts.get_mut(part)) {
            *n += 1;
        }
    }
    parts
}

/// Position and length of a segment in a bar of `room` columns that represents `whole`. A segment greater than 0
/// takes at least one column.
#[must_use]
pub fn segment(before: u64, part: u64, whole: u64, room: usize) -> (usize, usize) {
    let place = |at: u64| usize::try_from(u128::from(at) * room as u128 / u128::from(whole.max(1))).unwrap_or(room);
    let start = place(before).min(room.saturating_sub(1));
    let end = place(before + part).min(room);
    let least = usize::from(part > 0);
    (start, end.saturating_sub(start).max(least).min(room - start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn gaps_are_gaps_and_nothing_is_not_a_gap() {
        let values = [None, Some(0), Some(4), Some(8), None, None];
        assert_eq!(spark(&values, CharacterSet::Unicode), "·▁▅█··");
        assert_eq!(spark(&values, CharacterSet::Braille), "⢀⣾·");
        assert_eq!(scaled(&[Some(100), Some(50)], 100, CharacterSet::Unicode), "█▅");
        assert_eq!(spark(&[], CharacterSet::Unicode), "");
    }

    #[test]
    fn columns_fill_their_height_and_leave_nothing_empty() {
        assert_eq!(columns(&[0, 1, 8, 16], 2), ["   █", " ▁██"]);
        assert_eq!(columns(&[0, 0], 1), ["  "]);
    }

    #[test]
    fn a_strip_counts_what_lies_between_its_ends() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        assert_eq!(histogram([at(0), at(5), at(9), at(10), at(-1)], at(0), at(10), 2), [1, 2]);
        assert_eq!(histogram([], at(0), at(0), 3), [0, 0, 0]);
        assert_eq!(at(10).since(at(0)), Duration::from_secs(10));
    }

    proptest! {
        #[test]
        fn spans_stay_inside_and_what_took_time_is_seen(parts in proptest::collection::vec(0_u64..5_000, 1..6), room in 1_usize..80) {
            let whole: u64 = parts.iter().sum();
            let mut before = 0;
            for part in parts {
                let (start, long) = segment(before, part, whole, room);
                prop_assert!(start + long <= room);
                prop_assert!(long > 0 || part == 0);
                before += part;
            }
        }

        #[test]
        fn a_chart_is_as_wide_as_its_values(values in proptest::collection::vec(proptest::option::of(0_u64..1_000_000), 0..90)) {
            prop_assert_eq!(spark(&values, CharacterSet::Unicode).chars().count(), values.len());
            prop_assert_eq!(spark(&values, CharacterSet::Braille).chars().count(), values.len().div_ceil(2));
        }
    }
}
