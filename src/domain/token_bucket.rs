//! Token buckets that limit bursts and sustained rates. A bucket is stored as one point in time, so that thousands of
//! buckets are cheap.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Refill rate and capacity of a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRate {
    /// Number of tokens in a full bucket.
    pub burst: u32,
    /// Time in which one token is added.
    pub interval: Duration,
}

/// A token bucket, full at first. Times are durations since any fixed moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenBucket {
    /// Time at which the bucket is full again.
    full_at: Duration,
}

impl TokenBucket {
    /// Takes a token at `now`; returns `false` if the bucket is empty.
    pub fn take(&mut self, rate: TokenRate, now: Duration) -> bool {
        let full_at = self.full_at.max(now).saturating_add(rate.interval);
        let has_token = full_at.saturating_sub(now) <= rate.interval.saturating_mul(rate.burst);
        if has_token {
            self.full_at = full_at;
        }
        has_token
    }

    /// Returns whether the bucket is full; dropping a full bucket loses nothing.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }
}

/// Network that counts as one caller: an IPv4 address alone, or the /64 of an IPv6 address, all of which one host may
/// use.
#[must_use]
pub fn caller_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: TokenRate = TokenRate { burst: 5, interval: Duration::from_millis(100) };

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_was_added_since(steps in prop::collection::vec(0_u64..300, 1..200)) {
            let (mut bucket, mut now, mut n) = (TokenBucket::default(), Duration::ZERO, 0_u128);
            for step in steps {
                now += Duration::from_millis(step);
                n += u128::from(bucket.take(RATE, now));
                prop_assert!(n <= 5 + now.as_millis() / 100);
            }
        }

        #[test]
        fn whoever_keeps_to_the_interval_is_never_refused(n in 1_u32..500) {
            let mut bucket = TokenBucket::default();
            for turn in 0..n {
                prop_assert!(bucket.take(RATE, RATE.interval * turn));
            }
        }
    }

    #[test]
    fn a_burst_is_taken_at_once_and_comes_back() {
        let mut bucket = TokenBucket::default();
        let taken = (0..9).filter(|_| bucket.take(RATE, Duration::ZERO)).count();
        assert_eq!((taken, bucket.is_full(Duration::ZERO)), (5, false));
        assert!(bucket.is_full(Duration::from_millis(500)));
        assert!(!TokenBucket::default().take(TokenRate { burst: 0, ..RATE }, Duration::ZERO));
    }

    #[test]
    fn a_host_cannot_have_many_buckets() {
        let network = |text: &str| caller_network(text.parse().expect("an address")).to_string();
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
        assert_eq!(network("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(
            (network("2001:db8:1:2::3"), network("2001:db8:1:2:ffff::")),
            ("2001:db8:1:2::".to_owned(), "2001:db8:1:2::".to_owned())
        );
        assert_ne!(network("2001:db8:1:2::3"), network("2001:db8:1:3::3"));
    }
}
