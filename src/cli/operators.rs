//! `crow operators`: restores access to a platform from the machine it runs on.

use super::arguments::operators::Operators;
use super::db::place;
use super::failure::Failure;
use super::output;
use crate::ambient::RuntimeEnv;
use crate::engine::maintenance::access;
use std::process::ExitCode;

pub(super) fn run(asked: Operators) -> Result<ExitCode, Failure> {
    let Operators::Reset(asked) = asked;
    let (dir, custody) = place(asked.data)?;
    let done = access::reset_token(&dir, &custody, &RuntimeEnv::real())?;
    output::write(&format!(
        "operator {} ({}) has a new token in {}; the old token is no longer valid",
        done.operator.id,
        done.operator.name,
        done.file.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}
