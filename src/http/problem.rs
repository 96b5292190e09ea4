//! Conversion of errors into problem documents.

use crate::domain::time::Timestamp;
use crate::domain::window::RateLimitOutcome;
use crate::engine;
use crate::wire::problem::{Problem, ProblemCode};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Refusal of a request. It carries its problem as a response extension; the outer middleware, which knows the request
/// id, writes the body.
#[derive(Debug)]
pub struct ProblemResponse(pub(super) Box<Problem>);

impl ProblemResponse {
    pub(super) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    pub(super) fn invalid_field(field: &'static str, text: impl Into<String>) -> Self {
        engine::error::Error::Invalid(vec![engine::error::FieldError::new(field, text)]).into()
    }

    /// Refuses a body or query field that cannot be read; `field` is a path within the caller's own body.
    pub(super) fn unreadable_field(field: &str, text: &str) -> Self {
        Problem::new(ProblemCode::ValidationFailed, format!("{field}: {text}"))
            .with("errors", json!({ field: [text] }))
            .into()
    }

    pub(super) fn rate_limited(admission: &RateLimitOutcome, now: Timestamp) -> Self {
        let wait = admission.retry_after_seconds(now);
        let detail = format!("this key made {} {} calls this minute; wait {wait} s", admission.limit, admission.bucket);
        Self(Box::new(
            Problem::new(ProblemCode::RateLimited, detail)
                .with("policy", admission.policy())
                .with("retryAfterSeconds", wait),
        ))
    }
}

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<engine::error::Error> for ProblemResponse {
    fn from(error: engine::error::Error) -> Self {
        match error {
            engine::error::Error::NotFound(_) => Self::new(ProblemCode::NotFound, error.to_string()),
            engine::error::Error::OtherCompany(_) => Self::new(ProblemCode::OtherCompany, error.to_string()),
            engine::error::Error::Invalid(faults) => {
                let detail =
                    faults.iter().map(|fault| format!("{} {}", fault.field, fault.text)).collect::<Vec<_>>().join("; ");
                let mut errors: Map<String, Value> = Map::new();
                for fault in faults {
                    let texts = errors.entry(fault.field).or_insert_with(|| json!([]));
                    if let Some(texts) = texts.as_array_mut() {
                        texts.push(fault.text.into());
                    }
                }
                Self(Box::new(Problem::new(ProblemCode::ValidationFailed, detail).with("errors", errors)))
            }
            engine::error::Error::ManagedSubscription(ref tool) => {
                let detail = error.to_string();
                Problem::new(ProblemCode::ManagedSubscription, detail).with("managedBy", tool.as_str()).into()
            }
            engine::error::Error::EnvelopeTooLarge { .. } => Self::new(ProblemCode::PayloadTooLarge, error.to_string()),
            engine::error::Error::IdempotencyConflict | engine::error::Error::IdempotencyTargetDeleted(_) => {
                Self::new(ProblemCode::IdempotencyConflict, error.to_string())
            }
            engine::error::Error::QuotaReached { limit, .. } => {
                Problem::new(ProblemCode::QuotaReached, error.to_string()).with("limit", limit).into()
            }
            engine::error::Error::EventQuotaReached { limit } => {
                Problem::new(ProblemCode::QuotaReached, error.to_string()).with("limit", limit).into()
            }
            engine::error::Error::Contended => Self::new(
                ProblemCode::Contended,
                "the platform is busy; this is contention, not a rate limit; retry in a second",
            ),
            engine::error::Error::StorageFull(why) => {
                Self::new(ProblemCode::StorageFull, format!("{why}; nothing was changed, reads keep working"))
            }
            engine::error::Error::DescriptorsExhausted => Self::new(
                ProblemCode::Contended,
                "the platform has no file descriptors left; nothing was changed; retry in a second",
            ),
            error => {
                tracing::error!(%error, "an operation failed");
                Self::new(ProblemCode::Internal, "internal error; see the platform's log under this request id")
            }
        }
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(*self.0);
        response
    }
}
