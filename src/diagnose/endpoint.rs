//! Endpoint failures: outcomes of attempts grouped by kind, each kind with its cause and resolution.

use crate::domain::delivery::{ATTEMPT_TIMEOUT, AttemptOutcome, FailureKind as Unanswered};
use std::collections::BTreeMap;

/// Kind of endpoint failure. The ids are the names of the fault scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointFault {
    /// The endpoint answers 401 or 403, as for a bad signature.
    RejectsSignature,
    /// The endpoint answers another status that is not 2xx.
    Status,
    /// The endpoint answers 3xx, which is never followed.
    Redirects,
    /// The endpoint gives no complete answer in time.
    Slow,
    /// The endpoint's host refuses connections.
    Refused,
    /// The endpoint's name cannot be resolved.
    Dns,
    /// The TLS handshake with the endpoint fails.
    Tls,
    /// The endpoint's address is not a public one.
    Private,
    /// The endpoint breaks connections or does not speak HTTP.
    Broken,
}

impl EndpointFault {
    /// Returns the kind of failure of an outcome; `None` for a success, and for a failure of the platform itself.
    #[must_use]
    pub const fn of_outcome(outcome: &AttemptOutcome) -> Option<Self> {
        Some(match outcome {
            AttemptOutcome::Answered { status: 200..=299, .. } | AttemptOutcome::Unanswered(Unanswered::Local) => {
                return None;
            }
            AttemptOutcome::Answered { status: 401 | 403, .. } => Self::RejectsSignature,
            AttemptOutcome::Answered { status: 300..=399, .. } => Self::Redirects,
            AttemptOutcome::Answered { .. } => Self::Status,
            AttemptOutcome::Unanswered(Unanswered::Timeout) => Self::Slow,
            AttemptOutcome::Unanswered(Unanswered::Refused) => Self::Refused,
            AttemptOutcome::Unanswered(Unanswered::Dns) => Self::Dns,
            AttemptOutcome::Unanswered(Unanswered::Tls) => Self::Tls,
            AttemptOutcome::Unanswered(Unanswered::Blocked) => Self::Private,
            AttemptOutcome::Unanswered(Unanswered::ConnectionReset | Unanswered::InvalidHttp) => Self::Broken,
        })
    }

    /// Returns the kind of failure of a word as trips record it: a status code or the name of a cause.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let outcome = match word.parse() {
            Ok(status) => AttemptOutcome::Answered { status, retry_after: None },
            Err(_) => AttemptOutcome::Unanswered(Unanswered::named(word)?),
        };
        Self::of_outcome(&outcome)
    }

    /// Returns the id of the cause.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::RejectsSignature => "endpoint-rejects-signature",
            Self::Status => "endpoint-500",
            Self::Redirects => "endpoint-redirects",
            Self::Slow => "endpoint-slow",
            Self::Refused => "endpoint-refused",
            Self::Dns => "endpoint-dns",
            Self::Tls => "endpoint-tls-expired",
            Self::Private => "endpoint-private",
            Self::Broken => "endpoint-broken",
        }
    }

    /// Returns the title of the cause in one line; `seen` lists the outcomes: `500 ×18, 503 ×2`.
    #[must_use]
    pub fn title(self, seen: &str) -> String {
        let what = match self {
            Self::RejectsSignature => "the endpoint rejects deliveries",
            Self::Status => "the endpoint returns errors",
            Self::Redirects => "the endpoint redirects; redirects are not followed",
            Self::Slow => {
                return format!("the endpoint does not answer within {} s ({seen})", ATTEMPT_TIMEOUT.as_secs());
            }
            Self::Refused => "connection refused: no server on that port, or a firewall",
            Self::Dns => "the endpoint's host name does not resolve",
            Self::Tls => "TLS handshake fails: certificate expired, untrusted or for another host",
            Self::Private => "the endpoint's address is not public",
            Self::Broken => "the endpoint drops connections or does not speak HTTP",
        };
        format!("{what} ({seen})")
    }

    /// Returns what to do about the failure.
    #[must_use]
    pub const fn resolution(self) -> &'static str {
        match self {
            Self::RejectsSignature => {
                "Check that the receiver uses this subscription's signing secret: an outdated secret is the usual reason for 401 and 403. \
                 The signature covers timestamp + \".\" + raw body; verify before parsing. If the secret is lost, create a new \
                 subscription and switch the endpoint to it."
            }
            Self::Status => {
                "Ask the endpoint's owner to check its log at these times. The response body, stored with each attempt, often names the \
                 reason. 410 means that the endpoint is gone permanently."
            }
            Self::Redirects => "Set the subscription's target to the URL that the endpoint redirects to.",
            Self::Slow => {
                "Make the endpoint store the event, answer at once and do the work afterwards. The answer must be complete within 10 s."
            }
            Self::Refused => {
                "Check that the endpoint is running, listens on that port, and that its firewall admits the platform."
            }
            Self::Dns => "Check the host name in the target and its DNS records.",
            Self::Tls => {
                "Renew the certificate, serve the full chain, and check that it matches the host name in the target."
            }
            Self::Private => {
                "Use a target that is reachable from the internet; crow never connects to private addresses."
            }
            Self::Broken => {
                "Check the proxy or load balancer in front of the endpoint: the connection ends before an HTTP answer is complete."
            }
        }
    }
}

