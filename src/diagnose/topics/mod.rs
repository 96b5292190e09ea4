//! Playbooks, one file per topic: checks, causes and resolutions in the terms of the troubleshooting guide.

pub mod breaker;
pub mod bulk_timeouts;
mod calls;
pub mod calls_refused;
mod deliveries;
pub mod discrepancy;
pub mod events_missing;
pub mod key_not_working;
pub mod lost_secret;
pub mod managed_subscription;
pub mod permissions;
pub mod platform;
pub mod poll_stream;
pub mod rate_limits;
pub mod rate_pattern;
pub mod signature;
pub mod webhooks_not_arriving;

use super::playbook::Playbook;
use super::playbook_topic::PlaybookTopic;

/// Returns the playbook of a topic.
#[must_use]
pub const fn playbook_for(topic: PlaybookTopic) -> &'static Playbook {
    match topic {
        PlaybookTopic::Platform => &platform::PLAYBOOK,
        PlaybookTopic::KeyNotWorking => &key_not_working::PLAYBOOK,
        PlaybookTopic::Permissions => &permissions::PLAYBOOK,
        PlaybookTopic::CallsRefused => &calls_refused::PLAYBOOK,
        PlaybookTopic::WebhooksNotArriving => &webhooks_not_arriving::PLAYBOOK,
        PlaybookTopic::Signature => &signature::PLAYBOOK,
        PlaybookTopic::RateLimits => &rate_limits::PLAYBOOK,
        PlaybookTopic::EventsMissing => &events_missing::PLAYBOOK,
        PlaybookTopic::Breaker => &breaker::PLAYBOOK,
        PlaybookTopic::ManagedSubscription => &managed_subscription::PLAYBOOK,
        PlaybookTopic::LostSecret => &lost_secret::PLAYBOOK,
        PlaybookTopic::BulkTimeouts => &bulk_timeouts::PLAYBOOK,
        PlaybookTopic::Discrepancy => &discrepancy::PLAYBOOK,
    }
}
