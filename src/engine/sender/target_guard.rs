//! SSRF guard: resolves a target to addresses that may be dialled. Names and literal addresses follow the same path,
//! and exactly the checked addresses are dialled; no second resolution takes place.

use super::send_error::SendError;
use crate::domain::delivery::FailureKind;
use crate::domain::target::{TargetPolicy, TargetRules};
use crate::engine::dns::{NameResolver, ResolveError};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use url::{Host, Url};

/// Maximum number of addresses tried for a name; all of them are checked.
const MAX_ADDRESSES_TRIED: usize = 8;

/// Policy of the addresses that the sender may dial.
#[derive(Debug)]
pub(super) struct TargetGuard {
    pub(super) resolver: Arc<dyn NameResolver>,
    pub(super) policy: TargetPolicy,
    pub(super) listen_addresses: Vec<SocketAddr>,
}

impl TargetGuard {
    /// Target rules at this moment, with the host's own addresses; interfaces come and go. If they cannot be listed,
    /// none is known.
    pub(super) fn target_rules(&self) -> TargetRules {
        let listed = if_addrs::get_if_addrs().unwrap_or_default();
        let own = listed.into_iter().map(|interface| interface.ip().to_canonical()).collect();
        TargetRules { policy: self.policy, own_addresses: own, listens_at: self.listen_addresses.clone() }
    }

    /// Resolves a target's host and checks all addresses. One forbidden address refuses the target, because otherwise
    /// the receiver's name servers would choose which one is dialled.
    pub(super) async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, SendError> {
        let port = url.port_or_known_default().unwrap_or(0);
        let found = match url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => self.resolve(name).await?,
            None => Vec::new(),
        };
        let found: Vec<SocketAddr> = found.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        let host = url.host_str().unwrap_or_default();
        if found.is_empty() {
            return Err(SendError::new(FailureKind::Dns, format!("{host} has no address")));
        }
        self.check_addresses(host, &found)?;
        Ok(alternate_families(&found))
    }

    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, SendError> {
        self.resolver.resolve(name).await.map_err(|error| {
            let cause = match error {
                ResolveError::NameNotFound(_) => FailureKind::Dns,
                ResolveError::ResolverUnreachable(_) => FailureKind::Local,
            };
            SendError::new(cause, error.to_string())
        })
    }

    fn check_addresses(&self, host: &str, found: &[SocketAddr]) -> Result<(), SendError> {
        let bounds = self.target_rules();
        for address in found {
            bounds.check_address(*address).map_err(|fault| {
                let why = format!("{host} resolves to {}, but a target {fault}", address.ip());
                SendError::new(FailureKind::Blocked, why)
            })?;
        }
        Ok(())
    }
}

/// Alternates IPv4 and IPv6 addresses, so that an unreachable family costs one try.
fn alternate_families(found: &[SocketAddr]) -> Vec<SocketAddr> {
    let (v4, v6): (Vec<_>, Vec<_>) = found.iter().copied().partition(SocketAddr::is_ipv4);
    let longer = v4.len().max(v6.len());
    (0..longer).flat_map(|n| [v4.get(n), v6.get(n)]).flatten().copied().take(MAX_ADDRESSES_TRIED).collect()
}
