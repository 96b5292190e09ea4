//! The wire contract: request and answer types, paths, problem codes. Here live the only serialisable types besides settings and stored rows;
//! a serialisable type is a promise.

pub mod actions;
pub mod attempts;
pub mod audit;
pub mod bundle;
pub mod deliveries;
pub mod events;
pub mod keys;
pub mod lab;
pub mod limits;
pub mod log;
pub mod names;
pub mod object;
pub mod operators;
pub mod overview;
pub mod page;
pub mod patch;
pub mod paths;
pub mod problem;
pub mod report;
pub mod requests;
pub mod revisions;
pub mod schemas;
pub mod stats;
pub mod subscriptions;
pub mod time;
pub mod trips;
