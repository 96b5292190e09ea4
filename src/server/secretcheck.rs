//! Handler of the platform's own secret scan.

use super::guard::{AuthorizedOperator, Viewer};
use crate::engine::handle::Engine;
use crate::engine::secret_scan::SecretOwner;
use crate::http::body::RawBody;
use crate::http::problem::ProblemResponse;
use crate::wire::secretcheck::{HeldSecretKind, SecretOccurrence, SecretScanReport};
use axum::extract::State;

/// `POST /portal/v1/secret-check`: reports where the platform's secrets occur in the body, and their owners. The
/// answer contains no secret.
pub(super) async fn check(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    RawBody(text): RawBody,
) -> Result<axum::Json<SecretScanReport>, ProblemResponse> {
    let n_bytes = text.len() as u64;
    let found = engine.scan_for_secrets(operator.id(), text).await?;
    let items = found
        .into_iter()
        .map(|(of, owner)| {
            let (kind, id) = match owner {
                SecretOwner::Subscription(id) => (HeldSecretKind::SigningSecret, id.0),
                SecretOwner::Key(id) => (HeldSecretKind::ApiKey, id.0),
                SecretOwner::Operator(id) => (HeldSecretKind::OperatorToken, id.0),
            };
            SecretOccurrence {
                kind,
                id,
                fingerprint: of.fingerprint.to_string(),
                encoding: of.encoding.name().to_owned(),
                offset: of.range.start as u64,
                length: of.range.len() as u64,
            }
        })
        .collect();
    Ok(axum::Json(SecretScanReport { n_bytes, items }))
}
