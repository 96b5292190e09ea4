//! What a platform says once: a secret from the answer that alone carries it. It is held by its layer and nowhere else: neither notices nor
//! memory nor bundle nor what is copied of rows has a way to it.

use crate::domain::secret::Secret;
use std::sync::Arc;

/// A secret that was just issued, with what it is in words. Clones share the one secret, which is wiped when the last of them goes.
#[derive(Clone)]
pub struct Issued {
    /// What was issued: `key 7 of company 92, ends in aZ3k`.
    pub name: String,
    secret: Arc<Secret>,
}

impl Issued {
    /// Takes a secret over.
    #[must_use]
    pub fn new(name: String, secret: Secret) -> Self {
        Self { name, secret: Arc::new(secret) }
    }

    /// The secret, for work that goes on elsewhere.
    #[must_use]
    pub fn shared(&self) -> Arc<Secret> {
        Arc::clone(&self.secret)
    }

    /// The secret, for whoever shows it, or copies it because that was asked for.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Issued {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.secret, &other.secret)
    }
}

impl Eq for Issued {}
