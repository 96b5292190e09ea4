//! Runbooks: guided work in steps, each with a check by read-only calls. A run is stored in a file and resumed: a
//! step that passed stays passed. Runbooks change nothing themselves.

use super::diagnosis_subject::DiagnosisSubject;
use super::evidence_set::{DiagnosisScope, EvidenceSet};
use super::report::CheckVerdict;
use super::run::gather_lists;
use super::runbook_actions::step_actions;
use super::runbook_kind::Runbook;
use super::runbook_progress::{RunbookProgress, RunbookStepState};
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::ids::{KeyId, SubscriptionId};
use crate::domain::scope::KeyScope;
use crate::domain::time::Timestamp;
use crate::text::{count, several};
use crate::wire::attempts::AttemptRow;
use crate::wire::coverage::CoveredNoun;
use crate::wire::keys::KeyRow;
use crate::wire::log::LogPage;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow};
use std::time::Duration;

/// Minimum time without use before a key is revoked.
const MIN_SILENCE: Duration = Duration::from_secs(900);

/// Step of a runbook: its id, what to do, and what is checked.
type RunbookStep = (&'static str, &'static str, &'static str);

/// Returns the steps of a runbook, in order.
#[must_use]
pub const fn steps(runbook: Runbook) -> &'static [RunbookStep] {
    match runbook {
        Runbook::KeyRotation => &[
            (
                "new-key",
                "Create a key for the same company with the same scopes. It is shown once.",
                "a newer active key has these scopes",
            ),
            (
                "new-in-use",
                "Deploy the new key to every system that uses the old one.",
                "the new key authenticated a call",
            ),
            ("old-silent", "Wait until the old key is no longer used.", "no call with the old key for 15 minutes"),
            ("old-revoked", "Revoke the old key. This is permanent.", "the old key is revoked"),
        ],
        Runbook::LostSecret => &[
            (
                "new-subscription",
                "Create a subscription with the same target and event types. Its secret is shown once.",
                "a newer subscription with these types is enabled",
            ),
            (
                "first-success",
                "Configure the new secret in the receiver. Until the old subscription is deleted, each event arrives twice: drop duplicates by event ID.",
                "a delivery to the new subscription succeeded",
            ),
            ("old-deleted", "Delete the old subscription; duplicates then end.", "the old subscription is deleted"),
        ],
        Runbook::BreakerRecovery => &[
            (
                "endpoint-answers",
                "Fix the endpoint, then send tests until one succeeds.",
                "the latest attempt since the trip succeeded",
            ),
            (
                "enabled",
                "Enable the subscription, and choose whether to resend missed events.",
                "the subscription is enabled",
            ),
            ("delivers", "Wait for the next delivery.", "the latest scheduled or replayed delivery succeeded"),
            (
                "nothing-waits",
                "Replay missed events if the receiver needs them.",
                "no delivery of the last 7 days was missed, given up or held",
            ),
        ],
        Runbook::Rollback => &[
            ("earlier-known", "Review the earlier configurations and choose one.", "an earlier configuration exists"),
            ("rolled-back", "Restore the chosen configuration.", "the current configuration equals an earlier one"),
            ("endpoint-answers", "Send a test to the endpoint.", "the latest attempt since the rollback succeeded"),
        ],
    }
}

/// Begins a run, dated by the platform's clock; by this machine's if the platform does not answer.
pub async fn begin_run(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    runbook: Runbook,
    subject: DiagnosisSubject,
) -> RunbookProgress {
    let at = client.overview(1).await.map_or_else(|_| ambient.now(), |overview| overview.server_utc);
    RunbookProgress { runbook, subject, begun_utc: at, checked_utc: at, steps: Vec::new() }
}

/// Checks a run from its first open step on, up to the first step that is not done. Never fails: what could not be
/// read leaves its step open.
pub async fn resume_run(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    mut progress: RunbookProgress,
) -> RunbookProgress {
    let scope = DiagnosisScope { subject: DiagnosisSubject::All, lookback: Duration::from_secs(7 * 86_400) };
    let dossier = gather_lists(client, ambient, scope).await;
    progress.checked_utc = dossier.at;
    let mut states = Vec::new();
    let mut is_open = false;
    for (id, to_do, checked) in steps(progress.runbook) {
        let earlier =
            progress.steps.iter().find(|step| step.id == *id).filter(|step| step.verdict == CheckVerdict::Pass);
        let (verdict, found, at_utc) = match earlier {
            Some(step) => (CheckVerdict::Pass, step.found.clone(), step.at_utc),
            None if is_open => (CheckVerdict::Skipped("waiting for an earlier step".to_owned()), String::new(), None),
            None => {
                let (verdict, found) = match check_step(client, &dossier, &progress, id).await {
                    Ok((true, found)) => (CheckVerdict::Pass, found),
                    Ok((false, found)) => (CheckVerdict::Fail, found),
                    Err(why) => (CheckVerdict::Unknown(why), String::new()),
                };
                (verdict, found, Some(dossier.at))
            }
        };
        let is_next = !is_open && verdict != CheckVerdict::Pass;
        let offers = if is_next { step_actions(&progress, id, &dossier) } else { Vec::new() };
        is_open |= is_next;
        states.push(RunbookStepState {
            id: (*id).to_owned(),
            to_do: (*to_do).to_owned(),
            check: (*checked).to_owned(),
            verdict,
            found,
            at_utc,
            offers,
        });
    }
    progress.steps = states;
    progress
}

