//! Drawing of a frame from the state. Nothing here changes it.

pub mod banner;
pub mod draw;
pub mod footer;
pub mod header;
