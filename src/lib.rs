//! crow: a terminal operations console for the WhiteLabelCRO integration platform, and an embedded standalone platform.

pub mod ambient;
pub mod api;
pub mod cli;
pub mod client;
pub mod demo;
pub mod diagnose;
pub mod domain;
pub mod engine;
pub mod escalation;
pub mod files;
pub mod monitor;
pub mod server;
pub mod sqlite;
pub mod store;
pub mod text;
pub mod tui;
