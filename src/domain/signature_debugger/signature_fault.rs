//! Signature faults: every cause that the signature runbook knows, each with a title and a resolution.

/// A way in which verifying a signature goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureFault {
    /// The receiver uses another secret.
    WrongSecret,
    /// The secret has white space or quotes around it.
    SecretSpaces,
    /// The secret is decoded or encoded instead of used as text.
    DecodedSecret,
    /// The secret is cut, extended, in another case, or a placeholder.
    AlteredSecret,
    /// Another algorithm than HMAC-SHA256, or its arguments are swapped.
    Algorithm,
    /// The signed text has no timestamp or another one.
    Timestamp,
    /// The dot between timestamp and body is missing or replaced.
    NoDot,
    /// Body and timestamp are in the wrong order.
    Order,
    /// A byte order mark was added or removed.
    Bom,
    /// White space or line ends were added to or removed from the body.
    Newline,
    /// The body was parsed and serialized again.
    Reserialised,
    /// The body is empty, cut, or the text of a placeholder.
    BodyMissing,
    /// The body was decoded, encoded or escaped.
    BodyEncoded,
    /// Hex and Base64 were confused.
    Encoding,
    /// The hex is upper-case, or the prefix is missing or misspelled.
    Case,
    /// The clock of the receiver is off.
    StaleClock,
    /// The signature is right and only the comparison fails.
    Comparison,
    /// The text is nothing that could be a signature.
    NoSignature,
}

impl SignatureFault {
    /// All faults, in the order of the enum.
    pub const ALL: [Self; 18] = [
        Self::WrongSecret,
        Self::SecretSpaces,
        Self::DecodedSecret,
        Self::AlteredSecret,
        Self::Algorithm,
        Self::Timestamp,
        Self::NoDot,
        Self::Order,
        Self::Bom,
        Self::Newline,
        Self::Reserialised,
        Self::BodyMissing,
        Self::BodyEncoded,
        Self::Encoding,
        Self::Case,
        Self::StaleClock,
        Self::Comparison,
        Self::NoSignature,
    ];

    /// Id of the cause, as in playbooks and URLs.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::WrongSecret => "sig-wrong-secret",
            Self::SecretSpaces => "sig-secret-spaces",
            Self::DecodedSecret => "sig-decoded-secret",
            Self::AlteredSecret => "sig-altered-secret",
            Self::Algorithm => "sig-algorithm",
            Self::Timestamp => "sig-timestamp",
            Self::NoDot => "sig-no-dot",
            Self::Order => "sig-order",
            Self::Bom => "sig-bom",
            Self::Newline => "sig-newline",
            Self::Reserialised => "sig-reserialised",
            Self::BodyMissing => "sig-body-missing",
            Self::BodyEncoded => "sig-body-encoded",
            Self::Encoding => "sig-encoding",
            Self::Case => "sig-case",
            Self::StaleClock => "sig-stale-clock",
            Self::Comparison => "sig-comparison",
            Self::NoSignature => "sig-missing",
        }
    }

    /// Looks up a fault by the id of its cause.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flaw| flaw.id() == id)
    }

    /// Description of the fault in one line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::WrongSecret => "the receiver uses a different secret",
            Self::SecretSpaces => "the secret has white space or quotes around it",
            Self::DecodedSecret => "the receiver decodes or encodes the secret instead of using its text",
            Self::AlteredSecret => "the secret is cut, extended, in another case, or not set at all",
            Self::Algorithm => "the receiver does not compute HMAC-SHA256, or swaps key and message",
            Self::Timestamp => "the signed string lacks the timestamp, or has another one",
            Self::NoDot => "the dot between timestamp and body is missing or replaced",
            Self::Order => "timestamp and body are in the wrong order",
            Self::Bom => "a byte order mark before the body was added or removed",
            Self::Newline => "white space or a line break was added to or removed from the body",
            Self::Reserialised => "the receiver re-serialized the JSON before verifying",
            Self::BodyMissing => "the receiver verifies an empty or cut body, or a placeholder for one",
            Self::BodyEncoded => "the receiver decodes, encodes or escapes the body before verifying",
            Self::Encoding => "the HMAC is not written as 64 hex digits",
            Self::Case => "the hex is upper-case, or the prefix sha256= is missing or different",
            Self::StaleClock => "the receiver's clock is wrong, so the timestamp seems too old or too new",
            Self::Comparison => "the signature is computed correctly; the receiver compares it wrongly",
            Self::NoSignature => "no valid signature was found",
        }
    }

    /// Instruction for repairing the receiver.
    #[must_use]
    pub const fn resolution(self) -> &'static str {
        match self {
            Self::WrongSecret => {
                "Configure this subscription's secret in the receiver. If the secret is lost, create a new subscription: its secret is shown once."
            }
            Self::SecretSpaces => {
                "Strip white space, line breaks and quotes from the secret where the receiver reads it."
            }
            Self::DecodedSecret => "Key the HMAC with the secret's characters exactly as shown, without decoding.",
            Self::AlteredSecret => {
                "Configure the secret alone and whole, with every = at its end: no name, no prefix, no quotes, no placeholder."
            }
            Self::Algorithm => "Compute HMAC with SHA-256: the key is the secret, the message is {timestamp}.{body}.",
            Self::Timestamp => "Sign the value of X-Wlcro-Timestamp exactly as it arrived, in whole seconds.",
            Self::NoDot => "Put one dot between timestamp and body: {timestamp}.{body}.",
            Self::Order => "Put the timestamp first, then a dot, then the body.",
            Self::Bom => "Verify the bytes as they arrived; do not let an editor or a decoder add a byte order mark.",
            Self::Newline => "Verify the bytes as they arrived; do not trim them, add to them or convert line breaks.",
            Self::Reserialised => {
                "Verify the raw bytes before parsing: use the framework's raw body, never re-serialized JSON."
            }
            Self::BodyMissing => {
                "Read the raw body once, before any parser consumes the stream, and sign those bytes, all of them."
            }
            Self::BodyEncoded => {
                "Sign the bytes as they arrived: no decoding to text, no Base64, no escaping. Where a gateway delivers Base64, decode it first."
            }
            Self::Encoding => "Write the 32 bytes of the HMAC as 64 hex digits, once.",
            Self::Case => "Compare with sha256= and 64 lowercase hex digits.",
            Self::StaleClock => {
                "Set the receiver's clock by NTP, and compare in Unix seconds, not in milliseconds or local time."
            }
            Self::Comparison => {
                "Compare the whole header with sha256= and the hex in constant time, as texts of the same encoding."
            }
            Self::NoSignature => "Read the header X-Wlcro-Signature as it arrived; header names are case-insensitive.",
        }
    }
}

/// A detected fault with the exact difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedFault {
    /// Kind of the detected fault.
    pub fault: SignatureFault,
    /// Exact difference between the expected and the actual input, without content of the body.
    pub difference: String,
    /// Content of the altered body and of the one that was sent, where they first differ; `None` if the body is not
    /// altered.
    pub excerpt: Option<String>,
}

impl DetectedFault {
    /// Creates a detected fault with its difference.
    #[must_use]
    pub fn new(flaw: SignatureFault, difference: impl Into<String>) -> Self {
        Self { fault: flaw, difference: difference.into(), excerpt: None }
    }
}
