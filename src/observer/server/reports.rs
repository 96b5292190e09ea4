//! Handlers of reports: what `crow listen` and `crow relay` recorded in front of receivers and callers. A report may
//! come again: each item is stored once.

use super::act_problem::storage;
use super::guard::{AttachedOperator, MayAct};
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::observer::handle::PlatformObserver;
use crate::wire::calls::CallReport;
use crate::wire::receipts::ReceiptReport;
use crate::wire::reports::{MAX_REPORT_ITEMS, ReportReceived};
use axum::extract::State;

/// `POST /portal/v1/receipts`: stores deliveries that a listener took and refused.
pub(super) async fn receipts(
    _: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    JsonBody(report): JsonBody<ReceiptReport>,
) -> Result<axum::Json<ReportReceived>, ProblemResponse> {
    check_size([
        ("receipts", report.receipts.len()),
        ("refusals", report.refusals.len()),
        ("unrecorded", report.unrecorded.len()),
    ])?;
    let stored = observer.history().record_receipts(report).await.map_err(storage)?;
    observer.board().request_refresh();
    Ok(axum::Json(stored.received))
}

/// `POST /portal/v1/calls`: stores calls that a relay passed on.
pub(super) async fn calls(
    _: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    JsonBody(report): JsonBody<CallReport>,
) -> Result<axum::Json<ReportReceived>, ProblemResponse> {
    check_size([("calls", report.calls.len()), ("unrecorded", report.unrecorded.len())])?;
    let received = observer.history().record_calls(report).await.map_err(storage)?;
    observer.board().request_refresh();
    Ok(axum::Json(received))
}

/// Refuses a report with more than [`MAX_REPORT_ITEMS`] items, naming the list with the most.
fn check_size<const N: usize>(lists: [(&'static str, usize); N]) -> Result<(), ProblemResponse> {
    let n_items: usize = lists.iter().map(|(_, n)| n).sum();
    let longest = lists.into_iter().max_by_key(|(_, n)| *n);
    match longest {
        Some((field, _)) if n_items > MAX_REPORT_ITEMS => {
            let text = format!("must leave at most {MAX_REPORT_ITEMS} items in a report, which has {n_items}");
            Err(ProblemResponse::invalid_field(field, text))
        }
        _ => Ok(()),
    }
}
