//! `crow reconcile`: compares polled events with received ones.

use crate::cli::arguments::listen::ReconcileArgs;
use crate::cli::failure::CommandFailure;
use crate::cli::output;
use crate::cli::output::print_safe;
use crate::cli::remote::PlatformTarget;
use crate::clock::RuntimeEnv;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use crate::history::PlatformHistory;
use crate::history::receipts::{ComparedShare, ReceiptComparison};
use crate::observer::keyed_client::RateLimitedClient;
use crate::observer::poller;
use crate::text::{count, several};
use std::process::ExitCode;

/// Maximum number of missing and of unreadable events that are listed without `--json`.
const MAX_NAMED_EVENTS: usize = 50;

/// Exit code when nothing was compared.
const NOTHING_COMPARED: u8 = 2;

/// Polls the events up to now and compares them: exit code 0 if at least one was compared and all of them were
/// received, 1 if an event is missing or could not be read, 2 if nothing was compared.
pub(super) async fn run(
    place: &PlatformTarget,
    history: PlatformHistory,
    asked: &ReconcileArgs,
) -> Result<ExitCode, CommandFailure> {
    let ambient = RuntimeEnv::real();
    let holders = place.observer_keys()?;
    if holders.is_empty() {
        return Err(CommandFailure::usage(
            "polling events needs an API key, but only an operator token was given",
            "add a key with crow profile key, or give one with --key-file F",
        ));
    }
    check_types(&asked.types)?;
    let refused =
        |error: crate::database::error::Error| CommandFailure::usage(error.to_string(), "see the log for more");
    if asked.types.is_empty() && history.received_types().await.map_err(refused)?.is_empty() {
        return Err(CommandFailure::usage(
            "nothing was received here yet, so there is nothing to compare",
            "run crow listen for the same platform first, or give types with --types",
        ));
    }
    let percent = place
        .profile
        .as_ref()
        .map_or(crate::cli::profile::profile_store::DEFAULT_BUDGET_PERCENT, |profile| profile.budget_percent);
    let post = RateLimitedClient::new(holders, ambient.clone(), history.clone(), percent);
    let until = ambient.now();
    let since = until.minus(asked.since);
    let waits = |line: &str| output::remark(&format!("crow: waiting: {line}"));
    poller::poll_since(&post, &ambient, since, waits).await.map_err(|why| {
        CommandFailure::usage(format!("nothing was compared: {why}"), "check the address, the key and its scopes")
    })?;
    let comparison = history.compare(since, until, asked.types.clone()).await.map_err(refused)?;
    print_safe(&if asked.json { json(&comparison).to_string() } else { shown(&comparison, asked) })?;
    if comparison.n_polled == 0 && comparison.unreadable.is_empty() {
        output::remark(&format!(
            "crow: no event of these types in the last {}; look further back with --since, or give other types with --types",
            lookback_text(asked)
        ));
        return Ok(ExitCode::from(NOTHING_COMPARED));
    }
    if !comparison.missing.is_empty() {
        output::remark(
            "crow: to report the missing events, save the list with --json; replay missed events of a subscription in the Admin Portal",
        );
    }
    let is_whole = comparison.missing.is_empty() && comparison.unreadable.is_empty();
    Ok(ExitCode::from(u8::from(!is_whole)))
}

/// Refuses a type that is not an event type.
fn check_types(types: &[String]) -> Result<(), CommandFailure> {
    match types.iter().find(|name| EventType::ALL.iter().all(|kind| kind.name() != name.as_str())) {
        None => Ok(()),
        Some(name) => Err(CommandFailure::usage(
            format!("unknown event type {name}"),
            format!("known: {}", EventType::ALL.map(EventType::name).join(", ")),
        )),
    }
}

fn lookback_text(asked: &ReconcileArgs) -> humantime::FormattedDuration {
    humantime::format_duration(asked.since)
}

