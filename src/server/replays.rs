//! Handlers of replays, for operators.

use super::guard::{Acting, AuthorizedOperator, Viewer};
use crate::domain::delivery::DeliveryState as Standing;
use crate::domain::ids::{ReplayId, SubscriptionId};
use crate::domain::replay::ReplayState;
use crate::engine::handle::Engine;
use crate::engine::replays::ReplayDraft;
use crate::http::body::JsonBody;
use crate::http::log_query::LogQuery;
use crate::http::problem::ProblemResponse;
use crate::http::query::PathId;
use crate::wire::log::LogPage;
use crate::wire::replays::{NewReplay, ReplayPlan, ReplayQuery, ReplayRow, StateCount};
use axum::extract::State;
use axum::http::StatusCode;

type ReplayAnswer<T> = Result<axum::Json<T>, ProblemResponse>;

/// `POST /portal/v1/subscriptions/{id}/replay`: creates a replay and answers 201; a dry run only counts and answers
/// 200.
pub(super) async fn create(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(new): JsonBody<NewReplay>,
) -> Result<(StatusCode, axum::Json<ReplayPlan>), ProblemResponse> {
    let NewReplay { since, until, states, dry_run, rate_per_second } = new;
    let wish = ReplayDraft { since, until, states, per_second: rate_per_second };
    let id = SubscriptionId(id);
    if dry_run {
        let counts = engine.replay_counts(id, wish).await?;
        return Ok((StatusCode::OK, axum::Json(replay_plan(counts, None))));
    }
    let (replay, counts) = engine.plan_replay(operator.caller(), id, wish).await?;
    Ok((StatusCode::CREATED, axum::Json(replay_plan(counts, Some(replay.into())))))
}

fn replay_plan(counts: Vec<(Standing, u64)>, replay: Option<ReplayRow>) -> ReplayPlan {
    let n_selected = counts.iter().map(|(_, n)| n).sum();
    let counts = counts.into_iter().map(|(state, n)| StateCount { state, n }).collect();
    ReplayPlan { counts, n_selected, replay }
}

/// `GET /portal/v1/replays`: replays, newest first.
pub(super) async fn list(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    wanted: LogQuery<ReplayQuery>,
) -> ReplayAnswer<LogPage<ReplayRow>> {
    let subscription = wanted.filters.subscription.map(SubscriptionId);
    let page = engine.replays(subscription, wanted.page_spec(None, None)).await?;
    Ok(axum::Json(wanted.log_page(page, ReplayRow::from)))
}

/// `GET /portal/v1/replays/{id}`: one replay with its progress.
pub(super) async fn get(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> ReplayAnswer<ReplayRow> {
    Ok(axum::Json(engine.find_replay(ReplayId(id)).await?.into()))
}

/// `POST /portal/v1/replays/{id}/pause`: pauses a replay; one that has ended is left unchanged.
pub(super) async fn pause(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> ReplayAnswer<ReplayRow> {
    set_state(&operator, &engine, id, ReplayState::Paused).await
}

/// `POST /portal/v1/replays/{id}/resume`: resumes a replay; one that has ended is left unchanged.
pub(super) async fn resume(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> ReplayAnswer<ReplayRow> {
    set_state(&operator, &engine, id, ReplayState::Running).await
}

/// `POST /portal/v1/replays/{id}/cancel`: cancels a replay; deliveries that it has queued are still sent.
pub(super) async fn cancel(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> ReplayAnswer<ReplayRow> {
    set_state(&operator, &engine, id, ReplayState::Cancelled).await
}

async fn set_state(
    operator: &AuthorizedOperator<Acting>,
    engine: &Engine,
    id: i64,
    wanted: ReplayState,
) -> ReplayAnswer<ReplayRow> {
    Ok(axum::Json(engine.set_replay_state(operator.caller(), ReplayId(id), wanted).await?.into()))
}
