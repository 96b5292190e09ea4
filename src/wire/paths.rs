//! Paths of routes, with `{id}` as placeholder. The server's router and the client are built from these constants, and
//! from the routes in [`super::changes`], some of which share a path with a route here.

/// `GET` answers the dashboard: counts and the worst rows of every live pane.
pub const OVERVIEW: &str = "/portal/v1/overview";
/// `GET` tells how much is known of each noun, and why not more.
pub const COVERAGE: &str = "/portal/v1/coverage";
/// `GET` opens the stream of server-sent events that signals changes.
pub const STREAM: &str = "/portal/v1/stream";
/// `GET` lists the companies of the platform.
pub const COMPANIES: &str = "/portal/v1/companies";
/// `GET` lists the API keys of all companies.
pub const KEYS: &str = "/portal/v1/keys";
/// `GET` lists the subscriptions of all companies with their health.
pub const PORTAL_SUBSCRIPTIONS: &str = "/portal/v1/subscriptions";
/// `GET` reads one subscription with its health.
pub const PORTAL_SUBSCRIPTION: &str = "/portal/v1/subscriptions/{id}";
/// `GET` lists the replays of all subscriptions.
pub const REPLAYS: &str = "/portal/v1/replays";
/// `GET` reads one replay with its progress.
pub const REPLAY: &str = "/portal/v1/replays/{id}";
/// `GET` lists the delivery log, one row per attempt.
pub const ATTEMPTS: &str = "/portal/v1/attempts";
/// `GET` reads one attempt with the exact bytes sent and received.
pub const ATTEMPT: &str = "/portal/v1/attempts/{id}";
/// `GET` explains, from the receiver's response to an attempt, how the receiver verified the signature.
pub const ATTEMPT_SIGNATURE: &str = "/portal/v1/attempts/{id}/signature";
/// `POST` searches a text for the secrets that the platform holds.
pub const SECRET_CHECK: &str = "/portal/v1/secret-check";
/// `GET` lists rate windows with their busiest routes and callers.
pub const LIMITS: &str = "/portal/v1/limits";
/// `GET` lists the trips of the breaker.
pub const TRIPS: &str = "/portal/v1/trips";
/// `GET` lists the events of all companies.
pub const PORTAL_EVENTS: &str = "/portal/v1/events";
/// `GET` reads one event with its envelope.
pub const PORTAL_EVENT: &str = "/portal/v1/events/{id}";
/// `GET` traces one event: which subscriptions matched, which did not, and why.
pub const PORTAL_EVENT_TRACE: &str = "/portal/v1/events/{id}/trace";
/// `GET` lists the deliveries of all companies.
pub const DELIVERIES: &str = "/portal/v1/deliveries";
/// `GET` reads one delivery with its attempts.
pub const DELIVERY: &str = "/portal/v1/deliveries/{id}";
/// `GET` lists the request log of the Integration API.
pub const REQUESTS: &str = "/portal/v1/requests";
/// `POST` reports deliveries that a listener took.
pub const RECEIPTS: &str = "/portal/v1/receipts";
/// `POST` reports calls that a relay passed on.
pub const CALLS: &str = "/portal/v1/calls";
/// `GET` lists alert acknowledgements.
pub const ACKNOWLEDGEMENTS: &str = "/portal/v1/acknowledgements";
/// `GET` lists the audit trail.
pub const AUDIT: &str = "/portal/v1/audit";
/// `GET` verifies the hash chain of the audit trail.
pub const AUDIT_VERIFY: &str = "/portal/v1/audit/verify";
/// `GET` reads the last sequence number and hash of the audit trail.
pub const AUDIT_HEAD: &str = "/portal/v1/audit/head";
/// `GET` reads time series for charts.
pub const STATS: &str = "/portal/v1/stats";
/// `GET` reads which routes an API key calls and which of its scopes were never used.
pub const KEY_USAGE: &str = "/portal/v1/keys/{id}/usage";
/// `GET` lists operators, including revoked ones.
pub const OPERATORS: &str = "/portal/v1/operators";
/// `GET` lists the earlier and present configurations of a subscription.
pub const PORTAL_SUBSCRIPTION_REVISIONS: &str = "/portal/v1/subscriptions/{id}/revisions";

/// `GET` polls the events of the key's company.
pub const EVENTS: &str = "/api/v1/events";
/// `POST` publishes a test event.
pub const EVENTS_TEST: &str = "/api/v1/events/test";
/// `GET` lists the subscriptions of the key's company, `POST` creates one.
pub const SUBSCRIPTIONS: &str = "/api/v1/webhooks/subscriptions";
/// `GET`, `PATCH` and `DELETE` act on one subscription of the key's company.
pub const SUBSCRIPTION: &str = "/api/v1/webhooks/subscriptions/{id}";
/// `POST` sends a test delivery to a subscription of the key's company.
pub const SUBSCRIPTION_TEST: &str = "/api/v1/webhooks/subscriptions/{id}/test";
/// `POST` is the action Create Lead.
pub const LEADS: &str = "/api/v1/integrations/leads";
/// `PATCH` is the action Update Lead.
pub const LEAD: &str = "/api/v1/integrations/leads/{id}";
/// `PATCH` is the action Update Lead Status.
pub const LEAD_STATUS: &str = "/api/v1/integrations/leads/{id}/status";
/// `GET` is the search Find Lead.
pub const LEAD_SEARCH: &str = "/api/v1/integrations/leads/search";
/// `POST` is the action Create Client.
pub const CLIENTS: &str = "/api/v1/integrations/clients";
/// `PATCH` is the action Update Client.
pub const CLIENT: &str = "/api/v1/integrations/clients/{id}";
/// `PATCH` is the action Update Client Status.
pub const CLIENT_STATUS: &str = "/api/v1/integrations/clients/{id}/status";
/// `POST` is the action Add Client Note.
pub const CLIENT_NOTES: &str = "/api/v1/integrations/clients/{id}/notes";
/// `GET` is the search Find Client.
pub const CLIENT_SEARCH: &str = "/api/v1/integrations/clients/search";
/// `GET` is the search Find Client under its second documented path.
pub const CLIENT_FIND: &str = "/api/v1/integrations/clients/find";
/// `POST` is the action Create Affiliate.
pub const AFFILIATES: &str = "/api/v1/integrations/affiliates";
/// `PATCH` is the action Update Affiliate.
pub const AFFILIATE: &str = "/api/v1/integrations/affiliates/{id}";

/// Liveness check: the process answers HTTP requests.
pub const HEALTHZ: &str = "/healthz";
/// Readiness check: the database is open and the dispatcher is running.
pub const READYZ: &str = "/readyz";
/// OpenAPI document of every route, as JSON.
pub const OPENAPI: &str = "/openapi.json";
/// OpenAPI document rendered as an HTML page.
pub const DOCS: &str = "/docs";
/// Metrics in the Prometheus text format.
pub const METRICS: &str = "/metrics";

/// Returns `path` with its first `{…}` placeholder replaced by `value`; a path without a placeholder is returned
/// unchanged.
#[must_use]
pub fn with_value(path: &str, value: impl std::fmt::Display) -> String {
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
        assert_eq!(with_value(KEY_USAGE, 7), "/portal/v1/keys/7/usage");
        assert_eq!(with_value(EVENTS, 7), EVENTS);
    }
}
