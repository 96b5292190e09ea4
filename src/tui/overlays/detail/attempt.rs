//! Detail view of an attempt: phases, signature, the other attempts of its delivery, and the exact request and
//! response.

use crate::domain::text::Untrusted;
use crate::text;
use crate::tui::effect::FetchedAttempt;
use crate::tui::ids::{DrillDown, RowId};
use crate::tui::overlays::detail::context::DetailContext;
use crate::tui::panes::PaneRow as _;
use crate::tui::widgets::chart;
use crate::tui::widgets::detail_lines::{BodySide, DetailLines, LineAction};
use crate::tui::widgets::format;
use crate::tui::widgets::palette::StyleRole;
use crate::wire::attempts::{AttemptDetail, HttpHeader, PhaseTimes};
use ratatui::text::{Line, Span};

/// Bar drawn before every signed line.
const SIGNED_BAR: &str = "│";

pub(in crate::tui) fn fill(scene: &DetailContext<'_>, sheet: &mut DetailLines, of: &FetchedAttempt) {
    let (detail, theme) = (&of.detail, scene.view.theme);
    sheet.add(detail.row.details(&scene.view, scene.room));
    let peer = detail.peer.as_ref().map_or_else(|| "none: no connection was made".to_owned(), Untrusted::sanitized);
    sheet.add(scene.labelled("Remote addr", &peer));
    sheet.add(phases(scene, &detail.phases));
    if detail.redacted {
        sheet.add(scene.labelled("Redacted", "some values are hidden: this operator is not an admin"));
    }
    if detail.shed_utc.is_some() {
        sheet.add(scene.labelled("Dropped", "headers and bodies: the company's log exceeded its size quota"));
    }
    sheet.add(signed(scene, detail));
    tries(scene, sheet, of);
    sheet.head("Request headers", theme);
    headers(scene, sheet, &detail.request_headers);
    let bar = timestamp(detail).map(|_| SIGNED_BAR);
    scene.body(sheet, "Request body", BodySide::Sent, &detail.request_body, bar);
    if detail.row.status_code.is_none() {
        return;
    }
    sheet.head("Response headers", theme);
    headers(scene, sheet, &detail.response_headers);
    scene.body(sheet, "Response body", BodySide::Received, &detail.response_body, None);
}

/// Measured phases with their names, in order, in microseconds.
fn measured(of: &PhaseTimes) -> Vec<(&'static str, u64)> {
    let named = [
        ("DNS", of.dns_us),
        ("connect", of.connect_us),
        ("TLS", of.tls_us),
        ("response", of.head_us),
        ("body", of.body_us),
    ];
    named.into_iter().filter_map(|(name, us)| us.map(|us| (name, us))).collect()
}

fn milliseconds(us: u64) -> String {
    match us {
        0..1_000 => format!("0.{:02} ms", us / 10),
        1_000..10_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{} ms", text::number(us / 1_000)),
    }
}

/// Timing chart: a bar for each measured phase, starting where the previous one ended; empty if no phase was
/// measured.
fn phases(scene: &DetailContext<'_>, of: &PhaseTimes) -> Vec<Line<'static>> {
    const LABEL: usize = 14;
    const TIME: usize = 12;
    let theme = scene.view.theme;
    let measured = measured(of);
    let whole: u64 = measured.iter().map(|(_, us)| us).sum();
    let longest = measured.iter().map(|(_, us)| *us).max().unwrap_or(0);
    let room = scene.room.saturating_sub(LABEL + TIME).clamp(8, 60);
    let mut before = 0;
    let mut lines = Vec::new();
    for (name, us) in measured {
        let (start, long) = chart::segment(before, us, whole, room);
        before += us;
        let role = if us == longest { StyleRole::Strong } else { StyleRole::Text };
        lines.push(Line::from(vec![
            Span::styled(format!("{name:<LABEL$}"), theme.style(StyleRole::Dim)),
            Span::raw(" ".repeat(start)),
            Span::styled("█".repeat(long), theme.style(role)),
            Span::styled(format!("{}  {}", " ".repeat(room - start - long), milliseconds(us)), theme.style(role)),
        ]));
    }
    let is_kept = of.connect_us.is_none() && of.head_us.is_some();
    if is_kept {
        lines.extend(scene.labelled("", "connection reused (no DNS, no connect)"));
    }
    lines
}

fn request_header<'a>(detail: &'a AttemptDetail, name: &str) -> Option<&'a Untrusted> {
    let header = detail.request_headers.iter().find(|header| header.name.raw().eq_ignore_ascii_case(name));
    header.map(|header| &header.value)
}

