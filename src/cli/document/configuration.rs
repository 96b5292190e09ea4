//! Configuration of a platform without any secret, for version control and for comparison with another platform.

use crate::domain::ids::{KeyId, SubscriptionId};
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::url_redaction;
use crate::wire::keys::{CompanyRow, KeyRow, RateLimits};
use crate::wire::subscriptions::SubscriptionRow;
use serde::{Deserialize, Serialize};

/// Name and version of the configuration document.
pub const CONFIGURATION_DOCUMENT: &str = "crow.configuration/1";

/// Company with its active keys and its subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CompanyConfig {
    /// Name of the company, by which it is matched on another platform.
    pub name: Untrusted,
    /// Active keys of the company, ordered by name.
    pub keys: Vec<KeyConfig>,
    /// Subscriptions of the company, ordered by target URL.
    pub subscriptions: Vec<SubscriptionConfig>,
}

/// API key in a configuration, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyConfig {
    /// Name of the key, by which it is matched within its company.
    pub name: Untrusted,
    /// Scopes of the key, fixed at creation.
    pub scopes: Vec<KeyScope>,
    /// Rate limits of the key, in calls a minute per bucket.
    pub limits: RateLimits,
    /// Number of the key on the platform that was read; not part of the document.
    #[serde(skip)]
    #[cfg_attr(test, schema(ignore))]
    pub id: Option<KeyId>,
}

/// Subscription in a configuration, without its signing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionConfig {
    /// URL that events are delivered to, without its secret parts; the subscription is matched by it within its
    /// company.
    pub target_url: Untrusted,
    /// Event types that are delivered, in alphabetical order.
    pub event_types: Vec<Untrusted>,
    /// Free-text description given by the subscription's owner.
    pub description: Option<Untrusted>,
    /// Tool that manages the subscription; null if none does.
    pub managed_by: Option<Untrusted>,
    /// Whether events are delivered to the subscription.
    pub is_enabled: bool,
    /// Number of the subscription on the platform that was read; not part of the document.
    #[serde(skip)]
    #[cfg_attr(test, schema(ignore))]
    pub id: Option<SubscriptionId>,
}

/// Configuration of a whole platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct PlatformConfig {
    /// Companies of the platform, ordered by name.
    pub companies: Vec<CompanyConfig>,
}

/// Change that brings one platform closer to the configuration of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigChange {
    /// Create a company with this name.
    Company(String),
    /// Set the rate limits of a key, with a description.
    Limits(KeyId, RateLimits, String),
    /// Enable a subscription, with a description.
    Enable(SubscriptionId, String),
    /// Disable a subscription, with a description.
    Disable(SubscriptionId, String),
    /// Change to be made by hand: only the owner can make it, or it deletes something.
    ByHand(String),
}

