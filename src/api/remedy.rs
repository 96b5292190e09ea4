//! Remedies: what can be done about a cause. Each is named so that a console can do it after a confirmation and a shell can repeat it.

use super::report::{Offer, Subject};
use super::runbook::Runbook;
use crate::domain::ids::{AttemptId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that can be done about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Remedy {
    /// Send a test to a subscription's endpoint.
    Test(SubscriptionId),
    /// Enable a subscription and deliver what passed by.
    Enable(SubscriptionId),
    /// Deliver what did not arrive between two moments.
    Replay(Gap),
    /// Revoke a key.
    Revoke(KeyId),
    /// Look at how an attempt's signature was verified.
    Verify(AttemptId),
    /// Go through a run-book.
    Runbook(Guide),
}

/// What a subscription missed: the second moment is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Which subscription.
    pub subscription: SubscriptionId,
    /// From when.
    pub since_utc: Timestamp,
    /// Until when.
    pub until_utc: Timestamp,
}

/// A run-book about something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guide {
    /// Which run-book.
    pub runbook: Runbook,
    /// About which key or subscription.
    pub subject: Subject,
}

/// A call of the Portal API for a shell, with placeholders for address and token.
fn portal(path: &str, body: Option<&str>) -> String {
    let body = body.map_or_else(String::new, |body| format!(" -H 'Content-Type: application/json' -d '{body}'"));
    format!("curl -X POST \"$PLATFORM_URL/portal/v1/{path}\" -H \"Authorization: Bearer $OPERATOR_TOKEN\"{body}")
}

impl Remedy {
    /// Its name on the wire.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Test(_) => "test",
            Self::Enable(_) => "enable",
            Self::Replay(_) => "replay",
            Self::Revoke(_) => "revoke",
            Self::Verify(_) => "verify",
            Self::Runbook(_) => "runbook",
        }
    }

    /// What it does.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Test(id) => format!("send a test to subscription {id}"),
            Self::Enable(id) => format!("enable subscription {id} and deliver what passed by"),
            Self::Replay(gap) => {
                format!("replay to subscription {} what it missed, as a dry run first", gap.subscription)
            }
            Self::Revoke(id) => format!("revoke key {id}, for good"),
            Self::Verify(id) => format!("look at the signature of attempt {id} with what the receiver computed"),
            Self::Runbook(of) => {
                format!("go through {} for {} step by step, with a check at each", of.runbook.name(), of.subject)
            }
        }
    }

    /// How to do it from a shell, with placeholders for secrets.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Self::Test(id) => portal(&format!("subscriptions/{id}/test"), None),
            Self::Enable(id) => portal(&format!("subscriptions/{id}/enable"), Some(r#"{"replay": "skipped"}"#)),
            Self::Replay(Gap { subscription, since_utc, until_utc }) => {
                let states = r#"["skipped", "exhausted", "parked"]"#;
                let body = format!(
                    r#"{{"since": "{since_utc}", "until": "{until_utc}", "states": {states}, "dryRun": true}}"#
                );
                portal(&format!("subscriptions/{subscription}/replay"), Some(&body))
            }
            Self::Revoke(id) => portal(&format!("keys/{id}/revoke"), None),
            Self::Verify(_) => "crow verify --headers headers.txt --body body.bin".to_owned(),
            Self::Runbook(of) => {
                let which = match of.subject {
                    Subject::Key(id) => format!(" --key {id}"),
                    Subject::Subscription(id) => format!(" --subscription {id}"),
                    Subject::Company(id) => format!(" --company {id}"),
                    Subject::All => String::new(),
                };
                format!("crow runbook {}{which}", of.runbook.name())
            }
        }
    }
}

impl From<Remedy> for Offer {
    fn from(remedy: Remedy) -> Self {
        Self { id: remedy.id().to_owned(), what: remedy.what(), command: remedy.command(), remedy: Some(remedy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_can_be_read_back_and_repeated_in_a_shell() {
        let gap = Gap {
            subscription: SubscriptionId(7),
            since_utc: Timestamp::from_millis(0),
            until_utc: Timestamp::from_millis(1_000),
        };
        let guide = Guide { runbook: Runbook::KeyRotation, subject: Subject::Key(KeyId(3)) };
        for remedy in [
            Remedy::Test(SubscriptionId(7)),
            Remedy::Enable(SubscriptionId(7)),
            Remedy::Replay(gap),
            Remedy::Revoke(KeyId(3)),
            Remedy::Verify(AttemptId(9)),
            Remedy::Runbook(guide),
        ] {
            let offer = Offer::from(remedy);
            let json = serde_json::to_value(&offer).expect("plain data");
            assert_eq!(serde_json::from_value::<Offer>(json).expect("readable"), offer);
        }
        assert_eq!(
            Remedy::Enable(SubscriptionId(7)).command(),
            "curl -X POST \"$PLATFORM_URL/portal/v1/subscriptions/7/enable\" -H \"Authorization: Bearer $OPERATOR_TOKEN\" \
             -H 'Content-Type: application/json' -d '{\"replay\": \"skipped\"}'"
        );
        assert_eq!(Remedy::Runbook(guide).command(), "crow runbook key-rotation --key 3");
    }
}
