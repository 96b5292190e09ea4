//! Handlers of subscriptions in the Integration API, for partners.

use super::body::{Creating, Json};
use super::clients::replied;
use super::guard::{Allowed, WebhooksRead, WebhooksRemove, WebhooksWrite};
use super::problem::Refusal;
use super::query::{Filtered, Id, PageRoom, Pairs};
use super::subscriptions::probe;
use super::translate;
use crate::api::keys::ShownOnce;
use crate::api::page::Page;
use crate::api::problem::Code;
use crate::api::subscriptions::{
    CreatedSubscription, NewSubscription, Subscription, SubscriptionPatch, TestDelivery, TestResult,
};
use crate::domain::ids::SubscriptionId;
use crate::domain::subscription;
use crate::engine::Engine;
use crate::engine::idempotency::IdempotentReply;
use crate::engine::partner_subscriptions::{EnabledFilter, SubscriptionChange};
use crate::engine::subscriptions::SubscriptionDraft;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

type Answer<T> = Result<axum::Json<T>, Refusal>;

const LIST: &str = "subscriptions";

/// `GET /api/v1/webhooks/subscriptions`: the company's subscriptions in ascending order of their ids, optionally only
/// enabled or disabled ones.
pub(super) async fn list(
    allowed: Allowed<WebhooksRead>,
    State(engine): State<Engine>,
    pairs: Pairs,
) -> Answer<Page<Subscription>> {
    let paging = pairs.paging()?;
    let limit = paging.limit()?;
    let (switched, filter) = match pairs.one("isEnabled")? {
        None => (EnabledFilter::Any, ""),
        Some("true") => (EnabledFilter::Enabled, "isEnabled=true;"),
        Some("false") => (EnabledFilter::Disabled, "isEnabled=false;"),
        Some(_) => return Err(Refusal::invalid("isEnabled", "must be true or false")),
    };
    let list = Filtered { list: LIST, filters: filter };
    let after = paging.position(&list)?.unwrap_or(0);
    let (found, has_more) =
        engine.subscriptions_of(allowed.key().company, switched, SubscriptionId(after), limit).await?;
    let n_found = found.len();
    let mut room = PageRoom::default();
    let items: Vec<Subscription> =
        found.into_iter().map(Subscription::from).take_while(|row| room.takes(row)).collect();
    let next_cursor = Some(list.cursor(items.last().map_or(after, |last| last.id.0)));
    let has_more = has_more || items.len() < n_found;
    Ok(axum::Json(Page { next_cursor, has_more, ..Page::whole(items) }))
}

/// `GET /api/v1/webhooks/subscriptions/{id}`: one subscription of the company.
pub(super) async fn get(
    allowed: Allowed<WebhooksRead>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Answer<Subscription> {
    Ok(axum::Json(engine.subscription(SubscriptionId(id), Some(allowed.key().company)).await?.into()))
}

/// `POST /api/v1/webhooks/subscriptions`: creates a subscription. Only this answer, and its replay under the same
/// `Idempotency-Key`, carries the signing secret.
pub(super) async fn create(
    allowed: Allowed<WebhooksWrite>,
    State(engine): State<Engine>,
    creating: Creating<NewSubscription>,
) -> Result<Response, Refusal> {
    let (new, call) = creating.by(allowed.key().id);
    let draft = SubscriptionDraft {
        target_url: new.target_url,
        event_types: new.event_types,
        description: new.description,
        managed_by: new.managed_by,
        signing_secret: new.signing_secret.map(ShownOnce::into_secret),
    };
    let render = |of: &subscription::WebhookSubscription| {
        let body = serde_json::to_vec(&Subscription::from(of.clone())).unwrap_or_default();
        (StatusCode::CREATED.as_u16(), body)
    };
    let company = allowed.key().company;
    let (reply, secret) = engine.create_subscription(allowed.caller(), company, draft, call, render).await?;
    let unreadable = |_| Refusal::new(Code::Internal, "the stored answer cannot be read");
    let subscription: Subscription = serde_json::from_slice(&reply.body).map_err(unreadable)?;
    let created = CreatedSubscription { subscription, signing_secret: ShownOnce::new(secret.reveal().to_owned()) };
    Ok(replied(IdempotentReply { body: serde_json::to_vec(&created).unwrap_or_default(), ..reply }))
}

/// `PATCH /api/v1/webhooks/subscriptions/{id}`: changes a subscription. Of a managed one, only `isEnabled` may be
/// changed, except by the key that created it.
pub(super) async fn change(
    allowed: Allowed<WebhooksWrite>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(patch): Json<SubscriptionPatch>,
) -> Answer<Subscription> {
    let SubscriptionPatch { target_url, event_types, description, is_enabled } = patch;
    let wanted = SubscriptionChange { target_url, event_types, description, is_enabled };
    let owner = (allowed.key().company, allowed.key().id);
    let changed = engine.change_subscription(allowed.caller(), owner, SubscriptionId(id), wanted).await?;
    Ok(axum::Json(changed.into()))
}

/// `DELETE /api/v1/webhooks/subscriptions/{id}`: deletes a subscription; its log stays readable.
pub(super) async fn delete(
    allowed: Allowed<WebhooksRemove>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    engine.delete_subscription(allowed.caller(), SubscriptionId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/webhooks/subscriptions/{id}/test`: sends a test delivery. A target that fails is a result, not a
/// refusal.
pub(super) async fn test(
    allowed: Allowed<WebhooksWrite>,
    State(engine): State<Engine>,
    Id(id): Id,
    Json(wish): Json<TestDelivery>,
) -> Answer<TestResult> {
    let company = Some(allowed.key().company);
    let test = engine.test(allowed.caller(), SubscriptionId(id), company, probe(wish)).await?;
    Ok(axum::Json(translate::partner_test(test)))
}
