//! Target rules: webhooks go only to https URLs at public addresses, never to the platform itself. See
//! `docs/internals/contract.md`.
//!
//! Any port but 0 is allowed: over https a service sees a TLS handshake before any byte chosen by a customer, and
//! receivers on ports like 8443 are common.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Maximum length of a target URL in bytes.
pub const MAX_TARGET_BYTES: usize = 2_048;

/// Targets that the platform was started to permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetPolicy {
    /// https URLs at public addresses only.
    #[default]
    Public,
    /// http URLs and private addresses too, for development and the demo.
    Private,
}

/// Reason for which a target is rejected. The message follows the name of the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The URL is longer than [`MAX_TARGET_BYTES`].
    #[error("must have at most {MAX_TARGET_BYTES} characters")]
    TooLong,
    /// The text is not an absolute URL.
    #[error("must be an absolute URL")]
    NotAUrl,
    /// The URL contains a backslash, which some programs read as a slash.
    #[error("must not contain a backslash")]
    Backslash,
    /// The URL names no host after `//`.
    #[error("must have a host: https://host/path")]
    NoHost,
    /// The host name is not a valid DNS name: a label is empty or longer than 63 bytes, or the name is longer than 253.
    #[error("must have a host with labels of 1 to 63 characters, at most 253 in all")]
    InvalidHostName,
    /// The scheme of the URL is not https.
    #[error("must begin with https://")]
    Scheme,
    /// The URL contains a user name or password.
    #[error("must not contain a user name or password")]
    Userinfo,
    /// The URL contains a fragment, which is never sent.
    #[error("must not contain a fragment")]
    Fragment,
    /// The port is 0, where nothing can listen.
    #[error("must not have port 0")]
    Port,
    /// The host is an address in this non-public range.
    #[error("must be a public address: {0}")]
    Address(&'static str),
    /// The target is the platform itself or the host it runs on.
    #[error("must not be an address of this platform's own host")]
    OwnAddress,
}

/// Rules that targets are checked against: the policy and the platform's own addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetRules {
    /// Schemes and addresses that are permitted.
    pub policy: TargetPolicy,
    /// Addresses of the host's interfaces, blocked unless private addresses are permitted.
    pub own_addresses: Vec<IpAddr>,
    /// Socket addresses on which the platform listens, always blocked.
    pub listens_at: Vec<SocketAddr>,
}

impl TargetRules {
    /// Checks a target URL without resolving its name; an address literal is checked as if dialled. Returns the
    /// normalized URL, which is the form to store, show and dial.
    ///
    /// # Errors
    /// [`TargetError`] names the rule that the target breaks.
    pub fn check(&self, text: &str) -> Result<Url, TargetError> {
        let url = parse_target(text, self.policy)?;
        let port = url.port_or_known_default().unwrap_or(0);
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(SocketAddr::new(address.into(), port))?,
            Some(Host::Ipv6(address)) => self.check_address(SocketAddr::new(address.into(), port))?,
            _ => {}
        }
        Ok(url)
    }

    /// Checks an address that is about to be dialled.
    ///
    /// # Errors
    /// [`TargetError`] names the non-public range, or says that the address belongs to the platform's host.
    pub fn check_address(&self, address: SocketAddr) -> Result<(), TargetError> {
        let ip = address.ip().to_canonical();
        if self.listens_at.iter().any(|own| own.port() == address.port() && self.reaches(ip, own.ip())) {
            return Err(TargetError::OwnAddress);
        }
        if self.policy == TargetPolicy::Private {
            return Ok(());
        }
        let range = match address.ip() {
            IpAddr::V4(address) => reserved_range_v4(address),
            IpAddr::V6(address) => reserved_range_v6(address),
        };
        match range {
            Some(range) => Err(TargetError::Address(range)),
            None if self.own_addresses.contains(&ip) => Err(TargetError::OwnAddress),
            None => Ok(()),
        }
    }

    /// Returns whether dialling `ip` reaches a socket bound to `bound`. The unspecified address means every own address
    /// when bound, and loopback when dialled.
    fn reaches(&self, ip: IpAddr, bound: IpAddr) -> bool {
        let is_here = ip.is_loopback() || ip.is_unspecified() || self.own_addresses.contains(&ip);
        ip == bound || (bound.is_unspecified() && is_here) || (ip.is_unspecified() && bound.is_loopback())
    }
}

