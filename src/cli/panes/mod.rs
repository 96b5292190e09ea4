//! `crow keys`, `subs`, `deliveries`, `events`, `limits`, `trips`, `requests`, `replays`: each pane of the console as
//! a command.

pub(super) mod act;
mod deliveries;
mod describe;
mod events;
pub(super) mod keys;
mod limits;
mod list;
mod replays;
mod requests;
mod show;
mod subs;
mod table;
mod trips;

use super::arguments::panes::{Deliveries, Events, Keys, Limits, Replays, Requests, Subs, Trips};
use super::failure::Failure;
use super::log;
use std::process::ExitCode;

/// Pane command with its arguments.
#[derive(Debug)]
pub(super) enum Pane {
    Keys(Keys),
    Subs(Subs),
    Deliveries(Deliveries),
    Events(Events),
    Limits(Limits),
    Trips(Trips),
    Requests(Requests),
    Replays(Replays),
}

pub(super) async fn run(pane: Pane) -> Result<ExitCode, Failure> {
    log::to_stderr();
    match pane {
        Pane::Keys(asked) => keys::run(asked).await,
        Pane::Subs(asked) => subs::run(asked).await,
        Pane::Deliveries(asked) => deliveries::run(asked).await,
        Pane::Events(asked) => events::run(asked).await,
        Pane::Limits(asked) => limits::run(asked).await,
        Pane::Trips(asked) => trips::run(asked).await,
        Pane::Requests(asked) => requests::run(asked).await,
        Pane::Replays(asked) => replays::run(asked).await,
    }
}
