//! `crow demo`: the platform, a simulated company on it, and the console.

use super::arguments::Demo;
use super::failure::Failure;
use super::log;
use super::screen::{self, Opening};
use super::serve::{announce, stop_signal};
use super::standalone::{Standalone, Wish};
use crate::ambient::Ambient;
use crate::demo::company;
use crate::demo::plan::Pace;
use crate::domain::target::Policy;
use crate::engine::files;
use crate::tui::console::{Access, Identity, Mode, Stakes};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The wait before the first retry in a demo, so that everything happens while one looks.
const RETRY_BASE: Duration = Duration::from_secs(1);

/// How long a demo that ends waits for what is under way.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where a demo keeps its data.
enum Place {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Place {
    fn of(data: Option<PathBuf>) -> Result<Self, Failure> {
        let refused =
            |error| Failure::usage(format!("no temporary directory can be made: {error}"), "say where with --data DIR");
        Ok(match data {
            Some(dir) => Self::Kept(dir),
            None => Self::Temporary(tempfile::Builder::new().prefix("crow-demo-").tempdir().map_err(refused)?),
        })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(dir) => dir,
        }
    }
}

pub(super) async fn run(demo: Demo) -> Result<ExitCode, Failure> {
    if !demo.headless {
        screen::check(&demo.look)?;
    }
    let place = Place::of(demo.data)?;
    let ambient = Ambient::real();
    let wish = Wish {
        data_dir: place.path().to_owned(),
        bind: demo.bind,
        policy: Policy::Private,
        retry_base: RETRY_BASE,
        keep: None,
        ca_files: Vec::new(),
        ambient: ambient.clone(),
    };
    let platform = Standalone::start(wish).await?;
    if demo.headless {
        log::to_stderr();
    } else {
        log::to_file(&place.path().join("crow.log"))?;
    }
    let operator = platform.client("demo company")?;
    if operator.overview(1).await?.keys.total > 0 {
        platform.stop().await;
        return Err(Failure::usage(
            format!(
                "{} holds a platform with keys already, and a demo founds a company of its own",
                place.path().display()
            ),
            "choose an empty directory, or look at this one with crow --data DIR",
        ));
    }
    let setup = company::Setup { operator, ambient: ambient.clone(), pace: Pace::times(demo.speed) };
    let company = company::open(setup).await?;
    files::write_private(&place.path().join("demo.key"), &format!("{}\n", company.curl_key().reveal()))?;
    let (end, ended) = oneshot::channel::<()>();
    let life = tokio::spawn(company.live(async {
        let _ = ended.await;
    }));
    let code = if demo.headless {
        let stopped = stop_signal()?;
        announce(platform.address())?;
        stopped.await;
        Ok(ExitCode::SUCCESS)
    } else {
        let opening = Opening {
            identity: Identity {
                mode: Mode::Demo,
                profile: "standalone".to_owned(),
                address: platform.address().to_owned(),
                stakes: Stakes::Ordinary,
            },
            access: Access::Act,
            look: demo.look,
            client: platform.client("console")?,
            ambient: ambient.clone(),
            history: place.path().join("console.db"),
        };
        screen::show(opening).await
    };
    let _ = end.send(());
    let _ = life.await;
    // What is still under way goes to receivers that are gone; a demo that is to be kept has its leases returned at its next start.
    let _ = ambient.within(PATIENCE, platform.stop()).await;
    code
}