impl PlatformConfig {
    /// Builds the configuration of a platform, in an order that does not depend on numbers. Companies and keys of which
    /// not everything is known, as from an observer, are left out.
    #[must_use]
    pub fn new(companies: &[CompanyRow], keys: &[KeyRow], subscriptions: &[SubscriptionRow]) -> Self {
        let mut all: Vec<CompanyConfig> = companies
            .iter()
            .filter_map(|company| {
                let is_active = |key: &&KeyRow| key.company_id == company.id && key.is_active == Some(true);
                let keys = keys.iter().filter(is_active).filter_map(|key| {
                    let (name, scopes) = (key.name.clone(), key.scopes.clone());
                    Some(KeyConfig { name, scopes, limits: key.limits?, id: Some(key.id) })
                });
                let subscriptions =
                    subscriptions.iter().map(|row| &row.subscription).filter(|of| of.company_id == company.id).map(
                        |of| {
                            let mut event_types = of.event_types.clone();
                            event_types.sort();
                            SubscriptionConfig {
                                target_url: of.target_url.clone(),
                                event_types,
                                description: of.description.clone(),
                                managed_by: of.managed_by.clone(),
                                is_enabled: of.is_enabled,
                                id: Some(of.id),
                            }
                        },
                    );
                let (mut keys, mut subscriptions): (Vec<_>, Vec<_>) = (keys.collect(), subscriptions.collect());
                keys.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
                subscriptions.sort_by(|a, b| (&a.target_url, a.id).cmp(&(&b.target_url, b.id)));
                Some(CompanyConfig { name: company.name.clone()?, keys, subscriptions })
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Self { companies: all }
    }

    /// Returns the changes that make `there` equal to this configuration. Nothing is ever deleted: objects that exist
    /// only `there` are reported for a change by hand.
    #[must_use]
    pub fn changes(&self, there: &Self) -> Vec<ConfigChange> {
        let mut changes = Vec::new();
        for company in &self.companies {
            match there.companies.iter().find(|other| other.name == company.name) {
                Some(other) => company.changes(other, &mut changes),
                None => {
                    changes.push(ConfigChange::Company(company.name.raw().to_owned()));
                    let empty =
                        CompanyConfig { name: company.name.clone(), keys: Vec::new(), subscriptions: Vec::new() };
                    company.changes(&empty, &mut changes);
                }
            }
        }
        for other in &there.companies {
            if !self.companies.iter().any(|company| company.name == other.name) {
                changes
                    .push(ConfigChange::ByHand(format!("company \"{}\" is not in the file", other.name.sanitized())));
            }
        }
        changes
    }
}

impl SubscriptionConfig {
    /// Returns the target URL as an export writes it, without secret parts.
    fn redacted_target(&self) -> String {
        Untrusted::new(url_redaction::redact_url(self.target_url.raw())).sanitized()
    }

    /// Returns whether another subscription is equal except for its target URL.
    fn matches_except_target(&self, other: &Self) -> bool {
        (&self.event_types, &self.description, self.is_enabled)
            == (&other.event_types, &other.description, other.is_enabled)
    }
}

impl CompanyConfig {
    fn changes(&self, there: &Self, changes: &mut Vec<ConfigChange>) {
        let company = self.name.sanitized();
        for key in &self.keys {
            let name = format!("key \"{}\" of \"{company}\"", key.name.sanitized());
            let scopes = key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(",");
            match there.keys.iter().find(|other| other.name == key.name) {
                None => changes.push(ConfigChange::ByHand(format!(
                    "{name} is missing: create it with crow keys create --name ... --scope {scopes}; the key is shown once"
                ))),
                Some(other) => {
                    if other.scopes != key.scopes {
                        changes.push(ConfigChange::ByHand(format!(
                            "{name} has other scopes, which cannot be changed: replace it with a key with {scopes}"
                        )));
                    }
                    if let (Some(id), true) = (other.id, other.limits != key.limits) {
                        let RateLimits { read, write, admin } = key.limits;
                        let what = format!("{name}: {read} read, {write} write and {admin} admin calls a minute");
                        changes.push(ConfigChange::Limits(id, key.limits, what));
                    }
                }
            }
        }
        let mut free: Vec<&SubscriptionConfig> = there.subscriptions.iter().collect();
        for wanted in &self.subscriptions {
            let told = wanted.redacted_target();
            let name = format!("subscription of \"{company}\" to \"{told}\"");
            let exact = free.iter().position(|other| other.target_url == wanted.target_url);
            let found = exact
                .or_else(|| free.iter().position(|other| other.redacted_target() == told))
                .map(|at| free.remove(at));
            // An export omits the secret parts of URLs, so several subscriptions may look alike; none is changed on a
            // guess.
            let n_alike = there.subscriptions.iter().filter(|other| other.redacted_target() == told).count();
            match found {
                Some(other) if exact.is_none() && n_alike > 1 => {
                    if !other.matches_except_target(wanted) {
                        changes.push(ConfigChange::ByHand(format!(
                            "{name} is one of {n_alike} that an export cannot distinguish, and one of them differs"
                        )));
                    }
                }
                None => changes.push(ConfigChange::ByHand(format!(
                    "{name} is missing: its owner must create it with a key, and gets its secret"
                ))),
                Some(other) => {
                    if (&other.event_types, &other.description) != (&wanted.event_types, &wanted.description) {
                        changes.push(ConfigChange::ByHand(format!(
                            "{name} has other event types or another description: its owner must change them with a key"
                        )));
                    }
                    match (other.id, wanted.is_enabled, other.is_enabled) {
                        (Some(id), true, false) => changes.push(ConfigChange::Enable(id, name)),
                        (Some(id), false, true) => changes.push(ConfigChange::Disable(id, name)),
                        _ => {}
                    }
                }
            }
        }
        for other in &there.keys {
            if !self.keys.iter().any(|key| key.name == other.name) {
                changes.push(ConfigChange::ByHand(format!(
                    "key \"{}\" of \"{company}\" is not in the file",
                    other.name.sanitized()
                )));
            }
        }
        for other in free {
            changes.push(ConfigChange::ByHand(format!(
                "subscription of \"{company}\" to \"{}\" is not in the file",
                other.redacted_target()
            )));
        }
    }
}

impl ConfigChange {
    /// Returns the change in words, with text from outside sanitised.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Company(name) => format!("+ company \"{}\"", Untrusted::new(name.as_str()).sanitized()),
            Self::Limits(_, _, what) => format!("~ {what}"),
            Self::Enable(_, what) => format!("~ enable the {what}"),
            Self::Disable(_, what) => format!("~ disable the {what}"),
            Self::ByHand(what) => format!("! not changed: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(limit: u32, is_enabled: bool) -> PlatformConfig {
        let key = KeyConfig {
            name: "Zap".into(),
            scopes: vec![KeyScope::EventsRead],
            limits: RateLimits { read: limit, write: 100, admin: 200 },
            id: Some(KeyId(7)),
        };
        let subscription = SubscriptionConfig {
            target_url: "https://a.example/in".into(),
            event_types: vec!["lead.created".into()],
            description: None,
            managed_by: None,
            is_enabled,
            id: Some(SubscriptionId(3)),
        };
        PlatformConfig {
            companies: vec![CompanyConfig { name: "Acme".into(), keys: vec![key], subscriptions: vec![subscription] }],
        }
    }

    #[test]
    fn what_differs_is_changed_and_what_nobody_may_change_is_said() {
        let (wanted, there) = (configuration(60, true), configuration(5, false));
        assert_eq!(wanted.changes(&wanted), []);
        let words: Vec<String> = wanted.changes(&there).iter().map(ConfigChange::describe).collect();
        assert_eq!(
            words,
            [
                "~ key \"Zap\" of \"Acme\": 60 read, 100 write and 200 admin calls a minute",
                "~ enable the subscription of \"Acme\" to \"https://a.example/in\""
            ]
        );
        let empty = PlatformConfig { companies: Vec::new() };
        let words: Vec<String> = wanted.changes(&empty).iter().map(ConfigChange::describe).collect();
        assert_eq!((words.len(), words[0].as_str()), (3, "+ company \"Acme\""));
        assert!(words[1].contains("crow keys create") && words[2].contains("its owner must create it"), "{words:?}");
        assert_eq!(empty.changes(&wanted).len(), 1, "nothing is taken away");
        let mut other = configuration(60, true);
        other.companies[0].keys[0].scopes = vec![KeyScope::Admin];
        assert!(wanted.changes(&other)[0].describe().contains("cannot be changed"));
    }

    #[test]
    fn a_file_says_nothing_of_numbers_and_can_be_read_again() {
        let json = serde_json::to_string(&configuration(60, true)).expect("plain data");
        assert!(!json.contains("\"id\""), "{json}");
        let read: PlatformConfig = serde_json::from_str(&json).expect("the same");
        assert_eq!(read.changes(&configuration(60, true)), []);
    }
}
