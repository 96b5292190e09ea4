//! Handlers of the delivery log.

use super::guard::{Operator, Viewer};
use super::place::{Wanted, event_type, named};
use super::problem::Refusal;
use super::query::Id;
use super::urls::shown;
use super::{redact, translate};
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::log::{AttemptQuery, LogPage};
use crate::domain::ids::{AttemptId, CompanyId, EventId, SubscriptionId};
use crate::domain::log::{AttemptFilter, OutcomeFilter, TextFilter};
use crate::engine::Engine;
use axum::extract::State;

/// `GET /portal/v1/attempts`: attempts that match the filters, newest first.
pub(super) async fn list(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    wanted: Wanted<AttemptQuery>,
) -> Result<axum::Json<LogPage<AttemptRow>>, Refusal> {
    let of = &wanted.filters;
    if of.q.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 200) {
        return Err(Refusal::invalid("q", "must have 1 to 200 characters"));
    }
    let ended = |name: &str| match name {
        "success" => Some(OutcomeFilter::Succeeded),
        "failure" => Some(OutcomeFilter::Failed),
        _ => None,
    };
    let filter = AttemptFilter {
        company: of.company.map(CompanyId),
        subscription: of.subscription.map(SubscriptionId),
        event: of.event.map(EventId),
        delivery: None,
        event_type: event_type(of.kind.as_ref())?,
        outcome: named(of.outcome.as_ref(), "outcome", ended, &["success", "failure"])?,
        status: of.status,
        text: of.q.clone().map(if operator.may_reveal() { TextFilter::Stored } else { TextFilter::Redacted }),
    };
    let page = engine.attempts(filter, wanted.span(of.since, of.until)).await?;
    Ok(shown(&operator, wanted.page(page, AttemptRow::from)))
}

/// `GET /portal/v1/attempts/{id}`: one attempt in full; exact bytes for an admin, personal values masked for other
/// roles.
pub(super) async fn get(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<axum::Json<AttemptDetail>, Refusal> {
    let (attempt, exchange, sent) = engine.attempt(AttemptId(id)).await?;
    if operator.may_reveal() {
        return Ok(axum::Json(translate::attempt(attempt, exchange, &sent)));
    }
    let n_bytes = sent.len();
    let mask = move || redact::attempt(translate::attempt(attempt, exchange, &sent), &sent);
    let masked = redact::in_turn((&engine, operator.id()), n_bytes, mask).await?;
    Ok(shown(&operator, masked))
}
