//! Routes of the Integration API, with placeholders, by which calls are recorded. Paths themselves may name persons.

use crate::wire::paths;

/// Route of a path that is not documented.
pub(super) const UNKNOWN_ROUTE: &str = "(none)";

/// Documented routes of the Integration API. Paths without a placeholder come before those that would match them.
const ROUTES: [&str; 17] = [
    paths::EVENTS,
    paths::EVENTS_TEST,
    paths::SUBSCRIPTIONS,
    paths::SUBSCRIPTION,
    paths::SUBSCRIPTION_TEST,
    paths::LEADS,
    paths::LEAD_SEARCH,
    paths::LEAD,
    paths::LEAD_STATUS,
    paths::CLIENTS,
    paths::CLIENT_SEARCH,
    paths::CLIENT_FIND,
    paths::CLIENT,
    paths::CLIENT_STATUS,
    paths::CLIENT_NOTES,
    paths::AFFILIATES,
    paths::AFFILIATE,
];

/// Returns the route of a path.
pub(super) fn route_of(path: &str) -> &'static str {
    let path = path.strip_suffix('/').unwrap_or(path);
    let matches = |route: &&str| {
        let (mut of_route, mut of_path) = (route.split('/'), path.split('/'));
        loop {
            match (of_route.next(), of_path.next()) {
                (None, None) => return true,
                (Some("{id}"), Some(segment)) if !segment.is_empty() => {}
                (Some(word), Some(segment)) if word == segment => {}
                _ => return false,
            }
        }
    };
    ROUTES.into_iter().find(|route| matches(route)).unwrap_or(UNKNOWN_ROUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_route_and_nothing_of_it_is_kept() {
        for (path, route) in [
            ("/api/v1/events", "/api/v1/events"),
            ("/api/v1/events/", "/api/v1/events"),
            ("/api/v1/events/test", "/api/v1/events/test"),
            ("/api/v1/webhooks/subscriptions/17", "/api/v1/webhooks/subscriptions/{id}"),
            ("/api/v1/webhooks/subscriptions/17/test", "/api/v1/webhooks/subscriptions/{id}/test"),
            ("/api/v1/integrations/leads/search", "/api/v1/integrations/leads/search"),
            ("/api/v1/integrations/leads/ada", "/api/v1/integrations/leads/{id}"),
            ("/api/v1/integrations/affiliates/3", "/api/v1/integrations/affiliates/{id}"),
            ("/api/v1/events//", UNKNOWN_ROUTE),
            ("/api/v1/Events", UNKNOWN_ROUTE),
            ("/api/v1/people/ada@example.com", UNKNOWN_ROUTE),
            ("", UNKNOWN_ROUTE),
            ("*", UNKNOWN_ROUTE),
        ] {
            assert_eq!(route_of(path), route, "{path}");
        }
    }
}
