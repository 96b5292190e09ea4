//! Paths that a listener serves: the receiver behind each, its secrets, and the subscription whose deliveries arrive
//! there.

use super::signature_check::{MAX_SECRETS, RouteSecret};
use super::upstream::UpstreamAddress;
use crate::domain::ids::SubscriptionId;
use crate::domain::secret::Secret;
use crate::domain::text::Untrusted;
use crate::domain::url_redaction::redact_url;
use std::sync::Arc;

/// Path that a listener serves.
#[derive(Debug, Default)]
pub struct WebhookRoute {
    /// Path that requests must have; `None` for every path without a route of its own.
    path: Option<String>,
    /// Receiver that verified deliveries are handed on to; `None` if the listener answers itself.
    target: Option<UpstreamAddress>,
    secrets: Arc<Vec<RouteSecret>>,
    subscription: Option<SubscriptionId>,
}

impl WebhookRoute {
    /// Creates a route of one path, or of every path without a route of its own.
    #[must_use]
    pub fn new(path: Option<String>, target: Option<UpstreamAddress>) -> Self {
        Self { path, target, ..Self::default() }
    }

    /// Adds a secret; a delivery must be signed with one of them.
    ///
    /// # Errors
    /// Reason why the route takes no further secret, in one line.
    pub fn add_secret(&mut self, secret: Secret) -> Result<(), String> {
        match Arc::get_mut(&mut self.secrets) {
            Some(secrets) if secrets.len() < MAX_SECRETS => secrets.push(RouteSecret::new(secret)),
            _ => return Err(format!("more than {MAX_SECRETS} secrets for one path")),
        }
        Ok(())
    }

    /// Sets the subscription whose deliveries arrive here.
    pub fn set_subscription(&mut self, id: SubscriptionId) {
        self.subscription = Some(id);
    }

    /// Returns the path of the route; `None` for every path without a route of its own.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Checks whether signatures are verified here.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        !self.secrets.is_empty()
    }

    pub(super) fn target(&self) -> Option<&UpstreamAddress> {
        self.target.as_ref()
    }

    pub(super) fn secrets(&self) -> &Arc<Vec<RouteSecret>> {
        &self.secrets
    }

    pub(super) const fn subscription(&self) -> Option<SubscriptionId> {
        self.subscription
    }

    /// Returns the receiver's address without its secret parts.
    pub(super) fn shown_target(&self) -> Option<Untrusted> {
        self.target.as_ref().map(|target| Untrusted::new(redact_url(&target.to_string())))
    }
}

/// All paths that a listener serves.
#[derive(Debug)]
pub struct WebhookRoutes(Vec<WebhookRoute>);

impl WebhookRoutes {
    /// Collects the routes.
    ///
    /// # Errors
    /// Reason why they contradict each other, in one line.
    pub fn new(routes: Vec<WebhookRoute>) -> Result<Self, String> {
        for (n, route) in routes.iter().enumerate() {
            if routes[..n].iter().any(|other| other.path == route.path) {
                return Err(route.path.as_ref().map_or_else(
                    || "two receivers for every other path".to_owned(),
                    |path| format!("two routes for {path}"),
                ));
            }
        }
        Ok(Self(routes))
    }

    /// Finds the route of a path; `None` if the listener does not serve it.
    pub(super) fn find(&self, path: &str) -> Option<(usize, &WebhookRoute)> {
        let exact = |route: &WebhookRoute| route.path.as_deref() == Some(path);
        let at = self.0.iter().position(exact).or_else(|| self.0.iter().position(|route| route.path.is_none()))?;
        Some((at, &self.0[at]))
    }

    /// Returns a route by its position.
    pub(super) fn get(&self, at: usize) -> &WebhookRoute {
        &self.0[at]
    }

    /// Iterates over all routes.
    pub fn iter(&self) -> impl Iterator<Item = &WebhookRoute> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: Option<&str>) -> WebhookRoute {
        WebhookRoute::new(path.map(ToOwned::to_owned), None)
    }

    #[test]
    fn a_path_has_its_own_route_or_that_of_all_others() {
        let routes = WebhookRoutes::new(vec![route(Some("/a")), route(None), route(Some("/b"))]).expect("routes");
        let found = |path: &str| routes.find(path).map(|(at, _)| at);
        assert_eq!(["/a", "/b", "/a/", "/A", "/"].map(found), [Some(0), Some(2), Some(1), Some(1), Some(1)]);
        let only = WebhookRoutes::new(vec![route(Some("/a"))]).expect("routes");
        assert!(only.find("/b").is_none());
        assert_eq!(
            WebhookRoutes::new(vec![route(Some("/a")), route(Some("/a"))]).err().as_deref(),
            Some("two routes for /a")
        );
    }

    #[test]
    fn a_receiver_is_shown_without_its_secret_parts_and_secrets_are_few() {
        let target = UpstreamAddress::parse("https://a.example/in?token=abc").expect("an address");
        let mut route = WebhookRoute::new(None, Some(target));
        assert_eq!(route.shown_target().expect("a target").raw(), "https://a.example/in?REDACTED");
        for _ in 0..MAX_SECRETS {
            route.add_secret(Secret::new("x".to_owned())).expect("room");
        }
        assert!(route.add_secret(Secret::new("x".to_owned())).is_err());
    }
}
