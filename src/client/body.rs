//! Bodies of answers: so many bytes and no more, whoever answers.

use reqwest::Response;

/// The largest answer that is read. A page of the platform ends at 4 MiB.
pub(super) const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a refusal that are read; the rest says nothing.
pub(super) const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection broke, or took too long.
    Broken(reqwest::Error),
    /// It is longer than [`MAX_ANSWER_BYTES`].
    TooLarge,
}

/// Reads the body of an answer. One of more than [`MAX_ANSWER_BYTES`] is given up at once; a refusal is cut at [`MAX_REFUSAL_BYTES`]: its
/// status counts, and its end may never come.
pub(super) async fn read(response: &mut Response) -> Result<Vec<u8>, Fault> {
    if response.status().is_success() {
        let announced = response.content_length().unwrap_or(0);
        if announced > MAX_ANSWER_BYTES as u64 {
            return Err(Fault::TooLarge);
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(Fault::Broken)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Fault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        return Ok(body);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Fault::Broken)? {
        let room = MAX_REFUSAL_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok(body)
}