/// Checks whether a step is done, and describes what was seen.
async fn check_step(
    client: &PlatformClient,
    dossier: &EvidenceSet,
    of: &RunbookProgress,
    id: &str,
) -> Result<(bool, String), String> {
    match of.subject {
        DiagnosisSubject::Key(key) => key_step(client, dossier, of, (key, id)).await,
        DiagnosisSubject::Subscription(subscription) => match of.runbook {
            Runbook::LostSecret => secret_step(dossier, of, subscription, id),
            Runbook::BreakerRecovery => breaker_step(client, dossier, subscription, id).await,
            Runbook::Rollback | Runbook::KeyRotation => rollback_step(client, of, subscription, id).await,
        },
        DiagnosisSubject::All | DiagnosisSubject::Company(_) => {
            Err("a runbook needs one key or one subscription".to_owned())
        }
    }
}

async fn key_step(
    client: &PlatformClient,
    dossier: &EvidenceSet,
    of: &RunbookProgress,
    (id, step): (KeyId, &str),
) -> Result<(bool, String), String> {
    let keys = dossier.keys.result()?;
    let old = keys.iter().find(|key| key.id == id).ok_or_else(|| format!("key {id} does not exist"))?;
    let has_all = |key: &KeyRow| old.scopes.iter().all(|scope: &KeyScope| key.scopes.contains(scope));
    let newer =
        keys.iter().filter(|key| key.company_id == old.company_id && key.id != old.id && key.is_active != Some(false));
    let newer = newer
        .filter(|key| key.created_utc.is_some_and(|at| at >= of.begun_utc.whole_second()) && has_all(key))
        .max_by_key(|key| key.created_utc);
    let name = |key: &KeyRow| format!("{} (\u{2026}{})", key.name.sanitized(), key.last4.sanitized());
    Ok(match (step, newer) {
        ("new-key", newer) => (newer.is_some(), newer.map_or_else(|| "none yet".to_owned(), name)),
        // An observer knows its own use of a key, not that of others.
        ("new-in-use", Some(_)) if dossier.coverage.is_some() => return Err(dossier.why_partial(CoveredNoun::Requests)),
        ("new-in-use", Some(key)) => {
            let used = key.last_used_utc.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
            (key.last_used_utc.is_some(), format!("{}: {used}", name(key)))
        }
        ("old-silent", _) => {
            let since = dossier.at.minus(MIN_SILENCE);
            let query = [("key", id.to_string()), ("since", since.to_string()), ("limit", "200".to_owned())];
            let page: LogPage<RequestRow> =
                client.get_any(paths::REQUESTS, &query).await.map_err(|error| error.to_string())?;
            match page.items.iter().find(|row| row.own_call.is_none()) {
                Some(row) => (false, format!("last call at {} to {}", row.utc, row.route.sanitized())),
                None if dossier.coverage.is_some() => return Err(dossier.why_partial(CoveredNoun::Requests)),
                None => (true, format!("no call since {since}")),
            }
        }
        ("old-revoked", _) => {
            let is_active = old.is_active.ok_or("whether the key is active is not known")?;
            let said = if is_active { "active" } else { "not accepted" };
            (!is_active, old.revoked_utc.map_or_else(|| said.to_owned(), |at| format!("revoked {at}")))
        }
        _ => return Err("the new key does not exist".to_owned()),
    })
}

