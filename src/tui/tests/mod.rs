//! The console under test: keys in, effects and pictures out.

mod desk;
mod fixture;
mod logs;
mod manners;
mod pictures;
mod readme;
mod sessions;
mod shelf;
mod storms;
mod updates;
