//! HTTP client of the platform, for the console, the commands and the demo: one file per noun, typed errors.
//!
//! The calls of the Portal API are typed and strict. Answers of the Integration API of other platforms are read
//! tolerantly, by [`integration`].

mod body;
pub mod connection;
pub mod integration;
pub mod notifications;
pub mod portal;
mod sieve;

use crate::wire::problem::Problem;
use std::time::Duration;

/// Error of a call to a platform.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection could not be made, or broke.
    #[error("cannot reach {base}: {why}")]
    Unreachable {
        /// Base address of the platform.
        base: String,
        /// Innermost reason of the failure.
        why: String,
    },
    /// No complete answer arrived within the time limit.
    #[error("{base} gave no whole answer within {} s", limit.as_secs())]
    Timeout {
        /// Base address of the platform.
        base: String,
        /// Time limit of the call.
        limit: Duration,
    },
    /// The platform refused the call, with a problem document.
    #[error("{} ({} {})", problem.detail, problem.status, problem.title)]
    Refused {
        /// Problem document of the refusal.
        problem: Box<Problem>,
    },
    /// The answer exceeds the size limit.
    #[error("{base} answered {status} with more than {}, the maximum", crate::files::format_size(*limit))]
    TooLarge {
        /// Base address of the platform.
        base: String,
        /// HTTP status of the answer.
        status: u16,
        /// Maximum number of bytes read of an answer.
        limit: u64,
    },
    /// The answer cannot be read as the expected type.
    #[error("{base} answered {status} with an unexpected document: {why}")]
    UnreadableAnswer {
        /// Base address of the platform.
        base: String,
        /// HTTP status of the answer.
        status: u16,
        /// Description of what was not understood.
        why: String,
    },
    /// The address, the credential or the request cannot be used at all.
    #[error("{0}")]
    Unusable(String),
}
