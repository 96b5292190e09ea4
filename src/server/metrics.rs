//! Counters for Prometheus: cumulative numbers that the database already keeps, and what the process has seen. Nothing is scanned, and no
//! label grows with keys, companies or subscriptions.

use super::exposure::Reachability;
use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use crate::engine::gauges::Gauges;
use crate::engine::{Engine, Status};
use axum::Extension;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// `GET /metrics`: for anyone on this machine; for operators where other machines can ask, by a proxy or directly.
pub(super) async fn get(
    State(engine): State<Engine>,
    Extension(reachability): Extension<Arc<Reachability>>,
    request: Request,
) -> Result<Response, Refusal> {
    if !reachability.is_local() {
        let (mut parts, _) = request.into_parts();
        Operator::<Viewer>::from_request_parts(&mut parts, &engine).await?;
    }
    let text = write(&engine).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn write(engine: &Engine) -> Result<String, Refusal> {
    let mut text = String::new();
    for metric in told(&engine.gauges().await?, &engine.status()) {
        let Metric { name, kind, what, values } = metric;
        let kind = if kind == Kind::Counter { "counter" } else { "gauge" };
        let _ = writeln!(text, "# HELP {name} {what}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", label(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    Ok(text)
}

/// What a metric's numbers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// They only grow.
    Counter,
    /// They come and go.
    Gauge,
}

/// A metric with its numbers by their labels.
#[derive(Debug, Clone)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) what: &'static str,
    pub(super) values: Vec<(Labels, u64)>,
}

/// Names and values of labels.
type Labels = Vec<(&'static str, String)>;

/// A metric of one number.
fn one(name: &'static str, kind: Kind, what: &'static str, value: u64) -> Metric {
    Metric { name, kind, what, values: vec![(Vec::new(), value)] }
}

/// A metric by one label.
fn by(name: &'static str, what: &'static str, label: &'static str, values: &[(&str, u64)]) -> Metric {
    let values = values.iter().map(|(value, n)| (vec![(label, (*value).to_owned())], *n)).collect();
    Metric { name, kind: Kind::Gauge, what, values }
}

/// Every metric, in the order in which they are told.
pub(super) fn told(gauges: &Gauges, status: &Status) -> Vec<Metric> {
    use Kind::{Counter, Gauge};
    let paused = "Whether the platform's own trouble pauses dispatch";
    let dropped = "Requests that the log could not keep up with, since the start";
    let requests = gauges.answers.iter().map(|((method, route, status), n)| {
        (vec![("method", method.clone()), ("route", route.clone()), ("status", status.to_string())], *n)
    });
    // Those that callers can bring about at will are told from the start, so that their rise is seen.
    let usual = [401, 404, 429, 501].map(|status| (status, 0));
    let unlogged: BTreeMap<u16, u64> = usual.into_iter().chain(gauges.unlogged.clone()).collect();
    let unlogged = unlogged.into_iter().map(|(status, n)| (vec![("status", status.to_string())], n));
    vec![
        by("crow_build_info", "What is running", "version", &[(env!("CARGO_PKG_VERSION"), 1)]),
        one("crow_dispatching", Gauge, "Whether the dispatcher runs", u64::from(status.is_dispatching)),
        one("crow_dispatch_paused", Gauge, paused, u64::from(status.paused.is_some())),
        one("crow_events_total", Counter, "Events ever published", gauges.n_events),
        one("crow_deliveries_total", Counter, "Deliveries ever planned, skipped ones among them", gauges.n_deliveries),
        one("crow_attempts_total", Counter, "Attempts ever made, tests among them", gauges.n_attempts),
        one("crow_trips_total", Counter, "Breaker trips ever", gauges.n_trips),
        one("crow_audited_changes_total", Counter, "Changes ever audited", gauges.n_changes),
        one("crow_requests_dropped_total", Counter, dropped, gauges.n_dropped),
        by(
            "crow_deliveries_waiting",
            "Deliveries that wait, counted up to 100000",
            "state",
            &gauges.waiting.map(|(state, n)| (state.name(), n)),
        ),
        by(
            "crow_scheduled_attempts_last_hour",
            "Scheduled attempts of the last hour",
            "outcome",
            &[("success", gauges.hour.n_ok), ("failure", gauges.hour.n_failed)],
        ),
        by(
            "crow_subscriptions",
            "Subscriptions",
            "state",
            &[("enabled", gauges.n_enabled), ("disabled", gauges.n_disabled)],
        ),
        Metric {
            name: "crow_requests_total",
            kind: Counter,
            what: "Requests to the Integration API since the start",
            values: requests.collect(),
        },
        Metric {
            name: "crow_requests_unlogged_total",
            kind: Counter,
            what: "Refusals that have no row in the request log, since the start: rows of calls without a key, and of calls beyond a key's window, are written at a bounded rate",
            values: unlogged.collect(),
        },
        one("crow_request_duration_milliseconds_total", Counter, "Time spent on them", gauges.elapsed_ms),
    ]
}

/// A label's value, escaped.
fn label(raw: &str) -> String {
    raw.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
