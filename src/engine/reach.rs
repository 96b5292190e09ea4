//! What the sender is given of the world outside: how names are resolved, whose certificates are believed, and where the platform itself
//! listens.

use super::names::{Resolve, SystemNames};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// How far the sender reaches.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Resolves names.
    pub names: Arc<dyn Resolve>,
    /// Files of PEM certificates that are believed beside those of the operating system: for receivers with a private authority.
    pub ca_files: Vec<PathBuf>,
    /// Where the platform listens; no webhook goes there.
    pub listens_at: Vec<SocketAddr>,
}

impl Default for Reach {
    /// The operating system's name servers and certificates.
    fn default() -> Self {
        Self { names: Arc::new(SystemNames::default()), ca_files: Vec::new(), listens_at: Vec::new() }
    }
}
