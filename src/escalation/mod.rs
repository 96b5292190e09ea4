//! Documents that are handed on: escalation bundles (a ticket with its evidence, searched for secrets before a byte of it is written), reviews
//! of a platform, briefings of partners.

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
