//! Metrics in the Prometheus text format: counters maintained by the database and the process, and the values that
//! `crow check` examines.
//!
//! No label grows with the number of keys or companies. Tripped subscriptions are labelled individually up to a fixed
//! number, so that each can raise its own alert.

use super::guard::{AuthorizedOperator, Viewer};
use crate::domain::latency::{BIN_BOUNDS_MS, Histogram};
use crate::engine::handle::{Engine, EngineStatus};
use crate::engine::metrics::MetricsSnapshot;
use crate::http::exposure::ServerReachability;
use crate::http::problem::ProblemResponse;
use axum::Extension;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// `GET /metrics`: open to local callers; requires an operator if other machines can reach the server, directly or
/// through a proxy.
pub(super) async fn get(
    State(engine): State<Engine>,
    Extension(reachability): Extension<Arc<ServerReachability>>,
    request: Request,
) -> Result<Response, ProblemResponse> {
    if !reachability.is_local() {
        let (mut parts, _) = request.into_parts();
        AuthorizedOperator::<Viewer>::from_request_parts(&mut parts, &engine).await?;
    }
    let text = render_text(&engine).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn render_text(engine: &Engine) -> Result<String, ProblemResponse> {
    let mut text = String::new();
    for Metric { name, kind, help: what, samples } in
        collect_metrics(&engine.metrics_snapshot().await?, &engine.status())
    {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let _ = writeln!(text, "# HELP {name} {what}\n# TYPE {name} {kind}");
        for MetricSample { suffix, labels, value } in samples {
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape_label(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{suffix}{labels} {value}");
        }
    }
    Ok(text)
}

/// Kind of a metric, in Prometheus terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    /// Value that never decreases while the process runs.
    Counter,
    /// Value that increases and decreases.
    Gauge,
    /// Cumulative counts per upper bound, with the sum and the number of observations.
    Histogram,
}

impl MetricKind {
    /// Returns the name suffixes of the series of a metric of this kind.
    pub(super) const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter | Self::Gauge => &[""],
            Self::Histogram => &["_bucket", "_sum", "_count"],
        }
    }
}

/// Metric with its help text and samples.
#[derive(Debug, Clone)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: MetricKind,
    pub(super) help: &'static str,
    pub(super) samples: Vec<MetricSample>,
}

