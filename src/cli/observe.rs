//! `crow observe`: observes a platform that has no Portal API with the keys of a profile, and serves the Portal API for
//! consoles and commands. Those on the same machine share its history without being told where it is.

use super::arguments::observe::ObserveArgs;
use super::failure::CommandFailure;
use super::profile::credential::read_token;
use super::{hardening, log, output, portal, remote, serve};
use crate::clock::{self, RuntimeEnv};
use crate::domain::secret::Secret;
use crate::files::private;
use crate::observer::handle::PlatformObserver;
use crate::observer::operators::{new_token, token_hash};
use crate::observer::server;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Name of the admin whose token is in the token file.
const ADMIN_NAME: &str = "admin";
/// Maximum time for requests in flight to finish when the observer stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(asked: ObserveArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    hardening::check_open_files()?;
    let exposure = serve::exposure(asked.exposure, asked.bind)?;
    let place = remote::resolve_target(&asked.remote)?.detect_portal().await?;
    if place.token.is_some() {
        return Err(CommandFailure::usage(
            format!("{} has a Portal API of its own and needs no observer", place.url),
            "use the token with crow console and the other commands",
        ));
    }
    let (platform, token_file) = (place.url.clone(), place.state_file()?.with_extension("token"));
    let observer = portal::keeping_observer(place).await?;
    accept_operators(&observer, &token_file).await?;
    let refused = |error: std::io::Error| {
        CommandFailure::failed(
            format!("cannot listen on {}: {error}", asked.bind),
            "choose another address with --bind",
        )
    };
    let listener = TcpListener::bind(asked.bind).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let (stop, stopped) = watch::channel(false);
    let polling = observer.start_polling();
    let serving = clock::spawn(server::serve(listener, observer, exposure, stopped));
    let signal = serve::stop_signal()?;
    output::remark(&format!("crow: observing {platform}; the operator token is in {}", token_file.display()));
    serve::print_address(&format!("http://{address}"))?;
    signal.await;
    polling.abort();
    stop.send_replace(true);
    let _ = RuntimeEnv::real().timeout(STOP_TIMEOUT, serving).await;
    Ok(ExitCode::SUCCESS)
}

/// Accepts the tokens of all operators that are kept, whichever process of the profile creates them, and that of the
/// admin, which is in a file of its own. Without the file the admin gets a new token: that is how a lost one is replaced.
async fn accept_operators(observer: &PlatformObserver, token_file: &Path) -> Result<(), CommandFailure> {
    let failed = |error: String| {
        CommandFailure::failed(format!("the operators cannot be stored: {error}"), "free space, or repair the history")
    };
    let token = admin_token(token_file, observer.ambient())?;
    let (history, now) = (observer.history(), observer.ambient().now());
    let set = history.set_admin_token(ADMIN_NAME, token_hash(token.reveal()), now).await;
    set.map_err(|error| failed(error.to_string()))?;
    observer.operators().accept_kept(history.watch_operators().map_err(|error| failed(error.to_string()))?);
    Ok(())
}

/// Reads the token of the admin, or creates it where there is none.
fn admin_token(file: &Path, ambient: &RuntimeEnv) -> Result<Secret, CommandFailure> {
    match std::fs::exists(file) {
        Ok(true) => read_token(file),
        Ok(false) => {
            let token = new_token(ambient);
            let line = format!("{}\n", token.reveal());
            match private::create(file, line.as_bytes()) {
                Ok(()) => Ok(token),
                // Another observer of the profile started at the same moment.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => read_token(file),
                Err(error) => Err(unwritable(file, &error)),
            }
        }
        Err(error) => Err(unwritable(file, &error)),
    }
}

fn unwritable(file: &Path, error: &std::io::Error) -> CommandFailure {
    CommandFailure::failed(format!("{}: {error}", file.display()), "check the folder and its permissions")
}
