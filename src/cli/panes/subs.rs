//! `crow subs`: lists subscriptions, shows one, and changes it.

use super::act::{End, Outcome, Plan, quoted};
use super::list::{Ask, Came, Listed, list};
use super::show::{Form, show};
use super::table::{Cell, Column, column};
use crate::api::document::details::SubscriptionDetail;
use crate::api::document::{AssessedRow, DocumentNames, SUBSCRIPTION_DOCUMENTS};
use crate::api::replays::NewReplay;
use crate::api::row_filters;
use crate::api::subscriptions::{AttemptSummary, MissedEventsChoice, SubscriptionRow, TestResult};
use crate::cli::arguments::panes::{Change, Disable, Enable, Replay, Rollback, Show, Subs};
use crate::cli::failure::Failure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::health_status::{DisabledReason, assess_subscription};
use crate::domain::ids::SubscriptionId;
use crate::domain::query::field::Field;
use crate::domain::success_rate::MIN_RATE_SAMPLES;
use crate::domain::text::Untrusted;
use crate::text::health::why;
use crate::tui::format::{plural, several};
use std::process::ExitCode;

/// Number of attempts that are shown with a subscription.
const N_ATTEMPTS: u32 = 20;

pub(super) async fn run(asked: Subs) -> Result<ExitCode, Failure> {
    match asked {
        Subs::List(asked) => list::<AssessedRow<SubscriptionRow>>(asked).await,
        Subs::Show(asked) => examine(asked).await,
        Subs::Test(asked) => test(asked).await,
        Subs::Enable(asked) => enable(asked).await,
        Subs::Disable(asked) => disable(asked).await,
        Subs::Delete(asked) => delete(asked).await,
        Subs::Replay(asked) => replay(asked).await,
        Subs::Rollback(asked) => roll_back(asked).await,
    }
}

impl Listed for AssessedRow<SubscriptionRow> {
    const NAMES: DocumentNames = SUBSCRIPTION_DOCUMENTS;
    const FIELDS: &'static [Field] = row_filters::SUBSCRIPTION_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        column("STATE", "state", |of| Cell::Text(of.state.to_owned())),
        column("ID", "id", |of| Cell::number(of.row.subscription.id.0)),
        column("TARGET", "targetUrl", |of| Cell::of(&of.row.subscription.target_url)),
        column("COMPANY", "companyId", |of| Cell::number(of.row.subscription.company_id.0)),
        column("OK% 1H", "success1h", |of| Cell::Number(success(&of.row.health.last_1h))),
        column("N 1H", "n1h", |of| Cell::number(of.row.health.last_1h.tally().total())),
        column("P95 MS", "p95Ms1h", |of| Cell::Number(of.row.health.last_1h.p95_ms.map(u64::from))),
        column("FAILS", "consecutiveFailures", |of| Cell::number(of.row.subscription.consecutive_failures)),
        column("BACKLOG", "nBacklog", |of| Cell::number(of.row.health.n_backlog)),
        column("ON HOLD", "nParked", |of| Cell::number(of.row.health.n_parked)),
        column("MISSED", "nSkipped", |of| Cell::number(of.row.health.n_skipped)),
        column("WHY", "why", |of| Cell::Text(of.why.clone())),
    ];

    fn number(&self) -> String {
        self.row.subscription.id.to_string()
    }

    async fn read(client: &PlatformClient, ask: &Ask, _: Option<&str>) -> Result<Came<Self>, client::Error> {
        let judge = |row: SubscriptionRow| {
            let judgement = assess_subscription(&row.facts());
            AssessedRow::new(row, &judgement)
        };
        let page = client.subscription_rows().await?;
        Ok(ask.sift(page.items.into_iter().map(judge).collect(), page.has_more, page.unreadable))
    }
}

/// Returns the success rate in percent; `None` with too few attempts to judge.
fn success(rate: &AttemptSummary) -> Option<u64> {
    rate.tally().percent().filter(|_| rate.tally().total() >= MIN_RATE_SAMPLES)
}

fn named(row: &SubscriptionRow) -> String {
    let of = &row.subscription;
    format!("subscription {} of company {} to {}", of.id, of.company_id, quoted(&of.target_url))
}

