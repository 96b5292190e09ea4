//! Documents that leave the console: tickets with their evidence, which are scanned for secrets before any byte is
//! written, reviews of a platform, and partner briefings.

pub mod briefing;
pub mod briefing_document;
pub mod bundle;
pub mod bundle_documents;
pub mod bundle_reader;
pub mod bundle_writer;
pub mod markdown;
pub mod platform_scan;
pub mod redact;
pub mod review;
pub mod run_text;
pub mod ticket;
mod ticket_behaviour;
mod ticket_diagnosis;
mod ticket_gaps;
mod ticket_history;
pub mod ticket_markdown;
pub mod ticket_parts;
mod ticket_reasons;
mod ticket_reproduction;
