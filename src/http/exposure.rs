//! Exposure of the server: the host names that it answers to, the proxies that it trusts, and the checks on a request
//! head that prevent request smuggling and DNS rebinding.

use super::problem::ProblemResponse;
use crate::domain::proxy::{TrustedProxies, forwarded, x_forwarded_for};
use crate::wire::problem::ProblemCode;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, FORWARDED, HOST};
use axum::http::{HeaderMap, HeaderName, Request};
use std::net::{IpAddr, SocketAddr};
use url::Host;

/// Exposure of the server to callers. By default callers connect directly, to the bound address.
#[derive(Debug, Clone, Default)]
pub struct ServerExposure {
    /// Whether the server is behind a proxy.
    pub proxied: ProxyMode,
    /// Host names and addresses under which callers reach the server, besides the bound address and localhost.
    pub public_names: Vec<Host>,
}

/// Whether a reverse proxy is in front of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProxyMode {
    /// Callers connect directly (the default).
    #[default]
    Direct,
    /// Callers connect through a proxy, whose forwarding headers are believed if it connects from one of these
    /// networks.
    Behind(TrustedProxies),
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that may be given only once. A repeated `X-Api-Key` is refused by the guard, with 401.
const SINGLE_HEADERS: [(HeaderName, &str); 4] = [
    (AUTHORIZATION, "Authorization"),
    (HeaderName::from_static("idempotency-key"), "Idempotency-Key"),
    (CONTENT_TYPE, "Content-Type"),
    (HOST, "Host"),
];

/// Exposure of a server together with its bound address.
#[derive(Debug)]
pub struct ServerReachability {
    bound: Option<IpAddr>,
    exposure: ServerExposure,
}

impl ServerReachability {
    pub fn new(bound: Option<SocketAddr>, exposure: ServerExposure) -> Self {
        Self { bound: bound.map(|address| address.ip().to_canonical()), exposure }
    }

    /// Returns whether only local processes can connect: bound to loopback, without a proxy or public names.
    pub fn is_local(&self) -> bool {
        let is_direct = self.exposure.proxied == ProxyMode::Direct && self.exposure.public_names.is_empty();
        is_direct && self.bound.is_some_and(|address| address.is_loopback())
    }

    /// Returns whether many callers share the peer's address, as with loopback or a proxy.
    pub fn is_shared(&self, peer: IpAddr) -> bool {
        let is_proxy = match &self.exposure.proxied {
            ProxyMode::Direct => false,
            ProxyMode::Behind(proxies) => proxies.0.is_empty() || proxies.trusts(peer),
        };
        peer.to_canonical().is_loopback() || is_proxy
    }

    /// Refuses a request head with a repeated single header, or with a `Host` that names another server.
    ///
    /// # Errors
    /// [`ProblemResponse`] with 400 for a repeated or missing header, with 421 for a foreign host name.
    pub fn check_head<B>(&self, request: &Request<B>) -> Result<(), ProblemResponse> {
        let headers = request.headers();
        for (name, spelled) in &SINGLE_HEADERS {
            if headers.get_all(name).iter().nth(1).is_some() {
                let detail = format!("header {spelled} is sent twice; send it once");
                return Err(ProblemResponse::new(ProblemCode::MalformedRequest, detail));
            }
        }
        let missing = || ProblemResponse::new(ProblemCode::MalformedRequest, "header Host is missing");
        let host = headers.get(HOST).ok_or_else(missing)?;
        self.check_authority(host.to_str().unwrap_or_default())?;
        request.uri().authority().map_or(Ok(()), |authority| self.check_authority(authority.as_str()))
    }

    /// Refuses a host name that is not the server's own. In a DNS rebinding attack, a web page's own host name
    /// resolves to this address, and the browser sends that name.
    fn check_authority(&self, authority: &str) -> Result<(), ProblemResponse> {
        let malformed =
            || ProblemResponse::new(ProblemCode::MalformedRequest, "header Host is neither a name nor an address");
        let host = parse_authority(authority).ok_or_else(malformed)?;
        if self.answers_to(&host) {
            return Ok(());
        }
        Err(ProblemResponse::new(
            ProblemCode::MisdirectedRequest,
            "unknown host name in Host; the platform's operator can add it with --public-name",
        ))
    }

