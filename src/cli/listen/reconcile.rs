//! What was polled against what was received.

use crate::ambient::Ambient;
use crate::cli::arguments::listen::Reconcile;
use crate::cli::diagnose::print;
use crate::cli::failure::Failure;
use crate::cli::remote::Place;
use crate::monitor::history::History;
use crate::monitor::history::receipts::Comparison;
use crate::monitor::post::Post;
use crate::monitor::rounds;
use std::process::ExitCode;

/// Missing events that are named.
const NAMED: usize = 50;

/// Polls what happened up to now, and compares: exit code 0 everything was received, 1 something was not.
pub(super) async fn run(place: &Place, history: History, asked: &Reconcile) -> Result<ExitCode, Failure> {
    let ambient = Ambient::real();
    let holders = place.holders()?;
    if holders.is_empty() {
        return Err(Failure::usage(
            "events are polled with a key of the Integration API, and there is only an operator's token",
            "keep a key with crow profile key, or give one with --key-file F",
        ));
    }
    let percent = place.profile.as_ref().map_or(crate::cli::profile::shelf::BUDGET, |profile| profile.budget_percent);
    let post = Post::new(holders, ambient.clone(), history.clone(), percent);
    let until = ambient.now();
    let since = until.minus(asked.since);
    rounds::catch_up(&post, &ambient, since)
        .await
        .map_err(|why| Failure::failed(why, "check the address and the key; crow console shows what is the matter"))?;
    let refused = |error: crate::sqlite::Error| Failure::failed(error.to_string(), "see the log for more");
    let comparison = history.compare(since, until, asked.types.clone()).await.map_err(refused)?;
    print(&if asked.json { json(&comparison).to_string() } else { shown(&comparison, asked) })?;
    Ok(ExitCode::from(u8::from(!comparison.missing.is_empty())))
}

fn json(of: &Comparison) -> serde_json::Value {
    let missing: Vec<serde_json::Value> = of
        .missing
        .iter()
        .map(|(id, kind, at)| serde_json::json!({ "eventId": id.0, "eventType": kind.inert(), "createdUtc": at }))
        .collect();
    let repeated: Vec<serde_json::Value> =
        of.repeated.iter().map(|(id, n)| serde_json::json!({ "eventId": id.0, "times": n })).collect();
    serde_json::json!({
        "schema": "crow.reconcile/1", "types": of.types, "nPolled": of.n_polled, "nReceived": of.n_received,
        "missing": missing, "receivedButNotPolled": of.unknown.iter().map(|id| id.0).collect::<Vec<_>>(), "repeated": repeated,
    })
}

fn shown(of: &Comparison, asked: &Reconcile) -> String {
    let types =
        if of.types.is_empty() { "no type: nothing was ever received here".to_owned() } else { of.types.join(" ") };
    let mut lines = vec![
        format!("the last {} of {types}", humantime::format_duration(asked.since)),
        format!("{} events were polled, {} of them were received and answered 2xx", of.n_polled, of.n_received),
    ];
    for (id, kind, at) in of.missing.iter().take(NAMED) {
        lines.push(format!("missing   {id}  {}  {} UTC", kind.inert(), at.format("%Y-%m-%d %H:%M:%S")));
    }
    if of.missing.len() > NAMED {
        lines.push(format!("missing   and {} more; --json names them all", of.missing.len() - NAMED));
    }
    for (id, n) in &of.repeated {
        lines.push(format!("repeated  {id}  {n} times, which at-least-once delivery permits"));
    }
    if !of.unknown.is_empty() {
        let n = of.unknown.len();
        lines.push(format!(
            "{n} events were received that were not polled: another company's, or older than what was asked for"
        ));
    }
    lines.join("\n")
}
