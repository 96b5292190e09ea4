//! Process side of the console: loop, terminal, clipboard, background jobs and the state file.

pub mod clipboard;
pub mod console;
pub mod line_mode;
pub mod merge;
pub mod perform;
pub mod persisted_state;
pub mod prompt;
pub mod state_file;
pub mod synchronized_backend;
pub mod terminal;
