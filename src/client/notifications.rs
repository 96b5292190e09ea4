//! Calls to external services, such as a webhook or a pager. Redirects are not followed, TLS certificates are always
//! verified, proxies from the environment are ignored.

use super::connection::{CALL_TIMEOUT, tls_config};
use crate::domain::outbound::OutboundText;
use crate::domain::secret::Secret;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// Placeholder in a JSON body for the receiver's credential, which is inserted only when the request is sent.
pub const CREDENTIAL_PLACEHOLDER: &str = "{credential}";

/// Reason why a notification was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// The delivery may succeed later.
    #[error("{why}")]
    Temporary {
        /// Reason of the failure, in one line.
        why: String,
        /// Time that the receiver asks to wait.
        retry_after: Option<Duration>,
    },
    /// The receiver rejects the notification, so a retry is pointless.
    #[error("{0}")]
    Permanent(String),
}

/// HTTP client for external services.
#[derive(Debug, Clone)]
pub struct OutwardClient {
    http: reqwest::Client,
}

impl OutwardClient {
    /// Creates a client for external services.
    ///
    /// # Errors
    /// [`super::Error::Unusable`] when TLS cannot be set up.
    pub fn new() -> Result<Self, super::Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config()?)
            .user_agent(concat!("crow/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(|error| super::Error::Unusable(format!("cannot create an HTTP client: {error}")))?;
        Ok(Self { http })
    }

    /// Posts a JSON body, with `credential` in place of [`CREDENTIAL_PLACEHOLDER`]. The receiver's answer is judged by its status;
    /// its body is not read.
    ///
    /// # Errors
    /// [`NotificationError::Permanent`] for a status that a retry cannot change; [`NotificationError::Temporary`] for a connection
    /// failure, a timeout, 408, 425, 429 and 5xx.
    pub async fn post(
        &self,
        url: &str,
        json: &OutboundText,
        credential: Option<&Secret>,
    ) -> Result<(), NotificationError> {
        let body = match credential {
            None => json.as_str().to_owned(),
            Some(secret) => json.as_str().replacen(CREDENTIAL_PLACEHOLDER, secret.reveal(), 1),
        };
        let request = self.http.post(url).header("content-type", "application/json").body(body);
        let response = request.send().await.map_err(|error| NotificationError::Temporary {
            why: error.without_url().to_string(),
            retry_after: None,
        })?;
        let status = response.status().as_u16();
        match status {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500.. => Err(NotificationError::Temporary {
                why: format!("answered {status}"),
                retry_after: retry_after(response.headers()),
            }),
            _ => Err(NotificationError::Permanent(format!("answered {status}"))),
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
