//! The overview, and the stream that signals changes (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::SubscriptionId;
use crate::wire::overview::{ChangePulse, PlatformOverview};
use crate::wire::paths;
use crate::wire::stats::TimeSeries;
use reqwest::Response;

/// Statuses by which a platform says that a path does not exist.
const UNKNOWN_PATH_STATUSES: [u16; 4] = [404, 405, 410, 501];

impl PlatformClient {
    /// Determines whether the platform has a Portal API. A platform that refuses the token has one; a platform that
    /// does not know the path has none.
    ///
    /// # Errors
    /// [`Error`] when the answer leaves the question open.
    pub async fn has_portal(&self) -> Result<bool, Error> {
        match self.overview(1).await {
            Ok(_) => Ok(true),
            Err(Error::Refused { problem }) => Ok(!UNKNOWN_PATH_STATUSES.contains(&problem.status)),
            Err(Error::UnreadableAnswer { status, .. }) if UNKNOWN_PATH_STATUSES.contains(&status) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads the overview with at most `rows` rows per list.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn overview(&self, rows: u32) -> Result<PlatformOverview, Error> {
        self.get(paths::OVERVIEW, &[("rows", rows.to_string())]).await
    }

    /// Reads the attempts of one subscription in each of the last 60 minutes, oldest first, with latency percentiles.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn subscription_minutes(&self, id: SubscriptionId) -> Result<TimeSeries, Error> {
        self.get(paths::STATS, &[("span", "minute".to_owned()), ("subscription", id.to_string())]).await
    }

    /// Opens the stream of change messages.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn stream(&self) -> Result<PulseStream, Error> {
        let response = self.open_stream(paths::STREAM).await?;
        Ok(PulseStream { client: self.clone(), response, pending: Vec::new() })
    }
}

/// Open stream of change messages.
#[derive(Debug)]
pub struct PulseStream {
    client: PlatformClient,
    response: Response,
    pending: Vec<u8>,
}

/// Maximum length of a message, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

impl PulseStream {
    /// Waits for the next message; `None` when the platform closed the stream. Cancelling the future loses no message.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the connection broke, [`Error::UnreadableAnswer`] when the stream is not understood.
    pub async fn next(&mut self) -> Result<Option<ChangePulse>, Error> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = self.pending.drain(..end + 2).collect();
                match self.read(&message)? {
                    Some(pulse) => return Ok(Some(pulse)),
                    None => continue,
                }
            }
            if self.pending.len() > MAX_MESSAGE_BYTES {
                return Err(self.garbled("an unterminated message"));
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.pending.extend_from_slice(&bytes),
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.client.call_error(&error)),
            }
        }
    }

    /// Parses a message; `None` if the message is a comment.
    fn read(&self, message: &[u8]) -> Result<Option<ChangePulse>, Error> {
        let text = String::from_utf8_lossy(message);
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
        if data.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&data.join("\n")).map(Some).map_err(|error| self.garbled(&error.to_string()))
    }

    fn garbled(&self, why: &str) -> Error {
        Error::UnreadableAnswer {
            base: self.client.base().to_owned(),
            status: self.response.status().as_u16(),
            why: why.to_owned(),
        }
    }
}
