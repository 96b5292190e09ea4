//! Extractor of the bodies of creating calls, which honour `Idempotency-Key`.

use crate::domain::ids::KeyId;
use crate::engine::handle::Engine;
use crate::engine::idempotency::IdempotentCall;
use crate::http::body::read_json;
use crate::http::problem::ProblemResponse;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// Extractor of the JSON body of a create that honours `Idempotency-Key`.
#[derive(Debug)]
pub(super) struct IdempotentBody<T> {
    /// Value that the body was read into.
    value: T,
    /// Idempotency key sent by the caller, if any.
    idempotency_key: Option<String>,
    /// SHA-256 over the method, the path and the body.
    digest: [u8; 32],
}

impl<T> IdempotentBody<T> {
    /// Returns the value and the identity of the call, by which a repetition with the same key is recognised.
    pub(super) fn into_call(self, key: KeyId) -> (T, IdempotentCall) {
        (self.value, IdempotentCall { key, idempotency_key: self.idempotency_key, digest: self.digest })
    }
}

impl<T: DeserializeOwned> FromRequest<Engine> for IdempotentBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, engine: &Engine) -> Result<Self, ProblemResponse> {
        let name = request.headers().get("idempotency-key").map(|value| value.as_bytes().to_vec());
        let mut digest = Sha256::new();
        digest.update(format!("{} {}\n", request.method(), request.uri().path()));
        let (value, bytes) = read_json(request, engine.ambient()).await?;
        digest.update(&bytes);
        let is_name = |name: &Vec<u8>| (1..=255).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
        if name.as_ref().is_some_and(|name| !is_name(name)) {
            return Err(ProblemResponse::invalid_field(
                "Idempotency-Key",
                "must have 1 to 255 visible ASCII characters",
            ));
        }
        let name = name.and_then(|name| String::from_utf8(name).ok());
        Ok(Self { value, idempotency_key: name, digest: digest.finalize().into() })
    }
}
