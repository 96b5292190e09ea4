//! `crow replays`: lists replays, shows one, pauses, resumes and cancels.

use super::act::make;
use super::list::{ListQuery, ListResult, ListedRow, run_list};
use super::show::{ShowFormat, write_item};
use super::table::{ListCell, ListColumn, column};
use crate::cli::arguments::panes::{ChangeArgs, ReplaysCommand};
use crate::cli::document::{DocumentNames, REPLAY_DOCUMENTS};
use crate::cli::failure::CommandFailure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::ids::ReplayId;
use crate::domain::replay::ReplayState;
use crate::sync::platform_change::PlatformChange;
use crate::wire::coverage::CoveredNoun;
use crate::wire::replays::ReplayRow;
use std::process::ExitCode;

pub(super) async fn run(asked: ReplaysCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        ReplaysCommand::List(asked) => run_list::<ReplayRow>(asked).await,
        ReplaysCommand::Show(asked) => {
            let client = portal::connect(&asked.look.remote).await?;
            let replay = client.get_replay(ReplayId(asked.id)).await?;
            write_item(REPLAY_DOCUMENTS.detail, &replay, ShowFormat::from_json_flag(asked.look.json))
        }
        ReplaysCommand::Pause(asked) => change_replay(asked, ReplayState::Paused).await,
        ReplaysCommand::Resume(asked) => change_replay(asked, ReplayState::Running).await,
        ReplaysCommand::Cancel(asked) => change_replay(asked, ReplayState::Cancelled).await,
    }
}

impl ListedRow for ReplayRow {
    const NAMES: DocumentNames = REPLAY_DOCUMENTS;
    const NOUN: CoveredNoun = CoveredNoun::Other;
    const COLUMNS: &'static [ListColumn<Self>] = &[
        column("ID", "id", |of| ListCell::number(of.id.0)),
        column("PHASE", "phase", |of| ListCell::Text(of.phase.name().to_owned())),
        column("SUB", "subscriptionId", |of| ListCell::number(of.subscription_id.0)),
        column("COMPANY", "companyId", |of| ListCell::number(of.company_id.0)),
        column("SELECTED", "nSelected", |of| ListCell::number(of.progress.n_selected)),
        column("TAKEN", "nTaken", |of| ListCell::number(of.progress.n_taken)),
        column("PASSED", "nPassed", |of| ListCell::number(of.progress.n_passed)),
        column("ARRIVED", "nSucceeded", |of| ListCell::number(of.progress.n_succeeded)),
        column("EXHAUSTED", "nExhausted", |of| ListCell::number(of.progress.n_exhausted)),
        column("CREATED", "createdUtc", |of| ListCell::Time(Some(of.created_utc))),
        column("BY", "askedBy", |of| ListCell::untrusted(&of.asked_by)),
    ];

    async fn read(
        client: &PlatformClient,
        ask: &ListQuery,
        _: Option<&str>,
    ) -> Result<ListResult<Self>, client::Error> {
        let page = client.replays().await?;
        Ok(ask.filter_rows(page.items, page.has_more, page.unreadable))
    }
}

async fn change_replay(asked: ChangeArgs, wanted: ReplayState) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect(&asked.consent.look.remote).await?;
    let id = ReplayId(asked.id);
    let row = client.get_replay(id).await?;
    let effect = match wanted {
        ReplayState::Paused => "enqueued deliveries are still sent; the rest waits until the replay is resumed",
        ReplayState::Running => "continues where it stopped",
        ReplayState::Cancelled | ReplayState::Finished => "cannot be undone; enqueued deliveries are still sent",
    };
    let preview = vec![
        format!(
            "replay {id} to subscription {}: {}, {} of {} enqueued",
            row.subscription_id,
            row.phase.name(),
            row.progress.n_taken,
            row.progress.n_selected
        ),
        effect.to_owned(),
    ];
    make(&PlatformChange::SetReplayState(id, wanted), preview, &asked.consent, &client).await
}
