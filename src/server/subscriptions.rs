//! Subscriptions, for partners and for operators.

use super::body::Json;
use super::guard::{Acting, Allowed, Operator, Viewer, WebhooksRead, WebhooksWrite};
use super::problem::Refusal;
use super::query::Id;
use super::translate;
use crate::api::keys::ShownOnce;
use crate::api::page::Page;
use crate::api::subscriptions::{
    CreatedSubscription, Disable, Enable, NewSubscription, ReplayChoice, Subscription, SubscriptionRow, TestDelivery,
    TestResult,
};
use crate::domain::delivery::Outcome;
use crate::domain::ids::SubscriptionId;
use crate::domain::text::Untrusted;
use crate::engine::Engine;
use crate::engine::subscriptions::{Draft, Missed};
use axum::extract::State;
use axum::http::StatusCode;

type Answer<T> = Result<axum::Json<T>, Refusal>;

/// `GET /api/v1/webhooks/subscriptions`.
pub(super) async fn list(allowed: Allowed<WebhooksRead>, State(engine): State<Engine>) -> Answer<Page<Subscription>> {
    let items = engine.subscriptions_of(allowed.key().company).await?.into_iter().map(Into::into).collect();
    Ok(axum::Json(Page { items, next_cursor: None, has_more: false }))
}

/// `GET /api/v1/webhooks/subscriptions/{id}`.
pub(super) async fn get(
    allowed: Allowed<WebhooksRead>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Answer<Subscription> {
    Ok(axum::Json(engine.subscription(SubscriptionId(id), Some(allowed.key().company)).await?.into()))
}

/// `POST /api/v1/webhooks/subscriptions`: the signing secret is in this answer alone.
pub(super) async fn create(
    allowed: Allowed<WebhooksWrite>,
    State(engine): State<Engine>,
    Json(new): Json<NewSubscription>,
) -> Result<(StatusCode, axum::Json<CreatedSubscription>), Refusal> {
    let draft = Draft {
        target_url: new.target_url,
        event_types: new.event_types,
        description: new.description,
        managed_by: new.managed_by,
        signing_secret: new.signing_secret.map(ShownOnce::into_secret),
    };
    let owner = (allowed.key().company, allowed.key().id);
    let (subscription, secret) = engine.create_subscription(allowed.caller(), owner, draft).await?;
    let signing_secret = ShownOnce::new(secret.reveal().to_owned());
    Ok((StatusCode::CREATED, axum::Json(CreatedSubscription { subscription: subscription.into(), signing_secret })))
}

/// `GET /portal/v1/subscriptions`: of all companies, worst first.
pub(super) async fn all(_: Operator<Viewer>, State(engine): State<Engine>) -> Answer<Page<SubscriptionRow>> {
    let items = engine.patients().await?.into_iter().map(translate::subscription).collect();
    Ok(axum::Json(Page { items, next_cursor: None, has_more: false }))
}

/// `GET /portal/v1/subscriptions/{id}`.
pub(super) async fn examine(_: Operator<Viewer>, State(engine): State<Engine>, Id(id): Id) -> Answer<SubscriptionRow> {
    row(&engine, SubscriptionId(id)).await
}

/// `POST /portal/v1/subscriptions/{id}/enable`.
pub(super) async fn enable(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(wish): Json<Enable>,
) -> Answer<SubscriptionRow> {
    let missed = match wish.replay {
        ReplayChoice::None => Missed::Leave,
        ReplayChoice::Skipped => Missed::Replay,
    };
    engine.enable(operator.caller(), SubscriptionId(id), missed).await?;
    row(&engine, SubscriptionId(id)).await
}

/// `POST /portal/v1/subscriptions/{id}/disable`.
pub(super) async fn disable(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(wish): Json<Disable>,
) -> Answer<SubscriptionRow> {
    engine.disable(operator.caller(), SubscriptionId(id), wish.reason).await?;
    row(&engine, SubscriptionId(id)).await
}

/// `POST /portal/v1/subscriptions/{id}/test`.
pub(super) async fn test(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(wish): Json<TestDelivery>,
) -> Answer<TestResult> {
    let test = engine.test(operator.caller(), SubscriptionId(id), wish.event_type).await?;
    let result = test.attempt.result;
    let status_code = match result.outcome {
        Outcome::Answered { status, .. } => Some(status),
        Outcome::Unanswered(_) => None,
    };
    Ok(axum::Json(TestResult {
        success: result.outcome.is_success(),
        status_code,
        elapsed_ms: result.elapsed_ms,
        response_body_truncated: test.n_response_bytes > test.response_body.len() as u64,
        response_body: Untrusted::new(String::from_utf8_lossy(&test.response_body)),
        target_url_used: Untrusted::new(test.attempt.about.target_url),
        error: result.error.map(Untrusted::new),
    }))
}

async fn row(engine: &Engine, id: SubscriptionId) -> Answer<SubscriptionRow> {
    Ok(axum::Json(translate::subscription(engine.patient(id).await?)))
}
