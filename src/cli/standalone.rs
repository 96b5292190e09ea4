//! Standalone platform inside this process: binds the port, serves, and stops in order.

use super::failure::CommandFailure;
use super::settings;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::{self, RuntimeEnv};
use crate::domain::delivery::RetryPolicy;
use crate::domain::target::TargetPolicy;
use crate::engine::egress::EgressConfig;
use crate::engine::handle::Engine;
use crate::engine::settings::EngineSettings;
use crate::http::exposure::ServerExposure;
use crate::server;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Configuration of a standalone platform.
#[derive(Debug)]
pub(super) struct StandaloneConfig {
    pub(super) data_dir: PathBuf,
    pub(super) bind: SocketAddr,
    pub(super) policy: TargetPolicy,
    pub(super) retry_base: Duration,
    /// Retention of logs; `None` keeps them forever.
    pub(super) keep: Option<Duration>,
    /// Maximum size of the request log, in bytes.
    pub(super) request_log_limit: u64,
    pub(super) delivery_log_quota: u64,
    /// Maximum size of the stored events per company, in bytes.
    pub(super) event_quota: u64,
    /// Maximum number of subscriptions per company.
    pub(super) max_subscriptions: u32,
    /// PEM files of certificate authorities to trust for webhook targets, beside those of the operating system.
    pub(super) ca_files: Vec<PathBuf>,
    /// Addresses, names and proxies by which other machines reach the platform.
    pub(super) exposure: ServerExposure,
    pub(super) ambient: RuntimeEnv,
}

/// Standalone platform that is running.
#[derive(Debug)]
pub(super) struct StandalonePlatform {
    address: String,
    engine: Engine,
    work: BackgroundTask,
    serving: BackgroundTask,
}

/// Background task that runs until its stop signal.
#[derive(Debug)]
struct BackgroundTask {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl BackgroundTask {
    fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(watch::Receiver<bool>) -> F) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, running: clock::spawn(work(stopped)) }
    }

    /// Tells the task to stop, and aborts it after `patience`.
    async fn stop_within(mut self, ambient: &RuntimeEnv, patience: Duration) {
        self.stop.send_replace(true);
        if ambient.timeout(patience, &mut self.running).await.is_none() {
            tracing::warn!("a task did not stop in time and was abandoned");
            self.running.abort();
        }
    }
}

/// Maximum time for open calls when the platform stops, and, after that, for attempts in flight and the last writes.
const SHUTDOWN_TIMEOUTS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(15));

impl StandalonePlatform {
    /// Binds the port, opens the data directory, and returns when both the server and the dispatcher run.
    pub(super) async fn start(wish: StandaloneConfig) -> Result<Self, CommandFailure> {
        let StandaloneConfig {
            data_dir,
            bind,
            policy,
            retry_base,
            keep,
            request_log_limit,
            delivery_log_quota,
            event_quota,
            max_subscriptions,
            ca_files,
            exposure,
            ambient,
        } = wish;
        let listener = TcpListener::bind(bind).await.map_err(|error| {
            CommandFailure::usage(
                format!("cannot listen on {bind}: {error}"),
                "choose another address with --bind, or stop the process that uses it",
            )
        })?;
        let address = listener.local_addr().map_err(|error| CommandFailure::failed(error.to_string(), "try again"))?;
        let reach = EgressConfig { ca_files, listen_addresses: vec![address], ..EgressConfig::default() };
        let (schedule, custody) = (RetryPolicy { base: retry_base }, settings::platform_key_source()?);
        let settings = EngineSettings {
            data_dir,
            target_policy: policy,
            retry_schedule: schedule,
            retain_for: keep,
            request_log_limit,
            delivery_log_quota,
            event_quota,
            max_subscriptions,
            egress: reach,
            master_key_source: custody,
        };
        let engine = Engine::open(settings, ambient).await?;
        let work = BackgroundTask::start({
            let engine = engine.clone();
            async move |stopped| engine.run(stopped).await
        });
        let serving = BackgroundTask::start(|stopped| server::serve(listener, engine.clone(), exposure, stopped));
        let mut changes = engine.subscribe_changes();
        // The address is announced only once deliveries are dispatched.
        while !engine.status().is_dispatching {
            if changes.changed().await.is_err() {
                break;
            }
        }
        Ok(Self { address: format!("http://{address}"), engine, work, serving })
    }

    /// Returns the engine of the platform.
    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the base URL, such as `http://127.0.0.1:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Creates a client over the socket, with an admin credential that exists only in this process's memory.
    pub(super) fn client(&self, name: &str) -> Result<PlatformClient, CommandFailure> {
        let token = self.engine.mint_operator(name);
        Ok(PlatformClient::new(&self.address, ClientCredential::Operator(token))?)
    }

    /// Stops from the outside in: open calls finish, then attempts in flight, then buffered writes, and the database
    /// is closed. Takes at most 18 s.
    pub(super) async fn stop(self) {
        let ambient = self.engine.ambient().clone();
        self.serving.stop_within(&ambient, SHUTDOWN_TIMEOUTS.0).await;
        self.work.stop_within(&ambient, SHUTDOWN_TIMEOUTS.1).await;
    }
}
