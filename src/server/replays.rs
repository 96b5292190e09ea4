//! Handlers of replays, for operators.

use super::body::Json;
use super::guard::{Acting, Operator, Viewer};
use super::place::Wanted;
use super::problem::Refusal;
use super::query::Id;
use crate::api::log::LogPage;
use crate::api::replays::{NewReplay, ReplayPlan, ReplayQuery, ReplayRow, StateCount};
use crate::domain::delivery::DeliveryState as Standing;
use crate::domain::ids::{ReplayId, SubscriptionId};
use crate::domain::replay::ReplayState;
use crate::engine::Engine;
use crate::engine::replays::ReplayDraft;
use axum::extract::State;
use axum::http::StatusCode;

type Answer<T> = Result<axum::Json<T>, Refusal>;

/// `POST /portal/v1/subscriptions/{id}/replay`: creates a replay and answers 201; a dry run only counts and answers
/// 200.
pub(super) async fn plan(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(new): Json<NewReplay>,
) -> Result<(StatusCode, axum::Json<ReplayPlan>), Refusal> {
    let NewReplay { since, until, states, dry_run, rate_per_second } = new;
    let wish = ReplayDraft { since, until, states, per_second: rate_per_second };
    let id = SubscriptionId(id);
    if dry_run {
        let counts = engine.replay_counts(id, wish).await?;
        return Ok((StatusCode::OK, axum::Json(told(counts, None))));
    }
    let (replay, counts) = engine.plan_replay(operator.caller(), id, wish).await?;
    Ok((StatusCode::CREATED, axum::Json(told(counts, Some(replay.into())))))
}

fn told(counts: Vec<(Standing, u64)>, replay: Option<ReplayRow>) -> ReplayPlan {
    let n_selected = counts.iter().map(|(_, n)| n).sum();
    let counts = counts.into_iter().map(|(state, n)| StateCount { state, n }).collect();
    ReplayPlan { counts, n_selected, replay }
}

/// `GET /portal/v1/replays`: replays, newest first.
pub(super) async fn list(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    wanted: Wanted<ReplayQuery>,
) -> Answer<LogPage<ReplayRow>> {
    let subscription = wanted.filters.subscription.map(SubscriptionId);
    let page = engine.replays(subscription, wanted.span(None, None)).await?;
    Ok(axum::Json(wanted.page(page, ReplayRow::from)))
}

/// `GET /portal/v1/replays/{id}`: one replay with its progress.
pub(super) async fn get(_: Operator<Viewer>, State(engine): State<Engine>, Id(id): Id) -> Answer<ReplayRow> {
    Ok(axum::Json(engine.find_replay(ReplayId(id)).await?.into()))
}

/// `POST /portal/v1/replays/{id}/pause`: pauses a replay; one that has ended is left unchanged.
pub(super) async fn pause(operator: Operator<Acting>, State(engine): State<Engine>, Id(id): Id) -> Answer<ReplayRow> {
    turn(&operator, &engine, id, ReplayState::Paused).await
}

/// `POST /portal/v1/replays/{id}/resume`: resumes a replay; one that has ended is left unchanged.
pub(super) async fn resume(operator: Operator<Acting>, State(engine): State<Engine>, Id(id): Id) -> Answer<ReplayRow> {
    turn(&operator, &engine, id, ReplayState::Running).await
}

/// `POST /portal/v1/replays/{id}/cancel`: cancels a replay; deliveries that it has queued are still sent.
pub(super) async fn cancel(operator: Operator<Acting>, State(engine): State<Engine>, Id(id): Id) -> Answer<ReplayRow> {
    turn(&operator, &engine, id, ReplayState::Cancelled).await
}

async fn turn(operator: &Operator<Acting>, engine: &Engine, id: i64, wanted: ReplayState) -> Answer<ReplayRow> {
    Ok(axum::Json(engine.set_replay_state(operator.caller(), ReplayId(id), wanted).await?.into()))
}
