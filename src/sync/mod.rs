//! Data of the console: the feed that follows a Portal, or the polls of a platform without one; the snapshot and how
//! much it can know, the state of the link, alerts, the call budget, and the history.

pub mod alert_notifier;
pub mod alerts;
pub mod budget;
pub mod feed;
pub mod history;
pub mod keyed_client;
pub mod link;
pub mod log_window;
pub mod logs;
pub mod notice;
pub mod observed_overview;
pub mod outbox;
mod page_limits;
pub mod platform_change;
mod poll_round;
pub mod poller;
pub mod row_filters;
pub mod snapshot;
pub mod visibility;