/// Sample of a metric: one value with its labels.
#[derive(Debug, Clone)]
pub(super) struct MetricSample {
    pub(super) suffix: &'static str,
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) value: f64,
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn sample(labels: Vec<(&'static str, String)>, value: u64) -> MetricSample {
    MetricSample { suffix: "", labels, value: value as f64 }
}

/// Builds a metric with a single sample without labels.
fn single_value(name: &'static str, kind: MetricKind, what: &'static str, value: u64) -> Metric {
    Metric { name, kind, help: what, samples: vec![sample(Vec::new(), value)] }
}

/// Builds a gauge with one label and one sample per value.
fn gauge_by_label(name: &'static str, what: &'static str, label: &'static str, values: &[(&str, u64)]) -> Metric {
    let samples = values.iter().map(|(value, n)| sample(vec![(label, (*value).to_owned())], *n)).collect();
    Metric { name, kind: MetricKind::Gauge, help: what, samples }
}

/// Status codes reported from zero, so that the first answer of each shows as an increase.
const REPORTED_STATUSES: [u16; 20] =
    [200, 201, 204, 400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 421, 429, 431, 500, 501, 503, 507];

/// Returns every metric, in the order of output.
pub(super) fn collect_metrics(gauges: &MetricsSnapshot, status: &EngineStatus) -> Vec<Metric> {
    use MetricKind::{Counter, Gauge};
    let dropped = "Requests not logged because the log could not keep up, since start";
    let mut metrics = vec![
        gauge_by_label("crow_build_info", "Version that is running", "version", &[(env!("CARGO_PKG_VERSION"), 1)]),
        single_value("crow_dispatching", Gauge, "1 if the dispatcher is running", u64::from(status.is_dispatching)),
        single_value(
            "crow_dispatch_paused",
            Gauge,
            "1 if dispatch is paused by a local failure",
            u64::from(status.pause_reason.is_some()),
        ),
        single_value(
            "crow_storage_writable",
            Gauge,
            "1 if storage accepts writes; 0 from a failed write until one succeeds",
            u64::from(status.write_fault.is_none()),
        ),
        single_value("crow_events_total", Counter, "Events published", gauges.n_events),
        single_value(
            "crow_deliveries_total",
            Counter,
            "Deliveries created, including missed ones",
            gauges.n_deliveries,
        ),
        single_value("crow_attempts_total", Counter, "Attempts made, including tests", gauges.n_attempts),
        single_value("crow_trips_total", Counter, "Breaker trips", gauges.n_trips),
        single_value("crow_audited_changes_total", Counter, "Audited changes", gauges.n_changes),
        single_value("crow_requests_dropped_total", Counter, dropped, gauges.n_dropped),
        gauge_by_label(
            "crow_deliveries_waiting",
            "Deliveries waiting",
            "state",
            &gauges.n_unfinished.map(|(state, n)| (state.name(), n)),
        ),
        gauge_by_label(
            "crow_subscriptions_by_flight_limit",
            "Subscriptions attempted lately, by the reason for their limit on attempts in flight",
            "reason",
            &gauges.flights.by_reason.map(|(reason, n)| (reason.name(), n)),
        ),
        single_value(
            "crow_flight_limits",
            Gauge,
            "Sum of the limits on attempts in flight of these subscriptions",
            gauges.flights.sum_of_limits,
        ),
        gauge_by_label(
            "crow_scheduled_attempts_last_hour",
            "Scheduled attempts of the last hour",
            "outcome",
            &[("success", gauges.last_hour.n_ok), ("failure", gauges.last_hour.n_failed)],
        ),
    ];
    metrics.extend(health_metrics(gauges));
    metrics.extend(request_metrics(gauges));
    metrics
}

/// Returns the metrics of problems that need attention, the values that `crow check` examines.
fn health_metrics(gauges: &MetricsSnapshot) -> Vec<Metric> {
    use MetricKind::Gauge;
    let named = gauges.tripped.len() as u64;
    let (n_missed, n_exhausted) = gauges.missed;
    let tripped = gauges
        .tripped
        .iter()
        .map(|(id, company)| sample(vec![("id", id.to_string()), ("company", company.to_string())], 1))
        .collect();
    vec![
        gauge_by_label(
            "crow_subscriptions",
            "Subscriptions by state: enabled, disabled by hand, or disabled by the breaker",
            "state",
            &[("enabled", gauges.n_enabled), ("off", gauges.n_disabled), ("tripped", gauges.n_tripped)],
        ),
        Metric {
            name: "crow_alerts",
            kind: Gauge,
            help: "Keys, subscriptions, limits, callers and companies that need attention now, by the rule of their alert",
            samples: gauges.alerts.iter().map(|(rule, n)| sample(vec![("rule", rule.name().to_owned())], *n)).collect(),
        },
        Metric {
            name: "crow_subscription_tripped",
            kind: Gauge,
            help: "1 for each subscription disabled by the breaker, at most 50",
            samples: tripped,
        },
        single_value(
            "crow_subscriptions_tripped_unnamed",
            Gauge,
            "Tripped subscriptions beyond these 50",
            gauges.n_tripped.saturating_sub(named),
        ),
        single_value(
            "crow_consecutive_failures_max",
            Gauge,
            "Most failures in a row of an enabled subscription; the breaker trips at 20",
            gauges.max_failures_in_a_row,
        ),
        single_value("crow_oldest_due_seconds", Gauge, "Delay of the oldest due delivery", gauges.oldest_due.as_secs()),
        gauge_by_label(
            "crow_missed_last_day",
            "Deliveries of the last 24 hours that were missed or given up, each outcome counted up to 10000",
            "outcome",
            &[("missed", n_missed), ("exhausted", n_exhausted)],
        ),
        single_value("crow_dormant_keys", Gauge, "Active keys unused for 30 days", gauges.n_dormant_keys),
        single_value(
            "crow_headroom_percent_min",
            Gauge,
            "Lowest remaining share of a rate limit, in percent",
            gauges.headroom,
        ),
    ]
}

/// Returns the metrics of requests to the Integration API since the start.
fn request_metrics(gauges: &MetricsSnapshot) -> Vec<Metric> {
    let by_route = gauges.requests.iter().map(|((method, route, status), n)| {
        sample(vec![("method", method.clone()), ("route", route.clone()), ("status", status.to_string())], *n)
    });
    let mut by_status: BTreeMap<u16, u64> = REPORTED_STATUSES.into_iter().map(|status| (status, 0)).collect();
    for ((_, _, status), n) in &gauges.requests {
        *by_status.entry(*status).or_default() += n;
    }
    // Statuses that callers can cause at will are reported from zero, so that their first increase is visible.
    let usual = [401, 404, 429, 501].map(|status| (status, 0));
    let unlogged: BTreeMap<u16, u64> = usual.into_iter().chain(gauges.unlogged.clone()).collect();
    let of_status = |(status, n): (u16, u64)| sample(vec![("status", status.to_string())], n);
    vec![
        Metric {
            name: "crow_responses_total",
            kind: MetricKind::Counter,
            help: "Responses of the Integration API by status, since start",
            samples: by_status.into_iter().map(of_status).collect(),
        },
        Metric {
            name: "crow_requests_total",
            kind: MetricKind::Counter,
            help: "Requests to the Integration API by route, since start",
            samples: by_route.collect(),
        },
        Metric {
            name: "crow_requests_unlogged_total",
            kind: MetricKind::Counter,
            help: "Rejected calls without a row in the request log, since start: calls without a key and calls over the rate limit are logged at a bounded rate",
            samples: unlogged.into_iter().map(of_status).collect(),
        },
        Metric {
            name: "crow_request_duration_seconds",
            kind: MetricKind::Histogram,
            help: "Duration of requests to the Integration API, since start",
            samples: duration_samples(&gauges.durations, gauges.elapsed),
        },
    ]
}

fn duration_samples(histogram: &Histogram, sum: Duration) -> Vec<MetricSample> {
    let bounds = BIN_BOUNDS_MS.iter().map(|ms| (f64::from(*ms) / 1_000.0).to_string()).chain(["+Inf".to_owned()]);
    let mut seen = 0;
    let mut samples: Vec<MetricSample> = bounds
        .zip(histogram.0)
        .map(|(bound, n)| {
            seen += n;
            MetricSample { suffix: "_bucket", ..sample(vec![("le", bound)], seen) }
        })
        .collect();
    samples.push(MetricSample { suffix: "_sum", labels: Vec::new(), value: sum.as_secs_f64() });
    samples.push(MetricSample { suffix: "_count", ..sample(Vec::new(), histogram.count()) });
    samples
}

/// Escapes the value of a label.
fn escape_label(raw: &str) -> String {
    raw.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_a_refusal_is_counted_from_zero() {
        for code in crate::server::openapi::document::codes() {
            assert!(REPORTED_STATUSES.contains(&code.status()), "{code:?}");
        }
    }

    #[test]
    fn buckets_are_cumulative_and_end_with_the_count() {
        let mut histogram = Histogram::default();
        for (ms, n) in [(0, 2), (1, 1), (70, 4), (11_000, 3)] {
            histogram.add(crate::domain::latency::bin_index(ms), n);
        }
        let samples = duration_samples(&histogram, Duration::from_millis(1_234));
        let of = |suffix: &str, le: &str| {
            let is_meant = |of: &&MetricSample| of.suffix == suffix && of.labels.iter().all(|(_, bound)| bound == le);
            samples.iter().find(is_meant).unwrap_or_else(|| panic!("{suffix} {le}")).value
        };
        let found = ["0.001", "0.05", "0.07", "10", "+Inf"].map(|le| of("_bucket", le));
        assert_eq!(found, [3.0, 3.0, 7.0, 7.0, 10.0]);
        assert_eq!((of("_sum", ""), of("_count", "")), (1.234, 10.0));
    }
}
