//! Input, budget and result of the signature debugger.

use super::signature_fault::DetectedFault;
use crate::domain::secret::Secret;
use std::fmt;

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

/// Budget of a search in bytes written and hashed, and in time where a clock is at hand.
pub struct SearchBudget {
    n_bytes: u64,
    is_time_over: Option<Box<dyn Fn() -> bool + Send>>,
}

impl SearchBudget {
    /// Budget of one explanation: less than a second of a core.
    pub const ONE_SECOND: Self = Self::bytes(128 << 20);

    /// Budget of one explanation among many: about a tenth of a second of a core.
    pub const QUICK: Self = Self::bytes(24 << 20);

    /// Creates a budget of `n` bytes.
    #[must_use]
    pub const fn bytes(n: u64) -> Self {
        Self { n_bytes: n, is_time_over: None }
    }

    /// Ends the budget as soon as `is_over` holds, whatever is left of the bytes.
    #[must_use]
    pub fn until(self, is_over: impl Fn() -> bool + Send + 'static) -> Self {
        Self { is_time_over: Some(Box::new(is_over)), ..self }
    }

    /// Whether nothing is left of the budget.
    pub(super) fn is_spent(&self) -> bool {
        self.n_bytes == 0 || self.is_time_over.as_ref().is_some_and(|is_over| is_over())
    }

    /// Spends part of the budget; returns `false` and empties the budget if too little is left.
    pub(super) fn spend(&mut self, n_bytes: usize) -> bool {
        let left = self.n_bytes.checked_sub(n_bytes as u64).filter(|_| !self.is_spent());
        self.n_bytes = left.unwrap_or(0);
        left.is_some()
    }
}

impl fmt::Debug for SearchBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchBudget").field("n_bytes", &self.n_bytes).finish_non_exhaustive()
    }
}
