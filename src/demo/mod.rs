//! The simulated company: keys that call the platform, a CRM whose life goes on, and local receivers that misbehave in known ways.

pub mod calls;
pub mod cast;
pub mod company;
pub mod handle;
pub mod life;
pub mod people;
pub mod plan;
pub mod receiver;
pub mod scenario;
pub mod seed;
pub mod temper;

use crate::client;
use std::io;

/// Why the simulated company could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The platform did not take part.
    #[error("the demo company cannot {what}: {source}")]
    Platform {
        /// What was tried.
        what: &'static str,
        /// What the platform or the connection said.
        source: client::Error,
    },
    /// No local port could be opened for a receiver.
    #[error("the demo company cannot listen on 127.0.0.1: {0}")]
    Listen(#[from] io::Error),
}
