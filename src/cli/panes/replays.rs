//! `crow replays`: lists replays, shows one, pauses, resumes and cancels.

use super::act::{End, Outcome, Plan};
use super::list::{Ask, Came, Listed, list};
use super::show::{Form, show};
use super::table::{Cell, Column, column};
use crate::api::document::{DocumentNames, REPLAY_DOCUMENTS};
use crate::api::replays::ReplayRow;
use crate::api::row_filters;
use crate::cli::arguments::panes::{Change, Replays};
use crate::cli::failure::Failure;
use crate::cli::portal;
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::ids::ReplayId;
use crate::domain::query::field::Field;
use crate::domain::replay::ReplayState;
use std::process::ExitCode;

pub(super) async fn run(asked: Replays) -> Result<ExitCode, Failure> {
    match asked {
        Replays::List(asked) => list::<ReplayRow>(asked).await,
        Replays::Show(asked) => {
            let client = portal::connect(&asked.look.remote)?;
            let replay = client.get_replay(ReplayId(asked.id)).await?;
            show(REPLAY_DOCUMENTS.detail, &replay, Form::of(asked.look.json))
        }
        Replays::Pause(asked) => change(asked, Verb::Pause).await,
        Replays::Resume(asked) => change(asked, Verb::Resume).await,
        Replays::Cancel(asked) => change(asked, Verb::Cancel).await,
    }
}

/// Action that can be taken on a replay.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Pause,
    Resume,
    Cancel,
}

impl Verb {
    /// Returns the action's name, its effect, and the state it leads to, in words.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Pause => {
                ("pause", "enqueued deliveries are still sent; the rest waits until the replay is resumed", "is paused")
            }
            Self::Resume => ("resume", "continues where it stopped", "is resumed"),
            Self::Cancel => ("cancel", "cannot be undone; enqueued deliveries are still sent", "is cancelled"),
        }
    }
}

impl Listed for ReplayRow {
    const NAMES: DocumentNames = REPLAY_DOCUMENTS;
    const FIELDS: &'static [Field] = row_filters::REPLAY_FIELDS;
    const COLUMNS: &'static [Column<Self>] = &[
        column("ID", "id", |of| Cell::number(of.id.0)),
        column("PHASE", "phase", |of| Cell::Text(of.phase.name().to_owned())),
        column("SUB", "subscriptionId", |of| Cell::number(of.subscription_id.0)),
        column("COMPANY", "companyId", |of| Cell::number(of.company_id.0)),
        column("SELECTED", "nSelected", |of| Cell::number(of.progress.n_selected)),
        column("TAKEN", "nTaken", |of| Cell::number(of.progress.n_taken)),
        column("PASSED", "nPassed", |of| Cell::number(of.progress.n_passed)),
        column("ARRIVED", "nSucceeded", |of| Cell::number(of.progress.n_succeeded)),
        column("EXHAUSTED", "nExhausted", |of| Cell::number(of.progress.n_exhausted)),
        column("CREATED", "createdUtc", |of| Cell::Time(Some(of.created_utc))),
        column("BY", "askedBy", |of| Cell::of(&of.asked_by)),
    ];

    fn number(&self) -> String {
        self.id.to_string()
    }

    async fn read(client: &PlatformClient, ask: &Ask, _: Option<&str>) -> Result<Came<Self>, client::Error> {
        let page = client.replays().await?;
        let came = ask.sift(page.items, false, page.unreadable);
        Ok(Came { has_more: came.has_more || page.has_more, ..came })
    }
}

async fn change(asked: Change, verb: Verb) -> Result<ExitCode, Failure> {
    let client = portal::connect(&asked.consent.look.remote)?;
    let id = ReplayId(asked.id);
    let row = client.get_replay(id).await?;
    let (name, effect, become_of) = verb.words();
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
    let plan = Plan::new(format!("{name} replay {id}"), preview);
    let work = async |client: &PlatformClient| {
        let (row, wanted) = match verb {
            Verb::Pause => (client.pause_replay(id).await?, ReplayState::Paused),
            Verb::Resume => (client.resume_replay(id).await?, ReplayState::Running),
            Verb::Cancel => (client.cancel_replay(id).await?, ReplayState::Cancelled),
        };
        // A replay that has ended keeps its state.
        let (said, end) = if row.phase == wanted {
            (format!("replay {id} {become_of}"), End::Good)
        } else {
            (format!("replay {id} is already {}; nothing to {name}", row.phase.name()), End::Bad)
        };
        Ok(Outcome { id: Some(id.0), said, end })
    };
    plan.carry_out(&asked.consent, work, &client).await
}
