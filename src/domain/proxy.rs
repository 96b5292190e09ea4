//! Trusted reverse proxies: which peers may name the client address they forward for, and how the headers are read.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A block of IP addresses in CIDR notation: `10.0.0.0/8`. A single address is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CidrBlock {
    base: IpAddr,
    n_bits: u32,
}

impl CidrBlock {
    /// Returns whether the block contains an address. An IPv4-mapped IPv6 address counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.n_bits).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.n_bits).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Error of a text that is not CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address or a block of addresses: 127.0.0.1, 10.0.0.0/8, fd00::/8")]
pub struct InvalidCidr;

impl FromStr for CidrBlock {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let (address, n_bits) = text.split_once('/').map_or((text, None), |(address, n)| (address, Some(n)));
        let base: IpAddr = address.parse().map_err(|_| InvalidCidr)?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let n_bits = match n_bits {
            None => longest,
            Some(n) if n.bytes().all(|byte| byte.is_ascii_digit()) => n.parse().map_err(|_| InvalidCidr)?,
            Some(_) => return Err(InvalidCidr),
        };
        if n_bits > longest { Err(InvalidCidr) } else { Ok(Self { base, n_bits }) }
    }
}

/// Address blocks of proxies whose forwarding headers are trusted; none by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(pub Vec<CidrBlock>);

impl TrustedProxies {
    /// Returns whether a peer is a trusted proxy.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(peer))
    }

    /// Address of the client: the peer, or, as long as each hop is trusted, the address that hop names. `forwarded_for`
    /// holds the addresses written by proxies, latest first. An entry that is not an address ends the search.
    pub fn client_address<'a>(&self, peer: IpAddr, forwarded_for: impl Iterator<Item = &'a str>) -> IpAddr {
        let mut caller = peer.to_canonical();
        for entry in forwarded_for {
            match forwarded_address(entry) {
                Some(address) if self.trusts(caller) => caller = address,
                _ => break,
            }
        }
        caller
    }
}

/// Entries of the `X-Forwarded-For` header lines, latest first.
pub fn x_forwarded_for<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    lines.iter().rev().flat_map(|line| line.rsplit(','))
}

/// Addresses in the `Forwarded` header lines (RFC 7239), latest first. An element without `for` yields an empty text.
pub fn forwarded<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let named = |element: &'a str| {
        let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for")).map_or("", |(_, value)| value)
    };
    lines.iter().rev().flat_map(|line| line.rsplit(',')).map(named)
}

/// Parses an address as proxies write it: bare, with a port, in brackets or in quotes.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let text = entry.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn trusting(blocks: &[&str]) -> TrustedProxies {
        TrustedProxies(blocks.iter().map(|text| text.parse().expect("a block")).collect())
    }

    #[test]
    fn a_block_contains_what_its_bits_say() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/127", "2001:db8::2", false),
        ];
        for (block, address, holds) in cases {
            assert_eq!(block.parse::<CidrBlock>().expect("a block").contains(ip(address)), holds, "{block} {address}");
        }
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0/8",
            "1.2.3.4/8/9",
        ] {
            assert_eq!(text.parse::<CidrBlock>(), Err(InvalidCidr), "{text}");
        }
    }

    #[test]
    fn only_a_trusted_peer_names_the_caller_and_the_last_untrusted_one_is_it() {
        let proxies = trusting(&["127.0.0.1", "10.0.0.0/8"]);
        let cases: [(&str, &[&str], &str); 12] = [
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.7"], "203.0.113.7"),
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["10.1.2.3"], "10.1.2.3"),
            ("127.0.0.1", &["198.51.100.1, unknown"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1, , 10.1.2.3"], "10.1.2.3"),
            ("127.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
            ("::ffff:127.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("127.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
        ];
        for (peer, lines, caller) in cases {
            assert_eq!(proxies.client_address(ip(peer), x_forwarded_for(lines)), ip(caller), "{peer} {lines:?}");
        }
        assert_eq!(
            TrustedProxies::default().client_address(ip("127.0.0.1"), x_forwarded_for(&["1.2.3.4"])),
            ip("127.0.0.1")
        );
    }

    #[test]
    fn forwarded_is_read_as_its_standard_writes_it() {
        let proxies = trusting(&["127.0.0.1", "10.0.0.0/8"]);
        let cases: [(&[&str], &str); 6] = [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60"),
            (&["proto=https; For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=198.51.100.1, for=192.0.2.43, for=10.0.0.3"], "192.0.2.43"),
            (&["for=192.0.2.43", "for=10.0.0.3"], "192.0.2.43"),
            (&["for=192.0.2.43, for=_hidden"], "127.0.0.1"),
            (&["for=192.0.2.43, proto=https"], "127.0.0.1"),
        ];
        for (lines, caller) in cases {
            assert_eq!(proxies.client_address(ip("127.0.0.1"), forwarded(lines)), ip(caller), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_caller_writes_the_address_that_the_proxy_adds_counts(forged in "[ -~]{0,60}") {
            let proxies = trusting(&["127.0.0.1"]);
            let (plain, standard) = (format!("{forged}, 203.0.113.7"), format!("{forged}, for=203.0.113.7"));
            prop_assert_eq!(proxies.client_address(ip("127.0.0.1"), x_forwarded_for(&[&plain])), ip("203.0.113.7"));
            prop_assert_eq!(proxies.client_address(ip("127.0.0.1"), forwarded(&[&standard])), ip("203.0.113.7"));
            prop_assert_eq!(proxies.client_address(ip("203.0.113.9"), x_forwarded_for(&[&forged])), ip("203.0.113.9"));
        }
    }
}
