//! `crow` and `crow console`: the console on a standalone platform, or on one that is already running.

use super::failure::Failure;
use super::profile::shelf::{Allowed, BUDGET, Hue};
use super::remote::Place;
use super::screen::{self, Opening};
use super::standalone::{self, Wish};
use super::{arguments, log, remote, settings};
use crate::ambient::RuntimeEnv;
use crate::domain::delivery::RetryPolicy;
use crate::domain::target::TargetPolicy;
use crate::engine::MAX_SUBSCRIPTIONS;
use crate::engine::log_quota::DEFAULT_DELIVERY_LOG_QUOTA;
use crate::engine::retention::DEFAULT_REQUEST_LOG_LIMIT;
use crate::server::exposure::ServerExposure;
use crate::tui::console::{Access, Identity, Mode, Stakes};
use ratatui::style::Color;
use std::path::PathBuf;
use std::process::ExitCode;

/// Opens the console on a standalone platform that runs in this process until the console is closed.
async fn standalone(asked: arguments::console::Standalone) -> Result<ExitCode, Failure> {
    screen::check(&asked.look)?;
    let data_dir = match asked.data {
        Some(dir) => dir,
        None => settings::data_dir()?,
    };
    let ambient = RuntimeEnv::real();
    let wish = Wish {
        data_dir: data_dir.clone(),
        bind: asked.bind,
        policy: if asked.allow_private_targets { TargetPolicy::Private } else { TargetPolicy::Public },
        retry_base: RetryPolicy::default().base,
        keep: arguments::read::Keep::default().0,
        max_subscriptions: MAX_SUBSCRIPTIONS,
        request_log_limit: DEFAULT_REQUEST_LOG_LIMIT,
        delivery_log_quota: DEFAULT_DELIVERY_LOG_QUOTA,
        ca_files: asked.trust_ca,
        exposure: ServerExposure::default(),
        ambient: ambient.clone(),
    };
    let platform = standalone::Standalone::start(wish).await?;
    log::to_file(&data_dir.join("crow.log"))?;
    let opening = Opening {
        identity: Identity {
            mode: Mode::Standalone,
            profile: "standalone".to_owned(),
            address: platform.address().to_owned(),
            stakes: Stakes::Ordinary,
            colour: None,
        },
        access: access(asked.allow_actions),
        look: asked.look,
        client: platform.client("console")?,
        ambient,
        holders: Vec::new(),
        percent: BUDGET,
        history: Some(data_dir.join("console.db")),
        complaint: None,
    };
    let code = screen::show(opening).await;
    platform.stop().await;
    code
}

/// Runs `crow` without a command: the console on the default profile, or on the standalone platform if there is none.
/// A data directory given with `--data` always means the standalone platform.
pub(super) async fn usual(asked: arguments::console::Standalone) -> Result<ExitCode, Failure> {
    let place = if asked.data.is_none() { remote::chosen()? } else { None };
    match place {
        Some(place) => open(place, access(asked.allow_actions), Stakes::Ordinary, asked.look).await,
        None => standalone(asked).await,
    }
}

/// Runs `crow console`: the console on a platform that is already running.
pub(super) async fn attach(asked: arguments::console::Console) -> Result<ExitCode, Failure> {
    let place = remote::place(&asked.remote)?;
    let stakes = if asked.production { Stakes::Production } else { Stakes::Ordinary };
    open(place, access(asked.allow_actions), stakes, asked.look).await
}

/// Opens the console on `place`. The profile can grant actions and mark the platform as production beyond what the
/// arguments say.
async fn open(
    place: Place,
    access: Access,
    stakes: Stakes,
    look: arguments::console::Look,
) -> Result<ExitCode, Failure> {
    screen::check(&look)?;
    let place = place.probed().await?;
    let client = place.client()?;
    let (history, complaint) = match kept(&place) {
        Ok(file) => (Some(file), None),
        Err(why) => (None, Some(why)),
    };
    let profile = place.profile.as_ref();
    let opening = Opening {
        identity: Identity {
            mode: Mode::Remote,
            profile: place.name.clone().unwrap_or_else(|| "remote".to_owned()),
            address: client.base().to_owned(),
            stakes: if profile.is_some_and(|profile| profile.production) { Stakes::Production } else { stakes },
            colour: profile.and_then(|profile| profile.colour).map(colour),
        },
        access: if profile.is_some_and(|profile| profile.access == Allowed::Act) { Access::Act } else { access },
        look,
        client,
        ambient: RuntimeEnv::real(),
        holders: place.holders()?,
        percent: profile.map_or(BUDGET, |profile| profile.budget_percent),
        history,
        complaint,
    };
    screen::show(opening).await
}

/// Returns the file that stores what the console remembers of a platform, and opens the log beside it. The console
/// also opens when neither can be written.
///
/// # Errors
///
/// One line for the operator that says why nothing is kept.
fn kept(place: &Place) -> Result<PathBuf, String> {
    let file = place.file().map_err(|failure| failure.what().to_owned());
    let opened = file.and_then(|file| {
        let log = file.with_file_name("crow.log");
        log::append(&log).map(|()| file).map_err(|error| format!("{}: {error}", log.display()))
    });
    opened.map_err(|why| format!("notes, history and logs cannot be saved: {why}"))
}

const fn colour(hue: Hue) -> Color {
    match hue {
        Hue::Red => Color::Red,
        Hue::Green => Color::Green,
        Hue::Yellow => Color::Yellow,
        Hue::Blue => Color::Blue,
        Hue::Magenta => Color::Magenta,
        Hue::Cyan => Color::Cyan,
    }
}

fn access(allow_actions: bool) -> Access {
    if allow_actions { Access::Act } else { Access::ReadOnly }
}
