//! `crow subs`: lists subscriptions, shows one, and changes it.

use super::act::{make, quoted};
use super::list::{ListQuery, ListResult, ListedRow, run_list};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column, column_of};
use crate::cli::arguments::panes::{
    ChangeArgs, DisableArgs, EnableArgs, ReplayArgs, RollbackArgs, ShowArgs, SubsCommand,
};
use crate::cli::document::details::SubscriptionDetail;
use crate::cli::document::{AssessedRow, DocumentNames, SUBSCRIPTION_DOCUMENTS};
use crate::cli::failure::CommandFailure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::ids::SubscriptionId;
use crate::domain::success_rate::MIN_RATE_SAMPLES;
use crate::domain::text::Untrusted;
use crate::sync::platform_change::PlatformChange;
use crate::text;
use crate::text::health::why;
use crate::wire::changes;
use crate::wire::coverage::CoveredNoun;
use crate::wire::replays::NewReplay;
use crate::wire::subscriptions::{AttemptSummary, MissedEventsChoice, SubscriptionRow};
use std::process::ExitCode;

/// Number of attempts that are shown with a subscription.
const SHOWN_ATTEMPTS: u32 = 20;

pub(super) async fn run(asked: SubsCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        SubsCommand::List(asked) => run_list::<AssessedRow<SubscriptionRow>>(asked).await,
        SubsCommand::Show(asked) => show_subscription(asked).await,
        SubsCommand::Test(asked) => test(asked).await,
        SubsCommand::Enable(asked) => enable(asked).await,
        SubsCommand::Disable(asked) => disable(asked).await,
        SubsCommand::Delete(asked) => delete(asked).await,
        SubsCommand::Replay(asked) => replay(asked).await,
        SubsCommand::Rollback(asked) => roll_back(asked).await,
    }
}

impl ListedRow for AssessedRow<SubscriptionRow> {
    const NAMES: DocumentNames = SUBSCRIPTION_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Subscriptions;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("STATE", "state", |of| ListCell::health(of.state)),
        column("ID", "id", |of| ListCell::number(of.row.subscription.id.0)),
        column("TARGET", "targetUrl", |of| ListCell::untrusted(&of.row.subscription.target_url)),
        column("COMPANY", "companyId", |of| ListCell::number(of.row.subscription.company_id.0)),
        column_of("OK% 1H", "success1h", "health", |of| {
            ListCell::Number(of.row.health.and_then(|health| success_percent(&health.last_1h)))
        }),
        column_of("N 1H", "n1h", "health", |of| {
            ListCell::maybe(of.row.health.map(|health| health.last_1h.tally().total()))
        }),
        column_of("P95 MS", "p95Ms1h", "health", |of| {
            ListCell::maybe(of.row.health.and_then(|health| health.last_1h.p95_ms))
        }),
        column("FAILS", "consecutiveFailures", |of| ListCell::maybe(of.row.subscription.consecutive_failures)),
        column_of("BACKLOG", "nBacklog", "health.nBacklog", |of| {
            ListCell::maybe(of.row.health.and_then(|health| health.n_backlog))
        }),
        column_of("ON HOLD", "nParked", "health.nParked", |of| {
            ListCell::maybe(of.row.health.and_then(|health| health.n_parked))
        }),
        column_of("MISSED", "nSkipped", "health.nSkipped", |of| {
            ListCell::maybe(of.row.health.and_then(|health| health.n_skipped))
        }),
        column("WHY", "why", |of| ListCell::Text(of.why.clone())),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        _: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let judge = |row: SubscriptionRow| {
            let judgement = row.assess();
            AssessedRow::new(row, &judgement)
        };
        let page = client.subscription_rows().await?;
        Ok(ask.filter_rows(page.items.into_iter().map(judge).collect(), page.has_more, page.unreadable))
    }
}

/// Returns the success rate in percent; `None` with too few attempts to judge.
fn success_percent(rate: &AttemptSummary) -> Option<u64> {
    rate.tally().percent().filter(|_| rate.tally().total() >= MIN_RATE_SAMPLES)
}

fn describe_subscription(row: &SubscriptionRow) -> String {
    let of = &row.subscription;
    format!("subscription {} of company {} to {}", of.id, of.company_id, quoted(&of.target_url))
}

async fn show_subscription(asked: ShowArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.look.remote).await?;
    let id = SubscriptionId(asked.id);
    let row = client.subscription(id).await?;
    let judgement = row.assess();
    let attempts = client.attempts(Some(id), SHOWN_ATTEMPTS).await?.items;
    let revisions = client.revisions(id).await?.items;
    let replays = client.replays_of(id).await?.items;
    let detail = SubscriptionDetail {
        row,
        state: judgement.status.code().to_owned(),
        why: why(&judgement.reason),
        attempts,
        revisions,
        replays,
    };
    write_item(SUBSCRIPTION_DOCUMENTS.detail, &detail, ShowFormat::from_json_flag(asked.look.json))
}

async fn test(asked: ChangeArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let preview = vec![
        describe_subscription(&row),
        "sends one sample event now; it does not affect the breaker, the success rate or retries".to_owned(),
    ];
    make(&PlatformChange::SendTest(row.subscription.id), preview, &asked.consent, &client).await
}

