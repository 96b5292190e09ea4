//! The ordinary client of the platform, for the console, the commands and the demo alike: one file per noun, typed errors.

pub mod alerts;
pub mod answer;
mod body;
pub mod connection;
pub mod deliveries;
pub mod events;
pub mod keys;
pub mod leads;
pub mod logs;
pub mod operators;
pub mod outward;
pub mod overview;
pub mod partner;
pub mod reading;
pub mod replays;
pub mod secretcheck;
pub mod subscriptions;

use crate::api::problem::Problem;
use std::time::Duration;

/// What can go wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke.
    #[error("cannot reach {base}: {why}")]
    Unreachable {
        /// The platform's address.
        base: String,
        /// The innermost reason.
        why: String,
    },
    /// Nothing complete within the time allowed.
    #[error("{base} did not answer within {} s", limit.as_secs())]
    Slow {
        /// The platform's address.
        base: String,
        /// The time allowed.
        limit: Duration,
    },
    /// The platform said no, and why.
    #[error("{} ({} {})", problem.detail, problem.status, problem.title)]
    Refused {
        /// Its words.
        problem: Box<Problem>,
    },
    /// An answer that goes on and on.
    #[error("{base} answered {status} with more than {}, the limit of an answer", crate::files::size(*limit))]
    TooLarge {
        /// The platform's address.
        base: String,
        /// The answer's status.
        status: u16,
        /// Bytes that are read at most.
        limit: u64,
    },
    /// An answer that this version cannot read.
    #[error("{base} answered {status} with something that is not what was asked for: {why}")]
    Garbled {
        /// The platform's address.
        base: String,
        /// The answer's status.
        status: u16,
        /// What was not understood.
        why: String,
    },
    /// The address or the credential cannot be used at all.
    #[error("{0}")]
    Unusable(String),
}
