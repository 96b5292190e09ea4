//! The script of a scenario as it stands in `assets/scenarios`: who takes part and what they do, in order.

use crate::api::report::Topic;
use crate::domain::event::EventType;
use crate::domain::key::Scope;
use serde::Deserialize;

/// A scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its name, that of the fault.
    pub name: String,
    /// The playbook that explains it.
    pub topic: Topic,
    /// The cause that the playbook has to name first; none in a healthy company.
    pub cause: Option<String>,
    /// What happened, for whoever presents it.
    pub story: String,
    /// Keys of its company.
    #[serde(default)]
    pub keys: Vec<KeyPart>,
    /// Receivers.
    #[serde(default)]
    pub receivers: Vec<ReceiverPart>,
    /// What happens.
    #[serde(default)]
    pub acts: Vec<Act>,
}

/// A key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Calls a minute in every bucket, where they differ from the default.
    pub limit: Option<u32>,
    /// Whether it belongs to the company next door.
    #[serde(default)]
    pub owner: Owner,
}

/// Whose a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The scenario's company's.
    #[default]
    Company,
    /// Another company's.
    Neighbour,
}

/// A receiver.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiverPart {
    /// By which acts name it.
    pub name: String,
    /// Where it listens.
    pub path: String,
    /// What it does with what it gets.
    pub manner: Manner,
    /// The receiver whose secret it holds instead of its own.
    pub secret_of: Option<String>,
}

/// What a receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// Verifies as it should and answers 200.
    Prompt,
    /// Answers 500.
    Failing,
    /// Answers after the platform has given up.
    Slow,
    /// Answers 301.
    Redirecting,
    /// Nothing listens on its port.
    Absent,
    /// Its name does not exist.
    Nameless,
    /// Its certificate has expired.
    Expired,
    /// Has no secret and says so.
    WithoutSecret,
    /// Verifies the body written again.
    Reserialising,
    /// Verifies the body with a line end behind it.
    AddingLineEnd,
    /// Leaves the dot out.
    WithoutDot,
    /// Decodes its secret.
    DecodingSecret,
    /// Its clock is a quarter of an hour late.
    Late,
}

/// Something that happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// A key subscribes a receiver.
    Subscribe {
        /// Which key.
        key: String,
        /// To which receiver.
        to: String,
        /// Which events.
        types: Vec<EventType>,
        /// For which tool.
        managed_by: Option<String>,
    },
    /// Something happens in the CRM.
    Emit {
        /// What.
        #[serde(rename = "type")]
        kind: EventType,
        /// How often.
        #[serde(default = "once")]
        times: u32,
    },
    /// A partner's system calls the Integration API.
    Call(Call),
    /// Somebody switches a receiver's subscription off.
    Disable {
        /// Whose.
        of: String,
        /// Why.
        reason: String,
    },
    /// Somebody switches it on again and leaves what passed by.
    Enable {
        /// Whose.
        of: String,
    },
    /// Somebody sends a test.
    Test {
        /// To which receiver.
        of: String,
    },
    /// Somebody repairs a receiver.
    Mend {
        /// Which.
        of: String,
    },
    /// Somebody revokes a key.
    Revoke {
        /// Which.
        key: String,
    },
    /// All that is under way comes to its end.
    Settle {},
}

/// Calls of a partner's system.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// With which key.
    pub key: String,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The path and query; `{NAME}` stands for the number of that receiver's subscription.
    pub path: String,
    /// The body; `{n}` stands for the number of the call.
    pub body: Option<String>,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
    /// Systems that take turns, by their user agents.
    #[serde(default)]
    pub agents: Vec<String>,
    /// What is done to the key before it is sent.
    #[serde(default)]
    pub damage: Damage,
    /// How it is sent.
    #[serde(default)]
    pub rush: Rush,
}

/// What is wrong with how a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// Nothing.
    #[default]
    None,
    /// It was cut.
    Truncated,
    /// It has a space in it.
    InnerSpace,
    /// It names another company.
    OtherCompany,
    /// Its secret part is another one.
    OtherSecret,
    /// It stands in `Authorization`.
    Authorization,
}

/// How calls follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rush {
    /// One after the other.
    #[default]
    Calm,
    /// All at once, while something else holds the database.
    AgainstAHeldDatabase,
}

const fn once() -> u32 {
    1
}

fn get() -> String {
    "GET".to_owned()
}
