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

use super::arguments::panes::PaneCommand;
use super::failure::CommandFailure;
use super::log;
use std::process::ExitCode;

pub(super) async fn run(pane: PaneCommand) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    match pane {
        PaneCommand::Keys(asked) => keys::run(asked).await,
        PaneCommand::Subs(asked) => subs::run(asked).await,
        PaneCommand::Deliveries(asked) => deliveries::run(asked).await,
        PaneCommand::Events(asked) => events::run(asked).await,
        PaneCommand::Limits(asked) => limits::run(asked).await,
        PaneCommand::Trips(asked) => trips::run(asked).await,
        PaneCommand::Requests(asked) => requests::run(asked).await,
        PaneCommand::Replays(asked) => replays::run(asked).await,
    }
}
