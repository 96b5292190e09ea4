//! Observer of a platform without a Portal API: polls the Integration API with the keys of a profile, within a budget,
//! keeps what it saw, and serves the Portal API over it.

pub mod acts;
pub mod board;
mod coverage;
pub mod handle;
pub mod keyed_client;
pub mod operators;
pub mod overview;
mod page_limits;
mod poll_round;
pub mod poller;
pub mod server;
