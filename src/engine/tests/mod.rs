//! Tests of the engine's transactions without a network and without threads.

mod cost;
mod model;
mod play;
