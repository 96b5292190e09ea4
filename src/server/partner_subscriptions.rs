//! Handlers of subscriptions in the Integration API, for partners.

use super::body::IdempotentBody;
use super::clients::reply_response;
use super::guard::{AuthorizedKey, WebhooksRead, WebhooksRemove, WebhooksWrite};
use super::subscriptions::test_request;
use super::translate;
use crate::domain::ids::SubscriptionId;
use crate::domain::subscription;
use crate::engine::handle::Engine;
use crate::engine::idempotency::IdempotentReply;
use crate::engine::partner_subscriptions::EnabledFilter;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{FilteredList, PageRoom, PathId, QueryPairs};
use crate::wire::keys::OneTimeSecret;
use crate::wire::page::Page;
use crate::wire::problem::ProblemCode;
use crate::wire::subscriptions::{
    CreatedSubscription, NewSubscription, Subscription, SubscriptionPatch, TestDelivery, TestResult,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

type PartnerAnswer<T> = Result<axum::Json<T>, ProblemResponse>;

const SUBSCRIPTIONS_LIST: &str = "subscriptions";

/// `GET /api/v1/webhooks/subscriptions`: the company's subscriptions in ascending order of their ids, optionally only
/// enabled or disabled ones.
pub(super) async fn list(
    allowed: AuthorizedKey<WebhooksRead>,
    State(engine): State<Engine>,
    pairs: QueryPairs,
) -> PartnerAnswer<Page<Subscription>> {
    let paging = pairs.paging()?;
    let limit = paging.limit()?;
    let (switched, filter) = match pairs.single("isEnabled")? {
        None => (EnabledFilter::Any, ""),
        Some("true") => (EnabledFilter::Enabled, "isEnabled=true;"),
        Some("false") => (EnabledFilter::Disabled, "isEnabled=false;"),
        Some(_) => return Err(ProblemResponse::invalid_field("isEnabled", "must be true or false")),
    };
    let list = FilteredList { list: SUBSCRIPTIONS_LIST, filters: filter };
    let after = paging.position(&list)?.unwrap_or(0);
    let (found, has_more) =
        engine.subscriptions_of(allowed.key().company, switched, SubscriptionId(after), limit).await?;
    let n_found = found.len();
    let mut room = PageRoom::default();
    let items: Vec<Subscription> =
        found.into_iter().map(Subscription::from).take_while(|row| room.takes(row)).collect();
    let next_cursor = Some(list.cursor(items.last().map_or(after, |last| last.id.0)));
    let has_more = has_more || items.len() < n_found;
    Ok(axum::Json(Page { next_cursor, has_more, ..Page::complete(items) }))
}

/// `GET /api/v1/webhooks/subscriptions/{id}`: one subscription of the company.
pub(super) async fn get(
    allowed: AuthorizedKey<WebhooksRead>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> PartnerAnswer<Subscription> {
    Ok(axum::Json(engine.subscription(SubscriptionId(id), Some(allowed.key().company)).await?.into()))
}

/// `POST /api/v1/webhooks/subscriptions`: creates a subscription. Only this answer, and its replay under the same
/// `Idempotency-Key`, carries the signing secret.
pub(super) async fn create(
    allowed: AuthorizedKey<WebhooksWrite>,
    State(engine): State<Engine>,
    creating: IdempotentBody<NewSubscription>,
) -> Result<Response, ProblemResponse> {
    let (new, call) = creating.into_call(allowed.key().id);
    let render = |of: &subscription::WebhookSubscription| {
        let body = serde_json::to_vec(&Subscription::from(of.clone())).unwrap_or_default();
        (StatusCode::CREATED.as_u16(), body)
    };
    let company = allowed.key().company;
    let (reply, secret) = engine.create_subscription(allowed.caller(), company, new.into(), call, render).await?;
    let unreadable = |_| ProblemResponse::new(ProblemCode::Internal, "the stored answer cannot be read");
    let subscription: Subscription = serde_json::from_slice(&reply.body).map_err(unreadable)?;
    let created = CreatedSubscription { subscription, signing_secret: OneTimeSecret::new(secret.reveal().to_owned()) };
    Ok(reply_response(IdempotentReply { body: serde_json::to_vec(&created).unwrap_or_default(), ..reply }))
}

/// `PATCH /api/v1/webhooks/subscriptions/{id}`: changes a subscription. Of a managed one, only `isEnabled` may be
/// changed, except by the key that created it.
pub(super) async fn change(
    allowed: AuthorizedKey<WebhooksWrite>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(patch): JsonBody<SubscriptionPatch>,
) -> PartnerAnswer<Subscription> {
    let owner = (allowed.key().company, allowed.key().id);
    let changed = engine.change_subscription(allowed.caller(), owner, SubscriptionId(id), patch.into()).await?;
    Ok(axum::Json(changed.into()))
}

/// `DELETE /api/v1/webhooks/subscriptions/{id}`: deletes a subscription; its log stays readable.
pub(super) async fn delete(
    allowed: AuthorizedKey<WebhooksRemove>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<StatusCode, ProblemResponse> {
    engine.delete_subscription(allowed.caller(), SubscriptionId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/webhooks/subscriptions/{id}/test`: sends a test delivery. A target that fails is a result, not a
/// refusal.
pub(super) async fn test(
    allowed: AuthorizedKey<WebhooksWrite>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<TestDelivery>,
) -> PartnerAnswer<TestResult> {
    let company = Some(allowed.key().company);
    let test = engine.test(allowed.caller(), SubscriptionId(id), company, test_request(wish)).await?;
    Ok(axum::Json(translate::partner_test_result(test)))
}
