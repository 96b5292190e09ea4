//! What can be wrong with a signature: the causes of the signature playbook, each with its resolution.

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// Another secret.
    WrongSecret,
    /// White space or quotes around the secret.
    SecretSpaces,
    /// The secret decoded, or encoded, instead of used as the text it is.
    DecodedSecret,
    /// No timestamp, or another one, in what is signed.
    Timestamp,
    /// No dot, or another character in its place.
    NoDot,
    /// Body and timestamp in the wrong order.
    Order,
    /// A byte order mark.
    Bom,
    /// White space or line ends added or removed around or within the body.
    Newline,
    /// The body parsed and written again.
    Reserialised,
    /// Hex and Base64 mixed up.
    Encoding,
    /// Upper-case hex, or the prefix missing or written otherwise.
    Case,
    /// The receiver's clock is off.
    StaleClock,
    /// All is right but the comparison.
    Comparison,
    /// Nothing that could be a signature.
    NoSignature,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::WrongSecret,
        Self::SecretSpaces,
        Self::DecodedSecret,
        Self::Timestamp,
        Self::NoDot,
        Self::Order,
        Self::Bom,
        Self::Newline,
        Self::Reserialised,
        Self::Encoding,
        Self::Case,
        Self::StaleClock,
        Self::Comparison,
        Self::NoSignature,
    ];

    /// The name of the cause.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::WrongSecret => "sig-wrong-secret",
            Self::SecretSpaces => "sig-secret-spaces",
            Self::DecodedSecret => "sig-decoded-secret",
            Self::Timestamp => "sig-timestamp",
            Self::NoDot => "sig-no-dot",
            Self::Order => "sig-order",
            Self::Bom => "sig-bom",
            Self::Newline => "sig-newline",
            Self::Reserialised => "sig-reserialised",
            Self::Encoding => "sig-encoding",
            Self::Case => "sig-case",
            Self::StaleClock => "sig-stale-clock",
            Self::Comparison => "sig-comparison",
            Self::NoSignature => "sig-missing",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flaw| flaw.id() == id)
    }

    /// What it is, in one line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::WrongSecret => "the receiver holds another secret",
            Self::SecretSpaces => "the secret has white space or quotes around it",
            Self::DecodedSecret => "the secret is decoded or encoded instead of used as the text it is",
            Self::Timestamp => "the timestamp is missing from what is signed, or it is another one",
            Self::NoDot => "the dot between timestamp and body is missing or another character",
            Self::Order => "timestamp and body are in the wrong order",
            Self::Bom => "a byte order mark stands before the body",
            Self::Newline => "white space or a line end was added to the body or removed from it",
            Self::Reserialised => "the body was parsed and written again before it was verified",
            Self::Encoding => "hex and Base64 are mixed up",
            Self::Case => "the hex is upper-case, or the prefix sha256= is missing or written otherwise",
            Self::StaleClock => "the receiver's clock is off, so that the timestamp seems too old or too new",
            Self::Comparison => "all is computed correctly; the receiver's comparison is wrong",
            Self::NoSignature => "there is nothing that could be a signature",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn resolution(self) -> &'static str {
        match self {
            Self::WrongSecret => {
                "Put the secret of this subscription into the receiver. If it is lost, create a new subscription: its secret is shown once."
            }
            Self::SecretSpaces => {
                "Strip white space, line ends and quotes from the secret where the receiver reads it."
            }
            Self::DecodedSecret => "Key the HMAC with the secret's characters exactly as shown; decode nothing.",
            Self::Timestamp => "Sign the value of X-Wlcro-Timestamp exactly as it arrived, in whole seconds.",
            Self::NoDot => "Put one dot between timestamp and body: {timestamp}.{body}.",
            Self::Order => "Put the timestamp first, then a dot, then the body.",
            Self::Bom => "Verify the bytes as they arrived; do not let an editor or a decoder add a byte order mark.",
            Self::Newline => "Verify the bytes as they arrived; do not trim them, add to them or convert line ends.",
            Self::Reserialised => {
                "Verify the raw bytes before parsing them; ask the framework for the raw body and never sign JSON that was written again."
            }
            Self::Encoding => "Write the 32 bytes of the HMAC as 64 hex digits, once.",
            Self::Case => "Compare with sha256= and 64 lowercase hex digits.",
            Self::StaleClock => {
                "Set the receiver's clock by NTP, and compare in Unix seconds, not in milliseconds or local time."
            }
            Self::Comparison => {
                "Compare the whole header with sha256= and the hex in constant time, as texts of the same encoding."
            }
            Self::NoSignature => "Read the header X-Wlcro-Signature as it arrived; names of headers have no case.",
        }
    }
}

/// A flaw that was found, and the exact difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is wrong.
    pub flaw: Flaw,
    /// The exact difference.
    pub difference: String,
}

impl Found {
    /// A flaw with its difference.
    #[must_use]
    pub fn new(flaw: Flaw, difference: impl Into<String>) -> Self {
        Self { flaw, difference: difference.into() }
    }
}
