//! Tests of the whole: platform, client and console together, over real sockets, by a scripted clock.

mod api;
mod console;
mod delivery;
mod portal;
mod support;
