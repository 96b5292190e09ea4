//! The Portal API: typed and strict calls, one file per noun.

mod alerts;
mod deliveries;
mod events;
mod keys;
mod logs;
mod operators;
pub mod overview;
mod replays;
mod secretcheck;
mod subscriptions;
