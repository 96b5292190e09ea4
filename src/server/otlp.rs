//! Export of the metrics of `/metrics` to an OpenTelemetry collector, by OTLP over HTTP with JSON.
//!
//! A push that fails costs a line in the log and nothing more: the metrics are cumulative, so the next push carries
//! everything.

use super::metrics::{Metric, MetricKind, MetricSample, collect_metrics};
use crate::domain::time::Timestamp;
use crate::engine::handle::Engine;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use std::error::Error;
use std::iter;
use std::time::Duration;
use tokio::sync::watch;

/// Time limit for one push to the collector, with the answer.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of bytes read of a collector's answer; the rest is ignored.
const MAX_ANSWER_BYTES: usize = 4 * 1024;
/// `AGGREGATION_TEMPORALITY_CUMULATIVE` of OTLP: totals since the start time.
const CUMULATIVE: u8 = 2;

/// Pushes the metrics of `engine` to the collector at `url` every `pace` until `stopped` is set, and once more then.
/// Each push carries `headers`.
///
/// # Errors
/// A description of why no HTTP client can be built.
pub async fn run_exporter(
    engine: Engine,
    url: &str,
    headers: HeaderMap,
    pace: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .default_headers(headers)
        .timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| error.to_string())?;
    let begun = engine.ambient().now();
    let mut is_told = false;
    loop {
        let is_last = *stopped.borrow();
        // A series of failures is logged once; a success in between allows the next one to be logged.
        match push(&http, url, &engine, begun).await {
            Err(why) if !is_told => {
                tracing::warn!(why, url, "metrics push to the collector failed; retrying");
                is_told = true;
            }
            Err(_) => {}
            Ok(()) => is_told = false,
        }
        if is_last {
            return Ok(());
        }
        tokio::select! {
            () = engine.ambient().sleep(pace) => {}
            _ = stopped.wait_for(|is| *is) => {}
        }
    }
}

/// Pushes the metrics as they are now, as totals since `begun`.
///
/// # Errors
/// A one-line description of why the metrics cannot be read, or of why the push failed.
async fn push(http: &reqwest::Client, url: &str, engine: &Engine, begun: Timestamp) -> Result<(), String> {
    let snapshot = engine.metrics_snapshot().await.map_err(|error| error.to_string())?;
    let metrics = collect_metrics(&snapshot, &engine.status());
    let body = export_request(&metrics, begun, engine.ambient().now()).to_string();
    let request = http.post(url).header(CONTENT_TYPE, "application/json").body(body);
    let mut answer = request.send().await.map_err(with_causes)?;
    if !answer.status().is_success() {
        return Err(format!("the collector answered {}", answer.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER_BYTES
        && let Some(chunk) = answer.chunk().await.map_err(with_causes)?
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER_BYTES - bytes.len())]);
    }
    match n_rejected_points(&bytes) {
        0 => Ok(()),
        n => Err(format!("the collector rejected {n} data points")),
    }
}

/// Returns the number of data points that the collector did not accept, according to the answer.
fn n_rejected_points(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let n_rejected = &answer["partialSuccess"]["rejectedDataPoints"];
    // A 64-bit number is a string in OTLP's JSON; readers must accept a number too.
    n_rejected.as_str().and_then(|text| text.parse().ok()).or_else(|| n_rejected.as_u64()).unwrap_or(0)
}

/// Describes an error with its causes, without the address, which may contain a password.
fn with_causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = iter::successors(Some(&error as &dyn Error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Builds an `ExportMetricsServiceRequest` of OTLP.
fn export_request(metrics: &[Metric], begun: Timestamp, now: Timestamp) -> Value {
    let metrics: Vec<Value> = metrics.iter().flat_map(|metric| metric_series(metric, begun, now)).collect();
    let attributes = [attribute("service.name", "crow"), attribute("service.version", env!("CARGO_PKG_VERSION"))];
    json!({"resourceMetrics": [{
        "resource": {"attributes": attributes},
        "scopeMetrics": [{"scope": {"name": "crow"}, "metrics": metrics}],
    }]})
}

/// Returns a `Metric` of OTLP for each series of a metric that has samples. A histogram is three sums, as in the text
/// of `/metrics`.
fn metric_series(metric: &Metric, begun: Timestamp, now: Timestamp) -> impl Iterator<Item = Value> {
    metric.kind.suffixes().iter().filter_map(move |suffix| {
        let samples = metric.samples.iter().filter(|sample| sample.suffix == *suffix);
        let points: Vec<Value> = samples.map(|sample| data_point(sample, begun, now)).collect();
        if points.is_empty() {
            return None;
        }
        let mut series = json!({"name": format!("{}{suffix}", metric.name), "description": metric.help});
        match metric.kind {
            MetricKind::Counter | MetricKind::Histogram => {
                series["sum"] =
                    json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true});
            }
            MetricKind::Gauge => series["gauge"] = json!({"dataPoints": points}),
        }
        Some(series)
    })
}

fn data_point(sample: &MetricSample, begun: Timestamp, now: Timestamp) -> Value {
    let attributes: Vec<Value> = sample.labels.iter().map(|(key, value)| attribute(key, value)).collect();
    json!({
        "attributes": attributes,
        "startTimeUnixNano": unix_nanos(begun),
        "timeUnixNano": unix_nanos(now),
        "asDouble": sample.value,
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// Formats a time in nanoseconds since 1970; OTLP's JSON writes 64-bit numbers as strings.
fn unix_nanos(at: Timestamp) -> String {
    format!("{}000000", at.millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_were_not_taken_are_counted_in_both_forms_of_a_number() {
        for (answer, n) in [
            (r#"{"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "too old"}}"#, 3),
            (r#"{"partialSuccess": {"rejectedDataPoints": 4}}"#, 4),
            (r#"{"partialSuccess": {"errorMessage": "a warning"}}"#, 0),
            ("{}", 0),
            ("", 0),
            ("<html>", 0),
        ] {
            assert_eq!(n_rejected_points(answer.as_bytes()), n, "{answer}");
        }
    }
}
