//! Handlers of acts: what a key can do on the platform, and what operators say about alerts and subscriptions.

use super::act_problem::{act_problem, storage};
use super::guard::{AttachedOperator, MayAct};
use super::lists::{find_subscription, not_found};
use super::not_observable::not_observable;
use crate::domain::alert::{ACKNOWLEDGEMENT_TTL, Acknowledgement, AlertSubject, MAX_NOTE_CHARS, SubjectRecord};
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::SubscriptionId;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::PathId;
use crate::observer::handle::PlatformObserver;
use crate::wire::alerts::{AcknowledgementRow, NewAcknowledgement};
use crate::wire::events::{Envelope, NewEvent};
use crate::wire::overview::PlatformOverview;
use crate::wire::problem::ProblemCode;
use crate::wire::subscriptions::{
    DisableScope, DisableSubscription, EnableSubscription, MissedEventsChoice, SubscriptionRow, TestDelivery,
    TestResult,
};
use axum::extract::State;
use axum::http::StatusCode;

/// `POST …/subscriptions/{id}/test`: sends a test delivery.
pub(super) async fn test(
    operator: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<TestDelivery>,
) -> Result<axum::Json<TestResult>, ProblemResponse> {
    let sent = observer.send_test(SubscriptionId(id), &wish).await;
    Ok(operator.visible(sent.map_err(|failure| act_problem(failure, observer.ambient().now()))?))
}

/// `POST …/subscriptions/{id}/enable`: enables a subscription. Missed events cannot be replayed with a key.
pub(super) async fn enable(
    operator: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<EnableSubscription>,
) -> Result<axum::Json<SubscriptionRow>, ProblemResponse> {
    if wish.replay == MissedEventsChoice::Missed {
        return Err(not_observable(
            "a key cannot replay missed events: enable without a replay, then replay in the Admin Portal",
        ));
    }
    let id = SubscriptionId(id);
    set_enabled(&observer, id, true).await?;
    store_reason(&observer, &operator, id, None).await?;
    changed(&observer, &operator, id, |row| {
        (row.subscription.is_enabled, row.subscription.disabled_reason, row.subscription.disabled_utc) =
            (true, None, None);
        (row.disabled_note, row.disabled_after_utc) = (None, None);
    })
}

/// `POST …/subscriptions/{id}/disable`: disables a subscription, or records why one is off.
pub(super) async fn disable(
    operator: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<DisableSubscription>,
) -> Result<axum::Json<SubscriptionRow>, ProblemResponse> {
    let id = SubscriptionId(id);
    let row = find_subscription(&observer, id)?;
    let reason = validate_note("reason", wish.reason)?;
    match (row.subscription.is_enabled, wish.only) {
        (true, DisableScope::Off) => {
            return Err(ProblemResponse::invalid_field("only", "is off, and the subscription is enabled"));
        }
        (true, DisableScope::Any) => set_enabled(&observer, id, false).await?,
        (false, _) if row.subscription.disabled_reason == Some(DisabledReason::Breaker) => {
            return Err(ProblemResponse::invalid_field(
                "reason",
                "cannot be given: the breaker disabled the subscription",
            ));
        }
        (false, _) => {}
    }
    if reason.is_some() {
        store_reason(&observer, &operator, id, reason.clone()).await?;
    }
    changed(&observer, &operator, id, |row| {
        row.subscription.is_enabled = false;
        row.disabled_note = reason.map(Into::into).or(row.disabled_note.take());
    })
}

