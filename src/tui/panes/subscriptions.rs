//! Pane 3: webhook subscriptions with success rates over three windows, failures in a row, next attempt and backlog.

use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::health_status::{FAILURES_IN_A_ROW_LIMITS, HealthAssessment, HealthStatus};
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::success_rate::MIN_RATE_SAMPLES;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text;
use crate::text::health::worded;
use crate::tui::ids::{Pane, RowId};
use crate::tui::panes::PaneRow;
use crate::tui::panes::data::{PaneData, ReceivedRows};
use crate::tui::panes::trips;
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::tui::widgets::table::{TableCell, TableColumn, TableRow, numbers, words};
use crate::wire::paths;
use crate::wire::readable::UnreadableRows;
use crate::wire::subscriptions::{AttemptSummary, DeliveryHealth, SubscriptionRow};
use ratatui::text::Line;

pub(in crate::tui) fn find<'a>(view: &PaneData<'a>, id: SubscriptionId) -> Option<&'a SubscriptionRow> {
    view.overview.subscriptions.items.iter().find(|row| row.subscription.id == id)
}

fn assess(row: &SubscriptionRow) -> HealthAssessment<String> {
    worded(&row.assess())
}

fn types(row: &SubscriptionRow) -> String {
    row.subscription.event_types.iter().map(Untrusted::sanitized).collect::<Vec<_>>().join(" ")
}

/// Time until the next attempt, as a countdown.
fn next(view: &PaneData<'_>, row: &SubscriptionRow) -> String {
    if !row.subscription.is_enabled {
        return "off".to_owned();
    }
    match row.health.map(|health| health.next_due_utc) {
        Some(Some(due)) if due > view.now => format::countdown(due.since(view.now)),
        Some(Some(_)) => "due".to_owned(),
        Some(None) => "-".to_owned(),
        None => "?".to_owned(),
    }
}

fn percent(view: &PaneData<'_>, rate: &AttemptSummary) -> TableCell {
    match rate.tally().percent() {
        Some(percent) if rate.tally().total() >= MIN_RATE_SAMPLES => view.text(format!("{percent}%")),
        Some(percent) => view.dim(format!("{percent}%")),
        None => view.dim("-"),
    }
}

fn fuse(view: &PaneData<'_>, row: &SubscriptionRow) -> TableCell {
    let Some(streak) = row.subscription.consecutive_failures else { return view.unknown_cell() };
    let text = format!("{streak}/{FAILURE_THRESHOLD}");
    let standing = match streak {
        0 => return view.dim(text),
        _ if streak >= FAILURE_THRESHOLD => HealthStatus::Tripped,
        _ if streak >= FAILURES_IN_A_ROW_LIMITS.1 => HealthStatus::Failing,
        _ if streak >= FAILURES_IN_A_ROW_LIMITS.0 => HealthStatus::Warning,
        _ => HealthStatus::Healthy,
    };
    TableCell::new(text, view.theme.style(StyleRole::Word(standing)))
}

/// Forecast such as `trips in ~6 m at this pace`; `None` below the warning threshold.
fn forecast(row: &SubscriptionRow) -> Option<String> {
    let worth = row.subscription.is_enabled && row.failures_in_a_row() >= FAILURES_IN_A_ROW_LIMITS.0;
    let after = row.trips_after().filter(|_| worth)?;
    Some(format!("trips in ~{} at this pace", format::age(after)))
}

fn rate(rate: &AttemptSummary) -> String {
    let tally = rate.tally();
    let Some(percent) = tally.percent() else { return "no attempts".to_owned() };
    let ms = |bound: Option<u32>| bound.map_or_else(|| "-".to_owned(), |ms| format!("≤{ms}"));
    format!(
        "{percent:>3}% of {}   p50 {}  p95 {}  p99 {} ms",
        text::count(tally.total(), "attempt"),
        ms(rate.p50_ms),
        ms(rate.p95_ms),
        ms(rate.p99_ms)
    )
}

