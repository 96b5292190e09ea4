//! Forwarding of deliveries: the same bytes and headers to the receiver, and its answer back, within a size limit.
//! Hop-by-hop headers are removed in both directions.

use crate::cli::failure::CommandFailure;
use crate::client::connection::bare_http_client_trusting;
use crate::files;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Maximum time for the whole forwarded request; the platform itself waits only 10 s.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(9);
/// Maximum size of an answer that is passed back, in bytes; the platform stores 16 KiB of it.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Headers that belong to one connection, beside those that `OpenConnection` names.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Client for the receiver that deliveries are forwarded to.
#[derive(Debug)]
pub(super) struct DeliveryForwarder {
    client: reqwest::Client,
    url: Url,
}

impl DeliveryForwarder {
    /// Creates a forwarder to an address. It follows no redirects and sends no credential of crow. `ca_files` are
    /// trusted beside the authorities of the operating system.
    pub(super) fn new(text: &str, ca_files: &[PathBuf]) -> Result<Self, CommandFailure> {
        let refused = |why: String| {
            CommandFailure::usage(format!("{text}: {why}"), "give your receiver's URL with --forward URL")
        };
        let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("must begin with http:// or https://".to_owned()));
        }
        let client = bare_http_client_trusting(ca_files)
            .map_err(|error| CommandFailure::usage(error.to_string(), "check the files given with --trust-ca"))?;
        Ok(Self { client, url })
    }

    /// Forwards a delivery unchanged and returns the receiver's answer: 504 after 9 s, 502 if there was no usable
    /// answer.
    pub(super) async fn forward(&self, headers: &HeaderMap, body: Bytes) -> Response {
        let request = self.client.post(self.url.clone()).timeout(FORWARD_TIMEOUT).headers(strip_hop_by_hop(headers));
        match self.answer(request.body(body)).await {
            Ok(response) => response,
            Err(error) => {
                let status = if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
                (status, format!("the forward target did not answer: {}", root_cause(&error))).into_response()
            }
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Response, reqwest::Error> {
        let mut came = request.send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = came.chunk().await? {
            let room = MAX_ANSWER_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                let limit = files::format_size(MAX_ANSWER_BYTES as u64);
                tracing::warn!("the answer of {} exceeds {limit}; it is truncated", self.url);
                break;
            }
        }
        // An informational status (1xx) cannot be the final answer to a delivery.
        let status = if came.status().is_informational() { StatusCode::BAD_GATEWAY } else { came.status() };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = strip_hop_by_hop(came.headers());
        Ok(response)
    }
}

/// Removes the headers that belong to one connection.
fn strip_hop_by_hop(headers: &HeaderMap) -> HeaderMap {
    let named = |value: &HeaderValue| -> Vec<HeaderName> {
        let text = value.to_str().unwrap_or_default();
        text.split(',').filter_map(|name| name.trim().parse().ok()).collect()
    };
    let mut kept = headers.clone();
    for name in headers.get_all("connection").iter().flat_map(named) {
        kept.remove(name);
    }
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(next) = error.source() {
        error = next;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_connection_stays_there_and_the_rest_goes_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Of-This-Hop"),
            ("connection", "x-another"),
            ("x-of-this-hop", "1"),
            ("x-another", "1"),
            ("te", "trailers"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-twice", "1"),
            ("x-twice", "2"),
            ("authorization", "Bearer of the application"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers.append("x-bytes", HeaderValue::from_bytes(b"caf\xe9").expect("a value"));
        let kept = strip_hop_by_hop(&headers);
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(["x-twice", "authorization", "x-bytes"].iter().all(|name| names.contains(name)), "{names:?}");
        assert_eq!(kept["x-bytes"].as_bytes(), b"caf\xe9");
    }
}
