//! Settings of the platforms that benchmarks open in their own process.

use crow::domain::delivery::RetryPolicy;
use crow::domain::target::TargetPolicy;
use crow::engine::egress::EgressConfig;
use crow::engine::event_quota::DEFAULT_EVENT_QUOTA;
use crow::engine::log_quota::DEFAULT_DELIVERY_LOG_QUOTA;
use crow::engine::master_key::MasterKeySource;
use crow::engine::retention::DEFAULT_REQUEST_LOG_LIMIT;
use crow::engine::settings::EngineSettings;
use std::path::Path;

/// Default settings for a data directory, with room for any number of subscriptions and without retention by age.
pub(crate) fn engine_settings(data_dir: &Path, target_policy: TargetPolicy) -> EngineSettings {
    EngineSettings {
        data_dir: data_dir.to_owned(),
        target_policy,
        retry_schedule: RetryPolicy::default(),
        retain_for: None,
        delivery_log_quota: DEFAULT_DELIVERY_LOG_QUOTA,
        event_quota: DEFAULT_EVENT_QUOTA,
        request_log_limit: DEFAULT_REQUEST_LOG_LIMIT,
        max_subscriptions: u32::MAX,
        master_key_source: MasterKeySource::File,
        egress: EgressConfig::default(),
    }
}
