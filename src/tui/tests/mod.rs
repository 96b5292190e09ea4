//! The console under test: keys in, effects and pictures out.

mod fixture;
mod pictures;
mod sessions;
mod updates;
