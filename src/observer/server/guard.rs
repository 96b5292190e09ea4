//! Guard of the observer's routes: an extractor that authenticates the operator and checks the role. It can be built in
//! no other way, so a handler cannot skip a check.

use crate::domain::ids::OperatorId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::http::connections::CredentialHolder;
use crate::http::credentials::{bearer_token, record_credential};
use crate::http::problem::ProblemResponse;
use crate::http::request_context::RequestContext;
use crate::http::stamp::check_content_length;
use crate::http::urls::HasUrls;
use crate::observer::handle::PlatformObserver;
use crate::wire::problem::ProblemCode;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::marker::PhantomData;

/// Role that a route requires, encoded as a type.
pub(super) trait RequiredRole: Send + 'static {
    /// Role that the operator must have at least.
    const ROLE: OperatorRole;
}

/// Requires an operator of any role.
#[derive(Debug)]
pub(super) enum MayRead {}
/// Requires the role operator: tests, enables, disables, publishes, acknowledges.
#[derive(Debug)]
pub(super) enum MayAct {}
/// Requires the role admin: manages operators.
#[derive(Debug)]
pub(super) enum MayManage {}

impl RequiredRole for MayRead {
    const ROLE: OperatorRole = OperatorRole::Viewer;
}

impl RequiredRole for MayAct {
    const ROLE: OperatorRole = OperatorRole::Operator;
}

impl RequiredRole for MayManage {
    const ROLE: OperatorRole = OperatorRole::Admin;
}

/// Proof that the request carries the token of an operator with the role of `R`.
#[derive(Debug)]
pub(super) struct AttachedOperator<R> {
    account: OperatorAccount,
    role: PhantomData<R>,
}

impl<R> AttachedOperator<R> {
    /// Number of the operator.
    pub(super) const fn id(&self) -> OperatorId {
        self.account.id
    }

    /// Name of the operator, for acknowledgements and reasons.
    pub(super) fn name(&self) -> String {
        self.account.name.clone()
    }

    /// Whether payloads are shown unmasked, as only admins see them.
    pub(super) fn can_reveal(&self) -> bool {
        self.account.role == OperatorRole::Admin
    }

    /// Wraps an answer as the operator may see it.
    pub(super) fn visible<T: HasUrls>(&self, mut answer: T) -> axum::Json<T> {
        if !self.can_reveal() {
            answer.redact_urls();
        }
        axum::Json(answer)
    }
}

impl<R: RequiredRole> FromRequestParts<PlatformObserver> for AttachedOperator<R> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, observer: &PlatformObserver) -> Result<Self, ProblemResponse> {
        let _ = RequestContext::of_request(parts);
        check_content_length(&parts.headers)?;
        let unknown = || {
            ProblemResponse::new(
                ProblemCode::UnknownOperator,
                "send a token of this observer as Authorization: Bearer wlop_…; keys of the platform are not accepted here",
            )
        };
        let token = bearer_token(&parts.headers).ok_or_else(unknown)?;
        let account = observer.operators().authenticate(token).ok_or_else(unknown)?;
        record_credential(parts, CredentialHolder::Operator(account.id))?;
        if account.role < R::ROLE {
            let detail = format!("this needs the role {}, not {}", R::ROLE.name(), account.role.name());
            return Err(ProblemResponse::new(ProblemCode::InsufficientRole, detail));
        }
        Ok(Self { account, role: PhantomData })
    }
}
