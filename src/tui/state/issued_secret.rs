//! Secret that a platform returns exactly once, when it is issued, or that an operator typed. Only an overlay and the
//! job or effect that uses it hold it: messages, state file, tickets and copied rows have no access to it.

use crate::domain::secret::Secret;
use std::sync::Arc;

/// Secret that was just issued, with a description. Clones share one secret, which is wiped when the last clone is
/// dropped.
#[derive(Clone)]
pub struct IssuedSecret {
    /// Description of the secret, such as `key 7 of company 92`.
    pub name: String,
    secret: Arc<Secret>,
}

impl IssuedSecret {
    /// Creates an issued secret with its description.
    #[must_use]
    pub fn new(name: String, secret: Secret) -> Self {
        Self { name, secret: Arc::new(secret) }
    }

    /// Shared handle to the secret, for a computation in another task.
    #[must_use]
    pub fn shared(&self) -> Arc<Secret> {
        Arc::clone(&self.secret)
    }

    /// Secret itself, for the overlay that shows it and for the clipboard.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl std::fmt::Debug for IssuedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for IssuedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.secret, &other.secret)
    }
}

impl Eq for IssuedSecret {}
