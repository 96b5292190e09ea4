//! One thing in full: what the picture knows of it, and what was fetched for it.

use super::super::app::App;
use super::super::body;
use super::super::effect::{Happening, Known};
use super::super::format;
use super::super::panes::view::View;
use super::super::panes::{deliveries, events, subscriptions};
use super::super::places::Item;
use super::super::theme::Role;
use crate::api::attempts::{AttemptDetail, Header};
use crate::domain::text::Untrusted;
use ratatui::text::{Line, Span};

/// What was fetched for a detail.
#[derive(Debug, Clone, PartialEq)]
pub enum Fetched {
    /// The picture says it all.
    NotNeeded,
    /// It is under way.
    Waiting,
    /// A subscription with its latest attempts.
    Subscription(Box<Known>),
    /// An attempt with its bytes.
    Attempt(Box<AttemptDetail>),
    /// An event with its envelope and its trace.
    Event(Box<Happening>),
    /// It could not be fetched, and why.
    Failed(String),
}

/// A detail.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// Of what.
    pub item: Item,
    /// What was fetched.
    pub fetched: Fetched,
    /// The first line in sight.
    pub top: usize,
}

/// What stands on its edge.
#[must_use]
pub fn title(detail: &Detail) -> String {
    match detail.item {
        Item::Key(id) => format!("Key {id}"),
        Item::Subscription(id) => format!("Subscription {id}"),
        Item::Attempt(id) => format!("Attempt {id}"),
        Item::Window(id, bucket) => format!("Window {bucket} of key {id}"),
        Item::Trip(id) => format!("Trip {id}"),
        Item::Event(id) => format!("Event {id}"),
        Item::Request(id) => format!("Request {id}"),
    }
}

/// All of it in lines of at most `room` columns.
#[must_use]
pub fn lines(app: &App, detail: &Detail, room: usize) -> Vec<Line<'static>> {
    let theme = app.theme();
    let Some(view) = app.view() else { return Vec::new() };
    let known = view.details(detail.item, room);
    let dim = |text: String| Line::styled(text, theme.style(Role::Dim));
    let gone = || vec![dim("It is no longer in the picture.".to_owned())];
    match &detail.fetched {
        Fetched::NotNeeded => known.unwrap_or_else(gone),
        Fetched::Waiting => {
            let mut lines = known.unwrap_or_default();
            lines.push(dim("fetching the rest …".to_owned()));
            lines
        }
        Fetched::Failed(why) => {
            let mut lines = known.unwrap_or_else(gone);
            let text = format!("the rest could not be fetched: {why}");
            lines.extend(
                format::flow(&text, room).into_iter().map(|line| Line::styled(line, theme.style(Role::Trouble))),
            );
            lines
        }
        Fetched::Subscription(fetched) => {
            let mut lines = known.unwrap_or_else(|| subscriptions::details(&view, &fetched.row, room));
            lines.extend(attempts(&view, fetched));
            lines
        }
        Fetched::Event(fetched) => {
            let mut lines = events::details(&view, &fetched.event.row, room);
            lines.extend(trace(&view, fetched, room));
            lines.extend(redacted(&view, fetched.event.redacted, room));
            lines.extend(heading(&view, body::heading("Envelope", &fetched.event.envelope)));
            lines.extend(body::lines(&fetched.event.envelope, room, theme));
            lines
        }
        Fetched::Attempt(fetched) => {
            let mut lines = deliveries::details(&view, &fetched.row, room);
            lines.extend(bytes(&view, fetched, room));
            lines
        }
    }
}

fn heading(view: &View<'_>, text: String) -> [Line<'static>; 2] {
    [Line::default(), Line::styled(text, view.theme.style(Role::Strong))]
}

