//! Configuration of a platform.

use super::egress::EgressConfig;
use super::master_key::MasterKeySource;
use crate::domain::delivery::RetryPolicy;
use crate::domain::target::TargetPolicy;
use std::path::PathBuf;
use std::time::Duration;

/// Default limit of subscriptions per company.
pub const MAX_SUBSCRIPTIONS: u32 = 100;

/// Configuration of a platform, fixed while the platform runs.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Data directory with the database, keys and token file; created with mode 0700 if absent.
    pub data_dir: PathBuf,
    /// Webhook targets that are permitted: public HTTPS only, or private addresses and `http` too.
    pub target_policy: TargetPolicy,
    /// Retry schedule of failed deliveries, stored with each delivery.
    pub retry_schedule: RetryPolicy,
    /// Retention of attempts, requests, finished deliveries and their events; nothing expires if absent.
    pub retain_for: Option<Duration>,
    /// Limit of the request log in bytes; the oldest rows beyond this limit are deleted.
    pub request_log_limit: u64,
    /// Quota of the delivery log in bytes per company; beyond this quota the oldest attempts lose bodies and headers.
    pub delivery_log_quota: u64,
    /// Quota of stored events in bytes per company; near this quota the oldest events are deleted whose deliveries have
    /// ended, and an event beyond it is refused.
    pub event_quota: u64,
    /// Limit of subscriptions per company.
    pub max_subscriptions: u32,
    /// Network configuration of the webhook sender.
    pub egress: EgressConfig,
    /// Source of the platform's master key.
    pub master_key_source: MasterKeySource,
}
