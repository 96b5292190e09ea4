//! `crow replays`: lists replays, shows one, pauses, resumes and cancels.

use super::act::{ChangeOutcome, ChangeStatus, PlannedChange};
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
use crate::wire::replays::ReplayRow;
use std::process::ExitCode;

pub(super) async fn run(asked: ReplaysCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        ReplaysCommand::List(asked) => run_list::<ReplayRow>(asked).await,
        ReplaysCommand::Show(asked) => {
            let client = portal::connect_operator(&asked.look.remote)?;
            let replay = client.get_replay(ReplayId(asked.id)).await?;
            write_item(REPLAY_DOCUMENTS.detail, &replay, ShowFormat::from_json_flag(asked.look.json))
        }
        ReplaysCommand::Pause(asked) => change_replay(asked, ReplayAction::Pause).await,
        ReplaysCommand::Resume(asked) => change_replay(asked, ReplayAction::Resume).await,
        ReplaysCommand::Cancel(asked) => change_replay(asked, ReplayAction::Cancel).await,
    }
}

/// Action that can be taken on a replay.
#[derive(Debug, Clone, Copy)]
enum ReplayAction {
    Pause,
    Resume,
    Cancel,
}

impl ReplayAction {
    /// Returns the action's name, its effect, and the state it leads to, in words.
    const fn description(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Pause => {
                ("pause", "enqueued deliveries are still sent; the rest waits until the replay is resumed", "is paused")
            }
            Self::Resume => ("resume", "continues where it stopped", "is resumed"),
            Self::Cancel => ("cancel", "cannot be undone; enqueued deliveries are still sent", "is cancelled"),
        }
    }
}

impl ListedRow for ReplayRow {
    const NAMES: DocumentNames = REPLAY_DOCUMENTS;
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

async fn change_replay(asked: ChangeArgs, verb: ReplayAction) -> Result<ExitCode, CommandFailure> {
    let client = portal::connect_operator(&asked.consent.look.remote)?;
    let id = ReplayId(asked.id);
    let row = client.get_replay(id).await?;
    let (name, effect, become_of) = verb.description();
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
    let plan = PlannedChange::new(format!("{name} replay {id}"), preview);
    let work = async |client: &PlatformClient| {
        let (row, wanted) = match verb {
            ReplayAction::Pause => (client.pause_replay(id).await?, ReplayState::Paused),
            ReplayAction::Resume => (client.resume_replay(id).await?, ReplayState::Running),
            ReplayAction::Cancel => (client.cancel_replay(id).await?, ReplayState::Cancelled),
        };
        // A replay that has ended keeps its state.
        let (said, end) = if row.phase == wanted {
            (format!("replay {id} {become_of}"), ChangeStatus::Succeeded)
        } else {
            (format!("replay {id} is already {}; nothing to {name}", row.phase.name()), ChangeStatus::Failed)
        };
        Ok(ChangeOutcome { id: Some(id.0), message: said, status: end })
    };
    plan.confirm_and_run(&asked.consent, work, &client).await
}