fn json(of: &ReceiptComparison) -> serde_json::Value {
    let missing: Vec<serde_json::Value> = of
        .missing
        .iter()
        .map(|(id, kind, at)| serde_json::json!({ "eventId": id.0, "eventType": kind.sanitized(), "createdUtc": at }))
        .collect();
    let repeated: Vec<serde_json::Value> =
        of.repeated.iter().map(|(id, n)| serde_json::json!({ "eventId": id.0, "times": n })).collect();
    let unreadable: Vec<serde_json::Value> = of
        .unreadable
        .iter()
        .map(|(id, why)| serde_json::json!({ "eventId": id.map(|id| id.0), "why": why.sanitized() }))
        .collect();
    let not_compared: Vec<serde_json::Value> = of
        .not_compared
        .iter()
        .map(|(kind, n)| serde_json::json!({ "eventType": kind.sanitized(), "nPolled": n }))
        .collect();
    let by_type = of.by_type.iter().map(|share| share_json(share, "eventType", share.of.sanitized()));
    let by_subscription = of.by_subscription.iter().map(|share| share_json(share, "subscriptionId", share.of.0));
    let unrecorded = of
        .unrecorded
        .iter()
        .map(|of| serde_json::json!({ "sinceUtc": of.since, "untilUtc": of.until, "nDeliveries": of.n }));
    serde_json::json!({
        "byType": by_type.collect::<Vec<_>>(), "bySubscription": by_subscription.collect::<Vec<_>>(),
        "unrecorded": unrecorded.collect::<Vec<_>>(),
        "schema": "crow.reconcile/1", "types": of.types, "nPolled": of.n_polled, "nReceived": of.n_received,
        "missing": missing, "receivedButNotPolled": of.unknown.iter().map(|id| id.0).collect::<Vec<_>>(), "repeated": repeated,
        "unreadable": unreadable, "notCompared": not_compared,
    })
}

fn share_json<T>(share: &ComparedShare<T>, name: &str, of: impl serde::Serialize) -> serde_json::Value {
    serde_json::json!({ name: of, "nPolled": share.n_polled, "nReceived": share.n_received })
}

fn shown(of: &ReceiptComparison, asked: &ReconcileArgs) -> String {
    let mut lines = vec![
        format!("last {}: {}", lookback_text(asked), of.types.join(" ")),
        format!("{} polled, {} of them received and answered 2xx", count(of.n_polled, "event"), of.n_received),
    ];
    for share in of.by_type.iter().filter(|_| of.by_type.len() > 1) {
        lines.push(format!("type {}: {} polled, {} received", share.of.sanitized(), share.n_polled, share.n_received));
    }
    for share in &of.by_subscription {
        lines.push(format!("subscription {}: {} polled, {} received", share.of, share.n_polled, share.n_received));
    }
    for period in &of.unrecorded {
        let at = |at: Timestamp| at.format("%Y-%m-%d %H:%M:%S");
        let n = several(period.n, "delivery", "deliveries");
        lines.push(format!(
            "not recorded  {n} from {} to {} UTC; reception unknown",
            at(period.since),
            at(period.until)
        ));
    }
    for (id, kind, at) in of.missing.iter().take(MAX_NAMED_EVENTS) {
        lines.push(format!("missing   {id}  {}  {} UTC", kind.sanitized(), at.format("%Y-%m-%d %H:%M:%S")));
    }
    if of.missing.len() > MAX_NAMED_EVENTS {
        lines.push(format!("missing   and {} more; use --json for all", of.missing.len() - MAX_NAMED_EVENTS));
    }
    for (id, why) in of.unreadable.iter().take(MAX_NAMED_EVENTS) {
        let id = id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        lines.push(format!("unreadable  {id}  {}; reception unknown", why.sanitized()));
    }
    for (id, n) in &of.repeated {
        lines.push(format!("repeated  {id}  {n} times (normal for at-least-once delivery)"));
    }
    if !of.unknown.is_empty() {
        let n = of.unknown.len();
        lines.push(format!("received but not polled: {n} (of another company, or older than the period)"));
    }
    if asked.types.is_empty() {
        for (kind, n) in &of.not_compared {
            let kind = kind.sanitized();
            lines.push(format!("not compared  {n} of {kind}: none received here yet; add --types {kind} to compare"));
        }
    }
    lines.join("\n")
}
