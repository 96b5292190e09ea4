//! `crow operators`: restores access to a platform from the machine it runs on.

use super::arguments::operators::OperatorsCommand;
use super::db::data_location;
use super::failure::CommandFailure;
use super::output;
use crate::clock::RuntimeEnv;
use crate::engine::maintenance::access;
use std::process::ExitCode;

pub(super) fn run(asked: OperatorsCommand) -> Result<ExitCode, CommandFailure> {
    let OperatorsCommand::Reset(asked) = asked;
    let (dir, custody) = data_location(asked.data)?;
    let done = access::reset_token(&dir, &custody, &RuntimeEnv::real())?;
    output::write(&format!(
        "operator {} ({}) has a new token in {}; the old token is no longer valid",
        done.operator.id,
        done.operator.name,
        done.file.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}