async fn enable(asked: EnableArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    if row.subscription.is_enabled {
        return Err(CommandFailure::usage(format!("subscription {} is already enabled", asked.id), "nothing to do"));
    }
    let health = row.health.as_ref();
    let n_missed = health.and_then(|health| health.n_skipped);
    let missed = format!("missed while it was off: {}", text::maybe_several(n_missed, "event", "events"));
    let preview = vec![
        describe_subscription(&row),
        why(&row.assess().reason),
        format!(
            "deliveries resume and the failure count restarts at 0; {} on hold are sent",
            text::maybe_several(health.and_then(|health| health.n_parked), "delivery", "deliveries")
        ),
        if asked.replay_missed {
            format!("{missed}, resent")
        } else if n_missed.is_none() {
            format!("{missed}, not sent; replay them in the Admin Portal")
        } else {
            format!("{missed}, not sent; add --replay-missed to resend")
        },
    ];
    let replay = if asked.replay_missed { MissedEventsChoice::Missed } else { MissedEventsChoice::None };
    make(&PlatformChange::Enable(row.subscription.id, replay), preview, &asked.consent, &client).await
}

async fn disable(asked: DisableArgs) -> Result<ExitCode, CommandFailure> {
    let reason = asked.reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let client = portal::connect(&asked.consent.look.remote).await?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let (id, of) = (row.subscription.id, &row.subscription);
    let told = match &reason {
        Some(reason) => format!("reason: {}", Untrusted::new(reason.as_str()).sanitized()),
        None => "no --reason TEXT given: an alert is raised".to_owned(),
    };
    let (change, effect) = match (of.is_enabled, of.disabled_reason, reason) {
        (true, _, reason) => {
            let n = text::maybe_several(
                row.health.and_then(|health| health.n_backlog),
                "pending delivery is",
                "pending deliveries are",
            );
            let effect =
                format!("deliveries stop until it is enabled; {n} put on hold; later events are recorded as missed");
            (PlatformChange::Disable(id, reason), effect)
        }
        (false, Some(DisabledReason::Manual) | None, Some(reason)) => {
            (PlatformChange::SetDisableReason(id, reason), "stays disabled; its alert ends".to_owned())
        }
        _ => {
            return Err(CommandFailure::usage(
                format!("subscription {id} is already disabled"),
                "record a reason with --reason TEXT if it was disabled by hand",
            ));
        }
    };
    make(&change, vec![describe_subscription(&row), effect, told], &asked.consent, &client).await
}

async fn delete(asked: ChangeArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let (id, of) = (row.subscription.id, &row.subscription);
    let mut preview = vec![
        describe_subscription(&row),
        "deliveries stop; this cannot be undone; its delivery log stays readable".to_owned(),
        row.health.and_then(|health| health.n_backlog.zip(health.n_parked)).map_or_else(
            || "cancels its pending deliveries, and those on hold; their number is unknown".to_owned(),
            |(pending, parked)| format!("cancels {pending} pending and {parked} on hold"),
        ),
    ];
    if let Some(tool) = &of.managed_by {
        preview.push(format!("{} manages it and is not notified", tool.sanitized()));
    }
    make(&PlatformChange::Delete(id), preview, &asked.consent, &client).await
}

async fn replay(asked: ReplayArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let row = client.subscription(SubscriptionId(asked.id)).await?;
    let now = client.overview(1).await?.server_utc;
    let wanted = NewReplay {
        since: asked.since.resolve(now),
        until: Some(asked.until.map_or(now, |until| until.resolve(now))),
        states: asked.state,
        dry_run: true,
        rate_per_second: asked.rate,
    };
    let counted = client.change(changes::REPLAY_SUBSCRIPTION.at(row.subscription.id), &wanted).await?;
    if counted.n_selected == 0 {
        return Err(CommandFailure::usage(
            format!("no matching delivery of subscription {} in this period", asked.id),
            "extend --since, or give other states with --state",
        ));
    }
    let counts = counted.counts.iter().filter(|of| of.n > 0).map(|of| format!("{} {}", of.n, text::delivery(of.state)));
    let preview = vec![
        describe_subscription(&row),
        format!(
            "{} selected: {}",
            text::several(counted.n_selected, "delivery", "deliveries"),
            counts.collect::<Vec<_>>().join(", ")
        ),
        format!("at most {} a second; receivers may get events twice", asked.rate.unwrap_or(20)),
    ];
    let change = PlatformChange::Replay(row.subscription.id, wanted, counted.n_selected);
    make(&change, preview, &asked.consent, &client).await
}

async fn roll_back(asked: RollbackArgs) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let id = SubscriptionId(asked.id);
    let row = client.subscription(id).await?;
    let revisions = client.revisions(id).await?.items;
    let revision = revisions.iter().find(|of| of.revision == asked.revision).ok_or_else(|| {
        let remedy = format!("see crow subs show {id}");
        CommandFailure::usage(format!("subscription {id} has no revision {}", asked.revision), remedy)
    })?;
    if revisions.iter().all(|of| of.revision <= revision.revision) {
        let what = format!("revision {} of subscription {id} is the current one", asked.revision);
        return Err(CommandFailure::usage(what, "nothing to do"));
    }
    let types = |types: &[Untrusted]| types.iter().map(Untrusted::sanitized).collect::<Vec<_>>().join(" ");
    let now = &row.subscription;
    let preview = vec![
        describe_subscription(&row),
        format!("target: {} \u{2192} {}", quoted(&now.target_url), quoted(&revision.target_url)),
        format!("types: {} \u{2192} {}", types(&now.event_types), types(&revision.event_types)),
        "creates a new revision; the current one stays in the list".to_owned(),
    ];
    make(&PlatformChange::RollBack(id, asked.revision), preview, &asked.consent, &client).await
}
