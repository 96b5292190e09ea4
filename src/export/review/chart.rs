//! Stacked bar charts as SVG.

use std::fmt::Write as _;

/// Size of a chart, and its left and lower margin, in its own units.
const CHART_SIZE: (u64, u64) = (960, 200);
const CHART_MARGIN: (u64, u64) = (56, 40);
/// Width of a label, in the chart's units.
const LABEL_WIDTH: u64 = 40;

/// Part of every bar in a chart.
pub(super) struct ChartSeries {
    /// Name of what the part counts.
    pub(super) name: &'static str,
    /// CSS variable that holds the part's colour.
    pub(super) colour: &'static str,
    /// Values of the part, one per bar.
    pub(super) values: Vec<u64>,
}

/// Draws a stacked bar for each label; its numbers appear as a tooltip.
pub(super) fn stacked_bars(labels: &[String], series: &[ChartSeries]) -> String {
    let total = |position: usize| series.iter().map(|of| of.values.get(position).copied().unwrap_or(0)).sum::<u64>();
    let most = (0..labels.len()).map(total).max().unwrap_or(0);
    if most == 0 {
        return "<p class=\"calm\">Nothing happened in the period.</p>\n".to_owned();
    }
    let (width, height) = (CHART_SIZE.0 - CHART_MARGIN.0, CHART_SIZE.1 - CHART_MARGIN.1);
    let n = labels.len() as u64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
        CHART_SIZE.0,
        CHART_SIZE.1,
        names(series)
    );
    let _ = writeln!(svg, "<text x=\"0\" y=\"12\">{most}</text><text x=\"0\" y=\"{height}\">0</text>");
    let _ = writeln!(
        svg,
        "<line x1=\"{}\" y1=\"{height}\" x2=\"{}\" y2=\"{height}\" stroke=\"var(--line)\"/>",
        CHART_MARGIN.0, CHART_SIZE.0
    );
    let every = n.div_ceil(15).max(1);
    for (position, label) in labels.iter().enumerate() {
        let at = position as u64;
        let (x, end) = (CHART_MARGIN.0 + at * width / n, CHART_MARGIN.0 + (at + 1) * width / n);
        let wide = (end - x).saturating_sub(2).max(1);
        let told: Vec<String> =
            series.iter().map(|of| format!("{} {}", of.values.get(position).copied().unwrap_or(0), of.name)).collect();
        let _ = write!(svg, "<g><title>{label}: {}</title>", told.join(", "));
        let mut below = 0;
        for of in series {
            let value = of.values.get(position).copied().unwrap_or(0);
            // The difference of two rounded sums, so that the parts meet without a gap.
            let (from, to) = (below * (height - 4) / most, (below + value) * (height - 4) / most);
            // A value above zero is drawn at least one unit tall.
            let tall = (to - from).max(u64::from(value > 0));
            if tall > 0 {
                let y = height - from - tall;
                let _ = write!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\" fill=\"var({})\"/>",
                    of.colour
                );
            }
            below += value;
        }
        svg.push_str("</g>\n");
        if at.is_multiple_of(every) {
            // The last labels end at the chart's edge.
            let (x, anchor) = if x + LABEL_WIDTH > CHART_SIZE.0 { (CHART_SIZE.0, "end") } else { (x, "start") };
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{label}</text>", height + 14);
        }
    }
    for (position, of) in series.iter().enumerate() {
        let x = CHART_MARGIN.0 + position as u64 * 140;
        let y = CHART_SIZE.1 - 10;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"var({})\"/><text x=\"{}\" y=\"{y}\">{}</text>",
            y - 9,
            of.colour,
            x + 16,
            of.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn names(series: &[ChartSeries]) -> String {
    series.iter().map(|of| of.name).collect::<Vec<_>>().join(", ")
}
