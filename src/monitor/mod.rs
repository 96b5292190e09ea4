//! Data of the console: the feed that follows a Portal, or the polls of a platform without one; the snapshot and how
//! much it can know, the state of the link, alerts, the call budget, and the history.

pub mod alerts;
pub mod budget;
pub mod feed;
pub mod files;
pub mod history;
pub mod link;
pub mod logs;
pub mod notices;
pub mod outbox;
mod page_limits;
pub mod picture;
pub mod post;
pub mod reach;
pub mod rounds;
pub mod snapshot;
pub mod stretch;
