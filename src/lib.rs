//! crow: a terminal operations console for the WhiteLabelCRO integration platform, and an embedded standalone platform.

pub mod cli;
pub mod client;
pub mod clock;
pub mod database;
pub mod demo;
pub mod diagnose;
pub mod domain;
pub mod engine;
pub mod export;
pub mod files;
pub mod history;
pub mod http;
pub mod observer;
pub mod relay;
pub mod server;
pub mod store;
pub mod sync;
pub mod text;
pub mod tui;
pub mod wire;
