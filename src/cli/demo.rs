//! `crow demo`: the platform, a simulated company on it, and the console.

use super::arguments::Demo;
use super::failure::Failure;
use super::log;
use super::serve::{announce, stop_signal};
use super::standalone::{Standalone, Wish};
use crate::ambient::Ambient;
use crate::demo::company;
use crate::demo::plan::Pace;
use crate::domain::target::Policy;
use crate::engine::files;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The wait before the first retry in a demo, so that everything happens while one looks.
const RETRY_BASE: Duration = Duration::from_secs(1);

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
    log::to_stderr();
    let place = Place::of(demo.data)?;
    let ambient = Ambient::real();
    let wish = Wish {
        data_dir: place.path().to_owned(),
        bind: demo.bind,
        policy: Policy::Private,
        retry_base: RETRY_BASE,
        ambient: ambient.clone(),
    };
    let platform = Standalone::start(wish).await?;
    let operator = platform.client("demo company")?;
    let company = company::open(company::Setup { operator, ambient, pace: Pace::times(demo.speed) }).await?;
    let key_file = place.path().join("demo.key");
    files::write_private(&key_file, &format!("{}\n", company.curl_key().reveal()))?;
    let (end, ended) = oneshot::channel::<()>();
    let life = tokio::spawn(company.live(async {
        let _ = ended.await;
    }));
    announce(platform.address())?;
    stop_signal().await?;
    let _ = end.send(());
    let _ = life.await;
    platform.stop().await;
    Ok(ExitCode::SUCCESS)
}
