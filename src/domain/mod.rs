//! Rules and values. Pure: nothing here reads a clock, rolls dice, waits, serialises or speaks SQL; it is told `now` and `roll`.

pub mod attempt;
pub mod audit;
pub mod breaker;
pub mod company;
pub mod delivery;
pub mod event;
pub mod health;
pub mod ids;
pub mod key;
pub mod lab;
pub mod latency;
pub mod log;
pub mod operator;
pub mod patch;
pub mod query;
pub mod ramp;
pub mod replay;
pub mod secret;
pub mod signature;
pub mod standing;
pub mod subscription;
pub mod target;
pub mod text;
pub mod time;
pub mod trip;
pub mod window;
