//! Simulated company for demos and tests: clients that call the platform, a CRM that emits events, and local
//! receivers with known faults.

pub mod behaviour;
pub mod calls;
pub mod company;
pub mod fake_leads;
pub mod fixtures;
pub mod handle;
pub mod receiver;
pub mod scenario;
pub mod schedule;
pub mod seed;
pub mod traffic;

use crate::client;
use std::io;

/// Error of setting up a simulated company or a scenario.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The platform refused or could not be reached.
    #[error("the demo company cannot {what}: {source}")]
    Platform {
        /// Step that failed, to follow "cannot".
        what: &'static str,
        /// Error of the platform's answer or of the connection.
        source: client::Error,
    },
    /// No local port could be opened for a receiver.
    #[error("the demo company cannot listen on 127.0.0.1: {0}")]
    Listen(#[from] io::Error),
}
