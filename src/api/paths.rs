//! Every path of the platform, with `{name}` where a value stands. The server's router and the client are built from these.

/// The page of an operator's overview.
pub const OVERVIEW: &str = "/portal/v1/overview";
/// What changed, as server-sent events.
pub const STREAM: &str = "/portal/v1/stream";
/// Companies.
pub const COMPANIES: &str = "/portal/v1/companies";
/// Keys of all companies.
pub const KEYS: &str = "/portal/v1/keys";
/// Revokes a key.
pub const KEY_REVOKE: &str = "/portal/v1/keys/{id}/revoke";
/// Subscriptions of all companies.
pub const PORTAL_SUBSCRIPTIONS: &str = "/portal/v1/subscriptions";
/// One subscription with its health.
pub const PORTAL_SUBSCRIPTION: &str = "/portal/v1/subscriptions/{id}";
/// Sends a test.
pub const PORTAL_SUBSCRIPTION_TEST: &str = "/portal/v1/subscriptions/{id}/test";
/// Enables.
pub const PORTAL_SUBSCRIPTION_ENABLE: &str = "/portal/v1/subscriptions/{id}/enable";
/// Disables.
pub const PORTAL_SUBSCRIPTION_DISABLE: &str = "/portal/v1/subscriptions/{id}/disable";
/// Plans a replay, or counts what it would select.
pub const PORTAL_SUBSCRIPTION_REPLAY: &str = "/portal/v1/subscriptions/{id}/replay";
/// Replays of all subscriptions.
pub const REPLAYS: &str = "/portal/v1/replays";
/// One replay.
pub const REPLAY: &str = "/portal/v1/replays/{id}";
/// Pauses a replay.
pub const REPLAY_PAUSE: &str = "/portal/v1/replays/{id}/pause";
/// Lets a replay go on.
pub const REPLAY_RESUME: &str = "/portal/v1/replays/{id}/resume";
/// Gives a replay up.
pub const REPLAY_CANCEL: &str = "/portal/v1/replays/{id}/cancel";
/// The delivery log, by attempt.
pub const ATTEMPTS: &str = "/portal/v1/attempts";
/// One attempt with its exact bytes.
pub const ATTEMPT: &str = "/portal/v1/attempts/{id}";
/// What the receiver's answer to an attempt says about how it verified.
pub const ATTEMPT_SIGNATURE: &str = "/portal/v1/attempts/{id}/signature";
/// Searches a text for the secrets that the platform holds.
pub const SECRET_CHECK: &str = "/portal/v1/secret-check";
/// Rate windows.
pub const LIMITS: &str = "/portal/v1/limits";
/// Breaker history.
pub const TRIPS: &str = "/portal/v1/trips";
/// Events of all companies; emits one.
pub const PORTAL_EVENTS: &str = "/portal/v1/events";
/// One event with its envelope.
pub const PORTAL_EVENT: &str = "/portal/v1/events/{id}";
/// What became of an event.
pub const PORTAL_EVENT_TRACE: &str = "/portal/v1/events/{id}/trace";
/// Deliveries of all companies.
pub const DELIVERIES: &str = "/portal/v1/deliveries";
/// One delivery with its attempts.
pub const DELIVERY: &str = "/portal/v1/deliveries/{id}";
/// Makes a delivery once more.
pub const DELIVERY_RESEND: &str = "/portal/v1/deliveries/{id}/resend";
/// The log of requests to the Integration API.
pub const REQUESTS: &str = "/portal/v1/requests";
/// Who looks after which alert.
pub const ACKNOWLEDGEMENTS: &str = "/portal/v1/acknowledgements";
/// The audit trail.
pub const AUDIT: &str = "/portal/v1/audit";
/// Checks the audit trail.
pub const AUDIT_VERIFY: &str = "/portal/v1/audit/verify";
/// The end of the audit trail.
pub const AUDIT_HEAD: &str = "/portal/v1/audit/head";
/// Time series.
pub const STATS: &str = "/portal/v1/stats";
/// Changes the limits of a key.
pub const KEY_LIMITS: &str = "/portal/v1/keys/{id}/limits";
/// How a key uses its scopes.
pub const KEY_USAGE: &str = "/portal/v1/keys/{id}/usage";
/// Operators.
pub const OPERATORS: &str = "/portal/v1/operators";
/// Revokes an operator.
pub const OPERATOR_REVOKE: &str = "/portal/v1/operators/{id}/revoke";
/// Earlier configurations of a subscription.
pub const PORTAL_SUBSCRIPTION_REVISIONS: &str = "/portal/v1/subscriptions/{id}/revisions";
/// Brings an earlier configuration back.
pub const PORTAL_SUBSCRIPTION_ROLLBACK: &str = "/portal/v1/subscriptions/{id}/rollback";

/// Events, polled.
pub const EVENTS: &str = "/api/v1/events";
/// Publishes a test event.
pub const EVENTS_TEST: &str = "/api/v1/events/test";
/// Subscriptions of the key's company.
pub const SUBSCRIPTIONS: &str = "/api/v1/webhooks/subscriptions";
/// One subscription.
pub const SUBSCRIPTION: &str = "/api/v1/webhooks/subscriptions/{id}";
/// Sends a test to one subscription.
pub const SUBSCRIPTION_TEST: &str = "/api/v1/webhooks/subscriptions/{id}/test";
/// Create Lead.
pub const LEADS: &str = "/api/v1/integrations/leads";
/// Update Lead.
pub const LEAD: &str = "/api/v1/integrations/leads/{id}";
/// Update Lead Status.
pub const LEAD_STATUS: &str = "/api/v1/integrations/leads/{id}/status";
/// Find Lead.
pub const LEAD_SEARCH: &str = "/api/v1/integrations/leads/search";
/// Create Client.
pub const CLIENTS: &str = "/api/v1/integrations/clients";
/// Update Client.
pub const CLIENT: &str = "/api/v1/integrations/clients/{id}";
/// Update Client Status.
pub const CLIENT_STATUS: &str = "/api/v1/integrations/clients/{id}/status";
/// Add Client Note.
pub const CLIENT_NOTES: &str = "/api/v1/integrations/clients/{id}/notes";
/// Find Client.
pub const CLIENT_SEARCH: &str = "/api/v1/integrations/clients/search";
/// Find Client, by its other documented path.
pub const CLIENT_FIND: &str = "/api/v1/integrations/clients/find";
/// Create Affiliate.
pub const AFFILIATES: &str = "/api/v1/integrations/affiliates";
/// Update Affiliate.
pub const AFFILIATE: &str = "/api/v1/integrations/affiliates/{id}";

/// The process answers.
pub const HEALTHZ: &str = "/healthz";
/// The platform can work: database open, dispatcher running.
pub const READYZ: &str = "/readyz";
/// The description of all of this, for programs.
pub const OPENAPI: &str = "/openapi.json";
/// The same for people.
pub const DOCS: &str = "/docs";
/// Counters, for Prometheus.
pub const METRICS: &str = "/metrics";

/// A path with its `{…}` replaced by `value`.
#[must_use]
pub fn with(path: &str, value: impl std::fmt::Display) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(open), Some(close)) if open < close => format!("{}{value}{}", &path[..open], &path[close + 1..]),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_place_of_its_name() {
        assert_eq!(with(KEY_REVOKE, 7), "/portal/v1/keys/7/revoke");
        assert_eq!(with(EVENTS, 7), EVENTS);
    }
}
