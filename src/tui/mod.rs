//! Terminal console: loop, keys, screens and overlays. `update` decides, `draw` only reads, and `perform` alone talks
//! to the platform.

pub mod act;
pub mod app;
pub mod arrange;
pub mod banner;
pub mod bindings;
pub mod body;
pub mod bundling;
pub mod calm;
pub mod chart;
pub mod chord;
pub mod clipboard;
pub mod console;
pub mod consult;
pub mod copy;
pub mod desk;
pub mod draw;
pub mod effect;
pub mod entry;
pub mod fill;
pub mod footer;
pub mod format;
pub mod header;
pub mod keymap;
pub mod layout;
pub mod memory;
pub mod merge;
pub mod mouse;
pub mod notice;
pub mod once;
pub mod overlay;
pub mod paging;
pub mod paint;
pub mod palette;
pub mod panes;
pub mod perform;
pub mod places;
pub mod plain;
pub mod press;
pub mod prompt;
pub mod reader;
pub mod sheet;
pub mod table;
pub mod terminal;
pub mod theme;
pub mod trail;

#[cfg(test)]
mod tests;
