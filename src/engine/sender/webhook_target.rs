//! Target of webhooks, prepared once for many requests: checked URL, the headers that are the same in every request, and
//! the signing key.

use super::send_error::SendError;
use crate::domain::delivery::FailureKind;
use crate::domain::secret::Secret;
use crate::domain::signature::SigningKey;
use crate::domain::target::{TargetPolicy, TargetRules};
use crate::domain::time::Timestamp;
use hyper::Uri;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use std::sync::Arc;
use url::{Origin, Position, Url};

/// Target of a subscription's webhooks.
#[derive(Debug)]
pub(in crate::engine) struct WebhookTarget {
    pub(in crate::engine) target_url: Arc<str>,
    /// Time of the last change of the subscription.
    pub(in crate::engine) changed_at: Timestamp,
    pub(super) signing_key: SigningKey,
    /// What every request has in common; the reason for which none can be sent.
    pub(super) prepared: Result<PreparedTarget, SendError>,
}

/// What the requests to a target have in common.
#[derive(Debug)]
pub(super) struct PreparedTarget {
    pub(super) url: Url,
    pub(super) origin: Origin,
    pub(super) path: Uri,
    /// Headers, in this order, before those of the single request.
    pub(super) headers: HeaderMap,
}

impl WebhookTarget {
    /// Prepares the target of a subscription. A target that the policy forbids is refused with every request.
    pub(in crate::engine) fn new(
        target_url: &str,
        changed_at: Timestamp,
        secret: &Secret,
        policy: TargetPolicy,
    ) -> Self {
        // Local addresses are checked when a connection is dialled; kept connections passed that check.
        let rules = TargetRules { policy, ..TargetRules::default() };
        let checked = rules.check(target_url);
        let checked = checked.map_err(|fault| SendError::new(FailureKind::Blocked, format!("the target {fault}")));
        Self {
            target_url: Arc::from(target_url),
            changed_at,
            signing_key: SigningKey::new(secret),
            prepared: checked.and_then(PreparedTarget::new),
        }
    }
}

impl PreparedTarget {
    fn new(url: Url) -> Result<Self, SendError> {
        let unfit = |what| SendError::new(FailureKind::ConnectionReset, format!("{what} cannot be sent"));
        let path = url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| unfit("the path"))?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let host = HeaderValue::try_from(host).map_err(|_| unfit("header host"))?;
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static("WhiteLabelCRO-Webhooks/1"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self { origin: url.origin(), url, path, headers })
    }
}
