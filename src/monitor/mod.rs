//! What the console knows: the feed that follows a platform, or the rounds and the post where it has no Portal; the picture, how far it
//! reaches, the state of the link, alerts, the budget, and what is remembered.

pub mod alerts;
pub mod budget;
pub mod feed;
pub mod files;
pub mod history;
pub mod link;
pub mod logs;
pub mod notices;
pub mod outbox;
pub mod picture;
pub mod post;
pub mod reach;
pub mod rounds;
pub mod snapshot;
pub mod stretch;
