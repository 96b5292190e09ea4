//! Handlers of subscriptions in the Portal API, for operators.

use super::body::Json;
use super::guard::{Acting, Operator, Viewer};
use super::problem::Refusal;
use super::query::{Id, Paging, Query, page_of};
use super::translate;
use super::urls::{as_seen, shown};
use crate::api::page::Page;
use crate::api::subscriptions::{Disable, Enable, Only, ReplayChoice, SubscriptionRow, TestDelivery, TestResult};
use crate::domain::ids::SubscriptionId;
use crate::engine::Engine;
use crate::engine::subscriptions::{SkippedPolicy, TestDraft, TestPayload};
use axum::extract::State;
use axum::http::StatusCode;

type Answer<T> = Result<axum::Json<T>, Refusal>;

/// `GET /portal/v1/subscriptions`: subscriptions of all companies, worst health first.
pub(super) async fn all(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Answer<Page<SubscriptionRow>> {
    let rows: Vec<SubscriptionRow> =
        engine.subscriptions_by_health().await?.into_iter().map(translate::subscription).collect();
    let name = |row: &SubscriptionRow| row.subscription.id.to_string();
    Ok(axum::Json(page_of(rows, &paging, "subscriptions", name, |row| as_seen(&operator, row))?))
}

/// `GET /portal/v1/subscriptions/{id}`: one subscription with its health.
pub(super) async fn examine(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Answer<SubscriptionRow> {
    row(&operator, &engine, SubscriptionId(id)).await
}

/// `DELETE /portal/v1/subscriptions/{id}`: deletes a subscription, also a managed one; its log stays readable.
pub(super) async fn delete(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    engine.delete_subscription(operator.caller(), SubscriptionId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /portal/v1/subscriptions/{id}/enable`: enables a subscription, optionally delivering what it missed.
pub(super) async fn enable(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(wish): Json<Enable>,
) -> Answer<SubscriptionRow> {
    let missed = match wish.replay {
        ReplayChoice::None => SkippedPolicy::Leave,
        ReplayChoice::Skipped => SkippedPolicy::Replay,
    };
    engine.enable(operator.caller(), SubscriptionId(id), missed).await?;
    row(&operator, &engine, SubscriptionId(id)).await
}

/// `POST /portal/v1/subscriptions/{id}/disable`: disables a subscription, or marks one as intentionally off.
pub(super) async fn disable(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(wish): Json<Disable>,
) -> Answer<SubscriptionRow> {
    match wish.only {
        Only::Any => engine.disable(operator.caller(), SubscriptionId(id), wish.reason).await?,
        Only::Off => engine.set_disable_reason(operator.caller(), SubscriptionId(id), wish.reason).await?,
    };
    row(&operator, &engine, SubscriptionId(id)).await
}

/// `POST /portal/v1/subscriptions/{id}/test`: sends a test delivery to a subscription.
pub(super) async fn test(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(wish): Json<TestDelivery>,
) -> Answer<TestResult> {
    let test = engine.test(operator.caller(), SubscriptionId(id), None, probe(wish)).await?;
    Ok(shown(&operator, translate::test(test)))
}

/// Converts the body of a test into the engine's request.
pub(super) fn probe(wish: TestDelivery) -> TestDraft {
    let TestDelivery { event_type, use_sample_payload, sample_payload, status_override } = wish;
    let payload = match (sample_payload, use_sample_payload) {
        (Some(payload), _) => TestPayload::Given(payload.get().to_owned()),
        (None, Some(false)) => TestPayload::Empty,
        (None, _) => TestPayload::Sample,
    };
    TestDraft { event_type, payload, status_override: status_override.map(|status| status.get().to_owned()) }
}

async fn row<P>(operator: &Operator<P>, engine: &Engine, id: SubscriptionId) -> Answer<SubscriptionRow> {
    Ok(shown(operator, translate::subscription(engine.subscription_health(id).await?)))
}