    fn answers_to(&self, host: &Host) -> bool {
        let address = match host {
            Host::Domain(name) if name == "localhost" => return true,
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::from(*address)),
            Host::Ipv6(address) => Some(IpAddr::from(*address).to_canonical()),
        };
        let is_own = |address: IpAddr| {
            let is_bound = |bound: IpAddr| bound == address || bound.is_unspecified();
            address.is_loopback() || self.bound.is_some_and(is_bound)
        };
        address.is_some_and(is_own) || self.exposure.public_names.contains(host)
    }

    /// Returns the caller's address: the peer's, or the one that a trusted proxy reports. `X-Forwarded-For` takes
    /// precedence over `Forwarded`.
    pub fn caller_address<B>(&self, request: &Request<B>) -> Option<IpAddr> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip();
        let ProxyMode::Behind(proxies) = &self.exposure.proxied else { return Some(peer.to_canonical()) };
        let written = header_lines(request.headers(), &X_FORWARDED_FOR);
        Some(if written.is_empty() {
            proxies.client_address(peer, forwarded(&header_lines(request.headers(), &FORWARDED)))
        } else {
            proxies.client_address(peer, x_forwarded_for(&written))
        })
    }
}

/// Returns the lines of a header. A line that is not text is returned as empty, which names no caller.
fn header_lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect()
}

/// Parses a host name or address from a `Host` header, with or without a port.
fn parse_authority(authority: &str) -> Option<Host> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return None;
    }
    parse_name(host)
}

/// Parses a host name or address without a port, normalised to lower case and without a trailing dot.
#[must_use]
pub fn parse_name(text: &str) -> Option<Host> {
    // Most requests name an address; domain names cost a look at the tables of international names.
    if let Ok(address) = text.parse() {
        return Some(Host::Ipv4(address));
    }
    Host::parse(text.strip_suffix('.').unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proxy::CidrBlock;
    use axum::body::Body;

    fn reachability(bound: &str, names: &[&str]) -> ServerReachability {
        let public_names = names.iter().map(|name| parse_name(name).expect("a name")).collect();
        let exposure = ServerExposure { public_names, ..ServerExposure::default() };
        ServerReachability::new(Some(bound.parse().expect("an address")), exposure)
    }

    fn answered(of: &ServerReachability, host: &str) -> u16 {
        let request = Request::builder().header("host", host).body(Body::empty()).expect("a request");
        of.check_head(&request).err().map_or(200, |refusal| refusal.0.status)
    }

    #[test]
    fn a_host_is_one_that_the_server_was_told_of() {
        let local = ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1:7700", "[::1]", "[::1]:7700", "127.0.0.9"];
        for (bound, names, extra, strange) in [
            (
                "127.0.0.1:7700",
                &[][..],
                &[][..],
                &["evil.example", "10.0.0.5", "localhost.evil.example", "[2001:db8::1]"][..],
            ),
            ("10.0.0.5:7700", &[], &["10.0.0.5", "10.0.0.5:443"], &["evil.example", "10.0.0.6"]),
            ("0.0.0.0:7700", &[], &["10.0.0.5", "203.0.113.9:7700", "[2001:db8::1]"], &["evil.example", "crow"]),
            ("[::]:7700", &["crow"], &["10.0.0.5", "crow:7700", "CROW."], &["evil.example", "crow.evil.example"]),
            (
                "127.0.0.1:7700",
                &["hooks.example.com", "203.0.113.9"],
                &["Hooks.Example.com:443", "203.0.113.9"],
                &["example.com", "a.hooks.example.com"],
            ),
        ] {
            let of = reachability(bound, names);
            for host in local.iter().chain(extra) {
                assert_eq!(answered(&of, host), 200, "{bound} {host}");
            }
            for host in strange {
                assert_eq!(answered(&of, host), 421, "{bound} {host}");
            }
            for host in [
                "",
                "a b",
                "localhost:x",
                "localhost:99999",
                "[::1",
                "user@localhost",
                "localhost/x",
                "localhost, evil.example",
            ] {
                assert_eq!(answered(&of, host), 400, "{bound} {host:?}");
            }
        }
    }

    #[test]
    fn the_authority_of_an_absolute_target_counts_as_well() {
        let of = reachability("127.0.0.1:7700", &[]);
        let request = |target: &str| {
            Request::builder().uri(target).header("host", "localhost").body(Body::empty()).expect("a request")
        };
        assert!(of.check_head(&request("http://localhost:7700/healthz")).is_ok());
        assert_eq!(of.check_head(&request("http://evil.example/healthz")).expect_err("misdirected").0.status, 421);
    }

    #[test]
    fn only_what_is_bound_to_loopback_and_has_nothing_in_front_is_local() {
        assert!(reachability("127.0.0.1:7700", &[]).is_local());
        assert!(!reachability("0.0.0.0:7700", &[]).is_local());
        assert!(!reachability("127.0.0.1:7700", &["hooks.example.com"]).is_local());
        let bound = Some("127.0.0.1:7700".parse().expect("an address"));
        let block: CidrBlock = "127.0.0.1".parse().expect("a block");
        for trusted in [vec![], vec![block]] {
            let proxied = ProxyMode::Behind(TrustedProxies(trusted));
            assert!(
                !ServerReachability::new(bound, ServerExposure { proxied, ..ServerExposure::default() }).is_local()
            );
        }
    }
}
