//! Network configuration of the webhook sender: DNS resolver, extra CA certificates, and the platform's own listen
//! addresses, which are never dialled.

use super::dns::{NameResolver, SystemResolver};
use crate::domain::slots::SlotCapacity;
use rustix::process::{Resource, getrlimit};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Network configuration of the webhook sender.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// Resolver of target host names.
    pub resolver: Arc<dyn NameResolver>,
    /// PEM files with CA certificates trusted beside those of the operating system, for receivers with a private CA.
    pub ca_files: Vec<PathBuf>,
    /// Listen addresses of the platform, which no webhook may reach.
    pub listen_addresses: Vec<SocketAddr>,
}

impl Default for EgressConfig {
    /// Uses the operating system's name servers and CA certificates.
    fn default() -> Self {
        Self { resolver: Arc::new(SystemResolver::default()), ca_files: Vec::new(), listen_addresses: Vec::new() }
    }
}

/// Number of attempts that may be in flight with the file descriptors of this process.
pub(super) fn slot_capacity() -> SlotCapacity {
    SlotCapacity::for_descriptors(getrlimit(Resource::Nofile).current)
}
