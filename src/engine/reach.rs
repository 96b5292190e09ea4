//! Network configuration of the webhook sender: DNS resolver, extra CA certificates, and the platform's own listen
//! addresses, which are never dialled.

use super::names::{Resolve, SystemNames};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Network configuration of the webhook sender.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Resolver of target host names.
    pub names: Arc<dyn Resolve>,
    /// PEM files with CA certificates trusted beside those of the operating system, for receivers with a private CA.
    pub ca_files: Vec<PathBuf>,
    /// Listen addresses of the platform, which no webhook may reach.
    pub listens_at: Vec<SocketAddr>,
}

impl Default for Reach {
    /// Uses the operating system's name servers and CA certificates.
    fn default() -> Self {
        Self { names: Arc::new(SystemNames::default()), ca_files: Vec::new(), listens_at: Vec::new() }
    }
}