/// Checks a target URL except for its address. Constructs on which URL parsers disagree are rejected before parsing.
fn parse_target(text: &str, policy: TargetPolicy) -> Result<Url, TargetError> {
    if text.len() > MAX_TARGET_BYTES {
        return Err(TargetError::TooLong);
    }
    // Checked before parsing, which turns backslashes into slashes.
    if text.contains('\\') {
        return Err(TargetError::Backslash);
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(TargetError::NotAUrl);
    }
    let url = Url::parse(text).map_err(|_| TargetError::NotAUrl)?;
    match (url.scheme(), policy) {
        ("https", _) | ("http", TargetPolicy::Private) => {}
        _ => return Err(TargetError::Scheme),
    }
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    let authority = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    // Searched in the raw text: parsing removes an empty user name.
    if authority.contains('@') {
        return Err(TargetError::Userinfo);
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(TargetError::NoHost);
    }
    if url.as_str().len() > MAX_TARGET_BYTES {
        return Err(TargetError::TooLong);
    }
    if url.fragment().is_some() {
        return Err(TargetError::Fragment);
    }
    if url.port() == Some(0) {
        return Err(TargetError::Port);
    }
    match url.host().ok_or(TargetError::NotAUrl)? {
        Host::Domain(name) if !is_resolvable(name) => Err(TargetError::InvalidHostName),
        Host::Domain(name) if policy == TargetPolicy::Public && is_local_name(name) => {
            Err(TargetError::Address("the name is local"))
        }
        _ => Ok(url),
    }
}

/// Returns whether a name can be looked up in DNS; a trailing dot is allowed.
fn is_resolvable(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

/// Returns whether a name has no dot or ends in a suffix reserved for local networks.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.')
        || [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp", ".home", ".localdomain"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Name of the non-public range that contains an IPv4 address; `None` if public.
fn reserved_range_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, d] = address.octets();
    if (a, b, c, d) == (168, 63, 129, 16) {
        return Some("cloud metadata");
    }
    Some(match (a, b, c) {
        (0, ..) => "this network",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "private network",
        (100, 64..=127, _) => "carrier-grade NAT",
        (127, ..) => "loopback",
        (169, 254, _) => "link-local",
        (192, 0, 0) => "protocol assignments",
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => "documentation",
        (192, 88, 99) => "6to4 relay",
        (192, 31, 196) | (192, 175, 48) => "AS112",
        (192, 52, 193) => "multicast tunnels",
        (198, 18..=19, _) => "benchmarking",
        (224..=239, ..) => "multicast",
        (240..=255, ..) => "reserved",
        _ => return None,
    })
}

