//! Problem documents for the errors of engine operations.

use crate::engine::error::Error;
use crate::http::problem::ProblemResponse;
use crate::wire::problem::{Problem, ProblemCode};
use serde_json::{Map, Value, json};

impl From<Error> for ProblemResponse {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) => Self::new(ProblemCode::NotFound, error.to_string()),
            Error::OtherCompany(_) => Self::new(ProblemCode::OtherCompany, error.to_string()),
            Error::Invalid(faults) => {
                let detail =
                    faults.iter().map(|fault| format!("{} {}", fault.field, fault.text)).collect::<Vec<_>>().join("; ");
                let mut errors: Map<String, Value> = Map::new();
                for fault in faults {
                    let texts = errors.entry(fault.field).or_insert_with(|| json!([]));
                    if let Some(texts) = texts.as_array_mut() {
                        texts.push(fault.text.into());
                    }
                }
                Problem::new(ProblemCode::ValidationFailed, detail).with("errors", errors).into()
            }
            Error::ManagedSubscription(ref tool) => {
                let detail = error.to_string();
                Problem::new(ProblemCode::ManagedSubscription, detail).with("managedBy", tool.as_str()).into()
            }
            Error::EnvelopeTooLarge { .. } => Self::new(ProblemCode::PayloadTooLarge, error.to_string()),
            Error::IdempotencyConflict | Error::IdempotencyTargetDeleted(_) => {
                Self::new(ProblemCode::IdempotencyConflict, error.to_string())
            }
            Error::QuotaReached { limit, .. } => {
                Problem::new(ProblemCode::QuotaReached, error.to_string()).with("limit", limit).into()
            }
            Error::EventQuotaReached { limit } => {
                Problem::new(ProblemCode::QuotaReached, error.to_string()).with("limit", limit).into()
            }
            Error::Contended => Self::new(
                ProblemCode::Contended,
                "the platform is busy; this is contention, not a rate limit; retry in a second",
            ),
            Error::StorageFull(why) => {
                Self::new(ProblemCode::StorageFull, format!("{why}; nothing was changed, reads keep working"))
            }
            Error::DescriptorsExhausted => Self::new(
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
