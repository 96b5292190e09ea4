//! Keys: chords, actions, and which action a chord has in which context.

pub mod action;
pub mod bindings;
pub mod chord;
pub mod keymap;
