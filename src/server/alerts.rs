//! Handlers that list and record alert acknowledgements.

use super::guard::{Acting, AuthorizedOperator, Viewer};
use crate::engine::alerts::AcknowledgementDraft;
use crate::engine::handle::Engine;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, TypedQuery, page_of};
use crate::wire::alerts::{AcknowledgementRow, NewAcknowledgement};
use crate::wire::page::Page;
use axum::extract::State;
use axum::http::StatusCode;
use std::convert::identity;

/// `GET /portal/v1/acknowledgements`: the acknowledgements of the last 24 hours, oldest first.
pub(super) async fn list(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<Page<AcknowledgementRow>>, ProblemResponse> {
    let rows: Vec<_> = engine.acknowledgements().await?.into_iter().map(|of| AcknowledgementRow::from(&of)).collect();
    let subject = |row: &AcknowledgementRow| row.subject.clone();
    Ok(axum::Json(page_of(rows, &paging, "acknowledgements", subject, identity)?))
}

/// `POST /portal/v1/acknowledgements`: acknowledges an alert, replacing an earlier acknowledgement of its subject.
pub(super) async fn acknowledge(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    JsonBody(new): JsonBody<NewAcknowledgement>,
) -> Result<(StatusCode, axum::Json<AcknowledgementRow>), ProblemResponse> {
    let NewAcknowledgement { subject, state, note } = new;
    let said = engine.acknowledge(operator.caller(), AcknowledgementDraft { subject, state, note }).await?;
    Ok((StatusCode::CREATED, axum::Json(AcknowledgementRow::from(&said))))
}
