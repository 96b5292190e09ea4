//! DNS resolution that distinguishes a name that does not exist, which is the receiver's fault, from a resolver that
//! is unreachable, which is a local fault. `getaddrinfo` does not distinguish them.

use futures_util::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Timeout of one DNS query. A name takes at most two queries and a check of the root, which fits into the deadline
/// of an attempt.
const DNS_QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Reason why a name was not resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, has no address, or its name servers do not answer: a fault of the receiver.
    #[error("{0}")]
    NameNotFound(String),
    /// No name can be resolved at present: a fault of this host.
    #[error("{0}")]
    ResolverUnreachable(String),
}

/// Resolver of host names to addresses.
pub trait NameResolver: fmt::Debug + Send + Sync {
    /// Resolves a name to all its addresses, IPv4 and IPv6.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>>;
}

/// Resolver that uses `/etc/resolv.conf` and `/etc/hosts`. Both are read at the first query, and again after the name
/// servers were unreachable, since the machine may have changed networks.
#[derive(Debug, Default)]
pub struct SystemResolver {
    resolver: Mutex<Option<Arc<TokioResolver>>>,
}

impl NameResolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            let resolver = self
                .resolver()
                .map_err(|error| ResolveError::ResolverUnreachable(format!("no name server configured: {error}")))?;
            let error = match resolver.lookup_ip(absolute_name(name)).await {
                Ok(found) => return Ok(found.iter().collect()),
                Err(error) => error,
            };
            match error {
                NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
                    Err(ResolveError::NameNotFound(format!("{name} does not exist")))
                }
                NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NoError => {
                    Err(ResolveError::NameNotFound(format!("{name} has no address")))
                }
                NetError::Proto(_) => Err(ResolveError::NameNotFound(format!("{name} is not a valid host name"))),
                _ if answers_root_query(&resolver).await => {
                    Err(ResolveError::NameNotFound(format!("the name servers of {name} do not answer")))
                }
                error => {
                    *self.resolver.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    Err(ResolveError::ResolverUnreachable(format!("name resolution fails: {error}")))
                }
            }
        })
    }
}

impl SystemResolver {
    fn resolver(&self) -> Result<Arc<TokioResolver>, NetError> {
        let mut kept = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resolver) = &*kept {
            return Ok(Arc::clone(resolver));
        }
        let mut builder = TokioResolver::builder_tokio()?;
        let options = builder.options_mut();
        options.timeout = DNS_QUERY_TIMEOUT;
        options.attempts = 1;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let resolver = Arc::new(builder.build()?);
        *kept = Some(Arc::clone(&resolver));
        Ok(resolver)
    }
}

/// Makes a name with a dot absolute, so that no search domain is appended: the dialled host is the configured one.
fn absolute_name(name: &str) -> String {
    if name.contains('.') && !name.ends_with('.') { format!("{name}.") } else { name.to_owned() }
}

/// Whether the name servers answer a query for the root zone, as every working resolver does.
async fn answers_root_query(resolver: &TokioResolver) -> bool {
    resolver.clear_lookup_cache(Name::root(), RecordType::NS);
    match resolver.lookup(Name::root(), RecordType::NS).await {
        Ok(_) => true,
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => none.response_code == ResponseCode::NoError,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::config::{NameServerConfig, ResolverConfig};
    use hickory_resolver::net::runtime::TokioRuntimeProvider;
    use hickory_resolver::proto::op::{Message, MessageType};
    use hickory_resolver::proto::rr::rdata::{A, NS};
    use hickory_resolver::proto::rr::{RData, Record};
    use std::net::Ipv4Addr;
    use tokio::net::UdpSocket;

    /// Asks a name server at a port of loopback.
    fn asking(port: u16) -> SystemResolver {
        let mut server = NameServerConfig::udp(Ipv4Addr::LOCALHOST.into());
        server.connections[0].port = port;
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().attempts = 1;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        SystemResolver { resolver: Mutex::new(Some(Arc::new(builder.build().expect("a resolver")))) }
    }

    /// Starts a name server that answers `root` for the root zone and knows four names; returns its port.
    async fn name_server(root: ResponseCode) -> u16 {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = socket.local_addr().expect("an address").port();
        tokio::spawn(async move {
            let mut buffer = [0; 1_024];
            while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
                let mut message = Message::from_vec(&buffer[..n]).expect("a question");
                let query = message.queries[0].clone();
                let name = query.name().clone();
                message.metadata.message_type = MessageType::Response;
                message.metadata.response_code = match name.to_ascii().as_str() {
                    "." => root,
                    "known.example." | "empty.example." => ResponseCode::NoError,
                    "broken.example." => ResponseCode::ServFail,
                    _ => ResponseCode::NXDomain,
                };
                if name.to_ascii() == "known.example." && query.query_type() == RecordType::A {
                    message.add_answer(Record::from_rdata(name, 60, RData::A(A::new(192, 0, 2, 7))));
                } else if name.is_root() && root == ResponseCode::NoError {
                    message.add_answer(Record::from_rdata(name.clone(), 60, RData::NS(NS(name))));
                }
                socket.send_to(&message.to_vec().expect("bytes"), from).await.expect("sent");
            }
        });
        port
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_told_from_a_resolver_that_does_not_work() {
        let names = asking(name_server(ResponseCode::NoError).await);
        assert_eq!(names.resolve("known.example").await, Ok(vec![IpAddr::from([192, 0, 2, 7])]));
        let unknown = |text: &str| Err(ResolveError::NameNotFound(text.to_owned()));
        assert_eq!(names.resolve("no.example").await, unknown("no.example does not exist"));
        assert_eq!(names.resolve("empty.example").await, unknown("empty.example has no address"));
        let broken = "the name servers of broken.example do not answer";
        assert_eq!(names.resolve("broken.example").await, unknown(broken));

        let names = asking(name_server(ResponseCode::ServFail).await);
        assert!(
            matches!(names.resolve("broken.example").await, Err(ResolveError::ResolverUnreachable(_))),
            "the root fails too"
        );
    }

    #[tokio::test]
    async fn without_a_name_server_nothing_is_said_of_any_name() {
        let gone = UdpSocket::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
        let names = asking(gone);
        assert!(matches!(names.resolve("known.example").await, Err(ResolveError::ResolverUnreachable(_))));
        assert!(names.resolver.lock().expect("not poisoned").is_none(), "its settings are read again");
    }
}
