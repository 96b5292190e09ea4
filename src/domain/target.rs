//! Where webhooks may go: https only, public addresses only (contract: subscriptions, target rules; delivery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// The longest target that is accepted, in characters.
pub const LONGEST: usize = 2_048;

/// What the platform was started to permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// https and public addresses.
    #[default]
    Public,
    /// Also http and private addresses, for development and the demo.
    Private,
}

/// Why a target is refused. Fits after the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Longer than [`LONGEST`].
    #[error("must have at most {LONGEST} characters")]
    TooLong,
    /// Not a URL.
    #[error("must be an absolute URL")]
    NotAUrl,
    /// Not https.
    #[error("must begin with https://")]
    Scheme,
    /// Has a user name or password.
    #[error("must not contain a user name or password")]
    Userinfo,
    /// Has a fragment, which is never sent.
    #[error("must not contain a fragment")]
    Fragment,
    /// Names an address that is not public.
    #[error("must be a public address: {0}")]
    Address(&'static str),
}

/// Checks a target when it is set, as far as that is possible without resolving its name.
///
/// # Errors
/// Says which rule it breaks.
pub fn judge(text: &str, policy: Policy) -> Result<Url, Fault> {
    if text.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(Fault::NotAUrl);
    }
    let url = Url::parse(text).map_err(|_| Fault::NotAUrl)?;
    match (url.scheme(), policy) {
        ("https", _) | ("http", Policy::Private) => {}
        _ => return Err(Fault::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::Userinfo);
    }
    if url.fragment().is_some() {
        return Err(Fault::Fragment);
    }
    let address = match url.host().ok_or(Fault::NotAUrl)? {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain(name) if policy == Policy::Public && is_local_name(name) => {
            return Err(Fault::Address("the name is local"));
        }
        Host::Domain(_) => return Ok(url),
    };
    judge_address(address, policy)?;
    Ok(url)
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.')
        || [".localhost", ".local", ".internal", ".home.arpa", ".lan"].iter().any(|end| name.ends_with(end))
}

/// Checks an address that is about to be dialled.
///
/// # Errors
/// Names the range that is not public.
pub fn judge_address(address: IpAddr, policy: Policy) -> Result<(), Fault> {
    if policy == Policy::Private {
        return Ok(());
    }
    let range = match address {
        IpAddr::V4(address) => reserved_v4(address),
        IpAddr::V6(address) => reserved_v6(address),
    };
    range.map_or(Ok(()), |range| Err(Fault::Address(range)))
}

fn reserved_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, ..) => "this network",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "private network",
        (100, 64..=127, _) => "carrier-grade NAT",
        (127, ..) => "loopback",
        (169, 254, _) => "link-local",
        (192, 0, 0) => "protocol assignments",
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => "documentation",
        (192, 88, 99) => "6to4 relay",
        (198, 18..=19, _) => "benchmarking",
        (224..=239, ..) => "multicast",
        (240..=255, ..) => "reserved",
        _ => return None,
    })
}

/// IPv6: every embedding of an IPv4 address is judged by the address within; else only global unicast passes.
fn reserved_v6(address: Ipv6Addr) -> Option<&'static str> {
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
            return Some(reserved_v4(v4(high, low)).unwrap_or("IPv4 inside IPv6"));
        }
        [0x64, 0xff9b, 1, ..] => return Some("local-use NAT64"),
        [0x2002, high, low, ..] => return Some(reserved_v4(v4(high, low)).unwrap_or("6to4")),
        [0x2001, 0, ..] => return Some("Teredo"),
        [0x2001, 0x2, 0, ..] => return Some("benchmarking"),
        [0x2001, 0x10..=0x2f, ..] => return Some("ORCHID"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => return Some("documentation"),
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

    #[test]
    fn a_public_https_url_passes() {
        for text in
            ["https://hooks.example.com/orders?x=1", "https://93.184.216.34:8443/", "https://[2606:2800:220:1::1]/in"]
        {
            assert!(judge(text, Policy::Public).is_ok(), "{text}");
        }
    }

    #[test]
    fn each_fault_is_named() {
        let cases = [
            ("http://hooks.example.com/", Fault::Scheme),
            ("ftp://hooks.example.com/", Fault::Scheme),
            ("hooks.example.com/x", Fault::NotAUrl),
            (" https://hooks.example.com/", Fault::NotAUrl),
            ("https://user:pass@hooks.example.com/", Fault::Userinfo),
            ("https://hooks.example.com/#a", Fault::Fragment),
            ("https://localhost/", Fault::Address("the name is local")),
            ("https://metadata.google.internal/", Fault::Address("the name is local")),
            ("https://127.0.0.1/", Fault::Address("loopback")),
            ("https://2130706433/", Fault::Address("loopback")),
            ("https://0x7f.1/", Fault::Address("loopback")),
            ("https://0177.0.0.1/", Fault::Address("loopback")),
            ("https://169.254.169.254/latest/meta-data", Fault::Address("link-local")),
            ("https://[::1]/", Fault::Address("loopback")),
            ("https://[::ffff:10.0.0.1]/", Fault::Address("private network")),
            ("https://[64:ff9b::a00:1]/", Fault::Address("private network")),
            ("https://[2002:7f00:1::]/", Fault::Address("loopback")),
            ("https://[fd00::1]/", Fault::Address("unique local")),
        ];
        for (text, fault) in cases {
            assert_eq!(judge(text, Policy::Public), Err(fault), "{text}");
        }
        assert_eq!(judge(&format!("https://a.example/{}", "x".repeat(LONGEST)), Policy::Public), Err(Fault::TooLong));
    }

    #[test]
    fn development_permits_http_and_loopback_but_no_userinfo() {
        assert!(judge("http://127.0.0.1:9000/in", Policy::Private).is_ok());
        assert_eq!(judge("http://a:b@127.0.0.1/", Policy::Private), Err(Fault::Userinfo));
    }
}
