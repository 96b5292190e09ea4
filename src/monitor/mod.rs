//! What the console knows: the picture that is published, the state of the link, and the alerts.

pub mod alerts;
pub mod link;
pub mod snapshot;
