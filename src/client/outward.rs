//! Calls to other people's services: a webhook, a pager. Redirects are not followed, TLS is always verified, proxies from the environment are
//! not used.

use super::connection::{LIMIT, tls};
use crate::domain::outbound::Outbound;
use crate::domain::secret::Secret;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// What stands in JSON for the credential that its receiver wants in it: text that leaves has none.
pub const CREDENTIAL: &str = "{credential}";

/// Why something did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It may arrive later.
    #[error("{why}")]
    ForNow {
        /// In one line.
        why: String,
        /// How long the other side wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It never will: the other side does not take it.
    #[error("{0}")]
    ForGood(String),
}

/// A client for other people's services.
#[derive(Debug, Clone)]
pub struct Outward {
    http: reqwest::Client,
}

impl Outward {
    /// A client.
    ///
    /// # Errors
    /// Says why TLS cannot be set up.
    pub fn new() -> Result<Self, super::Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .user_agent(concat!("crow/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(LIMIT)
            .build()
            .map_err(|error| super::Error::Unusable(format!("no HTTP client can be made: {error}")))?;
        Ok(Self { http })
    }

    /// Posts JSON in which `credential` stands in the place of [`CREDENTIAL`]. Whatever the other side says in its body is not read.
    ///
    /// # Errors
    /// Whether it is worth trying again: what the other side calls the sender's fault is not, except that it is too much or took too long.
    pub async fn post(&self, url: &str, json: &Outbound, credential: Option<&Secret>) -> Result<(), Undelivered> {
        let body = match credential {
            None => json.as_str().to_owned(),
            Some(secret) => json.as_str().replacen(CREDENTIAL, secret.reveal(), 1),
        };
        let request = self.http.post(url).header("content-type", "application/json").body(body);
        let response = request
            .send()
            .await
            .map_err(|error| Undelivered::ForNow { why: error.without_url().to_string(), retry_after: None })?;
        let status = response.status().as_u16();
        match status {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500.. => {
                Err(Undelivered::ForNow { why: format!("answered {status}"), retry_after: wait(response.headers()) })
            }
            _ => Err(Undelivered::ForGood(format!("answered {status}"))),
        }
    }
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
