//! `crow demo`: a platform, a simulated company on it, and the console.

use super::arguments::platform::DemoArgs;
use super::failure::CommandFailure;
use super::log;
use super::output::print_safe;
use super::portal::ConnectedPlatform;
use super::screen::{self, ConsoleOptions};
use super::serve::{print_address, stop_signal};
use super::standalone::{StandaloneConfig, StandalonePlatform};
use crate::client::connection::PlatformClient;
use crate::clock::{self, RuntimeEnv};
use crate::database::exclusive_transaction::ExclusiveTransaction;
use crate::demo::company;
use crate::demo::scenario::library;
use crate::demo::scenario::runner::{RunningScenario, ScenarioRunner};
use crate::demo::schedule::SpeedFactor;
use crate::domain::secret::Secret;
use crate::domain::target::TargetPolicy;
use crate::engine::event_quota::DEFAULT_EVENT_QUOTA;
use crate::engine::files;
use crate::engine::log_quota::DEFAULT_DELIVERY_LOG_QUOTA;
use crate::engine::retention::DEFAULT_REQUEST_LOG_LIMIT;
use crate::engine::settings::MAX_SUBSCRIPTIONS;
use crate::http::exposure::ServerExposure;
use crate::tui::state::config::{ConsoleAccess, ConsoleIdentity, ConsoleMode, TargetEnvironment};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Delay before the first retry in a demo, short enough to watch retries happen.
const DEMO_RETRY_BASE: Duration = Duration::from_secs(1);

