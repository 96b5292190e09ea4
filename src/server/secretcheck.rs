//! Handler of the platform's own secret scan.

use super::body::Octets;
use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use crate::api::secretcheck::{HeldKind, HeldSecret, SecretCheck};
use crate::engine::Engine;
use crate::engine::secret_scan::SecretOwner;
use axum::extract::State;

/// `POST /portal/v1/secret-check`: reports where the platform's secrets occur in the body, and their owners. The
/// answer contains no secret.
pub(super) async fn check(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Octets(text): Octets,
) -> Result<axum::Json<SecretCheck>, Refusal> {
    let n_bytes = text.len() as u64;
    let found = engine.scan_for_secrets(operator.id(), text).await?;
    let items = found
        .into_iter()
        .map(|(of, owner)| {
            let (kind, id) = match owner {
                SecretOwner::Subscription(id) => (HeldKind::SigningSecret, id.0),
                SecretOwner::Key(id) => (HeldKind::ApiKey, id.0),
                SecretOwner::Operator(id) => (HeldKind::OperatorToken, id.0),
            };
            HeldSecret {
                kind,
                id,
                fingerprint: of.fingerprint.to_string(),
                encoding: of.encoding.name().to_owned(),
                offset: of.range.start as u64,
                length: of.range.len() as u64,
            }
        })
        .collect();
    Ok(axum::Json(SecretCheck { n_bytes, items }))
}
