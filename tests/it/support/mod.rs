//! A test platform (temporary directory, port 0, scripted clock), receivers whose answers are set, a console in memory, and a terminal for
//! the real binary.

pub(crate) mod console;
pub(crate) mod platform;
pub(crate) mod receiver;
pub(crate) mod terminal;
