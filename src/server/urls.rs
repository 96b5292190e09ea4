//! Answers as their operator may see them: an admin sees URLs in full, other roles without their secret parts.

use super::guard::AuthorizedOperator;
use crate::http::urls::HasUrls;

/// Wraps an answer as the operator may see it.
pub(super) fn visible_json<P, T: HasUrls>(operator: &AuthorizedOperator<P>, answer: T) -> axum::Json<T> {
    axum::Json(as_seen(operator, answer))
}

/// Returns an answer as the operator may see it.
pub(super) fn as_seen<P, T: HasUrls>(operator: &AuthorizedOperator<P>, mut answer: T) -> T {
    if !operator.can_reveal() {
        answer.redact_urls();
    }
    answer
}
