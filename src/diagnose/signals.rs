//! Signals: which playbooks explain what a rule found.

use super::playbook_topic::PlaybookTopic;
use crate::domain::alert_rule::AlertRule;

/// Returns the playbooks that explain a rule, likeliest first; none for a rule that is no fault.
#[must_use]
pub const fn playbooks_for(rule: AlertRule) -> &'static [PlaybookTopic] {
    use PlaybookTopic as Topic;
    match rule {
        AlertRule::ServerErrors => &[Topic::Platform, Topic::BulkTimeouts],
        AlertRule::RateLimited | AlertRule::LimitExceeded | AlertRule::LittleHeadroom => &[Topic::RateLimits],
        AlertRule::CallsRefused => {
            &[Topic::Permissions, Topic::CallsRefused, Topic::EventsMissing, Topic::ManagedSubscription]
        }
        AlertRule::RevokedKeyUsed | AlertRule::CallersRefused | AlertRule::KeyRejected => &[Topic::KeyNotWorking],
        // Housekeeping: nothing fails.
        AlertRule::KeyDormant => &[],
        AlertRule::BreakerTripped => &[Topic::Breaker, Topic::Discrepancy],
        AlertRule::SubscriptionDisabled => &[Topic::WebhooksNotArriving, Topic::Discrepancy],
        AlertRule::FailuresInARow => &[Topic::WebhooksNotArriving, Topic::Breaker, Topic::Signature, Topic::LostSecret],
        AlertRule::LowSuccess => &[Topic::WebhooksNotArriving, Topic::Signature],
        AlertRule::PollerStuck => &[Topic::EventsMissing],
        AlertRule::EventsMissing => &[Topic::WebhooksNotArriving],
        AlertRule::DeliveriesOverdue | AlertRule::ClockSkew => &[Topic::Platform],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_has_a_playbook_and_every_playbook_a_rule() {
        let without: Vec<AlertRule> =
            AlertRule::ALL.into_iter().filter(|rule| playbooks_for(*rule).is_empty()).collect();
        let no_fault: Vec<AlertRule> = AlertRule::ALL.into_iter().filter(|rule| !rule.is_fault()).collect();
        assert_eq!(without, no_fault);
        let explained: BTreeSet<PlaybookTopic> =
            AlertRule::ALL.iter().flat_map(|rule| playbooks_for(*rule)).copied().collect();
        let unsignalled: Vec<PlaybookTopic> =
            PlaybookTopic::ALL.into_iter().filter(|topic| !explained.contains(topic)).collect();
        assert_eq!(unsignalled, []);
        let rules: BTreeSet<AlertRule> = AlertRule::ALL.into_iter().collect();
        assert_eq!(rules.len(), AlertRule::ALL.len());
    }
}
