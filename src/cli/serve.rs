//! `crow serve`: runs the platform without a console.

use super::arguments::platform::{ExposureArgs, ServeArgs};
use super::failure::CommandFailure;
use super::standalone::{StandaloneConfig, StandalonePlatform};
use super::{hardening, log, settings};
use crate::clock::{self, RuntimeEnv};
use crate::domain::proxy::TrustedProxies;
use crate::domain::target::TargetPolicy;
use crate::http::exposure::{ProxyMode, ServerExposure};
use crate::server::otlp;
use futures_util::future::OptionFuture;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Maximum time for the last push of metrics when the platform stops.
const LAST_PUSH_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn run(serve: ServeArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    hardening::check_open_files()?;
    let exposure = exposure(serve.exposure, serve.bind)?;
    let data_dir = match serve.data {
        Some(dir) => dir,
        None => settings::data_dir()?,
    };
    let collector = serve.otlp.map(|url| Ok::<_, CommandFailure>((url, settings::collector_headers()?))).transpose()?;
    let policy = if serve.allow_private_targets { TargetPolicy::Private } else { TargetPolicy::Public };
    let wish = StandaloneConfig {
        data_dir,
        bind: serve.bind,
        policy,
        retry_base: serve.retry_base,
        keep: serve.keep.0,
        request_log_limit: serve.request_log_limit,
        delivery_log_quota: serve.delivery_log_quota,
        event_quota: serve.event_quota,
        max_subscriptions: serve.max_subscriptions,
        ca_files: serve.trust_ca,
        exposure,
        ambient: RuntimeEnv::real(),
    };
    let platform = StandalonePlatform::start(wish).await?;
    if policy == TargetPolicy::Private {
        tracing::warn!("http and private webhook targets are allowed: for development only");
    }
    let (stop_pushing, told) = watch::channel(false);
    let pushing = collector.map(|(url, headers)| {
        let engine = platform.engine().clone();
        clock::spawn(async move { otlp::run_exporter(engine, &url, headers, serve.otlp_every, told).await })
    });
    let stopped = stop_signal()?;
    print_address(platform.address())?;
    stopped.await;
    stop_pushing.send_replace(true);
    if let Some(Ok(Err(why))) =
        RuntimeEnv::real().timeout(LAST_PUSH_TIMEOUT, async { OptionFuture::from(pushing).await }).await.flatten()
    {
        tracing::warn!(why, "metrics push failed");
    }
    let again = stop_signal()?;
    tokio::select! {
        () = platform.stop() => Ok(ExitCode::SUCCESS),
        () = again => Err(CommandFailure::failed("stopped at once by a second signal; unfinished attempts are repeated at the next start", "")),
    }
}

/// Returns to whom a server is exposed that listens on `bind`.
///
/// # Errors
/// [`CommandFailure`] when other machines could reach it without TLS, unless that is accepted.
pub(super) fn exposure(asked: ExposureArgs, bind: SocketAddr) -> Result<ServerExposure, CommandFailure> {
    let is_proxied = asked.behind_proxy || !asked.trusted_proxy.is_empty();
    if !bind.ip().is_loopback() && !is_proxied && !asked.insecure {
        return Err(CommandFailure::usage(
            format!("{bind} is reachable from other machines, and keys would be sent without TLS"),
            "bind to 127.0.0.1, or put a TLS proxy in front and add --trusted-proxy CIDR (or --behind-proxy), or accept the risk with --insecure",
        ));
    }
    let proxied = if is_proxied { ProxyMode::Behind(TrustedProxies(asked.trusted_proxy)) } else { ProxyMode::Direct };
    Ok(ServerExposure { proxied, public_names: asked.public_name })
}

/// Prints the line on stdout that says that the platform is ready.
#[expect(clippy::print_stdout, reason = "the announcement is this command's output")]
pub(super) fn print_address(address: &str) -> Result<(), CommandFailure> {
    println!("listening on {address}");
    std::io::stdout().flush().map_err(|error| CommandFailure::failed(format!("stdout is closed: {error}"), ""))
}

/// Starts listening for SIGINT, SIGTERM and SIGHUP; the returned future completes when one of them arrives.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>, CommandFailure> {
    let on = |kind| {
        signal(kind).map_err(|error| CommandFailure::failed(format!("cannot receive signals: {error}"), "try again"))
    };
    let (mut interrupt, mut terminate, mut hang_up) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}
