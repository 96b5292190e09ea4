//! Reading calls of the Portal API, typed and strict, one file per noun. `PlatformClient::change` makes the changes.

mod deliveries;
mod events;
mod keys;
mod logs;
mod operators;
pub mod overview;
mod replays;
mod reports;
mod secretcheck;
mod subscriptions;
