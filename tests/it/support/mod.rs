//! A test platform (temporary directory, port 0, scripted clock) and receivers whose answers are set.

pub(crate) mod platform;
pub(crate) mod receiver;
