//! Arrivals of `crow listen` as lines: text for people, or one JSON document each.

use crate::cli::failure::CommandFailure;
use crate::cli::output::{json_line, print_safe};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::history::receipts::EarlierReceipts;
use crate::relay::webhook_receipt::{ListenArrival, RefusedArrival};
use crate::wire::receipts::{DeliveryReceipt, SignatureResult};
use serde::Serialize;

/// Counters that are shown at the end.
#[derive(Debug, Default)]
pub(super) struct ListenSummary {
    n_taken: u64,
    n_refused: u64,
    n_repeated: u64,
    n_gaps: u64,
}

/// Arrival as a JSON document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArrivalDocument<'a> {
    schema: &'static str,
    received_utc: Timestamp,
    path: String,
    event_id: Option<i64>,
    event_type: String,
    company_id: Option<i64>,
    subscription_id: Option<i64>,
    delivery_id: Option<String>,
    attempt: Option<u32>,
    verdict: &'a str,
    secret_number: Option<u32>,
    answered: Option<u16>,
    failure: Option<&'static str>,
    elapsed_ms: Option<u64>,
    received_before: Option<u64>,
    missing_before: Option<i64>,
    n_bytes: u64,
}

/// Number of refusals that were not shown, as a JSON document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnshownDocument {
    schema: &'static str,
    refused_unshown: u64,
}

impl ListenSummary {
    /// Prints an arrival and counts it.
    pub(super) fn show(&mut self, arrival: &ListenArrival, json: bool) -> Result<(), CommandFailure> {
        let line = match arrival {
            ListenArrival::Taken { receipt, earlier } => {
                self.n_taken += 1;
                let (repeated, gap) = (n_repeated(receipt, *earlier), gap(receipt, *earlier));
                self.n_repeated += u64::from(repeated.is_some_and(|n| n > 0));
                self.n_gaps += u64::from(gap.is_some());
                if json { taken_json(receipt, repeated, gap)? } else { taken_line(receipt, repeated, gap) }
            }
            ListenArrival::Refused(refused) => {
                self.n_refused += 1;
                if json { refused_json(refused)? } else { refused_line(refused) }
            }
            ListenArrival::RefusedUnshown(n) => {
                self.n_refused += n;
                let document = UnshownDocument { schema: "crow.receipt/1", refused_unshown: *n };
                if json { json_line(&document)? } else { format!("… {n} more refused requests, not shown") }
            }
        };
        print_safe(&line)
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{} received, {} repeated, {} after a gap in event ids; {} refused",
            self.n_taken, self.n_repeated, self.n_gaps, self.n_refused
        )
    }
}

/// Returns how often the same event was received before; 0 for a test delivery, which has no event.
fn n_repeated(receipt: &DeliveryReceipt, earlier: Option<EarlierReceipts>) -> Option<u64> {
    earlier.map(|earlier| if receipt.event_id.is_some() { earlier.n_same } else { 0 })
}

/// Returns how many event numbers are missing before this one: events of other types or companies, or lost ones.
/// `crow reconcile` tells which.
fn gap(receipt: &DeliveryReceipt, earlier: Option<EarlierReceipts>) -> Option<i64> {
    let (id, newest) = (receipt.event_id?.0, earlier?.newest?.0);
    Some(id - newest - 1).filter(|n| *n > 0)
}

const fn verdict(receipt: &DeliveryReceipt) -> &'static str {
    match receipt.signature {
        SignatureResult::Genuine => "genuine",
        SignatureResult::NotChecked => "not checked",
    }
}

fn taken_json(of: &DeliveryReceipt, repeated: Option<u64>, gap: Option<i64>) -> Result<String, CommandFailure> {
    json_line(&ArrivalDocument {
        schema: "crow.receipt/1",
        received_utc: of.received_utc,
        path: of.path.sanitized(),
        event_id: of.event_id.map(|id| id.0),
        event_type: of.event_type.sanitized(),
        company_id: of.company_id.map(|id| id.0),
        subscription_id: of.subscription_id.map(|id| id.0),
        delivery_id: of.claimed_delivery_id.as_ref().map(Untrusted::sanitized),
        attempt: of.claimed_attempt,
        verdict: verdict(of),
        secret_number: of.secret_number,
        answered: of.status,
        failure: of.failure.map(crate::wire::receipts::HandoverFailure::name),
        elapsed_ms: Some(of.elapsed_ms),
        received_before: repeated,
        missing_before: gap,
        n_bytes: of.n_bytes,
    })
}

fn taken_line(of: &DeliveryReceipt, repeated: Option<u64>, gap: Option<i64>) -> String {
    let number = of.event_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let attempt = of.claimed_attempt.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let status = of.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let mut line = format!(
        "{}  {status}  {}  {:<24} event {number}  try {attempt}  {} bytes  {} ms  {}",
        of.received_utc.format("%H:%M:%S%.3f"),
        of.path.sanitized(),
        of.event_type.sanitized(),
        of.n_bytes,
        of.elapsed_ms,
        verdict(of)
    );
    if let Some(failure) = of.failure {
        line.push_str(&format!("  RESPONSE INCOMPLETE ({})", failure.name()));
    }
    if let Some(n) = repeated.filter(|n| *n > 0) {
        line.push_str(&format!("  REPEATED, received before: {n}"));
    }
    if let Some(n) = gap {
        line.push_str(&format!("  {} missing before", crate::text::count(n, "event id")));
    }
    line
}

fn refused_json(of: &RefusedArrival) -> Result<String, CommandFailure> {
    json_line(&ArrivalDocument {
        schema: "crow.receipt/1",
        received_utc: of.at,
        path: of.path.sanitized(),
        event_id: None,
        event_type: String::new(),
        company_id: None,
        subscription_id: None,
        delivery_id: None,
        attempt: None,
        verdict: &of.why,
        secret_number: None,
        answered: Some(of.status),
        failure: of.reason.map(crate::wire::receipts::RefusalReason::name),
        elapsed_ms: None,
        received_before: None,
        missing_before: None,
        n_bytes: of.n_bytes,
    })
}

fn refused_line(of: &RefusedArrival) -> String {
    let why = Untrusted::new(of.why.as_str()).sanitized();
    format!("{}  {}  {}  REFUSED: {why}", of.at.format("%H:%M:%S%.3f"), of.status, of.path.sanitized())
}
