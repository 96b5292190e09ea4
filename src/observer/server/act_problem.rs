//! Conversion of failed acts and of faults of the history into problem documents.

use crate::domain::time::Timestamp;
use crate::history::HistoryError;
use crate::http::problem::ProblemResponse;
use crate::observer::acts::ActFailure;
use crate::observer::keyed_client::CallFailure;
use crate::wire::problem::{Problem, ProblemCode};
use axum::http::StatusCode;

/// Answers for a history that cannot be read or written.
#[expect(clippy::needless_pass_by_value, reason = "passed to map_err")]
pub(super) fn storage(error: HistoryError) -> ProblemResponse {
    tracing::error!(%error, "the history failed");
    ProblemResponse::new(ProblemCode::Internal, "the observer's history failed; see its log under this request id")
}

/// Answers for an act that was not done, at `now` on the observer's clock.
pub(super) fn act_problem(failure: ActFailure, now: Timestamp) -> ProblemResponse {
    let line = failure.line(now);
    match failure {
        ActFailure::NotListed(_) => ProblemResponse::new(ProblemCode::NotFound, line),
        ActFailure::NoKey(_, scope) => {
            Problem::new(ProblemCode::InsufficientScope, line).with("requiredScope", scope.name()).into()
        }
        ActFailure::Unreadable(_) => ProblemResponse::new(ProblemCode::UpstreamFailed, line),
        ActFailure::Call(failure) => call_problem(failure, line, now),
    }
}

fn call_problem(failure: CallFailure, line: String, now: Timestamp) -> ProblemResponse {
    match failure {
        CallFailure::NoPermit(until) | CallFailure::RetryLater(_, until) => {
            let wait = until.since(now).as_millis().div_ceil(1_000);
            let wait = u64::try_from(wait).unwrap_or(u64::MAX);
            Problem::new(ProblemCode::RateLimited, line).with("retryAfterSeconds", wait).into()
        }
        CallFailure::Failed(_) | CallFailure::Unanswered(_) | CallFailure::TooLarge(_) | CallFailure::KeyRefused(_) => {
            ProblemResponse::new(ProblemCode::UpstreamFailed, line)
        }
        CallFailure::Refused(refusal) => {
            let problem = Problem::new(ProblemCode::UpstreamRefused, format!("the platform refused: {line}"));
            let status = StatusCode::from_u16(refusal.status).ok();
            let title = status.and_then(|status| status.canonical_reason()).unwrap_or("Refused").to_owned();
            Problem { status: refusal.status, title, ..problem }.into()
        }
        CallFailure::Storage(error) => storage(error),
    }
}