fn secret_step(
    dossier: &EvidenceSet,
    of: &RunbookProgress,
    id: SubscriptionId,
    step: &str,
) -> Result<(bool, String), String> {
    let rows = dossier.subscriptions.result()?;
    let old = rows.iter().find(|row| row.subscription.id == id);
    let is_newer = |row: &&SubscriptionRow| {
        let b = &row.subscription;
        let fits = old.is_none_or(|old| {
            let a = &old.subscription;
            a.company_id == b.company_id && a.event_types.iter().all(|kind| b.event_types.contains(kind))
        });
        b.id.0 > id.0 && b.is_enabled && b.created_utc.is_some_and(|at| at >= of.begun_utc.whole_second()) && fits
    };
    let newer = rows.iter().filter(is_newer).max_by_key(|row| row.subscription.id.0);
    Ok(match (step, newer) {
        ("new-subscription", None) if old.is_none() => return Err(format!("subscription {id} does not exist")),
        ("new-subscription", newer) => (
            newer.is_some(),
            newer.map_or_else(|| "none yet".to_owned(), |row| format!("subscription {}", row.subscription.id)),
        ),
        ("first-success", Some(row)) => {
            let at = row.subscription.last_success_utc;
            (at.is_some(), at.map_or_else(|| "no success yet".to_owned(), |at| format!("first seen success {at}")))
        }
        ("old-deleted", _) => {
            (old.is_none(), if old.is_none() { "deleted" } else { "still exists: events arrive twice" }.to_owned())
        }
        _ => return Err("the new subscription does not exist".to_owned()),
    })
}

/// Reads the latest attempts of a subscription. No rows are an error where attempts are not covered in full: rows may
/// exist that the source does not have.
async fn attempts(client: &PlatformClient, id: SubscriptionId) -> Result<Vec<AttemptRow>, String> {
    let rows = client.attempts(Some(id), 40).await.map_err(|error| error.to_string())?.items;
    if rows.is_empty() {
        let coverage = client.overview(1).await.map_err(|error| error.to_string())?.coverage;
        if let Some(of) = coverage.as_ref().and_then(|coverage| coverage.of(CoveredNoun::Attempts)) {
            return Err(of.summary_line());
        }
    }
    Ok(rows)
}

fn latest_attempt(rows: &[AttemptRow], since: Option<Timestamp>) -> (bool, String) {
    match rows.iter().find(|row| since.is_none_or(|since| row.started_utc > since)) {
        Some(row) => {
            (row.outcome().is_success(), format!("attempt {} at {}: {}", row.id, row.started_utc, row.outcome()))
        }
        None => (false, "nothing sent yet; send a test".to_owned()),
    }
}

async fn breaker_step(
    client: &PlatformClient,
    dossier: &EvidenceSet,
    id: SubscriptionId,
    step: &str,
) -> Result<(bool, String), String> {
    let rows = dossier.subscriptions.result()?;
    let row =
        rows.iter().find(|row| row.subscription.id == id).ok_or_else(|| format!("subscription {id} does not exist"))?;
    Ok(match step {
        // The time has whole seconds: only an attempt after the end of that second is certain to follow the trip.
        "endpoint-answers" => {
            let since = row.subscription.disabled_utc.map(|at| at.plus(Duration::from_secs(1)));
            latest_attempt(&attempts(client, id).await?, since)
        }
        "enabled" => {
            let said = if row.subscription.is_enabled { "enabled" } else { "disabled" };
            (row.subscription.is_enabled, said.to_owned())
        }
        "delivers" => {
            let rows = attempts(client, id).await?;
            let real: Vec<AttemptRow> =
                rows.into_iter().filter(|row| row.kind != Some(crate::domain::delivery::AttemptKind::Test)).collect();
            latest_attempt(&real, None)
        }
        _ => {
            let n = dossier.undelivered.result()?.iter().filter(|row| row.subscription_id == id).count();
            (n == 0, format!("{} missed, given up or on hold in the last 7 days", several(n, "delivery", "deliveries")))
        }
    })
}

async fn rollback_step(
    client: &PlatformClient,
    of: &RunbookProgress,
    id: SubscriptionId,
    step: &str,
) -> Result<(bool, String), String> {
    let path = paths::with_value(paths::PORTAL_SUBSCRIPTION_REVISIONS, id);
    let page: LogPage<RevisionRow> = client.get_any(&path, &[]).await.map_err(|error| error.to_string())?;
    let mut rows = page.items;
    rows.sort_by_key(|row| std::cmp::Reverse(row.revision));
    let now = rows.first().ok_or("no configuration of the subscription is known")?;
    let is_same = |row: &&RevisionRow| {
        row.target_url == now.target_url && row.event_types == now.event_types && row.description == now.description
    };
    let back = rows[1..].iter().find(is_same).filter(|_| now.since_utc >= of.begun_utc.whole_second());
    Ok(match step {
        "earlier-known" => {
            (rows.len() > 1, format!("{}; revision {} is current", count(rows.len(), "configuration"), now.revision))
        }
        "rolled-back" => match back {
            Some(row) => (true, format!("revision {} equals revision {}", now.revision, row.revision)),
            None => (
                false,
                format!("revision {}, current since {}, differs from all earlier ones", now.revision, now.since_utc),
            ),
        },
        _ => latest_attempt(&attempts(client, id).await?, Some(now.since_utc)),
    })
}
