//! State of the console: plain data, one file per concern. `tui::update` changes it; the state file restores and merges
//! what it keeps.

pub mod app;
pub mod banner;
pub mod config;
pub mod dashboard;
pub mod diagnose;
pub mod escalate;
pub mod issued_secret;
pub mod nav_history;
pub mod notice;
pub mod overlays;
pub mod screen;
pub mod selection;
pub mod view_state;
