//! Wire types: requests, answers, paths, problem codes and cursors that travel between a client and a server.
//!
//! Every serialisable type is a promise to its readers: within a version, members are added but never removed or
//! renamed.

pub mod actions;
pub mod alerts;
pub mod attempts;
pub mod audit;
pub mod calls;
pub mod changes;
pub mod coverage;
pub mod deliveries;
pub mod events;
pub mod keys;
pub mod limits;
pub mod log;
pub mod object;
#[cfg(test)]
pub(crate) mod operation_doc;
pub mod operators;
pub mod overview;
pub mod page;
pub mod patch;
pub mod paths;
pub mod problem;
pub mod readable;
pub mod receipts;
pub mod refusal;
pub mod replays;
pub mod reports;
pub mod requests;
#[cfg(test)]
mod schemas;
pub mod secretcheck;
pub mod serde_domain;
pub mod signature_check;
pub mod stats;
pub mod subscriptions;
pub mod time;
pub mod trips;
