//! Export of the metrics of `/metrics` to an OpenTelemetry collector, by OTLP over HTTP with protobuf.
//!
//! A push that fails costs a line in the log and nothing more: the metrics are cumulative, so the next push carries
//! everything.

use super::metrics::{Metric, MetricKind, collect_metrics};
use crate::engine::Engine;
use axum::body::Body;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Metrics of the latest collection, which the instruments observe.
type LatestMetrics = Arc<Mutex<Vec<Metric>>>;

/// Interval of the SDK's own reader, too long to ever elapse: [`run_exporter`] pushes instead.
const UNUSED_READER_INTERVAL: Duration = Duration::from_secs(365 * 86_400);
/// Time limit for one push to the collector.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of the collector's answer in bytes; a usual one has none, or a line about rejected metrics.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Pushes the metrics of `engine` to the collector at `url` every `pace` until `stopped` is set, and once more then.
///
/// # Errors
/// A description of what is wrong with the address, or of why the metrics cannot be read at the start.
pub async fn run_exporter(
    engine: Engine,
    url: &str,
    pace: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let look = async || -> Result<Vec<Metric>, String> {
        Ok(collect_metrics(&engine.metrics_snapshot().await.map_err(|error| error.to_string())?, &engine.status()))
    };
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())?;
    let pusher = MetricsPusher::new(url, &look().await?, http)?;
    let mut is_told = false;
    loop {
        let pushed = match look().await {
            Ok(metrics) => pusher.push(metrics).await,
            Err(why) => Err(why),
        };
        // A series of failures is logged once; a success in between allows the next one to be logged.
        match pushed {
            Err(why) if !is_told => {
                tracing::warn!(why, url, "metrics push to the collector failed; retrying");
                is_told = true;
            }
            Err(_) => {}
            Ok(()) => is_told = false,
        }
        if *stopped.borrow() {
            return Ok(());
        }
        tokio::select! {
            () = engine.ambient().sleep(pace) => {}
            _ = stopped.wait_for(|is| *is) => {}
        }
    }
}

/// Connection to a collector, with one instrument per metric.
#[derive(Debug)]
pub(super) struct MetricsPusher {
    provider: SdkMeterProvider,
    latest: LatestMetrics,
}

impl MetricsPusher {
    /// Prepares pushes to the collector at `url`, with an instrument for each metric in `like`.
    ///
    /// # Errors
    /// A description of what is wrong with the address.
    pub(super) fn new(url: &str, like: &[Metric], http: reqwest::Client) -> Result<Self, String> {
        let client = ExporterHttpClient { http, runtime: Handle::current() };
        let exporter = MetricExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(url)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| error.to_string())?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty().with_service_name("crow").with_attribute(version).build();
        let reader = PeriodicReader::builder(exporter).with_interval(UNUSED_READER_INTERVAL).build();
        let provider = SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build();
        let latest = LatestMetrics::default();
        let meter = provider.meter("crow");
        like.iter().for_each(|metric| register_instrument(&meter, metric, &latest));
        Ok(Self { provider, latest })
    }

    /// Pushes these metrics to the collector.
    ///
    /// # Errors
    /// A one-line description of why the push failed.
    pub(super) async fn push(&self, metrics: Vec<Metric>) -> Result<(), String> {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = metrics;
        let provider = self.provider.clone();
        // `force_flush` blocks until the reader's thread has pushed.
        let flushed = tokio::task::spawn_blocking(move || provider.force_flush()).await;
        flushed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

fn register_instrument(meter: &Meter, metric: &Metric, latest: &LatestMetrics) {
    for suffix in metric.kind.suffixes() {
        let (name, latest) = (metric.name, Arc::clone(latest));
        let observe = move |instrument: &dyn AsyncInstrument<f64>| {
            let latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
            let samples = latest.iter().filter(|metric| metric.name == name).flat_map(|metric| &metric.samples);
            for sample in samples.filter(|sample| sample.suffix == *suffix) {
                let labels = sample.labels.iter().map(|(key, value)| KeyValue::new(*key, value.clone()));
                instrument.observe(sample.value, &labels.collect::<Vec<_>>());
            }
        };
        let name = format!("{name}{suffix}");
        match metric.kind {
            MetricKind::Counter | MetricKind::Histogram => {
                let _ = meter.f64_observable_counter(name).with_description(metric.help).with_callback(observe).build();
            }
            MetricKind::Gauge => {
                let _ = meter.f64_observable_gauge(name).with_description(metric.help).with_callback(observe).build();
            }
        }
    }
}

/// HTTP client of the exporter. The exporter's thread is not part of the tokio runtime, so requests are spawned onto
/// the runtime.
#[derive(Debug)]
struct ExporterHttpClient {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for ExporterHttpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let post = self
            .http
            .request(head.method, head.uri.to_string())
            .headers(head.headers)
            .body(body)
            .timeout(EXPORT_TIMEOUT);
        self.runtime
            .spawn(async move {
                let answer = post.send().await?;
                let mut response = Response::builder().status(answer.status());
                if let Some(headers) = response.headers_mut() {
                    headers.clone_from(answer.headers());
                }
                Ok(response.body(read_answer(answer).await?)?)
            })
            .await?
    }
}

/// Reads the collector's answer to an accepted push, up to [`MAX_ANSWER_BYTES`]. Of a refusal only the status counts, so its body is not read.
async fn read_answer(answer: reqwest::Response) -> Result<Bytes, HttpError> {
    if !answer.status().is_success() {
        return Ok(Bytes::new());
    }
    Ok(axum::body::to_bytes(Body::new(reqwest::Body::from(answer)), MAX_ANSWER_BYTES).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn l4_a_collectors_answer_is_read_to_its_limit_and_of_a_refusal_only_the_status_counts() {
        let answer = |status: u16, n: usize| {
            let answer = Response::builder().status(status).body(vec![b'x'; n]).expect("an answer");
            reqwest::Response::from(answer)
        };
        let read = read_answer(answer(200, MAX_ANSWER_BYTES)).await.expect("read");
        assert_eq!(read.len(), MAX_ANSWER_BYTES);
        assert!(read_answer(answer(200, MAX_ANSWER_BYTES + 1)).await.is_err());
        assert!(read_answer(answer(503, MAX_ANSWER_BYTES + 1)).await.expect("not read").is_empty());
    }
}
