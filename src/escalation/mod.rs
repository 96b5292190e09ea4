//! Escalation bundles: a ticket with its evidence, searched for secrets before a byte of it is written.

pub mod bundle;
pub mod leak;
pub mod markdown;
pub mod read;
pub mod redact;
pub mod text;
pub mod ticket;
pub mod write;
