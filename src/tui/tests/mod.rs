//! The console under test: keys in, effects and pictures out.

mod acts;
mod consult;
mod desk;
mod fixture;
mod found;
mod keyed;
mod logs;
mod manners;
mod matrix;
mod pictures;
mod readme;
mod sessions;
mod sharing;
mod shelf;
mod storms;
mod tickets;
mod trail;
mod updates;
