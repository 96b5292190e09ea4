//! `crow listen`: a receiver of webhooks, or a proxy in front of receivers, that verifies, shows and records deliveries.
//! `crow reconcile`: compares the platform's events with what was received.

mod arrival_text;
mod reconcile;

use super::arguments::listen::{ListenArgs, ReconcileArgs};
use super::failure::CommandFailure;
use super::output::print_safe;
use super::profile::credential::read_single_secret;
use super::reporting::{BoundProxy, RecordingCommand, Reporting, open_history_at};
use super::{log, remote};
use crate::clock::RuntimeEnv;
use crate::domain::secret::Secret;
use crate::relay::upstream::{UpstreamAddress, UpstreamClient};
use crate::relay::webhook_proxy::{HANDOVER_TIMEOUT, WebhookProxy, WebhookProxyConfig};
use crate::relay::webhook_routes::{WebhookRoute, WebhookRoutes};
use arrival_text::ListenSummary;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Interval after which the log says that nothing arrived.
const QUIET_INTERVAL: Duration = Duration::from_secs(300);
/// Maximum time for open requests after the signal to stop; handing on takes at most 9 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(11);
/// Maximum number of arrivals that wait to be printed; others are recorded and not shown.
const MAX_UNPRINTED: usize = 4_096;

pub(super) async fn run(asked: ListenArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    super::hardening::check_open_files()?;
    let ambient = RuntimeEnv::real();
    let routes = read_routes(&asked)?;
    let is_verified = routes.iter().all(WebhookRoute::is_verified);
    let upstream = UpstreamClient::new(ambient.clone(), HANDOVER_TIMEOUT, &asked.trust_ca)
        .map_err(|error| CommandFailure::usage(error.to_string(), "check the files given with --trust-ca"))?;
    let bind = asked.port.map_or(asked.bind, |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let bound = BoundProxy::bind(bind, &asked.report).await?;
    let place = (asked.profile.as_deref(), asked.url.as_deref());
    let reporting = Reporting::open(&asked.report, RecordingCommand::Listen, place, &asked.trust_ca, &ambient)?;
    let (arrivals, mut arriving) = mpsc::channel(MAX_UNPRINTED);
    let reachability = bound.reachability.clone();
    let config = WebhookProxyConfig { routes, upstream, reachability, keeps_bodies: asked.keep_bodies, arrivals };
    let (proxy, recording) = WebhookProxy::start(config, reporting.sink.clone(), &ambient);
    let (stop, stopped) = watch::channel(false);
    let address = bound.address;
    let mut serving = bound.serve(proxy.handler(), &ambient, stopped);
    let stop_signal = super::serve::stop_signal()?;
    print_safe(&format!("listening on http://{address}"))?;
    if !is_verified {
        tracing::warn!("signatures are not verified on every path; give signing secrets with --secret-file");
    }
    if !address.ip().is_loopback() {
        tracing::warn!("{address} is reachable from other machines without TLS; put a TLS proxy in front");
    }
    let mut summary = ListenSummary::default();
    tokio::pin!(stop_signal);
    loop {
        tokio::select! {
            () = &mut stop_signal => break,
            came = arriving.recv() => match came {
                Some(arrival) => summary.show(&arrival, asked.json)?,
                None => break,
            },
            () = ambient.sleep(QUIET_INTERVAL) => {
                tracing::info!("no delivery for {} s; {}", QUIET_INTERVAL.as_secs(), summary.line());
            }
        }
    }
    stop.send_replace(true);
    if ambient.timeout(STOP_TIMEOUT, &mut serving).await.is_none() {
        tracing::warn!("open requests did not finish within {} s and are aborted", STOP_TIMEOUT.as_secs());
        serving.abort();
        let _ = serving.await;
    }
    reporting.finish(recording, &ambient).await;
    // All senders of arrivals are gone, so that this ends.
    while let Ok(arrival) = arriving.try_recv() {
        summary.show(&arrival, asked.json)?;
    }
    tracing::info!("{}", summary.line());
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn reconcile(asked: ReconcileArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let place = remote::resolve_target(&asked.remote)?;
    let history = open_history_at(&place.state_file()?)?;
    reconcile::run(&place, history, &asked).await
}

/// Reads the routes with their secrets and subscriptions. Without a route or receiver, every path is answered here.
fn read_routes(asked: &ListenArgs) -> Result<WebhookRoutes, CommandFailure> {
    let refused = |what: String| CommandFailure::usage(what, "see crow listen --help");
    let mut routes: Vec<WebhookRoute> =
        asked.route.iter().map(|(path, target)| WebhookRoute::new(Some(path.clone()), Some(target.clone()))).collect();
    if let Some(text) = &asked.forward {
        let target = UpstreamAddress::parse(text).map_err(|why| {
            CommandFailure::usage(format!("{text}: {why}"), "give your receiver's URL with --forward URL")
        })?;
        routes.push(WebhookRoute::new(None, Some(target)));
    } else if routes.is_empty() {
        routes.push(WebhookRoute::new(None, None));
    }
    for (path, id) in &asked.subscription {
        let route = routes.iter_mut().find(|route| route.path() == Some(path));
        route
            .ok_or_else(|| refused(format!("--subscription {path}={id}: no --route has this path")))?
            .set_subscription(*id);
    }
    let mut shared = Vec::new();
    for text in &asked.secret_file {
        let of_path = text.split_once('=').and_then(|(path, file)| {
            let at = routes.iter().position(|route| route.path() == Some(path))?;
            Some((at, file))
        });
        match of_path {
            Some((at, file)) => {
                let secret = read_single_secret(Path::new(file), "a signing secret")?;
                routes[at].add_secret(secret).map_err(refused)?;
            }
            None if text.starts_with('/') && text.contains("=") && !Path::new(text).exists() => {
                return Err(refused(format!("--secret-file {text}: no --route has this path")));
            }
            None => shared.push(read_single_secret(Path::new(text), "a signing secret")?),
        }
    }
    for route in routes.iter_mut().filter(|route| !route.is_verified()) {
        for secret in &shared {
            route.add_secret(Secret::new(secret.reveal().to_owned())).map_err(refused)?;
        }
    }
    WebhookRoutes::new(routes).map_err(refused)
}