/// Failures of one kind, with a count per outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultGroup {
    /// Kind that the failures have in common.
    pub fault: EndpointFault,
    /// Number of failures in all.
    pub n: u32,
    /// Outcomes with their counts, most frequent first: `500 ×18, 503 ×2`.
    pub outcomes: String,
}

/// Groups outcomes by kind of failure, most frequent kind first. Each outcome is given as a word with its count;
/// successes are left out.
#[must_use]
pub fn group_failures(words: impl IntoIterator<Item = (String, u32)>) -> Vec<FaultGroup> {
    let mut by_fault: BTreeMap<EndpointFault, BTreeMap<String, u32>> = BTreeMap::new();
    for (word, n) in words {
        if let Some(fault) = EndpointFault::of_word(&word) {
            *by_fault.entry(fault).or_default().entry(word).or_default() += n;
        }
    }
    let mut groups: Vec<FaultGroup> = by_fault.into_iter().map(|(fault, words)| build_group(fault, words)).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.n), group.fault));
    groups
}

fn build_group(fault: EndpointFault, words: BTreeMap<String, u32>) -> FaultGroup {
    let n = words.values().sum();
    let mut words: Vec<(String, u32)> = words.into_iter().collect();
    words.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let seen: Vec<String> = words.into_iter().map(|(word, n)| format!("{word} \u{d7}{n}")).collect();
    FaultGroup { fault, n, outcomes: seen.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_without_an_answer_but_our_own_is_a_fault() {
        for cause in Unanswered::ALL {
            let fault = EndpointFault::of_word(cause.name());
            assert_eq!(fault.is_none(), cause == Unanswered::Local, "{}", cause.name());
        }
    }

    #[test]
    fn statuses_are_told_apart_by_what_to_do_about_them() {
        let id = |word| EndpointFault::of_word(word).map(EndpointFault::id);
        assert_eq!(id("401"), Some("endpoint-rejects-signature"));
        assert_eq!(id("403"), Some("endpoint-rejects-signature"));
        assert_eq!(id("302"), Some("endpoint-redirects"));
        assert_eq!([id("404"), id("410"), id("500")], [Some("endpoint-500"); 3]);
        assert_eq!(id("204"), None);
        assert_eq!(id("no such word"), None);
    }

    #[test]
    fn the_most_frequent_fault_comes_first_with_its_counts() {
        let words = [("timeout", 1), ("500", 2), ("503", 5), ("200", 9), ("500", 1)];
        let groups = group_failures(words.map(|(word, n)| (word.to_owned(), n)));
        assert_eq!(groups.len(), 2);
        assert_eq!(
            (groups[0].fault, groups[0].n, groups[0].outcomes.as_str()),
            (EndpointFault::Status, 8, "503 ×5, 500 ×3")
        );
        assert_eq!((groups[1].fault, groups[1].n), (EndpointFault::Slow, 1));
    }
}
