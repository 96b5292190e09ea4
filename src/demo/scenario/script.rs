//! Format of a scenario in `assets/scenarios`: keys and receivers, then steps in order.

use super::receiver_faults::{RefusingAnswer, SignatureMistake};
use crate::domain::event::EventType;
use crate::domain::scope::KeyScope;
use serde::Deserialize;

/// Fault scenario, as read from its TOML file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioScript {
    /// Name of the scenario, which names the fault.
    pub name: String,
    /// Playbook that diagnoses the fault.
    pub topic: String,
    /// Cause that the playbook must rank first; absent if nothing is wrong.
    pub cause: Option<String>,
    /// Remark that the playbook must make, where nothing is wrong and something is worth knowing.
    pub remark: Option<String>,
    /// Story of the fault, as shown to an operator.
    pub story: String,
    /// API keys of the scenario's company.
    #[serde(default)]
    pub keys: Vec<ScenarioKey>,
    /// Receivers of the scenario's webhooks.
    #[serde(default)]
    pub receivers: Vec<ScenarioReceiver>,
    /// Steps of the scenario, in order.
    #[serde(default)]
    pub acts: Vec<ScenarioStep>,
}

/// API key of a scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioKey {
    /// Name by which steps refer to the key.
    pub name: String,
    /// Scopes that the key has.
    pub scopes: Vec<KeyScope>,
    /// Calls per minute in every bucket; the platform's defaults if absent.
    pub limit: Option<u32>,
    /// Company that the key belongs to.
    #[serde(default)]
    pub owner: ScenarioKeyOwner,
}

/// Company that owns an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioKeyOwner {
    /// Company that the scenario creates for itself.
    #[default]
    Company,
    /// Second company, unrelated to the scenario's own.
    Neighbour,
}

/// Webhook receiver of a scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioReceiver {
    /// Name by which steps refer to the receiver.
    pub name: String,
    /// URL path that the receiver listens on.
    pub path: String,
    /// Behaviour of the receiver when a webhook arrives.
    pub manner: ScenarioBehaviour,
    /// Receiver whose signing secret this one has instead of its own.
    pub secret_of: Option<String>,
}

/// Behaviour of a scenario's receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioBehaviour {
    /// Verifies the signature correctly and answers 200.
    Prompt,
    /// Answers every request with 500.
    Failing,
    /// Answers after the platform's timeout.
    Slow,
    /// Answers every request with a 301 redirect.
    Redirecting,
    /// Refuses connections, because nothing listens on the port.
    Absent,
    /// Has a host name that does not exist.
    Nameless,
    /// Has an expired TLS certificate.
    Expired,
    /// Answers 401, because no secret is configured.
    WithoutSecret,
    /// Verifies the signature over a reserialised body.
    Reserialising,
    /// Verifies the signature over the body with an added line end.
    AddingLineEnd,
    /// Verifies the signature without the dot between timestamp and body.
    WithoutDot,
    /// Verifies the signature with the Base64-decoded secret.
    DecodingSecret,
    /// Has a clock that is 15 minutes slow.
    Late,
    /// Verifies the signature with a mistake.
    Signing(SignatureMistake),
    /// Refuses every request with one answer.
    Answering(RefusingAnswer),
}

/// One step of a scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScenarioStep {
    /// Creates a subscription with a key.
    Subscribe {
        /// Name of the key that subscribes.
        key: String,
        /// Name of the receiver to send to.
        to: String,
        /// Event types of the subscription.
        types: Vec<EventType>,
        /// Tool that manages the subscription, if any.
        managed_by: Option<String>,
    },
    /// Emits events as the CRM.
    Emit {
        /// Type of the emitted events.
        #[serde(rename = "type")]
        kind: EventType,
        /// Number of events to emit.
        #[serde(default = "once")]
        times: u32,
    },
    /// Calls the Integration API as a partner's system.
    Call(ScenarioCall),
    /// Disables a receiver's subscription manually.
    Disable {
        /// Name of the receiver whose subscription changes.
        of: String,
        /// Reason given for disabling the subscription.
        reason: String,
    },
    /// Enables a subscription again without replaying missed events.
    Enable {
        /// Name of the receiver whose subscription changes.
        of: String,
    },
    /// Sends a test delivery to a receiver.
    Test {
        /// Name of the receiver to test.
        of: String,
    },
    /// Repairs a receiver so that it answers 200.
    Mend {
        /// Name of the receiver to repair.
        of: String,
    },
    /// Revokes an API key permanently.
    Revoke {
        /// Name of the key to revoke.
        key: String,
    },
    /// Waits until no delivery is in flight or due.
    Settle {},
}

/// API calls of a partner's system.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioCall {
    /// Name of the key to call with.
    pub key: String,
    /// HTTP method of the calls, `GET` by default.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query; `{NAME}` is replaced by the subscription number of that receiver.
    pub path: String,
    /// Body of each call; `{n}` is replaced by the number of the call.
    pub body: Option<String>,
    /// Number of calls, 1 by default.
    #[serde(default = "once")]
    pub times: u32,
    /// User agents, used in turn.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Fault in how the key is sent.
    #[serde(default)]
    pub damage: KeyDamage,
    /// Timing of the calls relative to each other.
    #[serde(default)]
    pub rush: CallTiming,
}

/// Fault in how an API key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyDamage {
    /// Key is sent unchanged in `X-Api-Key`.
    #[default]
    None,
    /// Last nine characters are cut off.
    Truncated,
    /// Space inserted in the middle.
    InnerSpace,
    /// Company number changed to another company.
    OtherCompany,
    /// Secret part replaced by another one.
    OtherSecret,
    /// Sent in `Authorization` instead of `X-Api-Key`.
    Authorization,
    /// Not sent at all.
    Missing,
    /// Prefix of another service in place of the platform's.
    OtherService,
    /// Two characters inside the secret part swapped.
    Mistyped,
    /// Characters added behind the key.
    Extended,
}

/// Timing of several API calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallTiming {
    /// One call after the other.
    #[default]
    Calm,
    /// All calls at once, while another process locks the database.
    AgainstAHeldDatabase,
}

const fn once() -> u32 {
    1
}

fn get() -> String {
    "GET".to_owned()
}
