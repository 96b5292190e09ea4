//! Handlers of the delivery log.

use super::guard::{AuthorizedOperator, Viewer};
use super::urls::visible_json;
use super::{redact, translate};
use crate::domain::ids::{AttemptId, CompanyId, EventId, SubscriptionId};
use crate::domain::log::{AttemptFilter, OutcomeFilter, TextFilter};
use crate::engine::handle::Engine;
use crate::http::log_query::{LogQuery, parse_event_type, parse_named};
use crate::http::problem::ProblemResponse;
use crate::http::query::PathId;
use crate::http::redact::mask_attempt;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::log::{AttemptQuery, LogPage};
use axum::extract::State;

/// `GET /portal/v1/attempts`: attempts that match the filters, newest first.
pub(super) async fn list(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    wanted: LogQuery<AttemptQuery>,
) -> Result<axum::Json<LogPage<AttemptRow>>, ProblemResponse> {
    let of = &wanted.filters;
    if of.q.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 200) {
        return Err(ProblemResponse::invalid_field("q", "must have 1 to 200 characters"));
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
        event_type: parse_event_type(of.kind.as_ref())?,
        outcome: parse_named(of.outcome.as_ref(), "outcome", ended, &["success", "failure"])?,
        status: of.status,
        text: of.q.clone().map(if operator.can_reveal() { TextFilter::Stored } else { TextFilter::Redacted }),
    };
    let page = engine.attempts(filter, wanted.page_spec(of.since, of.until)).await?;
    Ok(visible_json(&operator, wanted.log_page(page, AttemptRow::from)))
}

/// `GET /portal/v1/attempts/{id}`: one attempt in full; exact bytes for an admin, personal values masked for other
/// roles.
pub(super) async fn get(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<axum::Json<AttemptDetail>, ProblemResponse> {
    let (attempt, exchange, sent) = engine.attempt(AttemptId(id)).await?;
    if operator.can_reveal() {
        return Ok(axum::Json(translate::attempt_detail(attempt, exchange, &sent)));
    }
    let n_bytes = sent.len();
    let mask = move || mask_attempt(translate::attempt_detail(attempt, exchange, &sent), &sent);
    let masked = redact::in_turn((&engine, operator.id()), n_bytes, mask).await?;
    Ok(visible_json(&operator, masked))
}
