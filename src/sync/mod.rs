//! Data of the console: the feed that follows a Portal, the snapshot and how much it can know, the state of the link,
//! alerts and their notifications.

pub mod alert_notifier;
pub mod alerts;
pub mod feed;
pub mod link;
pub mod log_window;
pub mod logs;
pub mod notice;
pub mod outbox;
pub mod platform_change;
pub mod row_filters;
pub mod snapshot;
pub mod visibility;
