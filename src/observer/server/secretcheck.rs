//! Handler of the secret scan: text that is about to leave is searched for the keys that the observer holds.

use super::guard::{AttachedOperator, MayRead};
use crate::domain::scan::{self, KnownSecrets, ScanInterrupted, ScanScope};
use crate::http::body::RawBody;
use crate::http::problem::ProblemResponse;
use crate::observer::handle::PlatformObserver;
use crate::wire::problem::ProblemCode;
use crate::wire::secretcheck::{HeldSecretKind, SecretOccurrence, SecretScanReport};
use axum::extract::State;
use std::time::Duration;

/// Maximum duration of one scan.
const SCAN_TIMEOUT: Duration = Duration::from_secs(5);

/// `POST /portal/v1/secret-check`: positions of the observer's keys in the text.
pub(super) async fn check(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    RawBody(text): RawBody,
) -> Result<axum::Json<SecretScanReport>, ProblemResponse> {
    let n_bytes = text.len() as u64;
    let known = KnownSecrets::new(observer.secrets());
    let begun = observer.ambient().stopwatch();
    let work = move || {
        let goes_on = || begun.elapsed() < SCAN_TIMEOUT;
        scan::search(&text, &known, ScanScope::KnownOnly, &goes_on)
    };
    let contended =
        || ProblemResponse::new(ProblemCode::Contended, "the scan took too long; retry with a shorter text");
    let found = tokio::task::spawn_blocking(work).await.map_err(|_| contended())?;
    let found = found.map_err(|ScanInterrupted| contended())?;
    let items = found.into_iter().filter_map(|of| {
        Some(SecretOccurrence {
            kind: HeldSecretKind::ApiKey,
            id: i64::try_from(of.known? + 1).unwrap_or(i64::MAX),
            fingerprint: of.fingerprint.to_string(),
            encoding: of.encoding.name().to_owned(),
            offset: of.range.start as u64,
            length: of.range.len() as u64,
        })
    });
    Ok(axum::Json(SecretScanReport { n_bytes, items: items.collect() }))
}
