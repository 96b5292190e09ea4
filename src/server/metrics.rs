//! Counters for Prometheus: cumulative numbers that the database already keeps, and what the process has seen. Nothing is scanned, and no
//! label grows with keys, companies or subscriptions.

use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use crate::engine::Engine;
use axum::Extension;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Where the platform listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound(pub(super) Option<SocketAddr>);

/// `GET /metrics`: for anyone on this machine's loopback; for operators where other machines can ask.
pub(super) async fn get(
    State(engine): State<Engine>,
    Extension(Bound(address)): Extension<Bound>,
    request: Request,
) -> Result<Response, Refusal> {
    if !address.is_some_and(|address| address.ip().is_loopback()) {
        let (mut parts, _) = request.into_parts();
        Operator::<Viewer>::from_request_parts(&mut parts, &engine).await?;
    }
    let text = write(&engine).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn write(engine: &Engine) -> Result<String, Refusal> {
    let gauges = engine.gauges().await?;
    let status = engine.status();
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    metric(&mut text, "crow_build_info", "gauge", "What is running", &[(format!("{{version=\"{version}\"}}"), 1)]);
    let flag = |is: bool| [(String::new(), u64::from(is))];
    metric(&mut text, "crow_dispatching", "gauge", "Whether the dispatcher runs", &flag(status.is_dispatching));
    metric(
        &mut text,
        "crow_dispatch_paused",
        "gauge",
        "Whether the platform's own trouble pauses dispatch",
        &flag(status.paused.is_some()),
    );
    for (name, what, n) in [
        ("crow_events_total", "Events ever published", gauges.n_events),
        ("crow_deliveries_total", "Deliveries ever planned, skipped ones among them", gauges.n_deliveries),
        ("crow_attempts_total", "Attempts ever made, tests among them", gauges.n_attempts),
        ("crow_trips_total", "Breaker trips ever", gauges.n_trips),
        ("crow_audited_changes_total", "Changes ever audited", gauges.n_changes),
        (
            "crow_requests_dropped_total",
            "Requests that the log could not keep up with, since the start",
            gauges.n_dropped,
        ),
    ] {
        metric(&mut text, name, "counter", what, &[(String::new(), n)]);
    }
    let waiting = gauges.waiting.map(|(state, n)| (format!("{{state=\"{}\"}}", state.name()), n));
    metric(&mut text, "crow_deliveries_waiting", "gauge", "Deliveries that wait, counted up to 100000", &waiting);
    let hour = [("success", gauges.hour.n_ok), ("failure", gauges.hour.n_failed)]
        .map(|(outcome, n)| (format!("{{outcome=\"{outcome}\"}}"), n));
    metric(&mut text, "crow_scheduled_attempts_last_hour", "gauge", "Scheduled attempts of the last hour", &hour);
    let subscriptions = [("enabled", gauges.n_enabled), ("disabled", gauges.n_disabled)]
        .map(|(state, n)| (format!("{{state=\"{state}\"}}"), n));
    metric(&mut text, "crow_subscriptions", "gauge", "Subscriptions", &subscriptions);
    let requests: Vec<(String, u64)> = gauges
        .answers
        .iter()
        .map(|((method, route, status), n)| {
            (format!("{{method=\"{}\",route=\"{}\",status=\"{status}\"}}", label(method), label(route)), *n)
        })
        .collect();
    metric(&mut text, "crow_requests_total", "counter", "Requests to the Integration API since the start", &requests);
    let elapsed = [(String::new(), gauges.elapsed_ms)];
    metric(&mut text, "crow_request_duration_milliseconds_total", "counter", "Time spent on them", &elapsed);
    Ok(text)
}

fn metric(text: &mut String, name: &str, kind: &str, what: &str, values: &[(String, u64)]) {
    let _ = writeln!(text, "# HELP {name} {what}\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

/// A label's value, escaped.
fn label(raw: &str) -> String {
    raw.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