/// `DELETE …/subscriptions/{id}`: deletes a subscription.
pub(super) async fn delete(
    _: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<StatusCode, ProblemResponse> {
    let deleted = observer.delete_subscription(SubscriptionId(id)).await;
    deleted.map_err(|failure| act_problem(failure, observer.ambient().now()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /portal/v1/events`: publishes a test event; a key cannot publish any other.
pub(super) async fn emit(
    _: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    JsonBody(new): JsonBody<NewEvent>,
) -> Result<(StatusCode, axum::Json<Envelope>), ProblemResponse> {
    let is_test = |metadata: &str| {
        let read: Result<serde_json::Value, _> = serde_json::from_str(metadata);
        read.is_ok_and(|value| value == serde_json::json!({ "test": true }))
    };
    if new.metadata.as_ref().is_some_and(|metadata| !is_test(metadata.get())) {
        return Err(ProblemResponse::invalid_field("metadata", "cannot be given: a key publishes test events only"));
    }
    let published = observer.publish_test(new.company_id, new.kind, new.payload).await;
    let envelope = published.map_err(|failure| act_problem(failure, observer.ambient().now()))?;
    Ok((StatusCode::CREATED, axum::Json(envelope)))
}

/// `POST /portal/v1/acknowledgements`: acknowledges an alert, replacing an earlier acknowledgement of its subject.
pub(super) async fn acknowledge(
    operator: AttachedOperator<MayAct>,
    State(observer): State<PlatformObserver>,
    JsonBody(new): JsonBody<NewAcknowledgement>,
) -> Result<(StatusCode, axum::Json<AcknowledgementRow>), ProblemResponse> {
    let subject = AlertSubject::named(&new.subject);
    let subject =
        subject.ok_or_else(|| ProblemResponse::invalid_field("subject", format!("must be {}", AlertSubject::FORMS)))?;
    let status = HealthStatus::named(&new.state).filter(|status| status.needs_action());
    let status = status.ok_or_else(|| ProblemResponse::invalid_field("state", "must be trp, err or wrn"))?;
    if !is_known(&observer.overview(), subject) {
        return Err(not_found(&subject.to_string()));
    }
    let note = validate_note("note", new.note)?;
    let at = observer.platform_time();
    let said = Acknowledgement { subject, status, acknowledged_at: at, acknowledged_by: operator.name(), note };
    let row = AcknowledgementRow::from(&said);
    observer.history().store_acknowledgement(said, at.minus(ACKNOWLEDGEMENT_TTL)).await.map_err(storage)?;
    observer.board().request_refresh();
    Ok((StatusCode::CREATED, axum::Json(row)))
}

/// Whether the record that an alert belongs to is known.
fn is_known(overview: &PlatformOverview, subject: AlertSubject) -> bool {
    match subject.record() {
        SubjectRecord::Subscription(id) => overview.subscriptions.items.iter().any(|row| row.subscription.id == id),
        SubjectRecord::Key(id) => overview.keys.items.iter().any(|row| row.id == id),
        SubjectRecord::Company(id) => overview.keys.items.iter().any(|row| row.company_id == id),
        SubjectRecord::Platform => true,
    }
}

async fn set_enabled(observer: &PlatformObserver, id: SubscriptionId, to: bool) -> Result<(), ProblemResponse> {
    let done = observer.set_enabled(id, to).await;
    done.map_err(|failure| act_problem(failure, observer.ambient().now()))
}

async fn store_reason(
    observer: &PlatformObserver,
    operator: &AttachedOperator<MayAct>,
    id: SubscriptionId,
    reason: Option<String>,
) -> Result<(), ProblemResponse> {
    let by = (observer.ambient().now(), operator.name());
    observer.history().store_disable_reason(id, reason, by).await.map_err(storage)?;
    observer.board().request_refresh();
    Ok(())
}

/// Answers with a subscription as the change left it. The overview shows the change a moment later.
fn changed(
    observer: &PlatformObserver,
    operator: &AttachedOperator<MayAct>,
    id: SubscriptionId,
    change: impl FnOnce(&mut SubscriptionRow),
) -> Result<axum::Json<SubscriptionRow>, ProblemResponse> {
    let mut row = find_subscription(observer, id)?;
    change(&mut row);
    Ok(operator.visible(row))
}

/// Trims a note or reason; blank text counts as absent.
fn validate_note(field: &'static str, text: Option<String>) -> Result<Option<String>, ProblemResponse> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > MAX_NOTE_CHARS => Err(ProblemResponse::new(
            ProblemCode::ValidationFailed,
            format!("{field} must have at most {MAX_NOTE_CHARS} characters"),
        )),
        text => Ok(text),
    }
}
