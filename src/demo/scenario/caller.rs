//! Integration API calls of partner systems in scenarios, with correct or damaged keys and their own user agents.

use super::script::{KeyDamage, ScenarioCall};
use crate::domain::secret::Secret;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use std::time::Duration;

/// Timeout of an API call.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// HTTP client of a partner's system in a scenario.
#[derive(Debug, Clone)]
pub struct PartnerClient {
    base: String,
    http: reqwest::Client,
}

impl PartnerClient {
    /// Creates a client of the platform at `base`.
    ///
    /// # Errors
    /// [`reqwest::Error`] when the HTTP client cannot be built.
    pub fn new(base: &str) -> Result<Self, reqwest::Error> {
        // The client of `client` cannot send damaged keys; only loopback addresses are called here.
        let http = reqwest::Client::builder().no_proxy().timeout(CALL_TIMEOUT).build()?;
        Ok(Self { base: base.to_owned(), http })
    }

    /// Makes the call with index `n`.
    ///
    /// # Errors
    /// [`reqwest::Error`] when no answer arrives.
    pub async fn call(
        &self,
        call: &ScenarioCall,
        path: &str,
        key: &Secret,
        n: u32,
    ) -> Result<CallAnswer, reqwest::Error> {
        let method = reqwest::Method::from_bytes(call.method.as_bytes()).unwrap_or(reqwest::Method::GET);
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        let sent = damage_key(call.damage, key);
        request = match call.damage {
            KeyDamage::Authorization => request.header("authorization", format!("Bearer {}", sent.reveal())),
            KeyDamage::Missing => request,
            _ => request.header("x-api-key", sent.reveal()),
        };
        let turn = usize::try_from(n).unwrap_or(0) % call.agents.len().max(1);
        if let Some(agent) = call.agents.get(turn) {
            request = request.header(USER_AGENT, agent);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.replace("{n}", &n.to_string()));
        }
        let response = request.send().await?;
        let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        Ok(CallAnswer { status: response.status().as_u16(), request_id: id.unwrap_or_default().to_owned() })
    }
}

/// Answer to an API call.
#[derive(Debug, Clone)]
pub struct CallAnswer {
    /// HTTP status of the answer.
    pub status: u16,
    /// Request id of the call in the request log.
    pub request_id: String,
}

/// Applies a fault to a key before it is sent.
fn damage_key(damage: KeyDamage, key: &Secret) -> Secret {
    let text = key.reveal();
    let parts = || {
        let rest = text.strip_prefix("wlcro_live_")?;
        rest.split_once('_')
    };
    Secret::new(match (damage, parts()) {
        (KeyDamage::None | KeyDamage::Authorization | KeyDamage::Missing, _) | (_, None) => text.to_owned(),
        (KeyDamage::Truncated, _) => text.chars().take(text.len() - 9).collect(),
        (KeyDamage::InnerSpace, _) => format!("{} {}", &text[..text.len() / 2], &text[text.len() / 2..]),
        (KeyDamage::OtherCompany, Some((company, secret))) => {
            let other = company.parse::<i64>().unwrap_or(0) + 4_000;
            format!("wlcro_live_{other}_{secret}")
        }
        (KeyDamage::OtherSecret, Some((company, secret))) => {
            format!("wlcro_live_{company}_{}", secret.chars().rev().collect::<String>())
        }
        (KeyDamage::OtherService, Some((_, secret))) => format!("sk_live_{secret}"),
        (KeyDamage::Mistyped, Some((company, secret))) => {
            let swapped = secret.char_indices().map(|(at, own)| match at {
                9 => secret.chars().nth(10).unwrap_or(own),
                10 => secret.chars().nth(9).unwrap_or(own),
                11 => {
                    if own == 'A' {
                        'B'
                    } else {
                        'A'
                    }
                }
                _ => own,
            });
            format!("wlcro_live_{company}_{}", swapped.collect::<String>())
        }
        (KeyDamage::Extended, Some(_)) => format!("{text}abc"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key::{KeyFormatError, parse_key_company};

    #[test]
    fn damage_is_what_it_is_called() {
        let key = Secret::new(format!("wlcro_live_92_{}", "Ab3_x".repeat(9).chars().take(43).collect::<String>()));
        let judged = |damage| parse_key_company(damage_key(damage, &key).reveal()).map(|company| company.0);
        assert_eq!(judged(KeyDamage::None), Ok(92));
        assert!(matches!(judged(KeyDamage::Truncated), Err(KeyFormatError::Length { found: 34 })));
        assert_eq!(judged(KeyDamage::InnerSpace), Err(KeyFormatError::InnerSpace));
        assert_eq!(judged(KeyDamage::OtherCompany), Ok(4_092));
        assert_eq!(judged(KeyDamage::OtherSecret), Ok(92));
        assert_ne!(damage_key(KeyDamage::OtherSecret, &key).reveal(), key.reveal());
        assert_eq!(judged(KeyDamage::OtherService), Err(KeyFormatError::Prefix));
        assert_eq!(judged(KeyDamage::Mistyped), Ok(92));
        assert_ne!(damage_key(KeyDamage::Mistyped, &key).reveal(), key.reveal());
        assert_eq!(damage_key(KeyDamage::Mistyped, &key).last4(), key.last4());
        assert!(matches!(judged(KeyDamage::Extended), Err(KeyFormatError::Length { found: 46 })));
        assert_eq!(damage_key(KeyDamage::OtherCompany, &key).last4(), key.last4());
    }
}