async fn examine(asked: Show) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.look.remote)?;
    let id = SubscriptionId(asked.id);
    let row = client.subscription(id).await?;
    let judgement = assess_subscription(&row.facts());
    let attempts = client.attempts(Some(id), N_ATTEMPTS).await?.items;
    let revisions = client.revisions(id).await?.items;
    let replays = client.replays().await?.items.into_iter().filter(|replay| replay.subscription_id == id).collect();
    let detail = SubscriptionDetail {
        row,
        state: judgement.status.code().to_owned(),
        why: why(&judgement.reason),
        attempts,
        revisions,
        replays,
    };
    show(SUBSCRIPTION_DOCUMENTS.detail, &detail, Form::of(asked.look.json))
}

async fn test(asked: Change) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.consent.look.remote)?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let preview = vec![
        named(&row),
        "sends one sample event now; it does not affect the breaker, the success rate or retries".to_owned(),
    ];
    let plan = Plan::new(format!("send a test to subscription {}", asked.id), preview);
    let work = async |client: &PlatformClient| {
        let result = client.test_subscription(row.subscription.id).await?;
        let end = if result.success { End::Good } else { End::Bad };
        Ok(Outcome { end, ..Outcome::done(tested(asked.id, &result)) })
    };
    plan.carry_out(&asked.consent, work, &client).await
}

fn tested(id: i64, result: &TestResult) -> String {
    let came = match (result.status_code, &result.error) {
        (Some(status), _) => format!("answered {status}"),
        (None, Some(error)) => format!("got no answer: {}", error.sanitized()),
        (None, None) => "got no answer".to_owned(),
    };
    format!("the test to subscription {id} {came} in {} ms", result.elapsed_ms)
}

async fn enable(asked: Enable) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.consent.look.remote)?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    if row.subscription.is_enabled {
        return Err(Failure::usage(format!("subscription {} is already enabled", asked.id), "nothing to do"));
    }
    let skipped = plural(row.health.n_skipped, "event");
    let preview = vec![
        named(&row),
        why(&assess_subscription(&row.facts()).reason),
        format!(
            "deliveries resume and the failure count restarts at 0; {} on hold are sent",
            several(row.health.n_parked, "delivery", "deliveries")
        ),
        if asked.replay_skipped {
            format!("{skipped} missed while it was off are resent")
        } else {
            format!("{skipped} missed while it was off are not sent; add --replay-skipped to resend them")
        },
    ];
    let replay = if asked.replay_skipped { MissedEventsChoice::Skipped } else { MissedEventsChoice::None };
    let plan = Plan::new(format!("enable subscription {}", asked.id), preview);
    let work = async |client: &PlatformClient| {
        client.enable_subscription(row.subscription.id, replay).await?;
        Ok(Outcome::done(format!("subscription {} is enabled", row.subscription.id)))
    };
    plan.carry_out(&asked.consent, work, &client).await
}

async fn disable(asked: Disable) -> Result<ExitCode, Failure> {
    let reason = asked.reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let client = portal::connect(&asked.consent.look.remote)?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let (id, of) = (row.subscription.id, &row.subscription);
    let told = match &reason {
        Some(reason) => format!("reason: {}", Untrusted::new(reason.as_str()).sanitized()),
        None => "no --reason TEXT given: an alert is raised".to_owned(),
    };
    match (of.disabled_reason, reason) {
        (None, reason) => {
            let effect = format!(
                "deliveries stop until it is enabled; {} put on hold; later events are recorded as missed",
                several(row.health.n_backlog, "pending delivery is", "pending deliveries are")
            );
            let plan = Plan::new(format!("disable subscription {id}"), vec![named(&row), effect, told]);
            let work = async |client: &PlatformClient| {
                client.disable_subscription(id, reason).await?;
                Ok(Outcome::done(format!("subscription {id} disabled")))
            };
            plan.carry_out(&asked.consent, work, &client).await
        }
        (Some(DisabledReason::Manual), Some(reason)) => {
            let effect = "stays disabled; its alert ends".to_owned();
            let act = format!("record why subscription {id} is disabled");
            let plan = Plan::new(act, vec![named(&row), effect, told]);
            let work = async |client: &PlatformClient| {
                client.set_disable_reason(id, reason).await?;
                Ok(Outcome::done(format!("reason recorded for subscription {id}")))
            };
            plan.carry_out(&asked.consent, work, &client).await
        }
        _ => Err(Failure::usage(
            format!("subscription {id} is already disabled"),
            "record a reason with --reason TEXT if it was disabled by hand",
        )),
    }
}

