//! Documents that leave the console: tickets with their evidence, which are scanned for secrets before any byte is
//! written, reviews of a platform, and partner briefings.

pub mod briefing;
pub mod bundle;
pub mod check;
pub mod markdown;
pub mod read;
pub mod redact;
pub mod review;
pub mod text;
pub mod ticket;
pub mod write;
