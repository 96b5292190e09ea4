//! A test platform (temporary directory, port 0, scripted clock), receivers whose answers are set and receivers that break every rule, names
//! whose addresses are set, a console in memory, a terminal for the real binary, and the real binary as a
//! server.

pub(crate) mod console;
pub(crate) mod credentials;
pub(crate) mod decoding;
pub(crate) mod faults;
pub(crate) mod lines;
pub(crate) mod names;
pub(crate) mod namespace;
pub(crate) mod observed;
pub(crate) mod platform;
pub(crate) mod receiver;
pub(crate) mod schemas;
mod screen;
pub(crate) mod serving;
pub(crate) mod standin;
pub(crate) mod terminal;
pub(crate) mod wire;
pub(crate) mod worlds;
