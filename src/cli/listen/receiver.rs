//! The receiver of `crow listen`: takes what comes, judges it, hands it on if asked to, and answers.

use crate::ambient::Ambient;
use crate::api::lab::Lab;
use crate::domain::ids::EventId;
use crate::domain::lab::{self, Finding, Sample};
use crate::domain::secret::Secret;
use crate::domain::signature;
use crate::domain::text::Untrusted;
use crate::monitor::history::History;
use crate::monitor::history::receipts::{Earlier, Receipt};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How far a timestamp may be from this machine's clock.
const FRESH: Duration = Duration::from_secs(300);
/// The largest body that is taken.
const LARGEST: usize = 1024 * 1024;
/// How long whoever it is handed on to may take: the platform waits no longer for us.
const PATIENCE: Duration = Duration::from_secs(9);
/// Headers of one connection, which are not handed on.
const OF_A_CONNECTION: [&str; 6] = ["host", "connection", "content-length", "transfer-encoding", "expect", "upgrade"];

/// What a receiver works with.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) ambient: Ambient,
    pub(super) history: History,
    /// What signatures are checked with; they are not without it.
    pub(super) secret: Option<Secret>,
    /// Where everything is handed on to.
    pub(super) forward: Option<(reqwest::Client, url::Url)>,
    /// Tells what was received.
    pub(super) told: mpsc::UnboundedSender<(Receipt, Earlier)>,
}

/// What an envelope says of itself, as far as it is one.
#[derive(Debug, Default, Deserialize)]
struct Envelope {
    id: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "companyId")]
    company: Option<i64>,
}

/// Takes a POST on whatever path.
pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new().fallback(receive).layer(DefaultBodyLimit::max(LARGEST)).with_state(desk)
}

async fn receive(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let watch = desk.ambient.stopwatch();
    let at = desk.ambient.now();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = |name: &str| text(name).and_then(|text| text.parse().ok());
    let envelope: Envelope = serde_json::from_slice(&body).unwrap_or_default();
    let verdict = match ["x-wlcro-signature", "x-wlcro-timestamp"].into_iter().find(|name| is_ambiguous(&headers, name))
    {
        // Which of them another receiver would take is not known.
        Some(name) if desk.secret.is_some() => {
            format!("its header {name} is there more than once, with different values")
        }
        _ => desk.judge(text("x-wlcro-timestamp"), text("x-wlcro-signature"), &body),
    };
    let (status, answer) = match (&desk.forward, is_believed(&verdict)) {
        (_, false) => (StatusCode::UNAUTHORIZED, verdict.clone()),
        (None, true) => (StatusCode::OK, "received".to_owned()),
        (Some((client, url)), true) => forwarded(client, url.clone(), &headers, body.clone()).await,
    };
    let kind = text("x-wlcro-event-type").map(str::to_owned).or(envelope.kind).unwrap_or_default();
    let receipt = Receipt {
        at,
        event: number("x-wlcro-event-id").or(envelope.id).map(EventId),
        kind: Untrusted::new(kind),
        company: envelope.company,
        delivery: text("x-wlcro-delivery-id").map(Untrusted::new),
        attempt: number("x-wlcro-attempt").and_then(|n| u32::try_from(n).ok()),
        verdict,
        answered: status.as_u16(),
        elapsed: watch.elapsed(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: body.to_vec(),
    };
    match desk.history.note_receipt(receipt.clone()).await {
        Ok(earlier) => {
            // Whoever shows them may be gone; what was received is remembered.
            let _ = desk.told.send((receipt, earlier));
            (status, answer)
        }
        // What cannot be written down was not received: the platform sends it again.
        Err(error) => (StatusCode::INSUFFICIENT_STORAGE, format!("it could not be written down: {error}")),
    }
}

/// Whether a header is there more than once, and not always the same.
fn is_ambiguous(headers: &HeaderMap, name: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.any(|value| Some(value) != first)
}

/// Whether a verdict lets a delivery count: it is genuine, or nobody could check.
pub(super) fn is_believed(verdict: &str) -> bool {
    matches!(verdict, GENUINE | UNCHECKED)
}

/// The verdict on a delivery whose signature fits.
pub(super) const GENUINE: &str = "genuine";
/// The verdict where no secret was given.
pub(super) const UNCHECKED: &str = "not checked";

impl Desk {
    /// Judges a signature; where it does not fit, the lab says why.
    fn judge(&self, timestamp: Option<&str>, given: Option<&str>, body: &[u8]) -> String {
        let Some(secret) = &self.secret else { return UNCHECKED.to_owned() };
        let (Some(timestamp), Some(given)) = (timestamp, given) else { return "not signed".to_owned() };
        let Ok(sent_at) = timestamp.parse::<i64>() else { return "its timestamp is no number".to_owned() };
        let now = self.ambient.now().seconds();
        if signature::verify(secret, sent_at, body, given) {
            let off = now.abs_diff(sent_at);
            return if off <= FRESH.as_secs() { GENUINE.to_owned() } else { format!("signed {off} s from now") };
        }
        let finding = lab::judge(&Sample {
            signature: given,
            timestamp,
            body,
            secret,
            others: &[],
            computed: None,
            received_at: Some(now),
        });
        match (&finding, Lab::from(&finding).causes.first()) {
            (Finding::Genuine, _) => GENUINE.to_owned(),
            (_, Some(cause)) => format!("its signature does not fit: {}", cause.title),
            (_, None) => "its signature does not fit: another secret, or a changed body".to_owned(),
        }
    }
}

/// Hands a delivery on as it came, and answers with what came back.
async fn forwarded(client: &reqwest::Client, url: url::Url, headers: &HeaderMap, body: Bytes) -> (StatusCode, String) {
    let mut request = client.post(url).timeout(PATIENCE).body(body);
    for (name, value) in headers.iter().filter(|(name, _)| !OF_A_CONNECTION.contains(&name.as_str())) {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(response) => {
            let status = response.status();
            (status, response.text().await.unwrap_or_default().chars().take(16 * 1024).collect())
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("it could not be handed on: {}", innermost(&error))),
    }
}

fn innermost(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(next) = error.source() {
        error = next;
    }
    error.to_string()
}
