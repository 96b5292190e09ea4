//! Terminal console: loop, keys, screens and overlays. `update` decides, `draw` only reads, and `perform` alone talks
//! to the platform.

pub mod act;
pub mod app;
pub mod banner;
pub mod bindings;
pub mod body;
pub mod chart;
pub mod chord;
pub mod clipboard;
pub mod console;
pub mod copy;
pub mod detail_lines;
pub mod diagnose_actions;
pub mod draw;
pub mod effect;
pub mod escalate_actions;
pub mod footer;
pub mod form_actions;
pub mod format;
pub mod header;
pub mod issued_secret;
pub mod keymap;
pub mod layout;
pub mod line_mode;
pub mod merge;
pub mod mouse;
pub mod nav_history;
pub mod notice;
pub mod overlay;
pub mod pager;
pub mod paging;
pub mod paint;
pub mod palette;
pub mod panes;
pub mod perform;
pub mod press;
pub mod prompt;
pub mod selection;
pub mod state_file;
pub mod synchronized_backend;
pub mod table;
pub mod terminal;
pub mod text_input;
pub mod theme;
pub mod view_actions;
pub mod view_state;

#[cfg(test)]
mod tests;
