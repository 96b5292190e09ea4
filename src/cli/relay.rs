//! `crow relay`: a proxy in front of callers of the Integration API, which records each call.

use super::arguments::listen::RelayArgs;
use super::failure::CommandFailure;
use super::output::{json_line, print_safe};
use super::profile::credential::check_transport;
use super::profile::profile_store::ProfileStore;
use super::reporting::{BoundProxy, RecordingCommand, Reporting};
use super::{hardening, log};
use crate::clock::RuntimeEnv;
use crate::relay::call_proxy::{ANSWER_TIMEOUT, CallProxy, CallProxyConfig};
use crate::relay::upstream::{UpstreamAddress, UpstreamClient};
use crate::wire::calls::RelayedCall;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Maximum time for calls under way after the signal to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of calls that wait to be printed; others are recorded and not shown.
const MAX_UNPRINTED: usize = 4_096;

/// Call as a JSON document.
#[derive(Serialize)]
struct CallDocument<'a> {
    schema: &'static str,
    #[serde(flatten)]
    call: &'a RelayedCall,
}

pub(super) async fn run(asked: RelayArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    hardening::check_open_files()?;
    if !asked.bind.ip().is_loopback() && !asked.insecure {
        return Err(CommandFailure::usage(
            format!("{} is reachable from other machines, and keys would be sent without TLS", asked.bind),
            "bind to 127.0.0.1 with a TLS proxy in front, or accept the risk with --insecure",
        ));
    }
    let ambient = RuntimeEnv::real();
    let (url, ca_files) = platform(&asked)?;
    let unusable = |why: String| CommandFailure::usage(format!("{url}: {why}"), "give the platform's address");
    let platform = UpstreamAddress::parse(&url).map_err(unusable)?;
    let upstream = UpstreamClient::new(ambient.clone(), ANSWER_TIMEOUT, &ca_files)
        .map_err(|error| CommandFailure::usage(error.to_string(), "check the files given with --trust-ca"))?;
    let bound = BoundProxy::bind(asked.bind, &asked.report).await?;
    let place = (asked.profile.as_deref(), asked.url.as_deref());
    let reporting = Reporting::open(&asked.report, RecordingCommand::Relay, place, &ca_files, &ambient)?;
    let (shown, mut showing) = mpsc::channel(MAX_UNPRINTED);
    let config = CallProxyConfig {
        platform,
        upstream,
        reachability: bound.reachability.clone(),
        name_header: asked.name_by_header.clone(),
        keeps_refusals: asked.keep_refusals,
        shown: asked.json.then_some(shown),
    };
    let (proxy, recording) = CallProxy::start(config, reporting.sink.clone(), &ambient);
    let (stop, stopped) = watch::channel(false);
    let address = bound.address;
    let mut serving = bound.serve(proxy.handler(), &ambient, stopped);
    let stop_signal = super::serve::stop_signal()?;
    print_safe(&format!("listening on http://{address}"))?;
    tracing::info!("calls are forwarded to {url}");
    tokio::pin!(stop_signal);
    loop {
        tokio::select! {
            () = &mut stop_signal => break,
            Some(call) = showing.recv() => show(&call)?,
        }
    }
    stop.send_replace(true);
    if ambient.timeout(STOP_TIMEOUT, &mut serving).await.is_none() {
        tracing::warn!("calls in progress did not end within {} s and are aborted", STOP_TIMEOUT.as_secs());
        serving.abort();
        let _ = serving.await;
    }
    reporting.finish(recording, &ambient).await;
    while let Ok(call) = showing.try_recv() {
        show(&call)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(call: &RelayedCall) -> Result<(), CommandFailure> {
    print_safe(&json_line(&CallDocument { schema: "crow.call/1", call })?)
}

/// Returns the platform's address and the authorities to trust for it. Its keys are not read: callers bring their own.
fn platform(asked: &RelayArgs) -> Result<(String, Vec<PathBuf>), CommandFailure> {
    let mut ca_files = asked.trust_ca.clone();
    if let Some(url) = &asked.url {
        check_transport(url, asked.report.allow_http)?;
        return Ok((url.clone(), ca_files));
    }
    let shelf = ProfileStore::open()?;
    let name = asked.profile.as_deref().or(shelf.default_name()).ok_or_else(|| {
        CommandFailure::usage("no platform given, and no default profile exists", "use --profile P or --url URL")
    })?;
    let profile = shelf.find(name)?;
    check_transport(&profile.url, asked.report.allow_http || profile.allow_http)?;
    ca_files.extend_from_slice(&profile.trust_ca);
    Ok((profile.url.clone(), ca_files))
}