/// Maximum time that a demo waits for attempts in flight when it ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// Data directory of a demo: temporary, or kept after it ends.
enum DemoDataDir {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl DemoDataDir {
    fn create(data: Option<PathBuf>) -> Result<Self, CommandFailure> {
        let refused = |error| {
            CommandFailure::usage(
                format!("cannot create a temporary directory: {error}"),
                "choose a directory with --data DIR",
            )
        };
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

/// Delay before the first retry when scenarios are shown: the platform's default, so that a staged fault does not
/// change while it is looked at.
const SCENARIO_RETRY_BASE: Duration = Duration::from_secs(30);

pub(super) async fn run(demo: DemoArgs) -> Result<ExitCode, CommandFailure> {
    if demo.list_scenarios {
        return list_scenarios(demo.json);
    }
    if !demo.headless {
        screen::check_terminal(&demo.look)?;
    }
    let place = DemoDataDir::create(demo.data.clone())?;
    let ambient = demo.seed.map_or_else(RuntimeEnv::real, RuntimeEnv::seeded);
    let wish = StandaloneConfig {
        data_dir: place.path().to_owned(),
        bind: demo.bind,
        policy: TargetPolicy::Private,
        retry_base: if demo.scenario.is_empty() { DEMO_RETRY_BASE } else { SCENARIO_RETRY_BASE },
        keep: None,
        request_log_limit: DEFAULT_REQUEST_LOG_LIMIT,
        delivery_log_quota: DEFAULT_DELIVERY_LOG_QUOTA,
        event_quota: DEFAULT_EVENT_QUOTA,
        max_subscriptions: MAX_SUBSCRIPTIONS,
        ca_files: Vec::new(),
        exposure: ServerExposure::default(),
        ambient: ambient.clone(),
    };
    let platform = StandalonePlatform::start(wish).await?;
    if demo.headless {
        log::to_stderr();
    } else {
        log::to_file(&place.path().join("crow.log"))?;
    }
    let operator = platform.client("demo company")?;
    if operator.overview(1).await?.keys.total > 0 {
        platform.stop().await;
        return Err(CommandFailure::usage(
            format!(
                "{} already contains a platform with keys, but the demo needs an empty one",
                place.path().display()
            ),
            "choose an empty directory, or open this one with crow --data DIR",
        ));
    }
    let (end, ended) = oneshot::channel::<()>();
    let life = if demo.scenario.is_empty() {
        let setup =
            company::CompanySetup { operator, ambient: ambient.clone(), speed: SpeedFactor::from_factor(demo.speed) };
        let company = company::open(setup).await?;
        write_demo_key(&place, company.curl_key())?;
        clock::spawn(company.generate_traffic(async {
            let _ = ended.await;
        }))
    } else {
        let played = play_scenarios(&demo, &place, operator, &ambient).await?;
        clock::spawn(async move {
            let _ = ended.await;
            drop(played);
        })
    };
    let code = run_demo_console(demo, &platform, &place, &ambient).await;
    let _ = end.send(());
    let _ = life.await;
    // Attempts still in flight go to receivers that are gone. A demo with its own directory returns their leases at
    // its next start.
    let _ = ambient.timeout(SHUTDOWN_TIMEOUT, platform.stop()).await;
    code
}

/// Opens the console, or, headless, announces the address and waits for a signal to stop.
async fn run_demo_console(
    demo: DemoArgs,
    platform: &StandalonePlatform,
    place: &DemoDataDir,
    ambient: &RuntimeEnv,
) -> Result<ExitCode, CommandFailure> {
    if demo.headless {
        let stopped = stop_signal()?;
        print_address(platform.address())?;
        stopped.await;
        return Ok(ExitCode::SUCCESS);
    }
    let profile = match demo.scenario.as_slice() {
        [] => "standalone".to_owned(),
        scripts => scripts.iter().map(|script| script.name.as_str()).collect::<Vec<_>>().join("+"),
    };
    let opening = ConsoleOptions {
        identity: ConsoleIdentity {
            mode: ConsoleMode::Demo,
            profile,
            address: platform.address().to_owned(),
            environment: TargetEnvironment::Ordinary,
            colour: None,
        },
        access: ConsoleAccess::Act,
        look: demo.look,
        platform: ConnectedPlatform::of_client(platform.client("console")?),
        ambient: ambient.clone(),
        history: Some(place.path().join("console.db")),
        first_message: None,
    };
    screen::run_console(opening).await
}

/// Plays the scenarios one after the other; their receivers keep running.
async fn play_scenarios(
    demo: &DemoArgs,
    place: &DemoDataDir,
    operator: PlatformClient,
    ambient: &RuntimeEnv,
) -> Result<Vec<RunningScenario>, CommandFailure> {
    let database = super::settings::platform_database(place.path());
    let hold = move || -> Result<Box<dyn Send>, String> {
        ExclusiveTransaction::begin(&database)
            .map(|held| -> Box<dyn Send> { Box::new(held) })
            .map_err(|error| error.to_string())
    };
    let stage = ScenarioRunner { operator, ambient: ambient.clone(), lock_database: Box::new(hold) };
    let mut played = Vec::new();
    for script in &demo.scenario {
        tracing::info!(scenario = script.name, topic = script.topic, "{}", script.story);
        played.push(stage.run(script).await?);
    }
    if let Some(key) = played.iter().find_map(|played| played.keys.first()) {
        write_demo_key(place, key)?;
    }
    Ok(played)
}

/// Writes a key to `demo.key` in the data directory, for trying the API by hand.
fn write_demo_key(place: &DemoDataDir, key: &Secret) -> Result<(), CommandFailure> {
    Ok(files::write_private(&place.path().join("demo.key"), &format!("{}\n", key.reveal()))?)
}

/// Prints the list of scenarios, as text or JSON.
fn list_scenarios(json: bool) -> Result<ExitCode, CommandFailure> {
    let failed = |error: &dyn std::fmt::Display| CommandFailure::failed(error.to_string(), "");
    let scripts = library::parse_all().map_err(|error| failed(&error))?;
    if json {
        let rows: Vec<serde_json::Value> = scripts
            .iter()
            .map(|of| {
                serde_json::json!({
                    "name": of.name, "topic": of.topic, "cause": of.cause, "remark": of.remark, "story": of.story
                })
            })
            .collect();
        print_safe(&serde_json::to_string_pretty(&rows).map_err(|error| failed(&error))?)?;
    } else {
        for of in &scripts {
            print_safe(&format!("{:<22} {:<22} {}", of.name, of.topic, of.story))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