fn timestamp(detail: &AttemptDetail) -> Option<&Untrusted> {
    request_header(detail, "x-wlcro-timestamp")
}

/// Description of what the signature covers, from the headers that were sent.
fn signed(scene: &DetailContext<'_>, detail: &AttemptDetail) -> Vec<Line<'static>> {
    let text = match timestamp(detail) {
        Some(time) => format!(
            "HMAC-SHA256 of {} + \".\" + body ({}), marked {SIGNED_BAR} below",
            time.sanitized(),
            text::count(detail.request_body.n_bytes, "byte")
        ),
        None => "nothing: no timestamp header was sent".to_owned(),
    };
    let mut lines = scene.labelled("Signed", &text);
    if let Some(signature) = request_header(detail, "x-wlcro-signature") {
        lines.extend(scene.labelled("Signature", &signature.sanitized()));
    }
    lines
}

/// Adds the event, the delivery and all its attempts.
fn tries(scene: &DetailContext<'_>, sheet: &mut DetailLines, of: &FetchedAttempt) {
    let row = &of.detail.row;
    let Some(delivery) = &of.delivery else {
        return sheet.add(scene.labelled("Delivery", "none: test event"));
    };
    let state = &delivery.row;
    let due = state.due_utc.map_or_else(String::new, |at| format!(", next attempt {} UTC", at.format("%H:%M:%S")));
    let text = format!("Delivery {}: {}{due}; attempts, newest first", state.id, text::delivery(state.state));
    sheet.head(text, scene.view.theme);
    for other in &delivery.attempts {
        if other.id == row.id {
            let line = format!("{}  this attempt", other.started_utc.format("%m-%d %H:%M:%S%.3f"));
            sheet.add([scene.styled(line, StyleRole::Strong)]);
        } else {
            scene.attempt(sheet, other);
        }
    }
    if let Some(event) = row.event_id {
        let text = format!("→ event {}: payload and matching subscriptions", text::number(event.0));
        sheet.link(scene.styled(text, StyleRole::Accent), LineAction::Open(RowId::Event(event)));
    }
    if let Some(id) = row.subscription_id {
        scene.drill(sheet, &format!("attempts of subscription {id}"), DrillDown::Subscription(id));
    }
}

/// Adds the headers; signed ones are drawn behind the bar.
fn headers(scene: &DetailContext<'_>, sheet: &mut DetailLines, headers: &[HttpHeader]) {
    let theme = scene.view.theme;
    if headers.is_empty() {
        sheet.none("none", theme);
    }
    for header in headers {
        let is_signed = header.name.raw().eq_ignore_ascii_case("x-wlcro-timestamp");
        let text = format!("{}: {}", header.name.sanitized(), header.value.sanitized());
        for line in format::wrap(&text, scene.room.saturating_sub(2)) {
            let bar = is_signed.then(|| Span::styled(format!("{SIGNED_BAR} "), theme.style(StyleRole::Accent)));
            let role = if is_signed { StyleRole::Strong } else { StyleRole::Text };
            let spans = bar.into_iter().chain([Span::styled(line, theme.style(role))]);
            sheet.add([Line::from(spans.collect::<Vec<_>>())]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_told_as_far_as_the_attempt_came() {
        let whole = PhaseTimes {
            dns_us: Some(1_240),
            connect_us: Some(18_900),
            tls_us: Some(41_070),
            head_us: Some(240_800),
            body_us: Some(90),
        };
        let names: Vec<&str> = measured(&whole).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["DNS", "connect", "TLS", "response", "body"]);
        let lost = PhaseTimes { dns_us: Some(10_000_000), ..PhaseTimes::default() };
        assert_eq!(measured(&lost), [("DNS", 10_000_000)]);
        assert_eq!(measured(&PhaseTimes::default()), [], "nothing is made up");
        let told = [90, 1_240, 18_900, 10_000_000].map(milliseconds);
        assert_eq!(told, ["0.09 ms", "1.2 ms", "18 ms", "10,000 ms"]);
    }
}
