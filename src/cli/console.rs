//! `crow` and `crow console`: the console on a standalone platform, or on one that is already running.

use super::failure::CommandFailure;
use super::first_start::{self, FirstChoice, FirstCompany};
use super::portal::{self, ConnectedPlatform};
use super::profile::profile_store::{HeaderColour, ProfileAccess};
use super::remote::PlatformTarget;
use super::screen::{self, ConsoleOptions};
use super::standalone::{self, StandaloneConfig};
use super::{arguments, log, remote, settings};
use crate::clock::RuntimeEnv;
use crate::domain::delivery::RetryPolicy;
use crate::domain::target::TargetPolicy;
use crate::engine::event_quota::DEFAULT_EVENT_QUOTA;
use crate::engine::log_quota::DEFAULT_DELIVERY_LOG_QUOTA;
use crate::engine::retention::DEFAULT_REQUEST_LOG_LIMIT;
use crate::engine::settings::MAX_SUBSCRIPTIONS;
use crate::http::exposure::ServerExposure;
use crate::tui::state::config::{ConsoleAccess, ConsoleIdentity, ConsoleMode, TargetEnvironment};
use ratatui::style::Color;
use std::path::PathBuf;
use std::process::ExitCode;

/// Opens the console on a standalone platform that runs in this process until the console is closed.
/// Creates `first`, a company and its key, before the console opens.
async fn run_standalone(
    asked: arguments::console::StandaloneArgs,
    first: Option<FirstCompany>,
) -> Result<ExitCode, CommandFailure> {
    screen::check_terminal(&asked.look)?;
    let data_dir = match asked.data {
        Some(dir) => dir,
        None => settings::data_dir()?,
    };
    let ambient = RuntimeEnv::real();
    let wish = StandaloneConfig {
        data_dir: data_dir.clone(),
        bind: asked.bind,
        policy: if asked.allow_private_targets { TargetPolicy::Private } else { TargetPolicy::Public },
        retry_base: RetryPolicy::default().base,
        keep: arguments::value_parsers::LogRetention::default().0,
        max_subscriptions: MAX_SUBSCRIPTIONS,
        request_log_limit: DEFAULT_REQUEST_LOG_LIMIT,
        delivery_log_quota: DEFAULT_DELIVERY_LOG_QUOTA,
        event_quota: DEFAULT_EVENT_QUOTA,
        ca_files: asked.trust_ca,
        exposure: ServerExposure::default(),
        ambient: ambient.clone(),
    };
    let platform = standalone::StandalonePlatform::start(wish).await?;
    if let Some(first) = first {
        first.create(&platform.client("first start")?).await?;
    }
    log::to_file(&data_dir.join("crow.log"))?;
    let opening = ConsoleOptions {
        identity: ConsoleIdentity {
            mode: ConsoleMode::Standalone,
            profile: "standalone".to_owned(),
            address: platform.address().to_owned(),
            environment: TargetEnvironment::Ordinary,
            colour: None,
        },
        access: access(asked.allow_actions),
        look: asked.look,
        platform: ConnectedPlatform::of_client(platform.client("console")?),
        ambient,
        history: Some(data_dir.join("console.db")),
        first_message: None,
    };
    let code = screen::run_console(opening).await;
    platform.stop().await;
    code
}

/// Runs `crow` without a command: the console on the default profile, or on the standalone platform if there is none.
/// A data directory given with `--data` always means the standalone platform. Where neither is set up, a terminal is
/// asked what to open.
pub(super) async fn run_default(mut asked: arguments::console::StandaloneArgs) -> Result<ExitCode, CommandFailure> {
    let mut place = if asked.data.is_none() { remote::default_target()? } else { None };
    let mut first = None;
    if place.is_none() && first_start::is_first_start(&asked)? {
        match first_start::choose().await? {
            FirstChoice::Done(code) => return Ok(code),
            FirstChoice::Profile(added) => place = Some(*added),
            FirstChoice::OwnPlatform(company) => {
                // The operator has just set up this platform, and may change it in this session.
                asked.allow_actions = true;
                first = Some(company);
            }
        }
    }
    match place {
        Some(place) => open_console(place, access(asked.allow_actions), TargetEnvironment::Ordinary, asked.look).await,
        None => run_standalone(asked, first).await,
    }
}

/// Runs `crow console`: the console on a platform that is already running.
pub(super) async fn run_remote(asked: arguments::console::ConsoleArgs) -> Result<ExitCode, CommandFailure> {
    let place = remote::resolve_target(&asked.remote)?;
    let stakes = if asked.production { TargetEnvironment::Production } else { TargetEnvironment::Ordinary };
    open_console(place, access(asked.allow_actions), stakes, asked.look).await
}

/// Opens the console on `place`. The profile can grant actions and mark the platform as production beyond what the
/// arguments say.
async fn open_console(
    place: PlatformTarget,
    access: ConsoleAccess,
    stakes: TargetEnvironment,
    look: arguments::console::DisplayArgs,
) -> Result<ExitCode, CommandFailure> {
    screen::check_terminal(&look)?;
    let place = place.detect_portal().await?;
    let (history, complaint) = match open_state_file(&place) {
        Ok(file) => (Some(file), None),
        Err(why) => (None, Some(why)),
    };
    let (name, profile) = (place.name.clone(), place.profile.clone());
    let profile = profile.as_ref();
    let connected = portal::open_detected(place).await?;
    let opening = ConsoleOptions {
        identity: ConsoleIdentity {
            mode: ConsoleMode::Remote,
            profile: name.unwrap_or_else(|| "remote".to_owned()),
            address: connected.base().to_owned(),
            environment: if profile.is_some_and(|profile| profile.production) {
                TargetEnvironment::Production
            } else {
                stakes
            },
            colour: profile.and_then(|profile| profile.colour).map(colour),
        },
        access: if profile.is_some_and(|profile| profile.access == ProfileAccess::Act) {
            ConsoleAccess::Act
        } else {
            access
        },
        look,
        platform: connected,
        ambient: RuntimeEnv::real(),
        history,
        first_message: complaint,
    };
    screen::run_console(opening).await
}

/// Returns the file that stores what the console remembers of a platform, and opens the log beside it. The console
/// also opens when neither can be written.
///
/// # Errors
///
/// One line for the operator that says why nothing is kept.
fn open_state_file(place: &PlatformTarget) -> Result<PathBuf, String> {
    let file = place.state_file().map_err(|failure| failure.description().to_owned());
    let opened = file.and_then(|file| {
        let log = file.with_file_name("crow.log");
        log::append(&log).map(|()| file).map_err(|error| format!("{}: {error}", log.display()))
    });
    opened.map_err(|why| format!("notes, history and logs cannot be saved: {why}"))
}

const fn colour(hue: HeaderColour) -> Color {
    match hue {
        HeaderColour::Red => Color::Red,
        HeaderColour::Green => Color::Green,
        HeaderColour::Yellow => Color::Yellow,
        HeaderColour::Blue => Color::Blue,
        HeaderColour::Magenta => Color::Magenta,
        HeaderColour::Cyan => Color::Cyan,
    }
}

fn access(allow_actions: bool) -> ConsoleAccess {
    if allow_actions { ConsoleAccess::Act } else { ConsoleAccess::ReadOnly }
}
