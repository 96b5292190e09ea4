//! `crow limits`: lists rate limits, shows those of one key, and sets them.

use super::act::{PlannedChange, quoted};
use super::keys::find_key;
use super::list::{ListQuery, ListResult, ListedRow, run_list};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column};
use crate::cli::arguments::panes::{LimitsCommand, SetLimitsArgs};
use crate::cli::document::details::KeyWindows;
use crate::cli::document::{AssessedRow, DocumentNames, LIMIT_DOCUMENTS};
use crate::cli::failure::CommandFailure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::patch::FieldPatch;
use crate::domain::window::RateBucket;
use crate::sync::platform_change::limits_set;
use crate::wire::changes;
use crate::wire::coverage::CoveredNoun;
use crate::wire::keys::{LimitsPatch, RateLimits as Calls};
use crate::wire::limits::LimitDetail;
use std::process::ExitCode;

pub(super) async fn run(asked: LimitsCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        LimitsCommand::List(asked) => run_list::<AssessedRow<LimitDetail>>(asked).await,
        LimitsCommand::Show(asked) => {
            let client = portal::connect(&asked.look.remote).await?;
            let key = find_key(&client, &asked.key).await?;
            let windows = client.limits().await?.items.into_iter().filter(|window| window.row.key_id == key.id);
            let found = KeyWindows { key_name: key.name, windows: windows.collect() };
            write_item(LIMIT_DOCUMENTS.detail, &found, ShowFormat::from_json_flag(asked.look.json))
        }
        LimitsCommand::Set(asked) => set_limits(asked).await,
    }
}

impl ListedRow for AssessedRow<LimitDetail> {
    const NAMES: DocumentNames = LIMIT_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Limits;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("STATE", "state", |of| ListCell::health(of.state)),
        column("KEY", "keyId", |of| ListCell::number(of.row.row.key_id.0)),
        column("NAME", "keyName", |of| ListCell::untrusted(&of.row.row.key_name)),
        column("LAST4", "last4", |of| ListCell::untrusted(&of.row.row.last4)),
        column("BUCKET", "bucket", |of| ListCell::Text(of.row.row.bucket.name().to_owned())),
        column("LIMIT", "limit", |of| ListCell::number(of.row.row.limit)),
        column("USED", "used", |of| ListCell::maybe(of.row.row.used)),
        column("LEFT", "remaining", |of| ListCell::maybe(of.row.row.remaining)),
        column("429", "nRefused", |of| ListCell::maybe(of.row.row.n_refused)),
        column("RESET", "resetUtc", |of| ListCell::Time(Some(of.row.row.reset_utc))),
        column("WHY", "why", |of| ListCell::Text(of.why.clone())),
    ];

    fn row_id(&self) -> String {
        format!("{} {}", self.row.row.key_id, self.row.row.bucket)
    }

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        _: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let judge = |row: LimitDetail| {
            let judgement = row.row.assess();
            AssessedRow::new(row, &judgement)
        };
        let page = client.limits().await?;
        Ok(ask.filter_rows(page.items.into_iter().map(judge).collect(), page.has_more, page.unreadable))
    }
}

async fn set_limits(asked: SetLimitsArgs) -> Result<ExitCode, CommandFailure> {
    if asked.read.is_none() && asked.write.is_none() && asked.admin.is_none() {
        return Err(CommandFailure::usage("no limit given", "use --read N, --write N or --admin N"));
    }
    let client = portal::connect(&asked.consent.look.remote).await?;
    let key = find_key(&client, &asked.key).await?;
    let Calls { read, write, admin } = key.limits.ok_or_else(unknown_limits)?;
    let [of_read, of_write, of_admin] = [asked.read, asked.write, asked.admin].map(Option::unwrap_or_default);
    let lines = [
        (RateBucket::Read, read, &of_read),
        (RateBucket::Write, write, &of_write),
        (RateBucket::Admin, admin, &of_admin),
    ]
    .map(|(bucket, now, patch)| match patch {
        FieldPatch::Keep => format!("{bucket}: {now} calls a minute, unchanged"),
        FieldPatch::Clear => format!("{bucket}: {now} \u{2192} {} calls a minute (default)", bucket.default_limit()),
        FieldPatch::Set(n) => format!("{bucket}: {now} \u{2192} {n} calls a minute"),
    });
    let mut preview = vec![format!("key {}, {}, of company {}", key.id, quoted(&key.name), key.company_id)];
    preview.extend(lines);
    preview.push("applies from the next request".to_owned());
    let plan = PlannedChange::new(format!("set the rate limits of key {}", key.id), preview);
    let patch = LimitsPatch { read: of_read, write: of_write, admin: of_admin };
    let work = async |client: &PlatformClient| {
        client.change(changes::LIMIT_KEY.at(key.id), &patch).await.map(|row| limits_set(&row))
    };
    plan.confirm_and_run(&asked.consent, work, &client).await
}

fn unknown_limits() -> CommandFailure {
    CommandFailure::failed("the current limits of the key are unknown", "set them in the Admin Portal")
}
