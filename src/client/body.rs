//! Bodies of answers, read within a size limit.

use super::sieve::MAX_ANSWER_BYTES;
use super::sieve::RowSieve;
use reqwest::Response;

/// Maximum number of bytes read of a refusal; the rest is ignored.
pub(super) const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// Reason why a body was not read.
#[derive(Debug)]
pub(super) enum BodyFault {
    /// The connection broke or timed out.
    Broken(reqwest::Error),
    /// The body exceeds [`MAX_ANSWER_BYTES`].
    TooLarge,
}

/// Reads the body of an answer. A success longer than [`MAX_ANSWER_BYTES`] fails; a refusal is cut at
/// [`MAX_REFUSAL_BYTES`], because its status counts and its end may never come.
pub(super) async fn read_body(response: &mut Response) -> Result<Vec<u8>, BodyFault> {
    if response.status().is_success() {
        let announced = response.content_length().unwrap_or(0);
        if announced > MAX_ANSWER_BYTES as u64 {
            return Err(BodyFault::TooLarge);
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(BodyFault::Broken)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(BodyFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        return Ok(body);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyFault::Broken)? {
        let room = MAX_REFUSAL_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok(body)
}

/// Reads the body of an answer that is a list. Where it exceeds [`MAX_ANSWER_BYTES`], rows of more than 2 MiB are replaced by a text that says
/// so.
pub(super) async fn read_list(response: &mut Response) -> Result<Vec<u8>, BodyFault> {
    if !response.status().is_success() {
        return read_body(response).await;
    }
    let mut sieve = RowSieve::default();
    while let Some(chunk) = response.chunk().await.map_err(BodyFault::Broken)? {
        sieve.take(&chunk).map_err(|_| BodyFault::TooLarge)?;
    }
    Ok(sieve.finish())
}
