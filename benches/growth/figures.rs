//! Figures of a directory, and the table that shows those of all sizes side by side.

use std::fmt::Write as _;
use std::time::Duration;

/// Share by which the largest size may be worse than the smallest, beyond the noise of both.
const FLAT: f64 = 0.2;

/// Unit of a figure, and what is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds; less is better.
    Millis,
    /// Rows or deliveries a second; more is better.
    PerSecond,
    /// MiB, or seconds of filling: grows with what is stored, and is not judged.
    Stored(&'static str),
}

/// Measured values of one row of the table.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    unit: Unit,
    /// In the order of measurement.
    values: Vec<f64>,
}

impl Figure {
    pub(crate) fn millis(name: &'static str, took: &[Duration]) -> Self {
        Self { name, unit: Unit::Millis, values: took.iter().map(|took| took.as_secs_f64() * 1_000.0).collect() }
    }

    pub(crate) const fn new(name: &'static str, unit: Unit, values: Vec<f64>) -> Self {
        Self { name, unit, values }
    }

    fn median(&self) -> f64 {
        quantile(&self.values, 50)
    }

    /// Difference between the medians of the first and of the second half, as a share.
    fn noise(&self) -> f64 {
        let (first, second) = self.values.split_at(self.values.len() / 2);
        if first.is_empty() {
            return 0.0;
        }
        (quantile(first, 50) - quantile(second, 50)).abs() / self.median().max(f64::MIN_POSITIVE)
    }

    fn cell(&self) -> String {
        let (median, p99) = (self.median(), quantile(&self.values, 99));
        match self.unit {
            Unit::Millis if self.values.len() > 1 => format!("{}, {} ms", short(median), short(p99)),
            Unit::Millis => format!("{} ms", short(median)),
            Unit::PerSecond => format!("{median:.0}/s"),
            Unit::Stored(unit) => format!("{} {unit}", short(median)),
        }
    }

    /// How often this figure is that of the smallest size, and whether it is worse by more than noise explains.
    fn against(&self, smallest: &Self) -> String {
        let ratio = self.median() / smallest.median().max(f64::MIN_POSITIVE);
        let worse = match self.unit {
            Unit::Millis => ratio,
            Unit::PerSecond => 1.0 / ratio.max(f64::MIN_POSITIVE),
            Unit::Stored(_) => return format!("{ratio:.2}"),
        };
        let is_flat = worse <= 1.0 + FLAT + self.noise() + smallest.noise();
        if is_flat { format!("{ratio:.2}") } else { format!("**{ratio:.2}**, not flat") }
    }
}

/// Value below which so many of a hundred lie.
fn quantile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Number of attempts, as the head of a column.
pub(crate) fn size(n: i64) -> String {
    match n {
        1_000_000.. if n % 1_000_000 == 0 => format!("{} M", n / 1_000_000),
        1_000.. if n % 1_000 == 0 => format!("{} k", n / 1_000),
        _ => n.to_string(),
    }
}

/// Table of all sizes: one row for each figure, in the order of the first size.
pub(crate) fn table(sizes: &[(i64, Vec<Figure>)]) -> String {
    let (Some((least, smallest)), Some((most, largest))) = (sizes.first(), sizes.last()) else { return String::new() };
    let heads: Vec<String> = sizes.iter().map(|(n, _)| size(*n)).collect();
    let mut text = format!("| attempts stored | {} | {} ÷ {} |\n", heads.join(" | "), size(*most), size(*least));
    text.push_str(&"|---".repeat(sizes.len() + 2));
    text.push_str("|\n");
    for (n, figure) in smallest.iter().enumerate() {
        let cells: Vec<String> = sizes.iter().filter_map(|(_, figures)| figures.get(n)).map(Figure::cell).collect();
        let against = largest.get(n).map(|last| last.against(figure)).unwrap_or_default();
        let _ = writeln!(text, "| {} | {} | {against} |", figure.name, cells.join(" | "));
    }
    text
}