/// Name of the non-public range that contains an IPv6 address. An embedded IPv4 address is checked by its own range;
/// apart from that only global unicast is public.
fn reserved_range_v6(address: Ipv6Addr) -> Option<&'static str> {
    let s = address.segments();
    if address.is_loopback() {
        return Some("loopback");
    }
    if address.is_unspecified() {
        return Some("this network");
    }
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return Some(reserved_range_v4(v4(high, low)).unwrap_or("IPv4 inside IPv6"));
        }
        [0x64, 0xff9b, ..] => return Some("NAT64"),
        [0x2002, high, low, ..] => return Some(reserved_range_v4(v4(high, low)).unwrap_or("6to4")),
        [0x2001, 0, ..] => return Some("Teredo"),
        [0x2001, 0x2, 0, ..] => return Some("benchmarking"),
        [0x2001, 0x10..=0x2f, ..] => return Some("ORCHID"),
        [0x2001, 0..=0x1ff, ..] => return Some("protocol assignments"),
        [0x2620, 0x4f, 0x8000, ..] => return Some("AS112"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => return Some("documentation"),
        [.., 0 | 0x200, 0x5efe, high, low] => return Some(reserved_range_v4(v4(high, low)).unwrap_or("ISATAP")),
        _ => {}
    }
    match s[0] {
        0xfc00..=0xfdff => Some("unique local"),
        0xfe80..=0xfebf => Some("link-local"),
        0xfec0..=0xfeff => Some("site-local"),
        0xff00..=0xffff => Some("multicast"),
        0x2000..=0x3fff => None,
        _ => Some("not global unicast"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: TargetRules =
        TargetRules { policy: TargetPolicy::Public, own_addresses: Vec::new(), listens_at: Vec::new() };

    #[test]
    fn a_public_https_url_passes() {
        for text in
            ["https://hooks.example.com/orders?x=1", "https://93.184.216.34:8443/", "https://[2606:2800:220:1::1]/in"]
        {
            assert!(PUBLIC.check(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn each_fault_is_named() {
        let cases = [
            ("http://hooks.example.com/", TargetError::Scheme),
            ("ftp://hooks.example.com/", TargetError::Scheme),
            ("hooks.example.com/x", TargetError::NotAUrl),
            (" https://hooks.example.com/", TargetError::NotAUrl),
            ("https://user:pass@hooks.example.com/", TargetError::Userinfo),
            ("https://@hooks.example.com/", TargetError::Userinfo),
            ("https://:@hooks.example.com/", TargetError::Userinfo),
            ("https://user@hooks.example.com/", TargetError::Userinfo),
            ("https:hooks.example.com/x", TargetError::NoHost),
            ("https:/hooks.example.com/x", TargetError::NoHost),
            ("https:///hooks.example.com/x", TargetError::NoHost),
            ("https:\\\\hooks.example.com\\x", TargetError::Backslash),
            ("https://ok.evil.example\\@127.0.0.1/", TargetError::Backslash),
            ("https://hooks.example.com/a\\b", TargetError::Backslash),
            ("https://a..example.com/", TargetError::InvalidHostName),
            ("https://.example.com/", TargetError::InvalidHostName),
            ("https://hooks.example.com../", TargetError::InvalidHostName),
            ("https://hooks.example.com/#a", TargetError::Fragment),
            ("https://localhost/", TargetError::Address("the name is local")),
            ("https://metadata.google.internal/", TargetError::Address("the name is local")),
            ("https://127.0.0.1/", TargetError::Address("loopback")),
            ("https://2130706433/", TargetError::Address("loopback")),
            ("https://0x7f.1/", TargetError::Address("loopback")),
            ("https://0177.0.0.1/", TargetError::Address("loopback")),
            ("https://169.254.169.254/latest/meta-data", TargetError::Address("link-local")),
            ("https://[::1]/", TargetError::Address("loopback")),
            ("https://[::ffff:10.0.0.1]/", TargetError::Address("private network")),
            ("https://[64:ff9b::a00:1]/", TargetError::Address("private network")),
            ("https://[2002:7f00:1::]/", TargetError::Address("loopback")),
            ("https://[fd00::1]/", TargetError::Address("unique local")),
        ];
        for (text, fault) in cases {
            assert_eq!(PUBLIC.check(text), Err(fault), "{text}");
        }
        assert_eq!(
            PUBLIC.check(&format!("https://a.example/{}", "x".repeat(MAX_TARGET_BYTES))),
            Err(TargetError::TooLong)
        );
        assert_eq!(
            PUBLIC.check(&format!("https://a.example/{}", "ü".repeat(MAX_TARGET_BYTES / 3))),
            Err(TargetError::TooLong)
        );
        assert!(PUBLIC.check(&format!("https://{}.example/", "x".repeat(63))).is_ok());
        assert_eq!(PUBLIC.check(&format!("https://{}.example/", "x".repeat(64))), Err(TargetError::InvalidHostName));
        assert_eq!(PUBLIC.check(&format!("https://{}example/", "x.".repeat(130))), Err(TargetError::InvalidHostName));
    }

    #[test]
    fn what_is_stored_is_what_is_dialled() {
        for (text, dialled) in [
            ("https://hooks.example.com", "https://hooks.example.com/"),
            ("HTTPS://Hooks.Example.COM:443/In", "https://hooks.example.com/In"),
            ("https://hooks.example.com/a/../b/./c", "https://hooks.example.com/b/c"),
            ("https://bücher.example/ü?q=ü ü", "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC%20%C3%BC"),
            ("https://0x5db8d822/", "https://93.184.216.34/"),
            ("https://[2606:2800:0220:1::1]:8443", "https://[2606:2800:220:1::1]:8443/"),
            ("https://hooks.example.com/?t=a%2Fb+c", "https://hooks.example.com/?t=a%2Fb+c"),
        ] {
            let url = PUBLIC.check(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(url.as_str(), dialled);
            assert_eq!(PUBLIC.check(url.as_str()).as_ref().map(Url::as_str), Ok(dialled), "a second time");
        }
    }

    #[test]
    fn development_permits_http_and_loopback_but_no_userinfo() {
        let private = TargetRules { policy: TargetPolicy::Private, ..PUBLIC };
        assert!(private.check("http://127.0.0.1:9000/in").is_ok());
        assert_eq!(private.check("http://a:b@127.0.0.1/"), Err(TargetError::Userinfo));
        assert_eq!(private.check("http://127.0.0.1:0/"), Err(TargetError::Port));
    }

    #[test]
    fn the_platform_itself_is_refused_whatever_is_permitted() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let bounds = |listens_at: &str, policy| TargetRules {
            policy,
            own_addresses: vec!["198.41.0.4".parse().expect("an address"), "10.0.0.7".parse().expect("an address")],
            listens_at: vec![at(listens_at)],
        };
        let on_loopback = bounds("127.0.0.1:7700", TargetPolicy::Private);
        for text in ["127.0.0.1:7700", "[::ffff:127.0.0.1]:7700", "0.0.0.0:7700"] {
            assert_eq!(on_loopback.check_address(at(text)), Err(TargetError::OwnAddress), "{text}");
        }
        for text in ["127.0.0.1:7701", "127.0.0.2:7700", "10.0.0.7:7700"] {
            assert_eq!(on_loopback.check_address(at(text)), Ok(()), "{text}");
        }
        let on_all = bounds("0.0.0.0:7700", TargetPolicy::Private);
        for text in ["127.0.0.9:7700", "10.0.0.7:7700", "198.41.0.4:7700", "[::1]:7700", "[::]:7700"] {
            assert_eq!(on_all.check_address(at(text)), Err(TargetError::OwnAddress), "{text}");
        }
        assert_eq!(on_all.check_address(at("10.0.0.8:7700")), Ok(()));
        let public = bounds("198.41.0.4:7700", TargetPolicy::Public);
        assert_eq!(public.check_address(at("198.41.0.4:443")), Err(TargetError::OwnAddress), "any port of this host");
        assert_eq!(public.check("https://198.41.0.4/x"), Err(TargetError::OwnAddress));
        assert_eq!(public.check_address(at("198.41.0.5:443")), Ok(()));
    }
}
