//! Conversion of errors into problem documents.

use crate::domain::time::Timestamp;
use crate::domain::window::RateLimitOutcome;
use crate::wire::problem::{Problem, ProblemCode};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Refusal of a request. It carries its problem as a response extension; the outer middleware, which knows the request
/// id, writes the body.
#[derive(Debug)]
pub struct ProblemResponse(pub Box<Problem>);

impl ProblemResponse {
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    pub fn invalid_field(field: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Problem::new(ProblemCode::ValidationFailed, format!("{field} {text}"))
            .with("errors", json!({ field: [text] }))
            .into()
    }

    /// Refuses a body or query field that cannot be read; `field` is a path within the caller's own body.
    pub fn unreadable_field(field: &str, text: &str) -> Self {
        Problem::new(ProblemCode::ValidationFailed, format!("{field}: {text}"))
            .with("errors", json!({ field: [text] }))
            .into()
    }

    pub fn rate_limited(admission: &RateLimitOutcome, now: Timestamp) -> Self {
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

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(*self.0);
        response
    }
}
