//! What the console knows: the feed that follows a platform, the picture it publishes, the state of the link, alerts, and what is remembered.

pub mod alerts;
pub mod feed;
pub mod history;
pub mod link;
pub mod logs;
pub mod notices;
pub mod outbox;
pub mod snapshot;
pub mod stretch;