async fn delete(asked: Change) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.consent.look.remote)?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let (id, of) = (row.subscription.id, &row.subscription);
    let mut preview = vec![
        named(&row),
        "deliveries stop; this cannot be undone; its delivery log stays readable".to_owned(),
        format!("cancels {} pending and {} held", row.health.n_backlog, row.health.n_parked),
    ];
    if let Some(tool) = &of.managed_by {
        preview.push(format!("{} manages it and is not notified", tool.sanitized()));
    }
    let plan = Plan::new(format!("delete subscription {id}"), preview);
    let work = async |client: &PlatformClient| {
        client.delete_subscription(id).await?;
        Ok(Outcome::done(format!("subscription {id} deleted")))
    };
    plan.carry_out(&asked.consent, work, &client).await
}

async fn replay(asked: Replay) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.consent.look.remote)?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let now = client.overview(1).await?.server_utc;
    let wanted = NewReplay {
        since: now.minus(asked.since),
        until: Some(asked.until.map_or(now, |back| now.minus(back))),
        states: asked.state,
        dry_run: true,
        rate_per_second: asked.rate,
    };
    let counted = client.create_replay(row.subscription.id, &wanted).await?;
    if counted.n_selected == 0 {
        return Err(Failure::usage(
            format!("no matching delivery of subscription {} in this period", asked.id),
            "extend --since, or give other states with --state",
        ));
    }
    let counts = counted.counts.iter().filter(|of| of.n > 0).map(|of| format!("{} {}", of.n, of.state.name()));
    let preview = vec![
        named(&row),
        format!(
            "{} selected: {}",
            several(counted.n_selected, "delivery", "deliveries"),
            counts.collect::<Vec<_>>().join(", ")
        ),
        format!("at most {} a second; receivers may get events twice", asked.rate.unwrap_or(20)),
    ];
    let plan = Plan::new(format!("replay deliveries of subscription {}", asked.id), preview).of(counted.n_selected);
    let work = async |client: &PlatformClient| {
        let planned = client.create_replay(row.subscription.id, &NewReplay { dry_run: false, ..wanted }).await?;
        let id = planned.replay.map(|replay| replay.id.0);
        let said = format!(
            "replay {} started with {}",
            id.unwrap_or_default(),
            several(planned.n_selected, "delivery", "deliveries")
        );
        Ok(Outcome { id, ..Outcome::done(said) })
    };
    plan.carry_out(&asked.consent, work, &client).await
}

async fn roll_back(asked: Rollback) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.consent.look.remote)?;
    let id = SubscriptionId(asked.id);
    let row = client.subscription(id).await?;
    let revisions = client.revisions(id).await?.items;
    let revision = revisions.iter().find(|of| of.revision == asked.revision).ok_or_else(|| {
        let remedy = format!("see crow subs show {id}");
        Failure::usage(format!("subscription {id} has no revision {}", asked.revision), remedy)
    })?;
    let types = |types: &[Untrusted]| types.iter().map(Untrusted::sanitized).collect::<Vec<_>>().join(" ");
    let now = &row.subscription;
    let preview = vec![
        named(&row),
        format!("target: {} \u{2192} {}", quoted(&now.target_url), quoted(&revision.target_url)),
        format!("types: {} \u{2192} {}", types(&now.event_types), types(&revision.event_types)),
        "creates a new revision; the current one stays in the list".to_owned(),
    ];
    let plan = Plan::new(format!("restore revision {} of subscription {id}", asked.revision), preview);
    let work = async |client: &PlatformClient| {
        client.roll_back_subscription(id, asked.revision).await?;
        Ok(Outcome::done(format!("subscription {id} restored to revision {}", asked.revision)))
    };
    plan.carry_out(&asked.consent, work, &client).await
}
