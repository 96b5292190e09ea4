//! `crow` and `crow console`: the console on the standalone platform, and on one that runs elsewhere.

use super::failure::Failure;
use super::screen::{self, Opening};
use super::standalone::{self, Wish};
use super::{arguments, log, remote, settings};
use crate::ambient::Ambient;
use crate::domain::delivery::Schedule;
use crate::domain::target::Policy;
use crate::tui::console::{Access, Identity, Mode, Stakes};
use std::process::ExitCode;

/// The console on the standalone platform, which runs in this process for as long as the console is open.
pub(super) async fn standalone(asked: arguments::console::Standalone) -> Result<ExitCode, Failure> {
    screen::check(&asked.look)?;
    let data_dir = match asked.data {
        Some(dir) => dir,
        None => settings::data_dir()?,
    };
    let ambient = Ambient::real();
    let wish = Wish {
        data_dir: data_dir.clone(),
        bind: asked.bind,
        policy: if asked.allow_private_targets { Policy::Private } else { Policy::Public },
        retry_base: Schedule::default().base,
        keep: arguments::read::Keep::default().0,
        ca_files: asked.trust_ca,
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
        },
        access: access(asked.allow_actions),
        look: asked.look,
        client: platform.client("console")?,
        ambient,
        history: data_dir.join("console.db"),
    };
    let code = screen::show(opening).await;
    platform.stop().await;
    code
}

/// The console on a platform that runs elsewhere.
pub(super) async fn attach(asked: arguments::console::Console) -> Result<ExitCode, Failure> {
    screen::check(&asked.look)?;
    let client = remote::connect(&asked.remote)?;
    let state_dir = settings::state_dir()?;
    log::to_file(&state_dir.join("crow.log"))?;
    let stakes = if asked.production { Stakes::Production } else { Stakes::Ordinary };
    let place: String = client.base().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let opening = Opening {
        identity: Identity {
            mode: Mode::Remote,
            profile: "remote".to_owned(),
            address: client.base().to_owned(),
            stakes,
        },
        access: access(asked.allow_actions),
        look: asked.look,
        client,
        ambient: Ambient::real(),
        history: state_dir.join(format!("{place}.db")),
    };
    screen::show(opening).await
}

fn access(allow_actions: bool) -> Access {
    if allow_actions { Access::Act } else { Access::ReadOnly }
}
