//! The platform inside this process: bound to a port, served, and stopped in order.

use super::failure::Failure;
use super::settings;
use crate::ambient::Ambient;
use crate::client::connection::{Client, Credential};
use crate::domain::delivery::Schedule;
use crate::domain::target::Policy;
use crate::engine::reach::Reach;
use crate::engine::{Engine, Settings};
use crate::server;
use crate::server::exposure::Exposure;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the platform is to run.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) data_dir: PathBuf,
    pub(super) bind: SocketAddr,
    pub(super) policy: Policy,
    pub(super) retry_base: Duration,
    /// How long the logs are kept; for ever if absent.
    pub(super) keep: Option<Duration>,
    /// Bytes that the request log may have.
    pub(super) request_log_limit: u64,
    pub(super) delivery_log_quota: u64,
    /// Subscriptions that a company may have.
    pub(super) max_subscriptions: u32,
    /// Certificates of authorities that receivers may have, beside those of the operating system.
    pub(super) ca_files: Vec<PathBuf>,
    /// How it can be reached.
    pub(super) exposure: Exposure,
    pub(super) ambient: Ambient,
}

/// A platform that runs.
#[derive(Debug)]
pub(super) struct Standalone {
    address: String,
    engine: Engine,
    work: Task,
    serving: Task,
}

/// Something that runs until it is told to stop.
#[derive(Debug)]
struct Task {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Task {
    fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(watch::Receiver<bool>) -> F) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, running: tokio::spawn(work(stopped)) }
    }

    /// Tells it to stop, and gives up on it after `patience`.
    async fn end(mut self, ambient: &Ambient, patience: Duration) {
        self.stop.send_replace(true);
        if ambient.within(patience, &mut self.running).await.is_none() {
            tracing::warn!("something did not stop in time and was left");
            self.running.abort();
        }
    }
}

/// How long calls under way may take when the platform stops; and then, attempts under way and the last writes.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(15));

impl Standalone {
    /// Binds the port, opens the data directory, and answers when both the server and the dispatcher run.
    pub(super) async fn start(wish: Wish) -> Result<Self, Failure> {
        let Wish {
            data_dir,
            bind,
            policy,
            retry_base,
            keep,
            request_log_limit,
            delivery_log_quota,
            max_subscriptions,
            ca_files,
            exposure,
            ambient,
        } = wish;
        let listener = TcpListener::bind(bind).await.map_err(|error| {
            Failure::usage(
                format!("cannot listen on {bind}: {error}"),
                "choose another address with --bind, or stop what is using it",
            )
        })?;
        let address = listener.local_addr().map_err(|error| Failure::failed(error.to_string(), "try again"))?;
        let reach = Reach { ca_files, listens_at: vec![address], ..Reach::default() };
        let (schedule, custody) = (Schedule { base: retry_base }, settings::custody()?);
        let settings = Settings {
            data_dir,
            policy,
            schedule,
            keep,
            request_log_limit,
            delivery_log_quota,
            max_subscriptions,
            reach,
            custody,
        };
        let engine = Engine::open(settings, ambient).await?;
        let work = Task::start({
            let engine = engine.clone();
            async move |stopped| engine.run(stopped).await
        });
        let serving = Task::start(|stopped| server::serve(listener, engine.clone(), exposure, stopped));
        let mut changes = engine.changes();
        while !engine.status().is_dispatching {
            if changes.changed().await.is_err() {
                break;
            }
        }
        Ok(Self { address: format!("http://{address}"), engine, work, serving })
    }

    /// The platform without its network face.
    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// An ordinary client over the socket, with an admin credential that lives only in this process's memory.
    pub(super) fn client(&self, name: &str) -> Result<Client, Failure> {
        let token = self.engine.mint_operator(name);
        Ok(Client::new(&self.address, Credential::Operator(token))?)
    }

    /// Stops, from the outside in: calls under way finish, then attempts under way, what was noted is written down, the database is
    /// closed. Nobody can hold it up for longer than 18 s.
    pub(super) async fn stop(self) {
        let ambient = self.engine.ambient().clone();
        self.serving.end(&ambient, PATIENCE.0).await;
        self.work.end(&ambient, PATIENCE.1).await;
    }
}
