//! Pane 6: rate limits of each key, with the calls left, the time of the reset, and a forecast of the first refused
//! call.

use super::view::PaneData;
use crate::domain::health_status::{ExhaustionForecast, HealthAssessment, HealthStatus, assess_window};
use crate::domain::ids::KeyId;
use crate::domain::window::RateBucket;
use crate::sync::visibility::WindowFinding;
use crate::text::health::worded;
use crate::tui::format;
use crate::tui::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::tui::theme::StyleRole;
use crate::wire::limits::LimitRow;
use ratatui::text::Line;

/// Columns of the list of limits.
pub(super) const COLUMNS: [TableColumn; 10] = [
    words("STATE", 5, 5, 0),
    words("KEY", 12, 26, 0),
    words("LAST4", 5, 5, 6),
    words("BUCKET", 6, 6, 0),
    words("USED", 8, 26, 3),
    numbers("LEFT", 4, 1),
    numbers("REMAINING", 10, 5),
    numbers("RESETS", 6, 4),
    words("429", 12, 12, 2),
    words("LAST 60 MIN", 60, 60, 7),
];

pub(super) const EMPTY: [&str; 2] =
    ["No rate limits yet.", "Rate-limit usage of each active key (read, write, admin) appears here, tightest first."];

pub(super) fn find<'a>(view: &PaneData<'a>, id: KeyId, bucket: RateBucket) -> Option<&'a LimitRow> {
    view.overview.limits.items.iter().find(|row| row.key_id == id && row.bucket == bucket)
}

pub(super) fn named_health(row: &LimitRow) -> (String, HealthAssessment<String>) {
    (format!("{} {}", row.key_name.sanitized(), row.bucket), worded(&assess_window(&row.facts())))
}

pub(super) fn summary(view: &PaneData<'_>) -> String {
    view.health_summary(&view.overview.limits, |row| (row.company_id, assess_window(&row.facts()).status))
}

fn percent_left(row: &LimitRow) -> u64 {
    (u64::from(row.remaining) * 100).checked_div(u64::from(row.limit)).unwrap_or(0)
}

/// Time until the window resets, as a countdown; a dash for an unused window.
fn resets(view: &PaneData<'_>, row: &LimitRow) -> String {
    match row.used {
        0 => "-".to_owned(),
        _ if row.reset_utc <= view.now => "ended".to_owned(),
        _ => format::countdown(row.reset_utc.since(view.now)),
    }
}

/// Forecast of the first refused call: refused already, in this time, not before the reset, or no forecast.
fn first_429(view: &PaneData<'_>, row: &LimitRow) -> String {
    if row.n_refused > 0 {
        return format!("{} so far", format::count(row.n_refused));
    }
    if row.used == 0 {
        return "-".to_owned();
    }
    if row.reset_utc <= view.now {
        return "window ended".to_owned();
    }
    match row.forecast(view.now) {
        ExhaustionForecast::Unknown => "-".to_owned(),
        ExhaustionForecast::ResetsFirst => "resets first".to_owned(),
        ExhaustionForecast::ExhaustedAfter(after) => format!("in ~{}", format::age(after)),
    }
}

pub(super) fn row(view: &PaneData<'_>, row: &LimitRow) -> TableRow {
    let (_, judgement) = named_health(row);
    let standing = judgement.status;
    let tint = if row.used == 0 { StyleRole::Dim } else { StyleRole::Word(standing) };
    let forecast = if standing == HealthStatus::Healthy
        && !matches!(row.forecast(view.now), ExhaustionForecast::ExhaustedAfter(_))
    {
        view.dim(first_429(view, row))
    } else {
        view.text(first_429(view, row))
    };
    TableRow {
        cells: vec![
            view.state(standing),
            view.text(row.key_name.sanitized()),
            view.dim(row.last4.sanitized()),
            view.text(row.bucket.name()),
            TableCell::bar(u64::from(row.used), u64::from(row.limit), view.theme.style(tint)),
            TableCell::new(format!("{}%", percent_left(row)), view.theme.style(tint)),
            view.dim(format!("{} of {}", row.remaining, row.limit)),
            view.dim(resets(view, row)),
            forecast,
            view.dim(spark(view, row)),
        ],
        below: Vec::new(),
    }
}

fn finding<'a>(view: &PaneData<'a>, row: &LimitRow) -> Option<&'a WindowFinding> {
    view.reach.findings().and_then(|findings| findings.windows.get(&(row.key_id, row.bucket)))
}

/// Sparkline of the last hour by the minute; a question mark marks minutes that were not observed.
fn spark(view: &PaneData<'_>, row: &LimitRow) -> String {
    let spark = format::sparkline(&row.history);
    let Some(finding) = finding(view, row) else { return spark };
    spark.chars().enumerate().map(|(place, bar)| if finding.unseen.contains(&place) { '?' } else { bar }).collect()
}

/// Calls of crow itself, and the last week by the hour; a question mark marks hours that were not observed.
fn week(view: &PaneData<'_>, finding: &WindowFinding, room: usize) -> Vec<Line<'static>> {
    let counts: Vec<u32> = finding.week.iter().map(|used| used.unwrap_or(0)).collect();
    let bars = format::sparkline(&counts).chars().collect::<Vec<_>>();
    let strip: String =
        finding.week.iter().zip(bars).map(|(used, bar)| if used.is_none() { '?' } else { bar }).collect();
    let n_seen = finding.week.iter().flatten().count();
    let own = format!("{} calls in the last minute, {} allowed at the current load", finding.n_own, finding.allowance);
    let mut lines = view.labelled("crow's own", &own, room);
    let about = format!("busiest minute of each hour; {n_seen} of {} hours observed", finding.week.len());
    lines.extend(view.labelled("7 days", &about, room));
    let style = view.theme.style(StyleRole::Text);
    lines.extend(format::wrap(&strip, room).into_iter().map(|line| Line::styled(line, style)));
    lines
}

pub(super) fn details(view: &PaneData<'_>, row: &LimitRow, room: usize) -> Vec<Line<'static>> {
    let (_, judgement) = named_health(row);
    let most = row.history.iter().max().copied().unwrap_or(0);
    let mut lines = view.judgement_lines(&judgement, room);
    let window = if row.used == 0 { "no calls yet".to_owned() } else { resets(view, row) };
    for (label, value) in [
        ("Key", format!("{}, ID {}, ends in {}", row.key_name.sanitized(), row.key_id, row.last4.sanitized())),
        ("Bucket", format!("{}, {} calls per minute, company {}", row.bucket, row.limit, row.company_id)),
        ("Remaining", format!("{} of {} calls, {}%", row.remaining, row.limit, percent_left(row))),
        ("Used", format!("{} {}", format::bar(u64::from(row.used), u64::from(row.limit), 42), row.used)),
        ("Refused", format!("{} answered 429 in this window", format::plural(row.n_refused, "call"))),
        ("429", first_429(view, row)),
        ("Window start", view.moment(row.window_utc)),
        ("Resets in", window),
        ("Last 60 min", format!("calls admitted per minute, oldest first; peak {most}")),
    ] {
        lines.extend(view.labelled(label, &value, room));
    }
    if let Some(finding) = finding(view, row) {
        lines.extend(week(view, finding, room));
    }
    let spark = spark(view, row);
    let style = view.theme.style(StyleRole::Text);
    lines.extend(format::wrap(&spark, room).into_iter().map(|line| Line::styled(line, style)));
    lines
}
