//! Plain mode of the console: prints changes as lines on stdout, without drawing or terminal queries.

use super::failure::CommandFailure;
use crate::clock::RuntimeEnv;
use crate::domain::outbound::SecretGate;
use crate::sync::snapshot::Snapshot;
use crate::tui::runtime::line_mode::LineConsole;
use crate::tui::state::app::App;
use crate::tui::state::config::AppConfig;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Prints what changes, through `gate`, until a signal arrives or the pipe is closed.
pub(super) async fn print_changes(
    setting: AppConfig,
    mut pictures: watch::Receiver<Arc<Snapshot>>,
    ambient: RuntimeEnv,
    gate: SecretGate,
) -> Result<ExitCode, CommandFailure> {
    let refused =
        |error: std::io::Error| CommandFailure::failed(format!("cannot receive signals: {error}"), "try again");
    let mut interrupted = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(refused)?;
    let mut hung_up = signal(SignalKind::hangup()).map_err(refused)?;
    let mut plain = LineConsole::new(App::new(setting, ambient.now()), gate);
    loop {
        let picture = pictures.borrow_and_update().clone();
        let lines = plain.lines(&picture, ambient.now());
        let mut out = std::io::stdout().lock();
        let written = lines.iter().try_for_each(|line| writeln!(out, "{}", line.as_str())).and_then(|()| out.flush());
        drop(out);
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            Err(error) => {
                return Err(CommandFailure::failed(
                    format!("stdout: {error}"),
                    "free space where the output is written",
                ));
            }
        }
        tokio::select! {
            changed = pictures.changed() => if changed.is_err() {
                return Ok(ExitCode::SUCCESS);
            },
            _ = interrupted.recv() => return Ok(ExitCode::SUCCESS),
            _ = terminated.recv() => return Ok(ExitCode::from(143)),
            _ = hung_up.recv() => return Ok(ExitCode::from(129)),
        }
    }
}
