//! The console under test: keys in, effects and pictures out.

mod fixture;
mod pictures;
mod readme;
mod sessions;
mod updates;