/// Every subscription of the company, and why it has a delivery of the event or none.
fn trace(view: &View<'_>, of: &Happening, room: usize) -> Vec<Line<'static>> {
    let mut lines = heading(view, format!("Subscriptions of the company ({})", of.trace.subscriptions.len())).to_vec();
    for row in &of.trace.subscriptions {
        let (role, state) = match &row.delivery {
            Some(delivery) => (Role::Text, delivery.state.name()),
            None => (Role::Dim, "none"),
        };
        let text = format!(
            "{:>5}  {:<9}  {}: {}",
            row.subscription_id,
            state,
            format::target(&row.target_url),
            Untrusted::new(row.why.as_str()).inert()
        );
        lines.extend(format::flow(&text, room).into_iter().map(|line| Line::styled(line, view.theme.style(role))));
    }
    if of.trace.subscriptions.is_empty() {
        lines.push(Line::styled("it had none", view.theme.style(Role::Dim)));
    }
    lines
}

/// The latest attempts of a subscription, a line each.
fn attempts(view: &View<'_>, known: &Known) -> Vec<Line<'static>> {
    let mut lines = heading(view, format!("Latest attempts when this was opened ({})", known.attempts.len())).to_vec();
    for row in &known.attempts {
        let role = if row.outcome().is_success() { Role::Text } else { Role::Trouble };
        lines.push(Line::from(vec![
            Span::styled(row.started_utc.format("%m-%d %H:%M:%S%.3f  "), view.theme.style(Role::Dim)),
            Span::styled(format!("{:<9} ", format::clip(&deliveries::result(row), 9)), view.theme.style(role)),
            Span::styled(
                format!(
                    "{:>6} ms  {:>5}  {:<9}  {}",
                    row.elapsed_ms,
                    format!("{}/{}", row.number, row.of),
                    row.kind.name(),
                    row.event_type.inert()
                ),
                view.theme.style(Role::Text),
            ),
        ]));
    }
    if known.attempts.is_empty() {
        lines.push(Line::styled("none yet", view.theme.style(Role::Dim)));
    }
    lines
}

/// The exact request and answer.
fn bytes(view: &View<'_>, detail: &AttemptDetail, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let peer = detail.peer.as_ref().map_or_else(|| "none: no connection was made".to_owned(), Untrusted::inert);
    lines.extend(view.labelled("Peer", &peer, room));
    lines.extend(redacted(view, detail.redacted, room));
    lines.extend(signed(view, detail, room));
    lines.extend(heading(view, "Request headers".to_owned()));
    lines.extend(headers(view, &detail.request_headers, room));
    lines.extend(heading(view, body::heading("Request body", &detail.request_body)));
    lines.extend(body::lines(&detail.request_body, room, view.theme));
    if detail.row.status_code.is_none() {
        return lines;
    }
    lines.extend(heading(view, "Response headers".to_owned()));
    lines.extend(headers(view, &detail.response_headers, room));
    lines.extend(heading(view, body::heading("Response body", &detail.response_body)));
    lines.extend(body::lines(&detail.response_body, room, view.theme));
    lines
}

/// Says that the platform left values out, where it did.
fn redacted(view: &View<'_>, is_redacted: bool, room: usize) -> Vec<Line<'static>> {
    if !is_redacted {
        return Vec::new();
    }
    view.labelled("Redacted", "values were left out by the platform: this operator is no admin", room)
}

/// What the signature covers, from the headers that were sent.
fn signed(view: &View<'_>, detail: &AttemptDetail, room: usize) -> Vec<Line<'static>> {
    let sent = |name: &str| {
        let header = detail.request_headers.iter().find(|header| header.name.raw().eq_ignore_ascii_case(name));
        header.map(|header| header.value.inert())
    };
    let text = match sent("x-wlcro-timestamp") {
        Some(time) => format!(
            "HMAC-SHA256 over {time}.{{body}}: the timestamp, a full stop, then the {} bytes of the request body exactly as below",
            format::number(detail.request_body.n_bytes)
        ),
        None => "nothing: no timestamp header was sent".to_owned(),
    };
    let mut lines = view.labelled("Signed", &text, room);
    if let Some(signature) = sent("x-wlcro-signature") {
        lines.extend(view.labelled("Signature", &signature, room));
    }
    lines
}

fn headers(view: &View<'_>, headers: &[Header], room: usize) -> Vec<Line<'static>> {
    if headers.is_empty() {
        return vec![Line::styled("none", view.theme.style(Role::Dim))];
    }
    let all = headers
        .iter()
        .flat_map(|header| format::wrap(&format!("{}: {}", header.name.inert(), header.value.inert()), room));
    all.map(|line| Line::styled(line, view.theme.style(Role::Text))).collect()
}
