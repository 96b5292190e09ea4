//! Masking of long payloads in turns of their operator.

use crate::domain::ids::OperatorId;
use crate::engine::handle::Engine;
use crate::http::problem::ProblemResponse;

/// Maximum length of an envelope that is masked without a turn of the operator, in bytes.
const MAX_INLINE_BYTES: usize = 16 << 10;

/// Runs `mask` for an envelope of `n_bytes`: at once if it is short, else in a turn of the operator on a blocking thread.
///
/// # Errors
/// 503 if the operator gets no turn within 2 s.
pub(super) async fn in_turn<T: Send + 'static>(
    (engine, operator): (&Engine, OperatorId),
    n_bytes: usize,
    mask: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ProblemResponse> {
    if n_bytes <= MAX_INLINE_BYTES {
        return Ok(mask());
    }
    Ok(engine.in_turn(operator, mask).await?)
}
