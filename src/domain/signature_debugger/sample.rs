//! Input, budget and result of the signature debugger.

use super::signature_fault::DetectedFault;
use crate::domain::secret::Secret;

/// Secret of another subscription, to recognize a receiver that uses the wrong one.
#[derive(Debug, Clone, Copy)]
pub struct OtherSecret<'a> {
    /// Owner of the secret, in words: `subscription 12`.
    pub name: &'a str,
    /// Secret of the other subscription.
    pub secret: &'a Secret,
}

/// Input of the signature debugger.
#[derive(Debug, Clone, Copy)]
pub struct SignatureSample<'a> {
    /// Value of `X-Wlcro-Signature` as received.
    pub signature: &'a str,
    /// Value of `X-Wlcro-Timestamp` as received.
    pub timestamp: &'a str,
    /// Raw bytes of the body as received.
    pub body: &'a [u8],
    /// Secret that the receiver uses.
    pub secret: &'a Secret,
    /// Secrets that the receiver could use by mistake.
    pub others: &'a [OtherSecret<'a>],
    /// Signatures of which the receiver may have computed one for this body; none if unknown.
    pub computed: &'a [&'a str],
    /// Receiver's clock at arrival in Unix seconds, if known.
    pub received_at: Option<i64>,
}

/// Result of the signature debugger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureDiagnosis {
    /// The signature matches and no other fault was found; a receiver that rejects it compares wrongly.
    Genuine,
    /// Faults that together explain the mismatch.
    Explained(Vec<DetectedFault>),
    /// No known fault explains the signature.
    Unexplained {
        /// Number of combinations that were tried.
        n_tried: usize,
    },
}

/// Budget of a search in bytes written and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchBudget(u64);

impl SearchBudget {
    /// Budget of one explanation: less than a second of a core.
    pub const ONE_SECOND: Self = Self(128 << 20);

    /// Budget of one explanation among many: about a tenth of a second of a core.
    pub const QUICK: Self = Self(24 << 20);

    /// Creates a budget of `n` bytes.
    #[must_use]
    pub const fn bytes(n: u64) -> Self {
        Self(n)
    }

    /// Spends part of the budget; returns `false` and empties the budget if too little is left.
    pub(super) fn spend(&mut self, n_bytes: usize) -> bool {
        let left = self.0.checked_sub(n_bytes as u64);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}
