//! Terminal console: loop, keys, screens and overlays. `update` decides, `view` only reads, and `runtime::perform` alone
//! talks to the platform.

pub mod effect;
pub mod ids;
pub mod keys;
pub mod overlays;
pub mod panes;
pub mod runtime;
pub mod state;
pub mod update;
pub mod view;
pub mod widgets;

#[cfg(test)]
mod tests;
