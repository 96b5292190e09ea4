//! Escalation bundles: a ticket with its evidence, searched for secrets before a byte of it is written.

pub mod bundle;
pub mod leak;
pub mod markdown;
pub mod redact;
pub mod ticket;
pub mod write;
