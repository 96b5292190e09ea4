//! Playbooks, one file per topic: checks, causes and resolutions in the terms of the troubleshooting guide.

pub mod bulk_timeouts;
pub mod discrepancy;
pub mod events_missing;
pub mod key_not_working;
pub mod lost_secret;
pub mod managed_subscription;
pub mod permissions;
mod ranking;
pub mod rate_limits;
mod refused_calls;
pub mod signature;
pub mod webhooks_not_arriving;

use super::playbook::Playbook;
use super::report::PlaybookTopic;

/// Returns the playbook of a topic; `None` for the circuit breaker, which runs per subscription and has a module of
/// its own.
#[must_use]
pub const fn playbook_for(topic: PlaybookTopic) -> Option<&'static Playbook> {
    Some(match topic {
        PlaybookTopic::Breaker => return None,
        PlaybookTopic::KeyNotWorking => &key_not_working::PLAYBOOK,
        PlaybookTopic::Permissions => &permissions::PLAYBOOK,
        PlaybookTopic::WebhooksNotArriving => &webhooks_not_arriving::PLAYBOOK,
        PlaybookTopic::Signature => &signature::PLAYBOOK,
        PlaybookTopic::RateLimits => &rate_limits::PLAYBOOK,
        PlaybookTopic::EventsMissing => &events_missing::PLAYBOOK,
        PlaybookTopic::ManagedSubscription => &managed_subscription::PLAYBOOK,
        PlaybookTopic::LostSecret => &lost_secret::PLAYBOOK,
        PlaybookTopic::BulkTimeouts => &bulk_timeouts::PLAYBOOK,
        PlaybookTopic::Discrepancy => &discrepancy::PLAYBOOK,
    })
}
