//! Handlers of subscriptions in the Portal API, for operators.

use super::guard::{Acting, AuthorizedOperator, Viewer};
use super::translate;
use super::urls::{as_seen, visible_json};
use crate::domain::ids::SubscriptionId;
use crate::engine::handle::Engine;
use crate::engine::subscriptions::{MissedPolicy, TestDraft, TestPayload};
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, PathId, TypedQuery, page_of};
use crate::wire::page::Page;
use crate::wire::subscriptions::{
    DisableScope, DisableSubscription, EnableSubscription, MissedEventsChoice, SubscriptionRow, TestDelivery,
    TestResult,
};
use axum::extract::State;
use axum::http::StatusCode;

type SubscriptionAnswer<T> = Result<axum::Json<T>, ProblemResponse>;

/// `GET /portal/v1/subscriptions`: subscriptions of all companies, worst health first.
pub(super) async fn list(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> SubscriptionAnswer<Page<SubscriptionRow>> {
    let rows: Vec<SubscriptionRow> =
        engine.subscriptions_by_health().await?.into_iter().map(translate::subscription_row).collect();
    let name = |row: &SubscriptionRow| row.subscription.id.to_string();
    Ok(axum::Json(page_of(rows, &paging, "subscriptions", name, |row| as_seen(&operator, row))?))
}

/// `GET /portal/v1/subscriptions/{id}`: one subscription with its health.
pub(super) async fn get(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> SubscriptionAnswer<SubscriptionRow> {
    subscription_row(&operator, &engine, SubscriptionId(id)).await
}

/// `DELETE /portal/v1/subscriptions/{id}`: deletes a subscription, also a managed one; its log stays readable.
pub(super) async fn delete(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<StatusCode, ProblemResponse> {
    engine.delete_subscription(operator.caller(), SubscriptionId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /portal/v1/subscriptions/{id}/enable`: enables a subscription, optionally delivering what it missed.
pub(super) async fn enable(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<EnableSubscription>,
) -> SubscriptionAnswer<SubscriptionRow> {
    let missed = match wish.replay {
        MissedEventsChoice::None => MissedPolicy::Leave,
        MissedEventsChoice::Missed => MissedPolicy::Replay,
    };
    engine.enable(operator.caller(), SubscriptionId(id), missed).await?;
    subscription_row(&operator, &engine, SubscriptionId(id)).await
}

/// `POST /portal/v1/subscriptions/{id}/disable`: disables a subscription, or marks one as intentionally off.
pub(super) async fn disable(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<DisableSubscription>,
) -> SubscriptionAnswer<SubscriptionRow> {
    match wish.only {
        DisableScope::Any => engine.disable(operator.caller(), SubscriptionId(id), wish.reason).await?,
        DisableScope::Off => engine.set_disable_reason(operator.caller(), SubscriptionId(id), wish.reason).await?,
    };
    subscription_row(&operator, &engine, SubscriptionId(id)).await
}

/// `POST /portal/v1/subscriptions/{id}/test`: sends a test delivery to a subscription.
pub(super) async fn test(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<TestDelivery>,
) -> SubscriptionAnswer<TestResult> {
    let test = engine.test(operator.caller(), SubscriptionId(id), None, test_request(wish)).await?;
    Ok(visible_json(&operator, translate::test_result(test)))
}

/// Converts the body of a test into the engine's request.
pub(super) fn test_request(wish: TestDelivery) -> TestDraft {
    let TestDelivery { event_type, use_sample_payload, sample_payload, status_override } = wish;
    let payload = match (sample_payload, use_sample_payload) {
        (Some(payload), _) => TestPayload::Given(payload.get().to_owned()),
        (None, Some(false)) => TestPayload::Empty,
        (None, _) => TestPayload::Sample,
    };
    TestDraft { event_type, payload, status_override: status_override.map(|status| status.get().to_owned()) }
}

async fn subscription_row<P>(
    operator: &AuthorizedOperator<P>,
    engine: &Engine,
    id: SubscriptionId,
) -> SubscriptionAnswer<SubscriptionRow> {
    Ok(visible_json(operator, translate::subscription_row(engine.subscription_health(id).await?)))
}