/// Details of a subscription as far as a listing of the Integration API reports them.
fn listed(view: &PaneData<'_>, row: &SubscriptionRow, room: usize) -> Vec<Line<'static>> {
    let of = &row.subscription;
    let told = |at: Option<Timestamp>| at.map_or_else(|| "not available".to_owned(), |at| view.moment(at));
    let streak = of
        .consecutive_failures
        .map_or_else(|| "not available".to_owned(), |streak| format!("{streak}/{FAILURE_THRESHOLD} in a row"));
    let mut lines = view.judgement_lines(&assess(row), room);
    for (label, value) in [
        ("Target", of.target_url.sanitized()),
        ("Events", types(row)),
        ("Enabled", if of.is_enabled { "yes".to_owned() } else { format!("no; seen disabled since: {}", told(of.disabled_utc)) }),
        ("Failures", streak),
        ("Last attempt", told(of.last_attempt_utc)),
        ("Last success", told(of.last_success_utc)),
        ("Owner", owner(row)),
        ("Created", told(of.created_utc)),
        ("Changed", told(of.updated_utc)),
        ("Not available", "success rate, latency, backlog, missed events. x sends a test; crow listen receives events; the Admin Portal has the log".to_owned()),
    ] {
        lines.extend(view.labelled(label, &value, room));
    }
    lines.extend(texts(view, row, room));
    lines
}

/// Lines with the texts that people gave: the description, and the reason for which the subscription is off.
fn texts(view: &PaneData<'_>, row: &SubscriptionRow, room: usize) -> Vec<Line<'static>> {
    let given = [("Description", &row.subscription.description), ("Off reason", &row.disabled_note)];
    let given = given.into_iter().filter_map(|(label, text)| Some((label, text.as_ref()?)));
    given.flat_map(|(label, text)| view.labelled(label, &text.sanitized(), room)).collect()
}

fn owner(row: &SubscriptionRow) -> String {
    let company = format!("company {}", row.subscription.company_id);
    match &row.subscription.managed_by {
        Some(tool) => format!("{company}, managed by {}", tool.sanitized()),
        None => company,
    }
}

impl PaneRow for SubscriptionRow {
    const PANE: Pane = Pane::Subscriptions;
    const COLUMNS: &'static [TableColumn] = &[
        words("STATE", 5, 5, 0),
        numbers("ID", 5, 5),
        words("TARGET", 16, 48, 0),
        words("TYPES", 14, 40, 8),
        numbers("5m", 4, 6).of("health"),
        numbers("1h", 4, 1).of("health"),
        numbers("24h", 4, 7).of("health"),
        numbers("P95 ms", 7, 6).of("health"),
        numbers("FAILS", 5, 1),
        numbers("NEXT", 5, 3).of("health.nextDueUtc"),
        numbers("BACKLOG", 7, 4).of("health.nBacklog"),
    ];
    const EMPTY: &'static [&'static str] = &[
        "No webhook subscriptions yet.",
        "Subscriptions appear here, worst first. Partners create them with POST /api/v1/webhooks/subscriptions.",
    ];
    const PATH: &'static str = paths::PORTAL_SUBSCRIPTION;

    fn rows<'a>(view: &PaneData<'a>) -> ReceivedRows<'a, Self> {
        ReceivedRows::Snapshot(&view.overview.subscriptions.items)
    }

    fn unreadable<'a>(view: &PaneData<'a>) -> &'a UnreadableRows {
        &view.overview.subscriptions.unreadable
    }

    fn find<'a>(view: &PaneData<'a>, id: RowId) -> Option<&'a Self> {
        let RowId::Subscription(id) = id else { return None };
        find(view, id)
    }

    fn row_id(&self) -> RowId {
        RowId::Subscription(self.subscription.id)
    }

    fn company(&self, _view: &PaneData<'_>) -> CompanyId {
        self.subscription.company_id
    }

    fn table_row(&self, view: &PaneData<'_>) -> TableRow {
        let health = self.health.as_ref();
        let standing = assess(self).status;
        let p95 = |bound: Option<u32>| view.dim(bound.map_or_else(|| "-".to_owned(), |ms| format!("≤{ms}")));
        let n_missed = health.and_then(|health| health.n_skipped).unwrap_or(0);
        let missed = (!self.subscription.is_enabled && n_missed > 0)
            .then(|| format!("missed while off: {}", text::count(n_missed, "event")));
        TableRow {
            cells: vec![
                view.state(standing),
                view.dim(self.subscription.id.to_string()),
                TableCell::middle(format::target(&self.subscription.target_url), view.theme.style(StyleRole::Text)),
                view.dim(types(self)),
                view.known_cell(health, |health| percent(view, &health.last_5m)),
                view.known_cell(health, |health| percent(view, &health.last_1h)),
                view.known_cell(health, |health| percent(view, &health.last_24h)),
                view.known_cell(health, |health| p95(health.last_1h.p95_ms)),
                fuse(view, self),
                match next(view, self) {
                    next if next == "?" => view.unknown_cell(),
                    next => view.text(next),
                },
                view.known_cell(health.and_then(DeliveryHealth::n_waiting), |n| match n {
                    0 => view.dim("0"),
                    n => view.text(format::count(n)),
                }),
            ],
            below: forecast(self)
                .or(missed)
                .map(|text| TableCell::new(text, view.theme.style(StyleRole::Word(standing))))
                .into_iter()
                .collect(),
        }
    }

    fn named_health(&self, _view: &PaneData<'_>) -> (String, HealthAssessment<String>) {
        (format::target(&self.subscription.target_url), assess(self))
    }

    fn details(&self, view: &PaneData<'_>, room: usize) -> Vec<Line<'static>> {
        let Some(health) = &self.health else { return listed(view, self, room) };
        let subscription = &self.subscription;
        let streak = self.failures_in_a_row();
        let gauge = format::bar(u64::from(streak), u64::from(FAILURE_THRESHOLD), 22);
        let burnt = forecast(self).map_or_else(
            || format!("{gauge} {streak}/{FAILURE_THRESHOLD} in a row"),
            |text| format!("{gauge} {streak}/{FAILURE_THRESHOLD} in a row, {text}"),
        );
        let due = match next(view, self).as_str() {
            "off" | "-" => String::new(),
            next => format!("; next attempt {next}"),
        };
        let at = |time| match time {
            Some(time) => view.moment(time),
            // Attempts that reached no listener are not known.
            None if health.n_backlog.is_none() => "none received".to_owned(),
            None => "never".to_owned(),
        };
        let mut lines = view.judgement_lines(&assess(self), room);
        // A trip that is not over explains why the subscription is disabled.
        let trip = view
            .overview
            .trips
            .items
            .iter()
            .find(|trip| trip.subscription_id == subscription.id && trip.enabled_utc.is_none());
        if let Some(trip) = trip.filter(|_| !subscription.is_enabled) {
            lines.extend(view.labelled("Causes", &format!("{} (of the last 20 attempts)", trips::causes(trip)), room));
        }
        for (label, value) in [
            ("Target", subscription.target_url.sanitized()),
            ("Events", types(self)),
            ("Failures", burnt),
            ("5 minutes", rate(&health.last_5m)),
            ("1 hour", rate(&health.last_1h)),
            ("24 hours", rate(&health.last_24h)),
            (
                "Backlog",
                match (health.n_backlog, health.n_parked, health.n_skipped) {
                    (Some(queued), Some(parked), Some(skipped)) => format!(
                        "{} queued, {} on hold, {} missed while off{due}",
                        text::number(queued),
                        text::number(parked),
                        text::number(skipped)
                    ),
                    _ => "not available; the Admin Portal has the log".to_owned(),
                },
            ),
            ("Last attempt", at(subscription.last_attempt_utc)),
            ("Last success", at(subscription.last_success_utc)),
            ("Owner", owner(self)),
            ("Created", text::or_unknown(subscription.created_utc.map(|at| view.moment(at)))),
            ("Changed", text::or_unknown(subscription.updated_utc.map(|at| view.moment(at)))),
        ] {
            lines.extend(view.labelled(label, &value, room));
        }
        lines.extend(texts(view, self, room));
        lines
    }

    fn summary(view: &PaneData<'_>) -> String {
        let about = |row: &Self| (row.subscription.company_id, assess(row).status);
        let known = view.health_summary(&view.overview.subscriptions, about);
        let is_shown = |company: &CompanyId| view.company.is_none_or(|wanted| wanted == *company);
        let coverage = view.overview.coverage.as_ref().and_then(|coverage| coverage.of(Self::PANE.noun()));
        let is_unfinished = coverage.is_some_and(|of| of.unfinished.iter().any(|list| is_shown(&list.company_id)));
        if is_unfinished { format!("{known}   more not read") } else { known }
    }
}
