//! Handlers of the audit trail.

use super::guard::{AuthorizedOperator, Viewer};
use super::urls::visible_json;
use crate::domain::audit::{AuditChainHead, AuditFault};
use crate::domain::text::Untrusted;
use crate::engine::handle::Engine;
use crate::http::log_query::LogQuery;
use crate::http::problem::ProblemResponse;
use crate::wire::audit::{AuditCheck, AuditHead, AuditRow, MissingAuditRows};
use crate::wire::log::{AuditQuery, LogPage};
use crate::wire::problem::ProblemCode;
use axum::extract::State;

/// `GET /portal/v1/audit`: the rows of the audit trail, newest first.
pub(super) async fn list(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    wanted: LogQuery<AuditQuery>,
) -> Result<axum::Json<LogPage<AuditRow>>, ProblemResponse> {
    let page = engine.audit_page(wanted.page_spec(None, None)).await?;
    Ok(visible_json(
        &operator,
        wanted.log_page(page, |of| AuditRow {
            id: of.id,
            utc: of.at,
            actor: Untrusted::new(of.actor),
            action: Untrusted::new(of.action),
            subject: Untrusted::new(of.subject),
            before: of.before.map(Untrusted::new),
            after: of.after.map(Untrusted::new),
            reason: of.reason.map(Untrusted::new),
            request_id: of.request_id.map(Untrusted::new),
            hash: hex::encode(of.hash),
        }),
    ))
}

/// `GET /portal/v1/audit/verify`: verifies that every row is present and as it was written.
pub(super) async fn verify(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
) -> Result<axum::Json<AuditCheck>, ProblemResponse> {
    let checked = engine.check_audit(operator.id()).await?;
    let mut check = AuditCheck {
        is_whole: checked.faults.is_empty(),
        n_rows: checked.n_rows,
        missing: Vec::new(),
        altered: Vec::new(),
    };
    for fault in checked.faults {
        match fault {
            AuditFault::Missing(first, last) => check.missing.push(MissingAuditRows { first, last }),
            AuditFault::Altered(id) | AuditFault::TruncatedAt(id) => check.altered.push(id),
        }
    }
    Ok(axum::Json(check))
}

/// `GET /portal/v1/audit/head`: the last sequence number and hash, to be kept elsewhere as a reference.
pub(super) async fn head(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
) -> Result<axum::Json<AuditHead>, ProblemResponse> {
    let head = engine.audit_head().await?;
    let broken =
        || ProblemResponse::new(ProblemCode::Internal, "the audit trail does not end with the row written last");
    let AuditChainHead { sequence, mac } = head.ok_or_else(broken)?;
    Ok(axum::Json(AuditHead { sequence, mac: hex::encode(mac) }))
}
