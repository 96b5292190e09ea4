//! Remediations: actions against a cause. Each is typed, so that a console can take it after a confirmation, and has a
//! shell command that repeats it.

use super::diagnosis_subject::DiagnosisSubject;
use super::runbook_kind::Runbook;
use crate::domain::ids::{AttemptId, KeyId, SubscriptionId};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Action that can be taken against a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RemediationAction {
    /// Send a test delivery to a subscription.
    Test(SubscriptionId),
    /// Enable a subscription and deliver the events that it missed.
    Enable(SubscriptionId),
    /// Enable a subscription on a platform on which missed events are replayed elsewhere.
    EnableOnly(SubscriptionId),
    /// Replay the deliveries of a time range that did not succeed.
    Replay(MissedRange),
    /// Revoke an API key permanently.
    Revoke(KeyId),
    /// Examine how the receiver verified an attempt's signature.
    Verify(AttemptId),
    /// Work through a runbook step by step.
    Runbook(RunbookTarget),
}

/// Time range in which a subscription missed events; its end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissedRange {
    /// Subscription that missed the events.
    pub subscription: SubscriptionId,
    /// Start of the range, inclusive.
    pub since_utc: Timestamp,
    /// End of the range, exclusive.
    pub until_utc: Timestamp,
}

/// Runbook together with the object that it is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunbookTarget {
    /// Runbook that is to be worked through.
    pub runbook: Runbook,
    /// Key or subscription that the runbook is run for.
    pub subject: DiagnosisSubject,
}

impl RemediationAction {
    /// Enables a subscription: with the events that it missed, where the platform can replay them.
    #[must_use]
    pub const fn enable(id: SubscriptionId, can_replay: bool) -> Self {
        if can_replay { Self::Enable(id) } else { Self::EnableOnly(id) }
    }

    /// Returns the action's identifier on the wire.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Test(_) => "test",
            Self::Enable(_) | Self::EnableOnly(_) => "enable",
            Self::Replay(_) => "replay",
            Self::Revoke(_) => "revoke",
            Self::Verify(_) => "verify",
            Self::Runbook(_) => "runbook",
        }
    }

    /// Returns the effect of the action, in one line.
    #[must_use]
    pub fn effect(&self) -> String {
        match self {
            Self::Test(id) => format!("send a test to subscription {id}"),
            Self::Enable(id) => format!("enable subscription {id} and resend missed events"),
            Self::EnableOnly(id) => format!("enable subscription {id}; the Admin Portal replays missed events"),
            Self::Replay(gap) => {
                format!("resend missed events to subscription {} (shows the counts and asks first)", gap.subscription)
            }
            Self::Revoke(id) => format!("revoke key {id} permanently"),
            Self::Verify(id) => format!("check attempt {id} with the headers and the body that the receiver logged"),
            Self::Runbook(of) => {
                format!("follow runbook {} for {}", of.runbook.name(), of.subject)
            }
        }
    }

    /// Returns the shell command that takes the action on the default platform. A change asks before it is made.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Self::Test(id) => format!("crow subs test {id} --allow-actions"),
            Self::Enable(id) => format!("crow subs enable {id} --replay-missed --allow-actions"),
            Self::EnableOnly(id) => format!("crow subs enable {id} --allow-actions"),
            Self::Replay(MissedRange { subscription, since_utc, until_utc }) => format!(
                "crow subs replay {subscription} --since {since_utc} --until {until_utc} --state missed,exhausted,on_hold --allow-actions"
            ),
            Self::Revoke(id) => format!("crow keys revoke {id} --allow-actions"),
            Self::Verify(_) => "crow verify --headers headers.txt --body body.bin".to_owned(),
            Self::Runbook(of) => {
                let which = match of.subject {
                    DiagnosisSubject::Key(id) => format!(" --key {id}"),
                    DiagnosisSubject::Subscription(id) => format!(" --subscription {id}"),
                    DiagnosisSubject::Company(id) => format!(" --company {id}"),
                    DiagnosisSubject::All => String::new(),
                };
                format!("crow runbook {}{which}", of.runbook.name())
            }
        }
    }
}

/// Quotes a JSON document as one argument of a POSIX shell; JSON has no control characters outside its escapes.
#[must_use]
pub(super) fn shell_json(document: &Value) -> String {
    format!("'{}'", document.to_string().replace('\'', r"'\''"))
}

impl From<RemediationAction> for OfferedAction {
    fn from(remedy: RemediationAction) -> Self {
        Self { id: remedy.id().to_owned(), what: remedy.effect(), command: remedy.command(), remedy: Some(remedy) }
    }
}

/// Action that is offered against a cause. A playbook itself never changes anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedAction {
    /// Identifier of the action: `test`, `enable`, `replay`, `revoke`, `verify` or `runbook`.
    pub id: String,
    /// Effect of the action, in one line.
    pub what: String,
    /// Shell command that takes the action, with placeholders for secrets.
    pub command: String,
    /// Action in a form that a console can take; null in documents of an older crow.
    #[serde(default)]
    pub remedy: Option<RemediationAction>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_can_be_read_back_and_repeated_in_a_shell() {
        let gap = MissedRange {
            subscription: SubscriptionId(7),
            since_utc: Timestamp::from_millis(0),
            until_utc: Timestamp::from_millis(1_000),
        };
        let guide = RunbookTarget { runbook: Runbook::KeyRotation, subject: DiagnosisSubject::Key(KeyId(3)) };
        for remedy in [
            RemediationAction::Test(SubscriptionId(7)),
            RemediationAction::Enable(SubscriptionId(7)),
            RemediationAction::EnableOnly(SubscriptionId(7)),
            RemediationAction::Replay(gap),
            RemediationAction::Revoke(KeyId(3)),
            RemediationAction::Verify(AttemptId(9)),
            RemediationAction::Runbook(guide),
        ] {
            let offer = OfferedAction::from(remedy);
            let json = serde_json::to_value(&offer).expect("plain data");
            assert_eq!(serde_json::from_value::<OfferedAction>(json).expect("readable"), offer);
        }
        assert_eq!(
            RemediationAction::Enable(SubscriptionId(7)).command(),
            "crow subs enable 7 --replay-missed --allow-actions"
        );
        assert_eq!(RemediationAction::Runbook(guide).command(), "crow runbook key-rotation --key 3");
    }
}
